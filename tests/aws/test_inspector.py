"""What Amazon Inspector covers, over real boto3 calls."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import boto3
import pytest

from chalicelib.aws.inspector import Inspector
from chalicelib.ecr.scan_records import ScanRecord
from chalicelib.runtime.backoff import Throttled
from local.ecr import ScanningRule

REPOSITORY = "shop/api"
NOW = datetime.now(UTC).replace(microsecond=0)
SCANNED = NOW - timedelta(days=3)


@pytest.fixture
def registry(aws):
    aws.scan_type = "ENHANCED"
    aws.scan_duration = timedelta(hours=1)
    aws.scanning_rules = [ScanningRule("CONTINUOUS_SCAN")]
    return aws


def covered(image, repository=REPOSITORY):
    found = Inspector(boto3.client("inspector2"), "123456789012").coverage(repository)
    return found[image.digest]


def seconds(moment):
    return int(moment.timestamp())


@pytest.mark.parametrize(
    ("known", "record"),
    [
        ({"scanned_at": SCANNED}, ScanRecord(seconds(SCANNED), "ACTIVE")),
        (
            {"scanned_at": NOW, "scan_status": "IN_PROGRESS"},
            ScanRecord(0, "PENDING", "PENDING_INITIAL_SCAN"),
        ),
        (
            {"scanned_at": SCANNED, "scan_status": "SCAN_ELIGIBILITY_EXPIRED"},
            ScanRecord(0, "SCAN_ELIGIBILITY_EXPIRED", "SCAN_ELIGIBILITY_EXPIRED"),
        ),
        (
            {"scanned_at": SCANNED, "unsupported": True},
            ScanRecord(0, "UNSUPPORTED_IMAGE", "UNSUPPORTED_OS"),
        ),
        (
            {"scanned_at": SCANNED, "scan_status": "FAILED"},
            ScanRecord(0, "FAILED", "INTERNAL_ERROR"),
        ),
    ],
)
def test_the_reason_of_an_images_coverage_is_its_last_scans_status(registry, known, record):
    image = registry.add_image(REPOSITORY, **known)
    found = covered(image).record
    assert (found.status, found.description) == (record.status, record.description)
    assert found.at in {record.at, 0}


def test_of_a_repository_that_is_not_covered_nothing_is_known(registry):
    registry.scanning_rules = [ScanningRule("CONTINUOUS_SCAN", ("other/*",))]
    assert covered(registry.add_image(REPOSITORY)).record is None


def test_an_image_scanned_on_push_has_had_its_scan(registry):
    registry.scanning_rules = [ScanningRule("SCAN_ON_PUSH")]
    image = registry.add_image(REPOSITORY, scanned_at=SCANNED)
    assert covered(image).record.status == "COMPLETE"


@pytest.mark.parametrize(
    ("use", "where"),
    [
        ({}, ""),
        ({"in_use_count": 3}, "3 running in ECS or EKS, by Amazon Inspector"),
        (
            {"last_in_use_at": NOW - timedelta(hours=2)},
            "lately in ECS or EKS, by Amazon Inspector",
        ),
        ({"last_in_use_at": NOW - timedelta(days=2)}, ""),
    ],
)
def test_an_image_that_runs_or_did_lately_is_in_use(registry, use, where):
    image = registry.add_image(REPOSITORY, scanned_at=SCANNED, **use)
    assert covered(image).where_in_use == where


def test_images_come_in_bulk_and_of_one_repository(registry):
    for number in range(450):
        registry.add_image(REPOSITORY, tags=(f"v{number}",), scanned_at=SCANNED)
    registry.add_image("shop/other", scanned_at=SCANNED)
    inspector = Inspector(boto3.client("inspector2"), "123456789012")
    assert len(inspector.coverage(REPOSITORY)) == 450
    assert registry.calls["ListCoverage"] == 3


def test_an_inspector_that_asks_for_a_slower_pace_is_waited_for(registry):
    registry.fail_next("ListCoverage", "ThrottlingException", times=9)
    with pytest.raises(Throttled):
        Inspector(boto3.client("inspector2"), "123456789012").coverage(REPOSITORY)


def test_an_image_that_is_scanned_on_push_only_and_never_was_has_no_scan(registry, monkeypatch):
    image = registry.add_image(REPOSITORY, scanned_at=SCANNED)
    client = boto3.client("inspector2")
    resource = {
        "resourceId": f"arn:aws:ecr:eu-west-1:123456789012:repository/x/{image.digest}",
        "scanStatus": {"statusCode": "INACTIVE", "reason": "SCAN_FREQUENCY_SCAN_ON_PUSH"},
    }
    pages = SimpleNamespace(paginate=lambda **_: [{"coveredResources": [resource]}])
    monkeypatch.setattr(client, "get_paginator", lambda _: pages)
    record = Inspector(client, "123456789012").coverage(REPOSITORY)[image.digest].record
    assert (record.at, record.status) == (0, "")
