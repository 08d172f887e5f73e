"""A line's ledger and events in the table: what is read is what was kept."""

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.aws.packed_states import packed, unpacked
from chalicelib.ecr.severities import SEVERITIES
from chalicelib.policy.finding_events import KINDS, FindingEvent
from chalicelib.policy.ledger import DAY, Entry, Ledger, Span
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


@given(LEDGERS, st.lists(EVENTS).map(tuple))
def test_what_is_kept_of_a_line_is_what_is_read(ledger, events):
    assert unpacked(packed({}, {}, ledger, events)) == ({}, {}, ledger, events)


def test_of_a_history_that_does_not_fit_what_was_fixed_goes_first():
    names = [hashlib.sha256(str(number).encode()).hexdigest() for number in range(20_000)]
    fixed = Entry("CRITICAL", (Span(DAY, DAY, 2 * DAY),))
    ledger = Ledger({**dict.fromkeys(names, fixed), "CVE-1": Entry("LOW", (Span(DAY, DAY),))})
    data = packed({}, {}, ledger)
    assert len(data) <= 300_000
    kept = unpacked(data)[2].entries
    assert "CVE-1" in kept
    assert 5_000 <= len(kept) < 20_000
