"""AWS Security Hub: where findings are imported into."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chalicelib.runtime.batches import batches

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mypy_boto3_securityhub import SecurityHubClient

BATCH_SIZE = 100
"""The most findings that BatchImportFindings takes."""

_MOST_NAMED = 10


class FindingsNotImported(Exception):
    """Findings that Security Hub refused: says which and why. The others are imported."""


class SecurityHub:
    """Security Hub in the client's region and in the account that the client belongs to."""

    def __init__(self, client: SecurityHubClient, account: str) -> None:
        self._client = client
        self.account = account

    @property
    def partition(self) -> str:
        """The partition that the region is in, such as ``aws``."""
        return self._client.meta.partition

    @property
    def product_arn(self) -> str:
        """The product that an account's own findings belong to. Source: ASFF, ProductArn."""
        region = self._client.meta.region_name
        return (
            f"arn:{self.partition}:securityhub:{region}:{self.account}"
            f":product/{self.account}/default"
        )

    def import_findings(self, findings: Sequence[Mapping[str, Any]]) -> None:
        """Import findings in the AWS Security Finding Format, a hundred a call.

        One that is there already is updated if its ``UpdatedAt`` is later, and otherwise left as
        it is. Source: BatchImportFindings.

        :raises FindingsNotImported: when some are refused, after all were offered.
        """
        refused: list[str] = []
        for batch in batches(findings, BATCH_SIZE):
            request: Any = list(batch)
            answer = self._client.batch_import_findings(Findings=request)
            refused += [
                f"{each['Id']}: {each['ErrorCode']} {each['ErrorMessage']}"
                for each in answer.get("FailedFindings", ())
            ]
        if refused:
            more = len(refused) - _MOST_NAMED
            shown = [*refused[:_MOST_NAMED], *([f"and {more} more"] if more > 0 else [])]
            raise FindingsNotImported("; ".join(shown))
