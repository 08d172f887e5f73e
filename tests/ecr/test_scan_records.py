"""What is remembered of an image's scans."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.ecr.scan_records import (
    DAY_SECONDS,
    LONGEST_DESCRIPTION,
    NEVER,
    ScanRecord,
    begun,
    ended,
    looked_up,
)
from chalicelib.ecr.scan_statuses import ScanKind

NOW = 1_800_000_000
STATUSES = st.sampled_from(
    ["COMPLETE", "FAILED", "IN_PROGRESS", "PENDING", "UNSUPPORTED_IMAGE", "LIMIT_EXCEEDED"]
)


def asked(before=None, status="COMPLETE", description="", completed_at=None, assumed_at=NOW):
    moment = None if completed_at is None else datetime.fromtimestamp(completed_at, UTC)
    return looked_up(before, NOW, status, description, moment, assumed_at=assumed_at)


def test_scans_that_fail_one_after_the_other_are_counted_until_one_does_not():
    record = None
    for day in range(3):
        record = ended(begun(record, day), day + 1, "FAILED", "ScanError")
    assert record == ScanRecord(3, "FAILED", "ScanError", failures=3)
    assert ended(record, 9, "COMPLETE") == ScanRecord(9, "COMPLETE")


def test_a_scan_that_began_keeps_what_is_known_of_the_one_before():
    before = ScanRecord(1, "FAILED", "ScanError", failures=2)
    assert begun(before, 5) == ScanRecord(5, "FAILED", "ScanError", failures=2, started=True)


def test_an_image_that_cannot_be_scanned_is_no_failure_that_may_pass():
    record = ended(None, 1, "FAILED", "UnsupportedImageError: not supported")
    assert (record.failures, record.kind) == (0, ScanKind.UNSUPPORTED)


def test_a_long_description_is_cut():
    assert len(ended(None, 1, "FAILED", "x" * 999).description) == LONGEST_DESCRIPTION


@pytest.mark.parametrize(
    ("before", "status", "completed_at", "record"),
    [
        (None, "", None, NEVER),
        (None, "COMPLETE", NOW - 99, ScanRecord(NOW - 99, "COMPLETE")),
        (None, "IN_PROGRESS", None, ScanRecord(NOW, started=True)),
        (None, "PENDING", None, ScanRecord(NOW, started=True)),
        # When a scan failed ECR does not say.
        (None, "FAILED", None, ScanRecord(NOW - 5, "FAILED", failures=1)),
        (
            ScanRecord(NOW - 9, "FAILED", failures=2, started=True),
            "FAILED",
            None,
            ScanRecord(NOW - 9, "FAILED", failures=3),
        ),
    ],
)
def test_an_answer_of_ecr_becomes_a_record(before, status, completed_at, record):
    assert asked(before, status, completed_at=completed_at, assumed_at=NOW - 5) == record


@pytest.mark.parametrize(("status", "is_open"), [("", True), ("FAILED", True), ("COMPLETE", False)])
def test_a_scan_of_which_nothing_is_heard_is_asked_for_unless_scans_had_ended_well(status, is_open):
    record = begun(ScanRecord(NOW - 10 * DAY_SECONDS, status), NOW)
    soon, later = NOW + DAY_SECONDS - 1, NOW + DAY_SECONDS
    assert (record.is_running(soon), record.is_open(soon)) == (True, False)
    assert (record.is_running(later), record.is_open(later)) == (False, is_open)


@given(st.lists(st.tuples(st.sampled_from(["begun", "ended", "asked"]), STATUSES), max_size=20))
def test_a_record_is_never_later_than_the_last_scan(steps):
    """Whatever is heard: a scan counts from when it ended, or from when it was known to run."""
    record, last = None, 0
    for hour, (step, status) in enumerate(steps):
        now = NOW + hour * 3_600
        if step == "begun":
            record, last = begun(record, now), now
        elif step == "ended":
            record, last = ended(record, now, status), now
        else:
            completed_at = datetime.fromtimestamp(last, UTC) if status == "COMPLETE" else None
            last = max(last, now) if status in {"IN_PROGRESS", "PENDING"} else last
            record = looked_up(record, now, status, "", completed_at, assumed_at=last)
        assert record.at <= last
