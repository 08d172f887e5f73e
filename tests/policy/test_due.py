"""Which images are due, and why the others are not."""

from datetime import UTC, datetime, timedelta

import pytest

from chalicelib.ecr.images import Image
from chalicelib.policy.due import Decision, Reason, decide

STALE_BEFORE = datetime(2026, 3, 1, 12, tzinfo=UTC)
INSTANT = timedelta(microseconds=1)


def image(**known):
    return Image("sha256:" + "a" * 64, **known)


@pytest.mark.parametrize(
    ("completed_at", "decision"),
    [
        (STALE_BEFORE - timedelta(days=900), Decision(True, Reason.SCAN_EXPIRED)),
        (STALE_BEFORE - INSTANT, Decision(True, Reason.SCAN_EXPIRED)),
        (STALE_BEFORE, Decision(False, Reason.SCAN_FRESH)),
        (STALE_BEFORE + INSTANT, Decision(False, Reason.SCAN_FRESH)),
        (None, Decision(True, Reason.NEVER_SCANNED)),
    ],
)
def test_an_image_is_due_once_its_scan_is_older_than_the_duration(completed_at, decision):
    assert decide(image(scan_completed_at=completed_at), STALE_BEFORE) == decision


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        ("IN_PROGRESS", Reason.SCAN_RUNNING),
        ("PENDING", Reason.SCAN_RUNNING),
        ("ACTIVE", Reason.CONTINUOUSLY_SCANNED),
        ("SCAN_ELIGIBILITY_EXPIRED", Reason.ELIGIBILITY_EXPIRED),
        ("UNSUPPORTED_IMAGE", Reason.UNSUPPORTED),
        ("IMAGE_ARCHIVED", Reason.ARCHIVED),
        ("IMAGE_SIZE_EXCEEDED", Reason.TOO_LARGE),
    ],
)
@pytest.mark.parametrize("completed_at", [None, STALE_BEFORE - INSTANT])
def test_an_image_that_is_scanned_now_or_never_can_be_is_left_alone(status, reason, completed_at):
    known = image(scan_status=status, scan_completed_at=completed_at)
    assert decide(known, STALE_BEFORE) == Decision(False, reason)


@pytest.mark.parametrize("completed_at", [None, STALE_BEFORE + INSTANT])
def test_an_image_whose_last_scan_failed_is_due(completed_at):
    failed = image(scan_status="FAILED", scan_completed_at=completed_at)
    assert decide(failed, STALE_BEFORE) == Decision(True, Reason.SCAN_FAILED)


@pytest.mark.parametrize("status", ["COMPLETE", "LIMIT_EXCEEDED", "FINDINGS_UNAVAILABLE", None])
def test_any_other_status_leaves_the_decision_to_the_age(status):
    fresh = image(scan_status=status, scan_completed_at=STALE_BEFORE)
    stale = image(scan_status=status, scan_completed_at=STALE_BEFORE - INSTANT)
    assert (decide(fresh, STALE_BEFORE).due, decide(stale, STALE_BEFORE).due) == (False, True)


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (None, Reason.NEVER_SCANNED),
        ("FINDINGS_UNAVAILABLE", Reason.FINDINGS_UNAVAILABLE),
        ("LIMIT_EXCEEDED", Reason.LIMIT_REACHED_BEFORE),
    ],
)
def test_an_image_without_findings_is_due_for_the_reason_that_its_status_gives(status, reason):
    assert decide(image(scan_status=status), STALE_BEFORE) == Decision(True, reason)


@pytest.mark.parametrize(
    ("known", "reason"),
    [
        (
            {"manifest_media_type": "application/vnd.oci.image.index.v1+json"},
            Reason.MANIFEST_LIST,
        ),
        ({"artifact_media_type": "application/vnd.cncf.helm.config.v1+json"}, Reason.NOT_AN_IMAGE),
        ({"subject_digest": "sha256:signed"}, Reason.NOT_AN_IMAGE),
        ({"archived": True}, Reason.ARCHIVED),
    ],
)
def test_what_is_no_image_or_archived_is_skipped_with_the_reason(known, reason):
    assert decide(image(**known), STALE_BEFORE) == Decision(False, reason)
