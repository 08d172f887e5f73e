"""Calls that are made several at once, in real threads."""

import threading
from collections import deque
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.runtime.backoff import DeadlineReached, Throttled
from chalicelib.runtime.deadline import Deadline
from chalicelib.runtime.pace import Pace
from chalicelib.scanning.jobs import ScanJob
from chalicelib.scanning.pool import MOST_AT_ONCE, Lane, Pool, Threads
from chalicelib.scanning.scanner import scan_repository
from chalicelib.services import Services

STALE = datetime.now(UTC) - timedelta(days=8)
FAST = 1e9


@pytest.fixture
def threads():
    threads = Threads(4)
    yield threads
    threads.close()


class Work:
    """A lane, and what became of its entries."""

    def __init__(self, call, entries=(), **options):
        self.done, self.failed = [], []
        self.lane = Lane(
            call,
            lambda entry, answer: self.done.append((entry, answer)),
            lambda entry, error: self.failed.append((entry, error)),
            Pace(FAST),
            waiting=deque(entries),
            **options,
        )


def looks(number):
    """A deadline that allows so many looks at the time that is left."""
    left = iter([10**6] * (number + 1))
    return Deadline(lambda: next(left, 0))


def test_as_many_calls_are_under_way_as_there_are_threads_and_no_more(threads):
    together, under_way, most = threading.Barrier(4, timeout=30), [], []

    def call(entry):
        under_way.append(entry)
        together.wait()
        most.append(max(len(under_way), threads.under_way))
        together.wait()
        under_way.remove(entry)
        return entry * 2

    work = Work(call, range(12))
    Pool(threads, Deadline.unlimited()).run(work.lane)
    assert sorted(work.done) == [(entry, entry * 2) for entry in range(12)]
    assert max(most) == 4


def test_a_throttled_call_is_made_again_and_others_that_fail_are_told(threads):
    refusals = {1: [Throttled(), Throttled()], 3: [ValueError("three")]}

    def call(entry):
        if refusals.get(entry):
            raise refusals[entry].pop()
        return "fine"

    work = Work(call, range(5))
    Pool(threads, Deadline.unlimited()).run(work.lane)
    assert {entry for entry, _ in work.done} == {0, 1, 2, 4}
    [(failed, error)] = work.failed
    assert (failed, str(error)) == (3, "three")


def test_what_an_answer_adds_is_done_too_and_earlier_lanes_come_first(threads):
    first = Work(lambda entry: entry)
    second = Work(lambda entry: entry, range(3), held=lambda: bool(first.lane.waiting))
    second.lane.done = lambda entry, _: first.lane.waiting.extend([entry, entry + 10])
    Pool(threads, Deadline.unlimited()).run(first.lane, second.lane)
    assert sorted(entry for entry, _ in first.done) == [0, 1, 2, 10, 11, 12]


@given(st.integers(0, 30), st.sets(st.integers(0, 29)))
def test_at_the_deadline_each_entry_was_done_or_failed_or_still_waits(calls, failing):
    def call(entry):
        if entry in failing:
            raise ValueError(entry)

    threads = Threads(4)
    work = Work(call, range(30))
    try:
        Pool(threads, looks(calls)).run(work.lane)
    except DeadlineReached:
        assert calls < 30
    finally:
        threads.close()
    ended = [*(entry for entry, _ in work.done), *(entry for entry, _ in work.failed)]
    assert len(ended) == calls
    assert sorted([*ended, *work.lane.waiting]) == list(range(30))
    assert threads.under_way == 0


def test_a_pool_that_is_stopped_lets_the_calls_under_way_end_first(threads):
    work = Work(lambda entry: entry, range(30))
    pool = Pool(threads, Deadline.unlimited())
    work.lane.done = lambda entry, _: (work.done.append(entry), pool.stop(KeyError(entry)))
    with pytest.raises(KeyError, match=r"^0$|^1$|^2$|^3$"):
        pool.run(work.lane)
    assert threads.under_way == 0
    assert sorted([*work.done, *work.lane.waiting]) == list(range(30))


def test_scans_are_started_in_threads_each_once(aws, settings, queue, monkeypatch):
    monkeypatch.setattr("chalicelib.scanning.starts.Threads", Threads)
    digests = [aws.add_image("shop/api", scanned_at=STALE).digest for _ in range(5 * MOST_AT_ONCE)]
    services = Services(settings(IMAGES_SCAN_JOBS_QUEUE_URL=queue.url))
    summary = scan_repository(ScanJob("shop/api"), services, Deadline.unlimited())
    assert summary.started == len(digests)
    assert {image.scan_status for image in aws.repositories["shop/api"].images.values()} == {
        "IN_PROGRESS"
    }
    assert "LimitExceededException" not in aws.errors


def test_where_no_call_is_under_way_the_time_is_waited():
    waited = []
    with closing(Threads(1, waited.append)) as threads:
        assert threads.answer(2.5) is None
    assert waited == [2.5]
