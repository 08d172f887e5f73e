"""Amazon Inspector's coverage of the embedded registry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import boto3
import pytest

from local.ecr import ScanningRule
from local.images import HELM_CHART
from tests.local.calls import DAY, HOUR, REPOSITORY, refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from local.ecr import Clock, LocalRegistry

IMAGES = [{"comparison": "EQUALS", "value": "AWS_ECR_CONTAINER_IMAGE"}]


@pytest.fixture
def registry(registry: LocalRegistry) -> LocalRegistry:
    registry.scan_type = "ENHANCED"
    registry.scanning_rules = [ScanningRule("CONTINUOUS_SCAN")]
    return registry


@pytest.fixture
def inspector(registry: LocalRegistry) -> Any:
    return boto3.client("inspector2")


@pytest.fixture
def covered(inspector: Any) -> Callable[..., list[Any]]:
    """What ListCoverage answers, of all its pages."""

    def answered(size: int = 200, **criteria: Any) -> list[Any]:
        pages = inspector.get_paginator("list_coverage").paginate(
            filterCriteria=criteria, PaginationConfig={"PageSize": size}
        )
        return [resource for page in pages for resource in page["coveredResources"]]

    return answered


def equals(value: str) -> list[Any]:
    return [{"comparison": "EQUALS", "value": value}]


def test_what_an_image_and_its_repository_tell(
    registry: LocalRegistry, covered: Any, clock: Clock
) -> None:
    image = registry.add_image(
        REPOSITORY,
        tags=("1.0", "latest"),
        scanned_at=clock() - DAY,
        last_pulled_at=clock() - 2 * HOUR,
        in_use_count=4,
        last_in_use_at=clock() - HOUR,
    )
    arn = registry.repository_arn(REPOSITORY)
    common = {
        "accountId": "123456789012",
        "provider": "AWS",
        "scanType": "PACKAGE",
        "scanStatus": {"statusCode": "ACTIVE", "reason": "SUCCESSFUL"},
    }
    of_repository = {"name": REPOSITORY, "scanFrequency": "CONTINUOUS_SCAN"}
    assert covered() == [
        common
        | {
            "resourceId": arn,
            "resourceType": "AWS_ECR_REPOSITORY",
            "resourceMetadata": {"ecrRepository": of_repository},
        },
        common
        | {
            "resourceId": f"{arn}/{image.digest}",
            "resourceType": "AWS_ECR_CONTAINER_IMAGE",
            "lastScannedAt": clock() - DAY,
            "resourceMetadata": {
                "ecrRepository": of_repository,
                "ecrImage": {
                    "tags": ["1.0", "latest"],
                    "inUseCount": 4,
                    "imagePulledAt": clock() - 2 * HOUR,
                    "lastInUseAt": clock() - HOUR,
                },
            },
        },
    ]


@pytest.mark.parametrize(
    ("image", "status"),
    [
        ({"scanned": True}, ("ACTIVE", "SUCCESSFUL")),
        ({"scanned": True, "scan_status": "IN_PROGRESS"}, ("ACTIVE", "PENDING_INITIAL_SCAN")),
        ({"scanned": True, "unsupported": True}, ("INACTIVE", "UNSUPPORTED_OS")),
        ({"scanned": True, "scan_status": "FAILED"}, ("INACTIVE", "INTERNAL_ERROR")),
        (
            {"scanned": True, "scan_status": "SCAN_ELIGIBILITY_EXPIRED"},
            ("INACTIVE", "SCAN_ELIGIBILITY_EXPIRED"),
        ),
        ({"scanned": True, "status": "ARCHIVED"}, ("INACTIVE", "IMAGE_ARCHIVED")),
        ({"artifact_media_type": HELM_CHART}, ("INACTIVE", "UNSUPPORTED_MEDIA_TYPE")),
        ({}, ("INACTIVE", "SCAN_FREQUENCY_MANUAL")),
    ],
)
def test_the_reason_of_an_images_status(
    registry: LocalRegistry,
    covered: Any,
    clock: Clock,
    image: dict[str, Any],
    status: tuple[str, str],
) -> None:
    scanned_at = clock() if image.pop("scanned", False) else None
    registry.add_image(REPOSITORY, scanned_at=scanned_at, **image)
    [one] = covered(resourceType=IMAGES)
    assert (one["scanStatus"]["statusCode"], one["scanStatus"]["reason"]) == status


def test_an_image_that_was_scanned_on_push_is_not_scanned_again(
    registry: LocalRegistry, covered: Any, clock: Clock
) -> None:
    registry.scanning_rules = [ScanningRule("SCAN_ON_PUSH")]
    registry.add_image(REPOSITORY, scanned_at=clock())
    [one] = covered(resourceType=IMAGES)
    assert one["scanStatus"] == {"statusCode": "INACTIVE", "reason": "SCAN_FREQUENCY_SCAN_ON_PUSH"}


def test_an_index_is_covered_by_its_images(registry: LocalRegistry, covered: Any) -> None:
    index = registry.add_index(REPOSITORY, tags=("1.0",))
    found = {one["resourceId"].rpartition("/")[2] for one in covered(resourceType=IMAGES)}
    assert found == set(index.children)


@pytest.mark.parametrize("size", [1, 3, 7, 200])
def test_pages_hold_everything_once(registry: LocalRegistry, covered: Any, size: int) -> None:
    for repository in ("b", "a", "c"):
        for _ in range(4):
            registry.add_image(f"team/{repository}")
    registry.add_repository("team/empty")
    found = [one["resourceId"] for one in covered(size)]
    assert len(found) == len(set(found)) == 3 * 4 + 4
    assert found == [one["resourceId"] for one in covered()]


@pytest.mark.parametrize(
    ("criteria", "tags"),
    [
        ({"ecrRepositoryName": equals("shop/a")}, ["a1", "a2"]),
        ({"ecrRepositoryName": [*equals("shop/a"), *equals("shop/b")]}, ["a1", "a2", "b1"]),
        (
            {"ecrRepositoryName": [{"comparison": "NOT_EQUALS", "value": "shop/a"}]},
            ["b1"],
        ),
        ({"ecrRepositoryName": equals("shop/none")}, []),
        ({"ecrImageTags": equals("b1")}, ["b1"]),
        ({"scanStatusReason": equals("SCAN_FREQUENCY_MANUAL")}, ["a2", "b1"]),
        ({"scanStatusCode": equals("ACTIVE"), "ecrRepositoryName": equals("shop/b")}, []),
        ({"ecrImageInUseCount": [{"lowerInclusive": 1}]}, ["a1"]),
        ({"ecrImageInUseCount": [{"upperInclusive": 0}]}, ["a2", "b1"]),
    ],
)
def test_filters(
    registry: LocalRegistry, covered: Any, clock: Clock, criteria: Any, tags: list[str]
) -> None:
    registry.add_image("shop/a", tags=("a1",), scanned_at=clock(), in_use_count=2)
    registry.add_image("shop/a", tags=("a2",))
    registry.add_image("shop/b", tags=("b1",))
    found = covered(resourceType=IMAGES, **criteria)
    assert [tag for one in found for tag in one["resourceMetadata"]["ecrImage"]["tags"]] == tags


def test_filters_by_time(registry: LocalRegistry, covered: Any, clock: Clock) -> None:
    old = registry.add_image(REPOSITORY, scanned_at=clock() - 9 * DAY)
    registry.add_image(REPOSITORY, scanned_at=clock() - DAY)
    registry.add_image(REPOSITORY)
    [one] = covered(lastScannedAt=[{"endInclusive": clock() - 7 * DAY}])
    assert one["resourceId"].endswith(old.digest)


def test_a_registry_with_basic_scanning_is_not_covered(
    registry: LocalRegistry, covered: Any, clock: Clock
) -> None:
    registry.scan_type = "BASIC"
    registry.add_image(REPOSITORY, scanned_at=clock())
    assert covered() == []


def test_another_region_has_an_empty_coverage(registry: LocalRegistry) -> None:
    registry.add_image(REPOSITORY)
    elsewhere = boto3.client("inspector2", region_name="us-east-1")
    assert elsewhere.list_coverage()["coveredResources"] == []


@pytest.mark.parametrize(
    "parameters",
    [
        {"maxResults": 201},
        {"nextToken": "nonsense"},
        {"filterCriteria": {"lambdaFunctionName": equals("one")}},
    ],
)
def test_refusals(inspector: Any, parameters: Any) -> None:
    assert refusal(inspector.list_coverage, **parameters) == "ValidationException"


def test_requests_are_counted_and_throttled_as_those_of_ecr(
    registry: LocalRegistry, inspector: Any
) -> None:
    registry.fail_next("ListCoverage", "ThrottlingException", 1)
    inspector.list_coverage()
    assert registry.calls["ListCoverage"] == 2


def test_what_else_inspector_is_asked_is_left_to_moto(inspector: Any) -> None:
    assert inspector.list_filters()["filters"] == []
