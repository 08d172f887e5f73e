"""Regular expressions from outside."""

import re
import signal
from concurrent.futures import ThreadPoolExecutor

import pytest

from chalicelib.runtime import patterns
from chalicelib.runtime.patterns import PatternTooSlow, names_matching, parse_pattern


def test_a_pattern_is_found_anywhere_in_a_name():
    names = ["payments/api", "shop/payments", "shop/web"]
    assert names_matching(re.compile("payments"), names) == ["payments/api", "shop/payments"]
    assert names_matching(re.compile("^payments"), names) == ["payments/api"]
    assert names_matching(re.compile("^shop/web$"), names) == ["shop/web"]


@pytest.mark.parametrize("text", ["(", "[a", "*", "a{99999999999}", "(?P<x>a)(?P<x>b)"])
def test_what_does_not_compile_is_a_clear_error(text):
    with pytest.raises(ValueError, match="is not a Python regular expression: "):
        parse_pattern(text)


def test_a_pattern_that_backtracks_without_end_is_stopped(monkeypatch):
    monkeypatch.setattr(patterns, "MATCHING_SECONDS", 0.05)
    with pytest.raises(PatternTooSlow, match="takes too long"):
        names_matching(re.compile("(a+)+$"), ["a" * 100 + "b"])
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_outside_the_main_thread_there_is_no_timer_and_the_names_still_match():
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(names_matching, re.compile("a"), ["a", "b"]).result() == ["a"]
