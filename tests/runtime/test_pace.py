"""The pace of scans."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.runtime.pace import BURST, TokenBucket, spread


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def run(rate, calls, throttled=()):
    """The moments at which calls go out."""
    clock, moments = Clock(), []
    bucket = TokenBucket(rate, clock)
    for call in range(calls):
        if call in throttled:
            bucket.back_off()
        clock.now += bucket.take()
        moments.append(clock.now)
    return moments


@given(st.integers(1, 100), st.integers(1, 500))
def test_in_no_second_are_there_more_than_twice_the_rate_and_on_average_no_more(rate, calls):
    moments = run(rate, calls)
    assert moments[-1] == pytest.approx(max(0, (calls - rate) / rate), abs=1e-6)


def test_throttling_halves_the_pace_which_then_recovers():
    steady = run(10, 300)
    throttled = run(10, 300, throttled={20})
    gaps = [after - before for before, after in pairwise(throttled)]
    assert gaps[20] == pytest.approx(0.2, rel=0.05)
    assert gaps[-1] == pytest.approx(0.1)
    assert steady[-1] < throttled[-1] < steady[-1] + 10


def test_however_often_it_is_throttled_the_pace_never_stops():
    assert run(16, 100, throttled=range(100))[-1] < 100


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
