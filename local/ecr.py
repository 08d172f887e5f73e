"""A local Amazon ECR, for development and tests, which real boto3 clients can talk to.

moto answers no pages, no scan status in DescribeImages and no scan events, so the
operations that this application calls are answered here, as the Amazon ECR API
reference (2015-09-21) and the user guide describe them::

    with mock_aws(), local_ecr() as registry:
        registry.add_image("shop/basket", tags=("1.0",), scanned_at=a_week_ago)
        boto3.client("ecr").describe_images(repositoryName="shop/basket")

A `moto.server.ThreadedMotoServer` must be started inside `local_ecr()`, and stopped
before it ends. The registry is that of one account and one region; in another region a
client meets moto's own ECR, which is empty.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar
from unittest.mock import patch

from moto.ecr import urls
from moto.ecr.responses import ECRResponse

from local.faults import EcrError
from local.images import Finding, Findings, Image, Repository
from local.operations import ScanningRule
from local.registry import Clock, LocalRegistry

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "Clock",
    "EcrError",
    "Finding",
    "Findings",
    "Image",
    "LocalRegistry",
    "Repository",
    "ScanningRule",
    "local_ecr",
]

LEFT_TO_MOTO = frozenset(
    {
        "DeleteRegistryPolicy",
        "DescribeRegistry",
        "GetAuthorizationToken",
        "GetRegistryPolicy",
        "PutRegistryPolicy",
        "PutReplicationConfiguration",
    }
)
"""Operations that touch no repository, so that moto's own state cannot contradict ours."""


class _LocalEcrResponse(ECRResponse):
    """moto's handler of ECR requests, which asks a LocalRegistry first."""

    registry: ClassVar[LocalRegistry]

    def call_action(self) -> tuple[int, dict[str, Any], str | bytes]:
        operation = self._get_action()
        if self.region != self.registry.region or operation in LEFT_TO_MOTO:
            return super().call_action()
        headers = {**self.response_headers, "Content-Type": "application/x-amz-json-1.1"}
        try:
            answer = self.registry.answer(operation, json.loads(self.body or "{}"))
        except EcrError as error:
            refusal = {"__type": error.code, "message": error.message}
            return error.status, headers, json.dumps(refusal)
        return 200, headers, json.dumps(answer)


@contextmanager
def local_ecr(registry: LocalRegistry | None = None) -> Iterator[LocalRegistry]:
    """Let moto answer ECR requests from a registry, an empty one by default, until the end."""
    asked = registry or LocalRegistry()

    class Handler(_LocalEcrResponse):
        registry = asked

    with patch.dict(urls.url_paths, dict.fromkeys(urls.url_paths, Handler.dispatch)):
        yield asked
