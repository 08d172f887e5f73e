"""What becomes of a line's state: scans, failures, ends, and lines that share an image."""

from dataclasses import replace

import pytest

from chalicelib.policy.states import FAILED, Closed, Known
from chalicelib.policy.transitions import (
    Scan,
    after_failure,
    after_scan,
    ended,
    promoted,
    shadow_of,
    shadowed,
)
from tests.policy.repositories import HUB, LATEST, PROD, a_state, day
from tests.reports import found_in

TOPIC = frozenset({"topic"})


def a_scan(*names, digest="a", scanned=1, event="event", apart=(), **how):
    findings = tuple(found_in(name, how.pop("severity", "HIGH"), **how) for name in names)
    time = day(scanned).isoformat()
    accepted = tuple(found_in(name, "HIGH") for name in apart)
    return Scan(digest, digest, time, "COMPLETE", event, findings, accepted)


def heard(state):
    """The state once the topic has reported its findings."""
    findings = {key: replace(each, reported_by=TOPIC) for key, each in state.findings.items()}
    return replace(state, findings=findings)


def news(state):
    return {key for key, each in state.findings.items() if not each.reported_by}


BEFORE = heard(a_state(LATEST, "a", "CVE-1", "CVE-2", version=3, updated_at=7))


def test_of_a_first_scan_every_finding_is_news():
    state = after_scan(LATEST, None, (), a_scan("CVE-1"))
    assert news(state) == {"CVE-1"}
    assert (state.since, state.digest_before, state.version) == ("", "", 0)


def test_what_was_there_before_is_no_news_and_what_is_not_found_is_fixed():
    state = after_scan(LATEST, BEFORE, (BEFORE,), a_scan("CVE-2", "CVE-3"))
    assert news(state) == {"CVE-3"}
    assert state.closed == {"CVE-1": Closed("HIGH", fixed=True, waiting=TOPIC)}
    assert state.findings["CVE-2"].found_at == BEFORE.time
    assert (state.version, state.updated_at) == (3, 7)


def test_what_was_fixed_and_is_back_is_news_again():
    state = after_scan(LATEST, BEFORE, (BEFORE,), a_scan("CVE-2"))
    again = after_scan(LATEST, state, (state,), a_scan("CVE-1", "CVE-2", scanned=2))
    assert news(again) == {"CVE-1"}
    assert again.closed == {}


def test_what_was_reported_of_an_image_is_no_news_when_its_tag_is_rolled_back_to_it():
    newer = heard(a_state(LATEST, "b", "CVE-3", scanned=1))
    older = heard(a_state(PROD, "a", "CVE-1", scanned=0))
    state = after_scan(LATEST, newer, (newer, older), a_scan("CVE-1", "CVE-3", scanned=2))
    assert news(state) == set()


def test_the_line_says_before_the_images_own_state_whether_a_finding_is_new():
    line = heard(a_state(LATEST, "b", "CVE-1"))
    own = replace(a_state(PROD, "a", "CVE-1", "CVE-2"), is_shadow=True)
    state = after_scan(LATEST, line, (line, own), a_scan("CVE-1", "CVE-2"))
    assert news(state) == {"CVE-2"}


def test_what_is_accepted_or_left_out_is_closed_but_not_fixed():
    state = after_scan(LATEST, BEFORE, (BEFORE,), a_scan("CVE-2", apart=["CVE-1"]))
    assert state.closed == {"CVE-1": Closed("HIGH", fixed=False, waiting=TOPIC)}


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ({"severity": "CRITICAL"}, True),
        ({"severity": "LOW"}, False),
        ({"package": "zlib", "fixed": "2"}, True),
        ({"exploit_available": True}, True),
        ({}, False),
    ],
)
def test_a_finding_that_matters_more_than_before_is_news(how, told):
    package = how.get("package", "zlib")
    key = f"CVE-1 {package}"
    before = heard(a_state(LATEST, "a", key))
    state = after_scan(LATEST, before, (before,), a_scan("CVE-1", **{**how, "package": package}))
    assert (news(state) == {key}) is told
    assert state.findings[key].found_at == before.time


def test_a_fix_that_is_withdrawn_is_no_news():
    known = {
        "CVE-1": Known(
            "HIGH", day(0).isoformat(), fixable=True, exploitable=True, reported_by=TOPIC
        )
    }
    before = a_state(LATEST, "a", findings=known)
    assert news(after_scan(LATEST, before, (before,), a_scan("CVE-1"))) == set()


def test_a_scan_is_compared_with_the_last_image_of_the_line():
    state = after_scan(LATEST, BEFORE, (BEFORE,), a_scan("CVE-2", digest="b"))
    assert (state.digest_before, state.since) == ("a", BEFORE.time)


def test_an_event_that_comes_again_is_compared_with_what_its_first_try_was():
    first = after_scan(LATEST, BEFORE, (BEFORE,), a_scan("CVE-2", digest="b", event="e"))
    again = after_scan(LATEST, first, (first,), a_scan("CVE-2", digest="b", event="e"))
    assert (again.digest_before, again.since) == ("a", BEFORE.time)
    later = after_scan(LATEST, first, (first,), a_scan("CVE-2", digest="b", event="f"))
    assert (later.digest_before, later.since) == ("b", first.time)


def test_a_late_event_does_not_set_the_time_of_the_images_last_scan_back():
    before = a_state(LATEST, "a", scanned=5)
    assert after_scan(LATEST, before, (before,), a_scan(scanned=1)).time == before.time
    other = a_scan(digest="b", scanned=1)
    assert after_scan(LATEST, before, (before,), other).time == other.time


def test_mirrors_close_what_is_open_in_the_line_though_nobody_was_notified_of_it():
    before = a_state(LATEST, "a", "CVE-1")
    state = after_scan(LATEST, before, (before,), a_scan(), HUB)
    assert state.closed == {"CVE-1": Closed("HIGH", fixed=True, waiting=HUB)}
    assert not state.mirrored
    assert after_scan(LATEST, before, (before,), a_scan()).closed == {}


def test_mirrors_close_nothing_of_a_line_that_only_says_what_is_open_elsewhere():
    before = a_state(LATEST, "a", "CVE-1", is_shadow=True)
    assert after_scan(LATEST, before, (before,), a_scan(), HUB).closed == {}


def test_what_a_channel_has_yet_to_hear_waits_on():
    waiting = {"CVE-9": Closed("LOW", fixed=True, waiting=TOPIC)}
    before = replace(BEFORE, closed=waiting)
    state = after_scan(LATEST, before, (before,), a_scan("CVE-1", "CVE-2"))
    assert state.closed == waiting


def test_a_scan_that_fails_leaves_what_was_known():
    failed = after_failure(LATEST, BEFORE, a_scan())
    assert failed == replace(BEFORE, status=FAILED, event="event")


def test_a_first_scan_that_fails_tells_nothing_of_findings():
    state = after_failure(LATEST, None, a_scan())
    assert (state.status, state.findings) == (FAILED, None)


def test_a_scan_that_fails_again_is_known_to_those_who_reported_it():
    failed = replace(after_failure(LATEST, BEFORE, a_scan()), failure_reported_by=TOPIC)
    assert after_failure(LATEST, failed, a_scan(event="f")).failure_reported_by == TOPIC
    well = after_scan(LATEST, failed, (failed,), a_scan("CVE-1", "CVE-2"))
    assert after_failure(LATEST, well, a_scan(event="g")).failure_reported_by == frozenset()


def test_nothing_is_open_in_a_line_that_ends_but_what_was_is_remembered():
    state = ended(BEFORE, HUB)
    assert state.closed.keys() == {"CVE-1", "CVE-2"}
    assert {each.waiting for each in state.closed.values()} == {HUB}
    assert state.findings == BEFORE.findings
    assert not state.is_mirrored_as_open


def test_people_do_not_hear_that_what_was_deleted_is_fixed():
    assert ended(BEFORE).closed == {}


def test_an_image_that_is_reported_elsewhere_is_closed_here_and_opened_when_it_comes_back():
    shadow = shadowed(BEFORE, HUB)
    assert not shadow.is_mirrored_as_open
    assert shadow.closed.keys() == {"CVE-1", "CVE-2"}
    back = promoted(shadow, HUB)
    assert back.is_mirrored_as_open
    assert (back.closed, back.mirrored) == ({}, False)


def test_another_line_of_an_image_says_the_same_and_closes_what_it_had():
    before = a_state(PROD, "b", "CVE-7", version=9, updated_at=11)
    shadow = shadow_of(BEFORE, PROD, before, HUB)
    assert (shadow.line, shadow.digest, shadow.findings) == (PROD, "a", BEFORE.findings)
    assert shadow.closed.keys() == {"CVE-7"}
    assert (shadow.version, shadow.updated_at) == (9, 11)
    new = shadow_of(BEFORE, PROD, None, HUB)
    assert (new.closed, new.version, new.updated_at) == ({}, 0, 0)


def test_a_known_finding_that_enters_the_catalogue_of_exploited_ones_is_news():
    known = heard(after_scan(LATEST, None, (), a_scan("CVE-1", known_exploited=False)))
    state = after_scan(LATEST, known, (known,), a_scan("CVE-1", scanned=2, known_exploited=True))
    assert news(state) == {"CVE-1"}
    again = heard(state)
    unasked = after_scan(LATEST, again, (again,), a_scan("CVE-1", scanned=3, known_exploited=None))
    assert news(unasked) == set()
    listed = after_scan(
        LATEST, unasked, (unasked,), a_scan("CVE-1", scanned=4, known_exploited=True)
    )
    assert news(listed) == set()
