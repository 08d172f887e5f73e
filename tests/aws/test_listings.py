"""Requests and listings in the table, over real boto3 calls to moto's DynamoDB."""

import boto3
import pytest

from chalicelib.aws.dynamodb import Table
from chalicelib.aws.listings import (
    LEASE_SECONDS,
    AnsweredBefore,
    BeingAnswered,
    Listings,
    OtherRequest,
)

MINUTES = 300


@pytest.fixture
def listings(history_table, clock):
    return Listings(Table(boto3.client("dynamodb"), history_table, clock))


def begin(listings, fingerprint="asks"):
    listings.begin("key", fingerprint, MINUTES)


class TestARequest:
    def test_is_answered_once(self, listings):
        begin(listings)
        listings.finish("key", b"answer", MINUTES)
        for _ in range(2):
            with pytest.raises(AnsweredBefore) as before:
                begin(listings)
            assert before.value.answer == b"answer"

    def test_is_one_invocations_alone_for_longer_than_the_function_runs(self, listings, clock):
        begin(listings)
        clock.now += 30
        with pytest.raises(BeingAnswered):
            begin(listings)

    def test_is_free_again_when_its_lease_has_ended(self, listings, clock):
        begin(listings)
        clock.now += LEASE_SECONDS + 1
        begin(listings)
        with pytest.raises(BeingAnswered):
            begin(listings)

    def test_is_free_at_once_where_it_failed(self, listings, clock):
        begin(listings)
        listings.release("key")
        begin(listings)

    def test_is_another_one_when_its_time_has_ended_though_dynamodb_has_not_deleted_it(
        self, listings, clock
    ):
        begin(listings)
        listings.finish("key", b"answer", MINUTES)
        clock.now += MINUTES
        with pytest.raises(AnsweredBefore):
            begin(listings)
        clock.now += 1
        begin(listings, "asks for something else")
        with pytest.raises(BeingAnswered):
            begin(listings, "asks for something else")

    def test_has_its_key_for_itself(self, listings):
        begin(listings)
        with pytest.raises(OtherRequest):
            begin(listings, "asks for something else")

    def test_is_not_taken_by_the_call_that_took_it_and_got_no_answer(
        self, listings, history_table, clock, monkeypatch
    ):
        monkeypatch.setattr("chalicelib.aws.leases.randbits", lambda _: 7)
        begin(listings)
        begin(listings)


class TestAListing:
    def test_is_known_with_what_its_jobs_came_to(self, listings):
        listings.open("id", {"at": 1, "failures": ["a"]})
        listings.note("id", "1", {"state": "goes on", "parts": 2}, 5)
        listings.note("id", "1", {"state": "done"}, 1)
        listings.note("id", "1.1", {"state": "failed"}, 0)
        listings.note("other", "1", {"state": "done"}, 0)
        facts, jobs = listings.of("id")
        assert (facts["at"], facts["failures"]) == (1, ["a"])
        assert [(job["state"], job["started"]) for job in jobs] == [("done", 6), ("failed", 0)]
        assert jobs[0]["parts"] == 2

    def test_is_not_known_by_its_jobs_alone(self, listings):
        listings.note("id", "1", {"state": "done"}, 5)
        assert listings.of("id") is None
        assert listings.of("other") is None
