"""Amazon Inspector: how it covers the images of a registry under enhanced scanning, in bulk."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from chalicelib.aws.errors import is_throttling
from chalicelib.ecr.scan_records import ScanRecord
from chalicelib.runtime.backoff import Throttled

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mypy_boto3_inspector2 import Inspector2Client

PAGE_SIZE = 200
"""The most that ListCoverage returns at once."""

LATELY = timedelta(days=1)
"""How long ago an image may have run last that still counts as in use."""

_IMAGES = "AWS_ECR_CONTAINER_IMAGE"

_STATUSES = {
    "SUCCESSFUL": "ACTIVE",
    "SCAN_FREQUENCY_SCAN_ON_PUSH": "COMPLETE",
    "PENDING_INITIAL_SCAN": "PENDING",
    "PENDING_REVIVAL_SCAN": "PENDING",
    "SCAN_IN_PROGRESS": "IN_PROGRESS",
    "SCAN_ELIGIBILITY_EXPIRED": "SCAN_ELIGIBILITY_EXPIRED",
    "IMAGE_SIZE_EXCEEDED": "IMAGE_SIZE_EXCEEDED",
    "IMAGE_ARCHIVED": "IMAGE_ARCHIVED",
    "UNSUPPORTED_OS": "UNSUPPORTED_IMAGE",
    "UNSUPPORTED_MEDIA_TYPE": "UNSUPPORTED_IMAGE",
}
"""ECR's status of a scan, by the reason that Inspector gives; any other is a failure."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """How Inspector covers an image: None where it is not set to scan the repository.

    ``where_in_use`` is empty where it does not see the image run.
    """

    record: ScanRecord | None
    where_in_use: str = ""


class Inspector:
    """Amazon Inspector in the client's region, as far as it covers one account's images.

    An administrator's Inspector covers other accounts too.
    """

    def __init__(
        self,
        client: Inspector2Client,
        account: str,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._client = client
        self._account = account
        self._clock = clock

    def coverage(self, repository: str) -> dict[str, Coverage]:
        """The coverage of a repository's images, by digest; 200 a call. Source: ListCoverage.

        :raises Throttled: when Inspector asks for a slower pace.
        """
        pages = self._client.get_paginator("list_coverage").paginate(
            filterCriteria={
                "accountId": [{"comparison": "EQUALS", "value": self._account}],
                "ecrRepositoryName": [{"comparison": "EQUALS", "value": repository}],
                "resourceType": [{"comparison": "EQUALS", "value": _IMAGES}],
            },
            PaginationConfig={"PageSize": PAGE_SIZE},
        )
        try:
            return {
                resource["resourceId"].rpartition("/")[2]: self._coverage(resource)
                for page in pages
                for resource in page["coveredResources"]
            }
        except ClientError as error:
            if is_throttling(error):
                raise Throttled(str(error)) from error
            raise

    def _coverage(self, resource: Mapping[str, Any]) -> Coverage:
        record: ScanRecord | None
        reason = resource.get("scanStatus", {}).get("reason", "")
        scanned_at = resource.get("lastScannedAt")
        status = _STATUSES.get(reason, "FAILED")
        # A repository may be scanned on push only since after the image was pushed.
        if reason == "SCAN_FREQUENCY_SCAN_ON_PUSH" and scanned_at is None:
            status = ""
        record = ScanRecord(
            at=int(scanned_at.timestamp()) if scanned_at else 0,
            status=status,
            description="" if status == "ACTIVE" else reason,
        )
        if reason == "SCAN_FREQUENCY_MANUAL":
            record = None
        image = resource.get("resourceMetadata", {}).get("ecrImage", {})
        return Coverage(record, self._where(image))

    def _where(self, image: Mapping[str, Any]) -> str:
        """Where the image runs, in ECS or EKS. Source: EcrContainerImageMetadata."""
        if count := image.get("inUseCount", 0):
            return f"{count} running in ECS or EKS, by Amazon Inspector"
        last = image.get("lastInUseAt")
        if last is not None and self._clock() - last < LATELY:
            return "lately in ECS or EKS, by Amazon Inspector"
        return ""
