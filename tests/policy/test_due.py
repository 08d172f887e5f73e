"""Which images are due, and why the others are not."""

from datetime import UTC, datetime, timedelta

import pytest

from chalicelib.ecr.images import Image
from chalicelib.ecr.scan_records import NEVER, ScanRecord
from chalicelib.policy.due import (
    Decision,
    Reason,
    decide,
    inspected,
    stale_before,
    unscannable,
    wait_days,
)
from chalicelib.policy.durations import Duration

NOW = datetime(2026, 3, 8, 12, tzinfo=UTC)
STALE_BEFORE = NOW - timedelta(days=7)
UNSUPPORTED = "UnsupportedImageError: The operating system is not supported."


def seconds(moment):
    return int(moment.timestamp())


def scanned(ago, status="COMPLETE", **known):
    return ScanRecord(seconds(NOW - ago), status, **known)


def decided(record):
    decision = decide(record, STALE_BEFORE, NOW)
    return decision.due, decision.reason


@pytest.mark.parametrize(
    ("ago", "decision"),
    [
        (timedelta(days=900), (True, Reason.SCAN_EXPIRED)),
        (timedelta(days=7, seconds=1), (True, Reason.SCAN_EXPIRED)),
        (timedelta(days=7), (False, Reason.SCAN_FRESH)),
        (timedelta(days=7, seconds=-1), (False, Reason.SCAN_FRESH)),
    ],
)
def test_an_image_is_due_once_its_scan_is_older_than_the_duration(ago, decision):
    assert decided(scanned(ago)) == decision


def test_an_image_that_was_never_scanned_is_due():
    assert decided(NEVER) == (True, Reason.NEVER_SCANNED)


def test_an_image_of_whose_scans_nothing_is_known_is_looked_up_first():
    assert decided(None) == (True, Reason.NOT_LOOKED_UP)


@pytest.mark.parametrize(
    ("ago", "status", "decision"),
    [
        # Nothing was heard of its end yet.
        (timedelta(hours=23), "", (False, Reason.SCAN_RUNNING)),
        (timedelta(hours=23), "COMPLETE", (False, Reason.SCAN_RUNNING)),
        (timedelta(hours=25), "", (True, Reason.NOT_LOOKED_UP)),
        (timedelta(hours=25), "FAILED", (True, Reason.NOT_LOOKED_UP)),
        # Its event was lost; its scans had ended well so far.
        (timedelta(hours=25), "COMPLETE", (False, Reason.SCAN_FRESH)),
        (timedelta(days=8), "COMPLETE", (True, Reason.SCAN_EXPIRED)),
    ],
)
def test_a_scan_whose_end_was_not_heard_of_counts_from_its_start(ago, status, decision):
    assert decided(scanned(ago, status, started=True)) == decision


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        ("ACTIVE", Reason.CONTINUOUSLY_SCANNED),
        ("SCAN_ELIGIBILITY_EXPIRED", Reason.ELIGIBILITY_EXPIRED),
        ("IMAGE_ARCHIVED", Reason.ARCHIVED),
    ],
)
def test_what_is_scanned_by_inspector_or_archived_is_left_alone(status, reason):
    assert decided(scanned(timedelta(days=1), status)) == (False, reason)


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        ("FAILED", Reason.SCAN_FAILED),
        ("SOMETHING_NEW", Reason.SCAN_FAILED),
        ("FINDINGS_UNAVAILABLE", Reason.FINDINGS_UNAVAILABLE),
        ("LIMIT_EXCEEDED", Reason.LIMIT_REACHED_BEFORE),
    ],
)
@pytest.mark.parametrize(("failures", "days"), [(1, 1), (2, 2), (3, 4), (5, 16), (6, 30), (99, 30)])
def test_what_failed_is_tried_again_after_longer_and_longer(status, reason, failures, days):
    wait = timedelta(days=days)
    early = scanned(wait - timedelta(seconds=1), status, failures=failures)
    assert decided(early) == (False, reason)
    assert decided(scanned(wait, status, failures=failures)) == (True, reason)


@pytest.mark.parametrize(
    ("status", "description", "reason"),
    [
        ("FAILED", UNSUPPORTED, Reason.UNSUPPORTED),
        ("UNSUPPORTED_IMAGE", "", Reason.UNSUPPORTED),
        ("IMAGE_SIZE_EXCEEDED", "", Reason.TOO_LARGE),
    ],
)
def test_what_cannot_be_scanned_is_tried_again_after_a_month(status, description, reason):
    record = scanned(timedelta(days=29), status, description=description)
    assert decided(record) == (False, reason)
    record = scanned(timedelta(days=30), status, description=description)
    assert decided(record) == (True, reason)


def test_a_wait_is_never_longer_than_a_month():
    assert max(wait_days(ScanRecord(1, "FAILED", failures=n)) for n in range(2_000)) == 30


@pytest.mark.parametrize(
    ("duration", "tolerance"),
    [
        ("7d", timedelta(hours=1)),
        ("1m", timedelta(hours=1)),
        ("1d", timedelta(minutes=14, seconds=24)),
        ("1h", timedelta(seconds=36)),
    ],
)
def test_the_time_that_a_listing_takes_makes_no_image_a_day_late(duration, tolerance):
    parsed = Duration.parse(duration)
    assert stale_before(parsed, NOW) - parsed.before(NOW) == tolerance


def test_a_duration_beyond_the_calendar_is_accepted():
    assert stale_before(Duration.parse("99999m"), NOW) < NOW


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (None, Reason.CONTINUOUSLY_SCANNED),
        ("", Reason.CONTINUOUSLY_SCANNED),
        ("ACTIVE", Reason.CONTINUOUSLY_SCANNED),
        ("PENDING", Reason.SCAN_RUNNING),
        ("SCAN_ELIGIBILITY_EXPIRED", Reason.ELIGIBILITY_EXPIRED),
        ("UNSUPPORTED_IMAGE", Reason.UNSUPPORTED),
        ("FAILED", Reason.SCAN_FAILED),
    ],
)
def test_under_enhanced_scanning_inspector_says_why_it_does_not_scan(status, reason):
    record = None if status is None else ScanRecord(status=status)
    assert inspected(record, "CONTINUOUS_SCAN") is reason


@pytest.mark.parametrize(
    ("known", "reason"),
    [
        (
            {"manifest_media_type": "application/vnd.oci.image.index.v1+json"},
            Reason.MANIFEST_LIST,
        ),
        ({"artifact_media_type": "application/vnd.cncf.helm.config.v1+json"}, Reason.NOT_AN_IMAGE),
        ({"subject_digest": "sha256:signed"}, Reason.NOT_AN_IMAGE),
        ({"attestation": True}, Reason.NOT_AN_IMAGE),
        ({"archived": True}, Reason.ARCHIVED),
        ({}, None),
    ],
)
def test_what_is_no_image_or_archived_is_skipped_with_the_reason(known, reason):
    assert unscannable(Image("sha256:" + "a" * 64, **known)) is reason


def test_a_decision_says_why():
    assert decide(NEVER, STALE_BEFORE, NOW) == Decision(True, Reason.NEVER_SCANNED)
