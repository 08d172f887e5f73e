"""AWS Security Hub: where findings are imported into."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from chalicelib.aws.errors import AWS_ERRORS, code_of, is_throttling
from chalicelib.runtime.backoff import DeadlineReached, Throttled
from chalicelib.runtime.batches import batches
from chalicelib.runtime.pace import Pace

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from mypy_boto3_securityhub import SecurityHubClient
    from mypy_boto3_securityhub.type_defs import BatchImportFindingsResponseTypeDef

    from chalicelib.runtime.backoff import Backoff

BATCH_SIZE = 100
"""The most findings that BatchImportFindings takes."""

CALLS_PER_SECOND = 10
"""How often an account may call it in a region. Source: API reference, BatchImportFindings."""

_MOST_NAMED = 10


class FindingsNotImported(Exception):
    """Findings that Security Hub refused: says which and why. The others are imported."""


class SecurityHub:
    """Security Hub in the client's region and in the account that the client belongs to."""

    def __init__(
        self,
        client: SecurityHubClient,
        account: str,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._sleep = sleep
        self._pace = Pace(CALLS_PER_SECOND, clock)
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

    def import_findings(self, findings: Sequence[Mapping[str, Any]], backoff: Backoff) -> None:
        """Import findings in the AWS Security Finding Format, a hundred a call, at its pace.

        One that is there already is updated if its ``UpdatedAt`` is later, and otherwise left as
        it is. Source: BatchImportFindings.

        :raises FindingsNotImported: when some are refused or could not be offered, after all others
            were.
        """
        failures: list[str] = []
        for batch in batches(findings, BATCH_SIZE):
            try:
                answer = backoff.call(self._import, batch)
            except (*AWS_ERRORS, DeadlineReached) as error:
                failures += [f"{each['Id']}: {error!r}" for each in batch]
            else:
                failures += [
                    f"{each['Id']}: {each['ErrorCode']} {each['ErrorMessage']}"
                    for each in answer.get("FailedFindings", ())
                ]
        if failures:
            more = len(failures) - _MOST_NAMED
            shown = [*failures[:_MOST_NAMED], *([f"and {more} more"] if more > 0 else [])]
            raise FindingsNotImported("; ".join(shown))

    def _import(self, batch: Sequence[Mapping[str, Any]]) -> BatchImportFindingsResponseTypeDef:
        request: Any = list(batch)
        self._sleep(self._pace.wait())
        began = self._pace.begin()
        try:
            return self._client.batch_import_findings(Findings=request)
        except ClientError as error:
            if is_throttling(error) or code_of(error) == "LimitExceededException":
                self._pace.throttled(began)
                raise Throttled(str(error)) from error
            raise
