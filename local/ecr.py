"""A local Amazon ECR, for development and tests, which real boto3 clients can talk to.

moto answers no pages, no scan status in DescribeImages and no scan events, so the
operations that this application calls are answered here, as the Amazon ECR API
reference (2015-09-21) and the user guide describe them::

    with mock_aws(), local_ecr() as registry:
        registry.add_image("shop/basket", tags=("1.0",), scanned_at=a_week_ago)
        boto3.client("ecr").describe_images(repositoryName="shop/basket")

A `moto.server.ThreadedMotoServer` must be started inside `local_ecr()`, and stopped
before it ends. A registry is that of one account and one region; several can be given, and
elsewhere a client meets moto's own ECR, which is empty. The tags of the repositories are answered
by the Resource Groups Tagging API too.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar
from unittest.mock import patch

from moto.ecr import urls
from moto.ecr.responses import ECRResponse
from moto.resourcegroupstaggingapi.models import ResourceGroupsTaggingAPIBackend

from local.faults import EcrError
from local.images import Finding, Findings, Image, Repository
from local.operations import ScanningRule
from local.registry import Clock, LocalRegistry
from local.tagging import tagged_repositories

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

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

    registries: ClassVar[Mapping[tuple[str, str], LocalRegistry]]

    def call_action(self) -> tuple[int, dict[str, Any], str | bytes]:
        operation = self._get_action()
        registry = self.registries.get((self.current_account, self.region))
        if registry is None or operation in LEFT_TO_MOTO:
            return super().call_action()
        headers = {**self.response_headers, "Content-Type": "application/x-amz-json-1.1"}
        try:
            answer = registry.answer(operation, json.loads(self.body or "{}"))
        except EcrError as error:
            refusal = {"__type": error.code, "message": error.message}
            return error.status, headers, json.dumps(refusal)
        return 200, headers, json.dumps(answer)


@contextmanager
def local_ecr(
    registry: LocalRegistry | None = None, *others: LocalRegistry
) -> Iterator[LocalRegistry]:
    """Let moto answer ECR requests from registries, by default an empty one, until the end.

    Gives the first registry.
    """
    first = registry or LocalRegistry()
    by_place = {(each.account_id, each.region): each for each in (first, *others)}

    class Handler(_LocalEcrResponse):
        registries = by_place

    def tagged(backend: ResourceGroupsTaggingAPIBackend, **request: Any) -> tuple[str, list[Any]]:
        asked = by_place.get((backend.account_id, backend.region_name))
        return tagged_repositories(asked, request)

    with (
        patch.dict(urls.url_paths, dict.fromkeys(urls.url_paths, Handler.dispatch)),
        patch.object(ResourceGroupsTaggingAPIBackend, "get_resources", tagged),
    ):
        yield first
