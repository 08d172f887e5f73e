"""The pace of scans."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.runtime.pace import BURST, LOWEST_RATE, Pace, spread
from local.cloud.faults import TokenBucket
from tests.doubles import Clock


def run(most, calls, allowed=None):
    """The moments at which calls go out to a service that allows so many a second."""
    clock, moments = Clock(), []
    pace, bucket = Pace(most, clock), allowed and TokenBucket(allowed, allowed, allowed, 0)
    while len(moments) < calls:
        clock.now += pace.wait()
        began = pace.begin()
        if bucket and not bucket.take(clock.now):
            pace.throttled(began)
        else:
            moments.append(clock.now)
    return moments


@given(st.integers(1, 100), st.integers(1, 500))
def test_in_no_second_are_there_more_than_twice_the_most_and_on_average_no_more(most, calls):
    moments = run(most, calls)
    assert moments[-1] == pytest.approx(max(0, (calls - most) / most), abs=1e-6)


def test_without_a_bound_the_pace_doubles_each_second():
    moments = run(None, 500)
    counts = [sum(second <= moment < second + 1 for moment in moments) for second in range(4)]
    # A second's calls beforehand, and 20 a second that become 40 and 80.
    assert counts[:2] == [pytest.approx(20 + 29, abs=3), pytest.approx(58, abs=3)]
    assert counts[2] == pytest.approx(115, abs=5)


@given(st.floats(2, 100))
def test_what_the_service_allows_is_used_well_whatever_it_is(allowed):
    calls = int(allowed * 60)
    seconds = run(None, calls, allowed)[-1]
    assert calls - allowed <= seconds * allowed * 1.001
    assert seconds <= 60 * 1.1


def test_being_throttled_halves_the_pace_once_for_all_calls_that_were_under_way():
    clock = Clock()
    pace = Pace(clock=clock)
    clock.now = 1.0
    under_way = [pace.begin() for _ in range(10)]
    before = pace.rate
    for began in under_way:
        pace.throttled(began)
    assert pace.rate == pytest.approx(before / 2)
    clock.now = 2.0
    pace.begin()
    assert pace.rate == pytest.approx(before / 2 + before / 8)
    clock.now = 2.1
    pace.throttled(pace.begin())
    assert pace.rate < before / 2


def test_however_often_it_is_throttled_the_pace_never_stops():
    clock = Clock()
    pace = Pace(clock=clock)
    for _ in range(100):
        clock.now += 0.001
        pace.throttled(pace.begin())
    assert pace.rate >= LOWEST_RATE
    assert pace.wait() <= 1 / LOWEST_RATE


def test_being_throttled_makes_no_pace_faster_than_its_bound():
    """SCANS_PER_SECOND=1, which five scanners share."""
    clock = Clock()
    pace = Pace(0.2, clock)
    for _ in range(5):
        clock.now += pace.wait()
        pace.throttled(pace.begin())
        assert pace.wait() >= 5


@given(st.integers(0, 20_000), st.integers(1, 5_000))
def test_jobs_are_spread_evenly(count, per_minute):
    starts = spread(count, per_minute)
    assert len(starts) == count
    assert starts == sorted(starts)
    assert set(starts[: BURST + 1]) <= {0}
    later = max(0, count - 1 - BURST)
    assert max(starts, default=0) == later * 60 // per_minute


def test_ten_thousand_repositories_arrive_over_ten_minutes():
    delays = spread(10_000, 1_000)
    assert 590 <= delays[-1] <= 600
    assert max(delays.count(second) for second in set(delays) - {0}) <= 17
