"""What happens to findings, as events that are the same when they are sent again."""

import pytest

from chalicelib.policy.finding_events import FindingEvent, events_between
from chalicelib.policy.ledger import DAY, NOTHING, with_scan
from tests.policy.test_ledger import a_scan, the_ledger


def happened(*scans, elsewhere=()):
    """The kinds of events of the last of these scans, by finding."""
    *earlier, last = scans
    before = the_ledger(*earlier)
    after = with_scan(before, last)
    return {each.key: each.kind for each in events_between(before, after, elsewhere)}


ONE = a_scan(1, "A")


@pytest.mark.parametrize(
    ("scans", "events"),
    [
        ((ONE, a_scan(2, "A", "B")), {"B": "opened"}),
        ((ONE, a_scan(2)), {"A": "fixed"}),
        ((ONE, a_scan(2), a_scan(3, "A")), {"A": "reopened"}),
        ((ONE, a_scan(2, "A", severity="CRITICAL")), {"A": "worsened"}),
        ((ONE, a_scan(2, "A", severity="LOW")), {}),
        ((ONE, a_scan(2, accepted=["A"])), {"A": "accepted"}),
        ((ONE, a_scan(2, accepted=["A"]), a_scan(3, "A")), {"A": "expired"}),
        ((ONE, a_scan(2, accepted=["A"]), a_scan(3)), {"A": "fixed"}),
        ((ONE, a_scan(2, left_out=["A"])), {}),
        ((ONE, a_scan(2, left_out=["A"]), a_scan(3, "A")), {"A": "opened"}),
        ((ONE, a_scan(2, "A")), {}),
        ((ONE, ONE), {}),
        ((a_scan(5), a_scan(1, "A")), {}),
    ],
)
def test_each_change_is_one_event(scans, events):
    assert happened(*scans) == events


def test_what_another_line_has_open_is_neither_opened_nor_fixed():
    assert happened(ONE, a_scan(2, "B"), elsewhere={"A", "B"}) == {}
    assert happened(ONE, a_scan(2, "A", severity="CRITICAL"), elsewhere={"A"}) == {"A": "worsened"}


def test_the_first_findings_of_a_line_are_its_inventory():
    [event] = events_between(None, with_scan(NOTHING, ONE))
    assert event == FindingEvent("opened", "A", "HIGH", DAY, DAY, DAY, inventory=True)


def test_the_worst_comes_first():
    scan = a_scan(1, "A", "B")
    scan.found["B"] = "CRITICAL"
    assert [each.key for each in events_between(None, with_scan(NOTHING, scan))] == ["B", "A"]


def test_an_event_has_one_id_however_often_it_is_sent():
    event = FindingEvent("fixed", "A", "HIGH", 9, 1, 1)
    assert event.id_in("1/eu-west-1/shop") == event.id_in("1/eu-west-1/shop")
    assert event.id_in("1/eu-west-1/shop") != event.id_in("1/eu-west-1/other")
    others = [
        FindingEvent("fixed", "A", "HIGH", 8, 1, 1),
        FindingEvent("opened", "A", "HIGH", 9, 1, 1),
    ]
    assert event.id_in("x") not in {other.id_in("x") for other in others}
