"""Where images are in use, as the scanner keeps it from one listing to the next."""

from datetime import UTC, datetime
from unittest.mock import Mock

import pytest

from chalicelib.runtime.deadline import Deadline
from chalicelib.scanning.jobs import ScanJob
from chalicelib.scanning.scanner import scan_repository
from chalicelib.services import Services
from local.ecr import ScanningRule

PLACE = "123456789012/eu-west-1/shop/api"
ECS, LAMBDA = "ECS service a in shop", "Lambda function b"
BOTH = {"1": ECS, "2": LAMBDA}


@pytest.fixture
def services(aws, settings, history_table):
    for tag in ("1", "2"):
        aws.add_image("shop/api", tags=(tag,), scanned_at=datetime.now(UTC))
    return Services(settings(ECS_DISCOVERY_ENABLED="true", HISTORY_TABLE_NAME=history_table))


@pytest.fixture
def uses_after(services):
    """What is known to be in use after jobs, one after the other."""

    def run(*jobs):
        for job in jobs:
            scan_repository(ScanJob("shop/api", **job), services, Deadline.unlimited())
        known = services.image_uses.of(PLACE).by_digest
        return sorted(where for uses in known.values() for where in uses)

    return run


def test_what_is_not_in_use_any_more_is_forgotten(uses_after):
    assert uses_after({"images_in_use": BOTH}) == [ECS, LAMBDA]
    assert uses_after({"images_in_use": {"1": ECS}}) == [ECS]
    assert uses_after({}) == []


def test_what_a_source_that_cannot_be_read_told_last_stays_known(uses_after):
    some = {"images_in_use": {"1": ECS}, "uses_incomplete": True}
    assert uses_after({"images_in_use": BOTH}, some) == [ECS, LAMBDA]
    assert uses_after({"uses_incomplete": True}) == [ECS, LAMBDA]


def test_where_amazon_inspector_saw_images_run_stays_known_when_it_cannot_be_asked(aws, uses_after):
    image = aws.add_image("shop/api", tags=("3",), scanned_at=datetime.now(UTC))
    aws.scan_type, aws.scanning_rules = "ENHANCED", [ScanningRule("CONTINUOUS_SCAN")]
    image.in_use_count = 2
    job = {"images_in_use": {"1": ECS}, "scan_frequency": "CONTINUOUS_SCAN"}
    both = ["2 running in ECS or EKS, by Amazon Inspector", ECS]
    assert uses_after(job) == both
    aws.fail_next("ListCoverage", "AccessDeniedException")
    assert uses_after(job) == both
    image.in_use_count = 0
    assert uses_after(job) == [ECS]


def test_what_amazon_inspector_was_not_asked_about_is_not_taken_for_all(aws, uses_after, services):
    aws.scan_type, aws.scanning_rules = "ENHANCED", [ScanningRule("CONTINUOUS_SCAN")]
    aws.fail_next("ListCoverage", "AccessDeniedException")
    uses_after({"images_in_use": {"1": ECS}, "scan_frequency": "CONTINUOUS_SCAN"})
    assert not services.image_uses.of(PLACE).complete


def test_a_request_for_single_images_changes_nothing(uses_after):
    assert uses_after({"images_in_use": BOTH}, {"images": ("1",)}) == [ECS, LAMBDA]


def test_no_part_of_a_job_takes_the_place_of_another(uses_after):
    parts = [
        {"images_in_use": {tag: BOTH[tag]}, "part": int(tag), "parts": 2, "whole": "x"}
        for tag in BOTH
    ]
    assert uses_after(*parts, *parts) == [ECS, LAMBDA]


def test_all_parts_of_a_job_together_tell_what_is_in_use_and_what_is_not(uses_after, services):
    parts = [
        {"images_in_use": {tag: BOTH[tag]}, "part": int(tag), "parts": 2, "whole": "x"}
        for tag in BOTH
    ]
    uses_after(parts[0])
    assert not services.image_uses.of(PLACE).complete
    uses_after(parts[1])
    assert services.image_uses.of(PLACE).complete
    some = [{**part, "uses_incomplete": True} for part in parts]
    assert uses_after(*some) == [ECS, LAMBDA]


def test_more_than_one_item_holds_are_not_taken_for_all(uses_after, services, monkeypatch):
    monkeypatch.setattr("chalicelib.scanning.uses.MOST_KEPT", 1)
    uses_after({"images_in_use": BOTH})
    kept = services.image_uses.of(PLACE)
    assert (len(kept.by_digest), kept.complete) == (1, False)


def test_a_repository_without_any_costs_no_write(uses_after, services):
    services.image_uses.keep = services.image_uses.add = Mock()
    assert uses_after({}, {"uses_incomplete": True}) == []
    services.image_uses.keep.assert_not_called()
