"""Which of many patterns match a name."""

from fnmatch import fnmatchcase

from hypothesis import example, given
from hypothesis import strategies as st

from chalicelib.policy.globs import GlobIndex

PATTERNS = st.none() | st.text("ab*?[!]-/", max_size=6) | st.just("*")


@given(st.lists(PATTERNS, max_size=8), st.text("ab-/[]*", max_size=6))
@example([None, "*", "", "a", "a*", "*a", "[a]", "[*]"], "a")
def test_a_name_matches_the_patterns_that_it_matches_one_by_one(patterns, name):
    index = GlobIndex(patterns)
    expected = {n for n, each in enumerate(patterns) if each is None or fnmatchcase(name, each)}
    assert index.matching(name) | index.unnamed == expected


def test_a_name_is_held_only_against_patterns_that_begin_as_it_does():
    index = GlobIndex([f"lib{number}*" for number in range(500)] + [f"x{n}" for n in range(500)])
    assert index.matching("lib123-dev") == {1, 12, 123}
    assert index.matching("x7") == {507}
    assert index.comparisons == 3


def test_what_matches_a_name_is_found_out_once():
    index = GlobIndex(["a*"])
    assert [index.matching("abc") for _ in range(9)] == [{0}] * 9
    assert index.comparisons == 1
