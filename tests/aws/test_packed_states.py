"""Ledgers and events in the table: what is read is what was kept."""

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.aws.packed_states import packed, packed_events, unpacked, unpacked_events
from chalicelib.ecr.severities import SEVERITIES
from chalicelib.policy.finding_events import KINDS, FindingEvent, Published, RepositoryEvents
from chalicelib.policy.ledger import ACCEPTED, DAY, LEFT_OUT, OPEN, Entry, Ledger, Span
from tests.reports import TEXTS

TIMES = st.integers(0, 2_000_000_000)
SPANS = st.lists(st.builds(Span, TIMES, TIMES, st.none() | TIMES), max_size=3).map(tuple)
ENTRIES = st.builds(
    Entry, st.sampled_from(SEVERITIES), SPANS.filter(bool), SPANS, SPANS, st.none() | TIMES
)
LEDGERS = st.builds(Ledger, st.dictionaries(TEXTS, ENTRIES), st.lists(TIMES, max_size=4).map(tuple))
SEVERITY = st.sampled_from(SEVERITIES)
EVENTS = st.builds(
    FindingEvent, st.sampled_from(KINDS), TEXTS, SEVERITY, TIMES, TIMES, TIMES, st.booleans()
)


PUBLISHED = st.dictionaries(
    TEXTS, st.builds(Published, st.sampled_from([OPEN, ACCEPTED, LEFT_OUT]), SEVERITY)
)


@given(LEDGERS)
def test_what_is_kept_of_a_line_is_what_is_read(ledger):
    assert unpacked(packed({}, {}, ledger)) == ({}, {}, ledger)


@given(PUBLISHED, st.lists(EVENTS).map(tuple))
def test_what_events_have_said_and_those_that_wait_are_read_as_they_were_kept(published, outbox):
    events = RepositoryEvents(published, outbox, 3)
    assert unpacked_events(packed_events(events), 3) == events


def test_of_more_than_fits_what_events_have_said_of_the_worst_is_kept():
    names = [hashlib.sha256(str(number).encode()).hexdigest() for number in range(20_000)]
    events = RepositoryEvents(
        {**dict.fromkeys(names, Published(OPEN, "LOW")), "CVE-1": Published(OPEN, "CRITICAL")}
    )
    data = packed_events(events)
    assert len(data) <= 300_000
    assert "CVE-1" in unpacked_events(data, 0).published


def test_of_a_history_that_does_not_fit_what_was_fixed_goes_first():
    names = [hashlib.sha256(str(number).encode()).hexdigest() for number in range(20_000)]
    fixed = Entry("CRITICAL", (Span(DAY, DAY, 2 * DAY),))
    ledger = Ledger({**dict.fromkeys(names, fixed), "CVE-1": Entry("LOW", (Span(DAY, DAY),))})
    data = packed({}, {}, ledger)
    assert len(data) <= 300_000
    kept = unpacked(data)[2].entries
    assert "CVE-1" in kept
    assert 5_000 <= len(kept) < 20_000
