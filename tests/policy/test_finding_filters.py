"""Which findings count."""

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.ecr.findings import counts_of
from chalicelib.policy.finding_filters import FindingFilters
from tests.reports import FINDINGS, a_finding

FIXED = a_finding("CVE-1", score=9.0)
UNFIXED = a_finding("CVE-2", score=5.0, fixed="", fix_available=False)
UNRATED = a_finding("CVE-3", score=None)
UNTOLD = a_finding("CVE-4", fixed="")
ALL = (FIXED, UNFIXED, UNRATED)


def test_without_gates_every_finding_counts():
    assert FindingFilters().pass_through(ALL) == (ALL, {})


def test_fixable_only_shows_what_has_no_fix_but_weighs_the_rest():
    finding_filters = FindingFilters(fixable_only=True)
    shown, left_out = finding_filters.pass_through(ALL)
    assert (shown, left_out) == (ALL, {})
    assert finding_filters.weighed(shown) == {"CRITICAL": 2}


def test_what_has_no_fix_is_left_out_and_counted_where_it_is_ignored():
    assert FindingFilters(ignore_unfixed=True).pass_through(ALL) == (
        (FIXED, UNRATED),
        {"without a fix": (UNFIXED,)},
    )


def test_a_finding_of_which_no_fix_is_told_counts():
    """Basic scanning seldom tells whether there is one."""
    finding_filters = FindingFilters(fixable_only=True, ignore_unfixed=True)
    assert finding_filters.pass_through([UNTOLD]) == ((UNTOLD,), {})
    assert finding_filters.weighed([UNTOLD]) == {"CRITICAL": 1}


def test_a_finding_of_unknown_score_counts_whatever_the_minimum():
    shown, left_out = FindingFilters(minimum_score=9.0).pass_through(ALL)
    assert shown == (FIXED, UNRATED)
    assert left_out == {"below the minimum score": (UNFIXED,)}


@given(
    st.lists(FINDINGS),
    st.builds(
        FindingFilters,
        fixable_only=st.booleans(),
        ignore_unfixed=st.booleans(),
        minimum_score=st.floats(0, 10),
    ),
)
def test_every_finding_is_shown_or_counted_as_left_out(findings, finding_filters):
    shown, left_out = finding_filters.pass_through(findings)
    assert len(shown) + sum(map(len, left_out.values())) == len(findings)
    counted = counts_of(shown)
    assert all(count <= counted[level] for level, count in finding_filters.weighed(shown).items())
