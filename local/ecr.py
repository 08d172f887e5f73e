"""A local Amazon ECR, for development and tests, which real boto3 clients can talk to.

moto answers no pages, sends no scan events and knows no coverage by Amazon Inspector, so the
operations that this application calls are answered by ``local.cloud``::

    with mock_aws(), local_ecr() as registry:
        registry.add_image("shop/basket", tags=("1.0",), scanned_at=a_week_ago)
        boto3.client("ecr").describe_images(repositoryName="shop/basket")

A `moto.server.ThreadedMotoServer` must be started inside `local_ecr()`, and stopped
before it ends. A registry is that of one account and one region; several can be given, and
elsewhere a client meets moto's own ECR, which is empty. The tags of the repositories are answered
by the Resource Groups Tagging API too, their images' coverage by Amazon Inspector's API.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar
from unittest.mock import patch

from moto.ecr import urls as ecr_urls
from moto.ecr.responses import ECRResponse
from moto.inspector2 import urls as inspector_urls
from moto.inspector2.responses import Inspector2Response
from moto.resourcegroupstaggingapi.models import ResourceGroupsTaggingAPIBackend

from local.cloud.faults import EcrError
from local.cloud.findings import Finding, Findings, Package
from local.cloud.images import UNSUPPORTED, Image
from local.cloud.registry import Clock, LocalRegistry
from local.cloud.repositories import Repository
from local.cloud.scans import ScanningRule
from local.cloud.tagging import tagged_repositories

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "UNSUPPORTED",
    "Clock",
    "EcrError",
    "Finding",
    "Findings",
    "Image",
    "LocalRegistry",
    "Package",
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


Places = Mapping[tuple[str, str], LocalRegistry]
"""Registries by account and region."""


class _LocalEcrResponse(ECRResponse):
    """moto's handler of ECR requests, which asks a LocalRegistry first."""

    registries: ClassVar[Places]

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


class _LocalInspectorResponse(Inspector2Response):
    """moto's handler of Inspector's requests, with the one that it does not know."""

    registries: ClassVar[Places]

    def list_coverage(self) -> tuple[str, dict[str, Any]]:
        registry = self.registries.get((self.current_account, self.region))
        try:
            request = json.loads(self.body or "{}")
            answer = registry.answer("ListCoverage", request) if registry else _NO_COVERAGE
        except EcrError as error:
            headers = {"status": error.status, "x-amzn-ErrorType": error.code}
            return json.dumps({"message": error.message}), headers
        return json.dumps(answer), {}


_NO_COVERAGE: dict[str, Any] = {"coveredResources": []}


@contextmanager
def local_ecr(
    registry: LocalRegistry | None = None, *others: LocalRegistry
) -> Iterator[LocalRegistry]:
    """Let moto answer ECR requests from registries, by default an empty one, until the end.

    Gives the first registry.
    """
    first = registry or LocalRegistry()
    by_place = {(each.account_id, each.region): each for each in (first, *others)}

    class Ecr(_LocalEcrResponse):
        registries = by_place

    class Inspector(_LocalInspectorResponse):
        registries = by_place

    def tagged(backend: ResourceGroupsTaggingAPIBackend, **request: Any) -> tuple[str, list[Any]]:
        asked = by_place.get((backend.account_id, backend.region_name))
        return tagged_repositories(asked, request)

    with (
        patch.dict(ecr_urls.url_paths, dict.fromkeys(ecr_urls.url_paths, Ecr.dispatch)),
        patch.dict(inspector_urls.url_paths, {"{0}/coverage/list$": Inspector.dispatch}),
        patch.object(ResourceGroupsTaggingAPIBackend, "get_resources", tagged),
    ):
        yield first
