"""What has become overdue since the digest before, as events."""

from dataclasses import replace
from datetime import timedelta

from chalicelib.fleet.model import Comparison
from chalicelib.fleet.overdue_events import overdue_details, put_overdue
from tests.fleet.test_histories import FLEET
from tests.fleets import NOW, OPENSSL


def since(days):
    return replace(FLEET, comparison=Comparison(since=NOW - timedelta(days=days)))


def test_what_became_overdue_since_the_digest_before_is_an_event():
    [event] = overdue_details(since(17))
    assert (event["repository"], event["vulnerability"]) == ("shop/api", OPENSSL.identifier)
    assert event["owner"] == "payments"
    assert event["due"] == (NOW.date() - timedelta(days=16)).isoformat()


def test_what_was_overdue_by_then_is_none():
    assert list(overdue_details(since(15))) == []


def test_before_any_digest_all_that_is_overdue_is_news():
    assert len(list(overdue_details(FLEET))) == len(FLEET.overdue)


def test_done_again_the_events_have_the_same_ids():
    put = []
    bus = type("Bus", (), {"put": lambda _, events, __: put.append(events)})()
    for _ in range(2):
        put_overdue(since(17), bus, None)
    assert put[0] == put[1]
    assert put[0][0][0] == "finding.overdue"
