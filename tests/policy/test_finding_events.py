"""What happens to findings, as events that are the same when they are sent again."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.policy.finding_events import FindingEvent, RepositoryEvents, events_since
from chalicelib.policy.ledger import DAY, NOTHING, OPEN, with_scan
from tests.policy.test_ledger import a_scan, the_ledger

ONE = a_scan(1, "A")


class Lines:
    """A repository's lines by name, and the events of their findings."""

    def __init__(self):
        self.live, self.ended, self.before = {}, {}, None

    def scan(self, line, scan):
        """Scan a line; gives what has happened, by finding."""
        ledger = self.live.get(line) or self.ended.pop(line, NOTHING)
        self.live[line] = with_scan(ledger, scan)
        return self.put()

    def end(self, line):
        if line in self.live:
            self.ended[line] = self.live.pop(line)
        return self.put()

    def put(self):
        events = events_since(self.before, self.live.values(), self.ended.values())
        self.before = replace(events, outbox=())
        return {each.key: each.kind for each in events.outbox}


def happened(*scans):
    """What the last of these scans of a line led to, by finding."""
    lines = Lines()
    return [lines.scan("latest", scan) for scan in scans][-1]


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
        ((ONE, a_scan(2, left_out=["A"]), a_scan(3)), {"A": "fixed"}),
        ((a_scan(1, left_out=["A"]), a_scan(2)), {}),
        ((ONE, a_scan(2, "A")), {}),
        ((ONE, ONE), {}),
        ((a_scan(5), a_scan(1, "A")), {}),
    ],
)
def test_each_change_is_one_event(scans, events):
    assert happened(*scans) == events


def test_what_another_line_has_open_is_neither_opened_nor_fixed():
    lines = Lines()
    assert lines.scan("prod", ONE) == {"A": "opened"}
    assert lines.scan("latest", a_scan(2, "A")) == {}
    assert lines.scan("latest", a_scan(3)) == {}
    assert lines.scan("prod", a_scan(4)) == {"A": "fixed"}


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (a_scan(3, "A", severity="CRITICAL"), "worsened"),
        (a_scan(3), "fixed"),
    ],
)
def test_what_happens_on_two_platforms_is_one_event(change, kind):
    lines = Lines()
    kinds = [
        lines.scan(platform, scan)
        for scan in (ONE, change)
        for platform in ("linux/amd64", "linux/arm64")
    ]
    assert [each["A"] for each in kinds if each] == ["opened", kind]


def test_what_is_accepted_on_one_platform_is_accepted_once_no_other_counts_it():
    lines = Lines()
    for platform in ("linux/amd64", "linux/arm64"):
        lines.scan(platform, ONE)
    assert lines.scan("linux/amd64", a_scan(2, accepted=["A"])) == {}
    assert lines.scan("linux/arm64", a_scan(2, accepted=["A"])) == {"A": "accepted"}
    assert lines.scan("linux/amd64", a_scan(3, "A")) == {"A": "expired"}
    assert lines.scan("linux/arm64", a_scan(3, "A")) == {}


def test_what_two_platforms_left_out_is_opened_once_it_counts():
    lines = Lines()
    for platform in ("linux/amd64", "linux/arm64"):
        assert lines.scan(platform, a_scan(1, left_out=["A"])) == {}
    assert lines.scan("linux/amd64", a_scan(2, "A")) == {"A": "opened"}
    assert lines.scan("linux/arm64", a_scan(2, "A")) == {}


def test_what_a_filter_leaves_out_on_one_platform_is_not_fixed_by_the_other():
    lines = Lines()
    for platform in ("linux/amd64", "linux/arm64"):
        lines.scan(platform, ONE)
    assert lines.scan("linux/amd64", a_scan(2, left_out=["A"])) == {}
    assert lines.scan("linux/arm64", a_scan(2)) == {}
    assert lines.scan("linux/amd64", a_scan(3)) == {"A": "fixed"}


def test_a_package_is_fixed_once_it_is_so_in_all_of_its_versions():
    assert happened(a_scan(1, "A", "A #2"), a_scan(2, "A")) == {}
    assert happened(a_scan(1, "A", "A #2"), a_scan(2)) == {"A": "fixed"}


def test_what_was_deleted_was_not_fixed():
    lines = Lines()
    lines.scan("latest", ONE)
    assert lines.end("latest") == {}
    assert lines.scan("latest", a_scan(2)) == {"A": "fixed"}


def test_what_was_fixed_in_one_line_is_so_once_the_other_is_gone():
    lines = Lines()
    lines.scan("prod", ONE)
    lines.scan("latest", a_scan(1, "A"))
    lines.scan("latest", a_scan(2))
    assert lines.end("prod") == {"A": "fixed"}


def test_what_no_line_remembers_is_forgotten():
    lines = Lines()
    lines.scan("latest", ONE)
    lines.end("latest")
    lines.ended.clear()
    lines.put()
    assert lines.before.published == {}


def test_the_first_findings_of_a_line_are_its_inventory():
    events = events_since(None, [with_scan(NOTHING, ONE)])
    assert events.outbox == (FindingEvent("opened", "A", "HIGH", DAY, DAY, DAY, inventory=True),)
    known = RepositoryEvents()
    first, later = the_ledger(ONE), the_ledger(a_scan(1), a_scan(2, "A"))
    assert [each.inventory for each in events_since(known, [first]).outbox] == [True]
    assert [each.inventory for each in events_since(known, [later]).outbox] == [False]


def test_events_that_wait_come_before_those_of_later_scans():
    waiting = events_since(None, [the_ledger(ONE)])
    later = events_since(waiting, [the_ledger(ONE, a_scan(2))])
    assert [each.kind for each in later.outbox] == ["opened", "fixed"]


def test_the_worst_comes_first():
    scan = a_scan(1, "A", "B")
    scan.found["B"] = "CRITICAL"
    events = events_since(None, [with_scan(NOTHING, scan)])
    assert [each.key for each in events.outbox] == ["B", "A"]


NAMES = st.lists(st.sampled_from(["A", "B"]), unique=True)
STEPS = st.tuples(
    st.sampled_from(["latest", "prod", "linux/arm64"]),
    st.none() | st.tuples(NAMES, st.sampled_from(["found", "accepted", "left_out"])),
)


@given(st.lists(STEPS, max_size=12))
def test_events_say_of_each_finding_whether_the_repository_has_it_open(steps):
    lines, said = Lines(), {}
    for day, (line, found) in enumerate(steps, 1):
        if found is None:
            kinds = lines.end(line)
        else:
            names, how = found
            scan = a_scan(day, *names) if how == "found" else a_scan(day, **{how: names})
            kinds = lines.scan(line, scan)
        said |= kinds
        entries = [entry for each in lines.live.values() for entry in each.entries.items()]
        for name in {key for key, _ in entries}:
            statuses = {entry.status for key, entry in entries if key == name}
            is_open = said.get(name) in ("opened", "reopened", "expired", "worsened")
            if OPEN in statuses:
                assert is_open
            elif statuses == {"fixed"}:
                assert not is_open


def test_an_event_has_one_id_however_often_it_is_sent():
    event = FindingEvent("fixed", "A", "HIGH", 9, 1, 1)
    assert event.id_in("1/eu-west-1/shop") == event.id_in("1/eu-west-1/shop")
    assert event.id_in("1/eu-west-1/shop") != event.id_in("1/eu-west-1/other")
    others = [
        FindingEvent("fixed", "A", "HIGH", 8, 1, 1),
        FindingEvent("opened", "A", "HIGH", 9, 1, 1),
    ]
    assert event.id_in("x") not in {other.id_in("x") for other in others}
