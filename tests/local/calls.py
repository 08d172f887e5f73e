"""Short calls of boto3's ECR client, for the tests of the embedded cloud."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from mypy_boto3_ecr import ECRClient

REPOSITORY = "shop/basket"
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
UNKNOWN_DIGEST = "sha256:" + "0" * 64


def refusal(call: Any, **parameters: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    return str(caught.value.response["Error"]["Code"])


def describe_image(ecr: ECRClient, digest: str) -> Any:
    answer = ecr.describe_images(repositoryName=REPOSITORY, imageIds=[{"imageDigest": digest}])
    return answer["imageDetails"][0]


def start_scan(ecr: ECRClient, digest: str) -> str:
    answer = ecr.start_image_scan(repositoryName=REPOSITORY, imageId={"imageDigest": digest})
    return answer["imageScanStatus"]["status"]


def refused_scan(ecr: ECRClient, digest: str) -> str:
    identifier = {"imageDigest": digest}
    return refusal(ecr.start_image_scan, repositoryName=REPOSITORY, imageId=identifier)


def scan_findings(ecr: ECRClient, digest: str, **parameters: Any) -> Any:
    identifier = {"imageDigest": digest}
    return ecr.describe_image_scan_findings(
        repositoryName=REPOSITORY, imageId=identifier, **parameters
    )


def scan_status(ecr: ECRClient, digest: str) -> str:
    """The status that ECR tells of an image's last scan, or the refusal to tell one."""
    try:
        return str(scan_findings(ecr, digest)["imageScanStatus"]["status"])
    except ClientError as error:
        return str(error.response["Error"]["Code"])


def manifest(ecr: ECRClient, **identifier: str) -> Any:
    answer = ecr.batch_get_image(repositoryName=REPOSITORY, imageIds=[identifier])  # type: ignore[list-item]
    return json.loads(answer["images"][0]["imageManifest"])
