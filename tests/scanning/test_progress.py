"""What became of a listing, by its jobs' outcomes, in any order and however often they come."""

from collections import defaultdict
from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.runtime.backoff import Throttled
from chalicelib.scanning.jobs import ScanJob
from chalicelib.scanning.progress import LONGEST_REASON, kept_outcome, numbered, progress
from chalicelib.scanning.registry_jobs import PlanJob
from chalicelib.scanning.requests import ListingRequest

JOB = ScanJob("shop/api", listing="id/1")


@dataclass
class Outcome:
    started: int = 0
    goes_on: bool = False
    parts: int = 0
    not_found: list = field(default_factory=list)


class Listings:
    """Outcomes as the table keeps them: set by name, and the scans added."""

    def __init__(self):
        self.items = defaultdict(lambda: {"started": 0})

    def note(self, listing, job, outcome, started):
        assert listing == "id"
        self.items[job].update(outcome)
        self.items[job]["started"] += started

    def progress(self, enqueued):
        facts = {"at": 0, "listed": 9, "matched": 9, "enqueued": enqueued, "failures": []}
        return progress("id", facts, list(self.items.values()))


def deliver(listings, job, outcome, error=None):
    with kept_outcome(job, outcome, SimpleNamespace(listings=listings)):
        if error:
            raise error


@given(st.data())
def test_nothing_is_left_once_every_job_and_every_part_of_one_is_done(data):
    """Each is delivered once or more; a delivery after the first starts nothing anew."""
    listings, scans = Listings(), 0
    first, *others = numbered("id", [ScanJob("a"), ScanJob("b"), PlanJob(ListingRequest())])
    parts = numbered(first.listing, [ScanJob("a")] * data.draw(st.integers(0, 3)))
    waiting = [(first, True), *((job, False) for job in others)]
    while waiting:
        at = data.draw(st.integers(0, len(waiting) - 1))
        job, splits = waiting.pop(at)
        started = data.draw(st.integers(0, 5))
        scans += started
        outcome = Outcome(started, goes_on=splits, parts=len(parts) if splits else 0)
        deliver(listings, job, outcome)
        for _ in range(data.draw(st.integers(0, 2))):
            deliver(listings, job, Outcome(0, outcome.goes_on, outcome.parts))
        if splits:
            waiting += [(first, False), *((part, False) for part in parts)]
        assert listings.progress(3)["jobs"]["left"] == len(waiting)
    state = listings.progress(3)
    total = 3 + len(parts)
    assert state["jobs"] == {"sent": total, "done": total, "failed": 0, "left": 0}
    assert state["scansStarted"] == scans


def test_parts_that_are_done_before_their_job_says_that_there_are_any_leave_no_less_than_nothing():
    listings = Listings()
    for part in numbered("id/1", [ScanJob("a")] * 3):
        deliver(listings, part, Outcome(1))
    assert listings.progress(1)["jobs"]["left"] == 0


def test_numbers_are_unique_and_the_same_each_time():
    jobs = numbered("id", [ScanJob("a"), ScanJob("b")])
    parts = [part for job in jobs for part in numbered(job.listing, [ScanJob("c")] * 12)]
    assert [job.listing for job in jobs] == ["id/1", "id/2"]
    assert len({job.listing for job in [*jobs, *parts]}) == 26


def test_jobs_of_no_listing_have_no_number_and_keep_nothing():
    assert numbered("", [ScanJob("a")]) == [ScanJob("a")]
    deliver(None, ScanJob("a"), Outcome())
    deliver(Listings(), ScanJob("a"), Outcome())
    deliver(None, JOB, Outcome())


def test_a_job_that_fails_is_named_with_what_it_started_and_the_failure_goes_on():
    listings = Listings()
    with pytest.raises(ValueError, match="broken"):
        deliver(listings, JOB, Outcome(started=3), ValueError("broken" + "!" * 5_000))
    state = listings.progress(1)
    assert state["jobs"] == {"sent": 1, "done": 0, "failed": 1, "left": 0}
    assert state["scansStarted"] == 3
    [failure] = state["jobFailures"]
    assert failure["job"] == "shop/api"
    assert len(failure["reason"]) == LONGEST_REASON


def test_a_later_delivery_keeps_what_only_an_earlier_one_knew():
    listings = Listings()
    deliver(listings, JOB, Outcome(goes_on=True, parts=2, not_found=["shop/api:9"]))
    deliver(listings, JOB, Outcome())
    state = listings.progress(1)
    assert state["jobs"]["sent"] == 3
    assert state["imagesNotFound"] == ["shop/api:9 in own account/own region"]


def test_a_table_that_does_not_answer_does_not_fail_the_job(logged):
    listings = SimpleNamespace(note=lambda *_: (_ for _ in ()).throw(Throttled("slow")))
    [line] = logged(deliver, listings, JOB, Outcome())
    assert (line["message"], line["listing"]) == ("progress not kept", "id/1")
