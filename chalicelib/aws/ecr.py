"""Amazon ECR: the repositories, their images and the scans of these."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from chalicelib.aws.errors import code_of, is_throttling
from chalicelib.decisions import Reason
from chalicelib.images import Image, images_of
from chalicelib.patience import Throttled

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_ecr import ECRClient

PAGE_SIZE = 1000
"""The most that DescribeRepositories and DescribeImages return at once."""


class RepositoryGone(Exception):
    """The repository was deleted since it was listed."""


class TokenExpired(Exception):
    """ECR no longer knows the token of a page."""


@dataclass(frozen=True)
class ImagePage:
    """One page of a repository's images, and the token of the next one, if there is any."""

    images: list[Image]
    next_token: str | None


_PASSED_OVER = {
    "LimitExceededException": Reason.SCANNED_TODAY,
    "ImageNotFoundException": Reason.GONE,
    "UnsupportedImageTypeException": Reason.UNSUPPORTED,
    "ImageArchivedException": Reason.ARCHIVED,
}


class Registry:
    """The private registry of the client's account and region."""

    def __init__(self, client: ECRClient) -> None:
        self._client = client

    def repositories(self) -> Iterator[str]:
        """The names of all repositories. Source: DescribeRepositories."""
        paginator = self._client.get_paginator("describe_repositories")
        for page in paginator.paginate(PaginationConfig={"PageSize": PAGE_SIZE}):
            yield from (repository["repositoryName"] for repository in page["repositories"])

    def image_page(self, repository: str, next_token: str | None) -> ImagePage:
        """One page of a repository's images, archived ones too. Source: DescribeImages.

        :raises Throttled: when ECR asks for a slower pace.
        :raises RepositoryGone: when there is no such repository.
        :raises TokenExpired: when ECR refuses the token.
        """
        position = {} if next_token is None else {"nextToken": next_token}
        try:
            page = self._client.describe_images(
                repositoryName=repository,
                maxResults=PAGE_SIZE,
                filter={"imageStatus": "ANY"},
                **position,  # type: ignore[arg-type]
            )
        except ClientError as error:
            if next_token is not None and code_of(error) == "InvalidParameterException":
                raise TokenExpired(repository) from error
            raise _meaning(error) from error
        return ImagePage(images_of(page["imageDetails"]), page.get("nextToken"))

    def start_scan(self, repository: str, digest: str) -> Reason | None:
        """Start a scan; None when it started, otherwise why the image is passed over.

        An image that was already scanned within 24 hours counts as scanned.
        Source: StartImageScan.

        :raises Throttled: when ECR asks for a slower pace.
        :raises RepositoryGone: when there is no such repository.
        """
        try:
            self._client.start_image_scan(
                repositoryName=repository, imageId={"imageDigest": digest}
            )
        except ClientError as error:
            if reason := _PASSED_OVER.get(code_of(error)):
                return reason
            raise _meaning(error) from error
        return None

    def last_scan(self, repository: str, digest: str) -> Image:
        """The image as far as its last scan goes. Source: DescribeImageScanFindings.

        AWS's own basic scanning tells here, and not in DescribeImages, when that was.

        :raises Throttled: when ECR asks for a slower pace.
        :raises RepositoryGone: when there is no such repository.
        """
        try:
            findings = self._client.describe_image_scan_findings(
                repositoryName=repository, imageId={"imageDigest": digest}, maxResults=1
            )
        except ClientError as error:
            if code_of(error) in {"ScanNotFoundException", "ImageNotFoundException"}:
                return Image(digest)
            raise _meaning(error) from error
        return Image(
            digest,
            scan_status=findings.get("imageScanStatus", {}).get("status"),
            scan_completed_at=findings.get("imageScanFindings", {}).get("imageScanCompletedAt"),
        )


def _meaning(error: ClientError) -> Exception:
    if is_throttling(error):
        return Throttled(str(error))
    if code_of(error) == "RepositoryNotFoundException":
        return RepositoryGone(str(error))
    return error
