"""Until when findings are to be fixed."""

from datetime import UTC, date, datetime

import pytest

from chalicelib.policy.due_dates import DueTimes

SINCE = datetime(2026, 1, 30, 23, 30, tzinfo=UTC)


def test_a_finding_is_due_so_long_after_it_was_first_found():
    times = DueTimes.parse("CRITICAL=7d HIGH=1m")
    assert times.due("CRITICAL", SINCE) == date(2026, 2, 6)
    assert times.due("HIGH", SINCE) == date(2026, 2, 28)


def test_a_finding_of_a_severity_without_a_time_is_never_due():
    assert DueTimes.parse("CRITICAL=7d").due("LOW", SINCE) is None


def test_a_time_longer_than_the_calendar_is_no_error():
    assert DueTimes.parse("LOW=9999m").due("LOW", SINCE) == date(2859, 4, 30)
    late = datetime(9999, 12, 1, tzinfo=UTC)
    assert DueTimes.parse("LOW=9999w").due("LOW", late) == date(9999, 12, 31)


@pytest.mark.parametrize(
    "text",
    [
        *("", "CRITICAL", "CRITICAL=", "CRITICAL=0d", "CRITICAL=7", "critical=7d", "URGENT=7d"),
        *("CRITICAL=7d,HIGH=30d", "CRITICAL=7d CRITICAL=8d", "CRITICAL=7d HIGH=1w CRITICAL=8d"),
        *("CRITICAL=7d ", " CRITICAL=7d", "CRITICAL=7d\nHIGH=30d", "CRITICAL=12345d"),
        *("CRITICAL=1w2d", "CRITICAL=24h", "CRITICAL=07d"),
    ],
)
def test_anything_else_is_refused(text):
    with pytest.raises(ValueError, match=".*"):
        DueTimes.parse(text)
