"""What is done next about an image's scan, whatever ECR says of it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.ecr.last_scans import ScanFindings
from chalicelib.policy.due import Reason
from ecr_scan_reporter.gate.steps import Start, Step, next_step, why_unknown

STALE_BEFORE = datetime(2026, 11, 1, tzinfo=UTC)
KNOWN = ("COMPLETE", "ACTIVE")
STATUSES = (
    *KNOWN,
    *("IN_PROGRESS", "PENDING", "FAILED", "FINDINGS_UNAVAILABLE", "LIMIT_EXCEEDED"),
    *("UNSUPPORTED_IMAGE", "IMAGE_SIZE_EXCEEDED", "IMAGE_ARCHIVED", "SCAN_ELIGIBILITY_EXPIRED"),
    "A_NEW_WORD",
)
TIMES = st.sampled_from([None, *(STALE_BEFORE + timedelta(days=each) for each in (-1, 0, 1))])


@st.composite
def scans(draw):
    """The last scan, or none; findings are there at most where the status says so."""
    if draw(st.booleans()):
        return None
    status = draw(st.sampled_from(STATUSES))
    scan = ScanFindings(status, draw(TIMES), None, None, description=draw(st.text(max_size=3)))
    has_findings = status in KNOWN and draw(st.booleans())
    return replace(scan, findings=()) if has_findings else scan


starts = st.none() | st.builds(Start, st.none() | st.sampled_from(Reason) | st.just("refused (X)"))


@given(scans(), starts)
def test_nothing_is_known_without_findings_that_are_new_enough(scan, start):
    if next_step(scan, start, STALE_BEFORE) is Step.DONE:
        assert scan.findings is not None
        is_of_today = start is not None and start.refusal == Reason.SCANNED_TODAY
        is_new = scan.completed_at is not None and scan.completed_at >= STALE_BEFORE
        assert is_new or is_of_today or scan.status == "ACTIVE"


@given(scans(), starts)
def test_a_scan_is_started_once_at_most(scan, start):
    if start is not None:
        assert next_step(scan, start, STALE_BEFORE) is not Step.START


@given(scans(), st.sampled_from(["refused (X)", Reason.DAILY_LIMIT, Reason.DELETED]))
def test_nothing_is_waited_for_that_was_refused_unless_it_runs(scan, refusal):
    if next_step(scan, Start(refusal), STALE_BEFORE) is Step.WAIT:
        assert scan.status in {"IN_PROGRESS", "PENDING"}


@given(scans(), starts, st.booleans())
def test_why_nothing_is_known_is_always_said(scan, start, waited):
    assert why_unknown(scan, start, waited=waited).strip()


@pytest.mark.parametrize(("days", "step"), [(-1, Step.START), (0, Step.DONE), (1, Step.DONE)])
def test_a_scan_that_is_too_old_is_made_anew(days, step):
    scan = ScanFindings("COMPLETE", STALE_BEFORE + timedelta(days=days), None, ())
    assert next_step(scan, None, STALE_BEFORE) is step
