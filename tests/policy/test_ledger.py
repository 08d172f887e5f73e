"""The ledger of a line: what it says is what a list of all scans says."""

from collections import defaultdict

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.policy.ledger import (
    ACCEPTED,
    DAY,
    DAYS_KEPT,
    FIXED,
    LEFT_OUT,
    MOST_SCANS,
    NOTHING,
    OPEN,
    Entry,
    Observation,
    Span,
    joined,
    mean_days,
    with_scan,
)


def a_scan(day, *keys, severity="HIGH", **fields):
    accepted, left_out = fields.pop("accepted", ()), fields.pop("left_out", ())
    found = dict.fromkeys((*keys, *accepted, *left_out), severity)
    return Observation(day * DAY, found, frozenset(accepted), frozenset(left_out), **fields)


def the_ledger(*scans, ledger=NOTHING):
    for scan in scans:
        ledger = with_scan(ledger, scan)
    return ledger


def days(seconds):
    return seconds / DAY


def test_a_finding_is_open_since_the_first_scan_that_found_it():
    entry = the_ledger(a_scan(1, "A"), a_scan(5, "A"), a_scan(9, "A")).entries["A"]
    assert (entry.status, days(entry.open_since), days(entry.last_seen)) == (OPEN, 1, 9)


def test_a_finding_is_fixed_by_the_first_scan_that_does_not_find_it():
    entry = the_ledger(a_scan(1, "A"), a_scan(5), a_scan(9)).entries["A"]
    assert (entry.status, days(entry.fixed_at)) == (FIXED, 5)
    assert entry.fixes == ((5 * DAY, 4 * DAY),)


def test_the_clock_of_a_finding_that_comes_back_begins_anew():
    entry = the_ledger(a_scan(1, "A"), a_scan(5), a_scan(9, "A")).entries["A"]
    assert (entry.status, entry.has_reopened) == (OPEN, True)
    assert (days(entry.open_since), days(entry.first_seen)) == (9, 1)


def test_a_scan_that_is_told_late_is_taken_at_its_time():
    late = a_scan(1, "A")
    entry = the_ledger(a_scan(5, "A"), late).entries["A"]
    assert days(entry.open_since) == 1


def test_a_late_scan_without_it_parts_two_times_in_which_it_was_open():
    entry = the_ledger(a_scan(1, "A"), a_scan(9, "A"), a_scan(5)).entries["A"]
    assert entry.found == (Span(DAY, DAY, 5 * DAY), Span(9 * DAY, 9 * DAY))


def test_what_the_scanner_observed_before_the_first_scan_counts():
    scan = a_scan(5, "A", observed={"A": 2 * DAY})
    assert days(the_ledger(scan).entries["A"].open_since) == 2


def test_what_was_observed_before_does_not_count_once_it_had_been_fixed():
    scans = (a_scan(5, "A", observed={"A": 2 * DAY}), a_scan(6), a_scan(7, "A"))
    assert days(the_ledger(*scans).entries["A"].open_since) == 7


def test_the_clock_of_an_accepted_finding_goes_on():
    scans = (a_scan(1, "A"), a_scan(5, accepted=["A"]))
    assert the_ledger(*scans).entries["A"].status == ACCEPTED
    entry = the_ledger(*scans, a_scan(9, "A")).entries["A"]
    assert (entry.status, days(entry.open_since)) == (OPEN, 1)


def test_a_finding_that_is_left_out_is_not_fixed():
    assert the_ledger(a_scan(1, "A"), a_scan(5, left_out=["A"])).entries["A"].status == LEFT_OUT


def test_the_severity_is_that_of_the_last_scan_that_found_it():
    low, high = a_scan(1, "A", severity="LOW"), a_scan(5, "A", severity="HIGH")
    assert the_ledger(low, high).entries["A"].severity == "HIGH"
    assert the_ledger(high, low).entries["A"].severity == "HIGH"


def test_what_was_fixed_is_forgotten_after_a_time():
    scans = (a_scan(1, "A", "B"), a_scan(2, "B"), a_scan(3 + DAYS_KEPT, "B"))
    assert the_ledger(*scans).entries.keys() == {"B"}


def test_a_scan_before_those_that_are_kept_changes_nothing():
    ledger = the_ledger(*(a_scan(day, "A") for day in range(2, MOST_SCANS + 2)))
    assert len(ledger.scans) == MOST_SCANS
    assert with_scan(ledger, a_scan(1, "B")) == ledger


def test_a_finding_that_comes_and_goes_keeps_its_beginning_and_its_end():
    scans = [a_scan(day, *"A" * (day % 2)) for day in range(1, 30)]
    entry = the_ledger(*scans).entries["A"]
    assert days(entry.first_seen) == 1
    assert days(entry.open_since) == 29


def test_a_line_that_takes_up_an_image_knows_what_was_open_in_it_before():
    other = the_ledger(a_scan(1, "A", "B"), a_scan(2, "A"))
    ledger = joined(the_ledger(a_scan(5, "A", "B")), other)
    assert days(ledger.entries["A"].open_since) == 1
    assert days(ledger.entries["B"].open_since) == 5


def test_the_mean_time_to_fix_of_nothing_is_not_known():
    assert mean_days([]) is None
    assert mean_days([DAY, 4 * DAY]) == 2.5


KEYS = "ABC"
SCANS = st.dictionaries(
    st.integers(1, 60),
    st.dictionaries(st.sampled_from(KEYS), st.sampled_from(["", ACCEPTED, LEFT_OUT])),
    min_size=1,
    max_size=12,
).flatmap(lambda by_day: st.tuples(st.just(by_day), st.permutations([*by_day, *list(by_day)[:3]])))


@given(SCANS)
def test_scans_in_any_order_and_told_twice_give_what_a_list_of_them_gives(told):
    by_day, order = told

    def observation(day):
        kinds = defaultdict(set)
        for key, kind in by_day[day].items():
            kinds[kind].add(key)
        return a_scan(day, *kinds[""], accepted=kinds[ACCEPTED], left_out=kinds[LEFT_OUT])

    ledger = the_ledger(*map(observation, order))
    assert ledger == the_ledger(*map(observation, sorted(by_day)))
    for key in KEYS:
        entry = ledger.entries.get(key)
        present = [key in by_day[day] for day in sorted(by_day)]
        assert (entry is not None) is any(present)
        if entry is not None:
            check(entry, key, by_day)


def check(entry: Entry, key, by_day):
    """What a plain list of all scans says of a finding, but for spans that are left out."""
    scans = sorted(by_day)
    found = [day for day in scans if key in by_day[day]]
    assert days(entry.first_seen) == found[0]
    assert days(entry.last_seen) == found[-1]
    later = [day for day in scans if day > found[-1]]
    assert entry.fixed_at == (later[0] * DAY if later else None)
    missing = [day for day in scans if day < found[-1] and key not in by_day[day]]
    assert days(entry.open_since) == min(day for day in found if day > max(missing, default=0))
    if not later:
        assert entry.status == (by_day[found[-1]][key] or OPEN)
