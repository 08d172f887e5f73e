"""The usual approach, written from its public description, to compare the application with.

A scheduled function sends one message a repository, one call each. A second one lists a
repository's images in pages of 42 identifiers, describes them 21 at a time and starts a scan for
every tag of an image whose last scan is too old. Every call makes a client of its own.

It is spared what would make it look worse: its tags are asked for once though ECR refuses all but
one a digest within 24 hours, nothing stops it at the end of a function's time, and boto3's legacy
retries are used, since today's default asks each refused tag three times.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import boto3
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

LISTED = 42
DESCRIBED = 21
STALE_AFTER = timedelta(days=7)
PAUSE_SECONDS = 5


def send_repositories(queue_url: str) -> None:
    """Send one message a repository."""
    for page in boto3.client("ecr").get_paginator("describe_repositories").paginate():
        for repository in page["repositories"]:
            boto3.client("sqs").send_message(
                QueueUrl=queue_url, MessageBody=repository["repositoryName"]
            )


def scan_repository(repository: str, now: datetime, sleep: Callable[[float], None]) -> None:
    """Start a scan of every tag of an image that was not scanned lately."""
    for identifiers in _pages(repository, sleep):
        for start in range(0, len(identifiers), DESCRIBED):
            some = identifiers[start : start + DESCRIBED]
            answer = _call(sleep, "describe_images", repositoryName=repository, imageIds=some)
            for image in answer["imageDetails"]:
                if _is_stale(image, now):
                    for tag in image.get("imageTags", ()):
                        _start_scan(repository, tag, sleep)


def _pages(repository: str, sleep: Callable[[float], None]) -> Iterator[list[Any]]:
    token: dict[str, str] = {}
    while True:
        answer = _call(sleep, "list_images", repositoryName=repository, maxResults=LISTED, **token)
        yield answer["imageIds"]
        if "nextToken" not in answer:
            return
        token = {"nextToken": answer["nextToken"]}


def _is_stale(image: Any, now: datetime) -> bool:
    scanned_at = image.get("imageScanFindingsSummary", {}).get("imageScanCompletedAt")
    return scanned_at is None or now - scanned_at > STALE_AFTER


def _start_scan(repository: str, tag: str, sleep: Callable[[float], None]) -> None:
    try:
        _call(sleep, "start_image_scan", repositoryName=repository, imageId={"imageTag": tag})
    except ClientError as error:
        if error.response["Error"]["Code"] != "LimitExceededException":
            raise


def _call(sleep: Callable[[float], None], operation: str, **request: Any) -> Any:
    while True:
        try:
            return getattr(boto3.client("ecr"), operation)(**request)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ThrottlingException":
                raise
            sleep(PAUSE_SECONDS)
