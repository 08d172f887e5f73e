"""Which channels have reported what of a line, whatever became of it meanwhile."""

from dataclasses import replace

import pytest

from chalicelib.policy.acknowledgements import (
    as_reported,
    followed,
    have_reported,
    heard,
    is_lagging,
    merged,
    reported,
)
from chalicelib.policy.changes import changes_for
from chalicelib.policy.states import FAILED, Closed
from tests.policy.repositories import HUB, LATEST, PROD, a_state
from tests.reports import found_in

TOPIC, CHAT = frozenset({"topic"}), frozenset({"chat"})
FIXED = Closed("HIGH", fixed=True, waiting=TOPIC | CHAT)
STATE = replace(a_state(LATEST, "a", "CVE-1", "CVE-2"), closed={"CVE-9": FIXED})


def news(channel, state):
    changes = changes_for(channel, state)
    return changes.new | changes.fixed.keys()


def test_what_one_channel_has_reported_is_still_news_to_another():
    state = reported(STATE, "topic")
    assert news("topic", state) == set()
    assert news("chat", state) == {"CVE-1", "CVE-2", "CVE-9"}
    assert state.reported_at == STATE.time


def test_a_channel_that_was_told_nothing_may_still_tell_of_what_is_open_later():
    state = heard(STATE, "topic")
    assert news("topic", state) == {"CVE-1", "CVE-2"}
    assert state.reported_at == ""


@pytest.mark.parametrize(
    ("finding", "changed", "expected"),
    [
        (found_in("CVE-1", "HIGH"), {}, True),
        (found_in("CVE-9", "HIGH"), {}, False),
        (found_in("CVE-1", "CRITICAL"), {}, False),
        (found_in("CVE-1", "HIGH", fix_available=True), {}, False),
        (found_in("CVE-1", "HIGH", exploit_available=True), {}, False),
        (found_in("CVE-1", "HIGH"), {"mirrored": False}, False),
        (found_in("CVE-1", "HIGH"), {"status": FAILED}, False),
    ],
)
def test_a_finding_is_reported_where_all_channels_have_it_as_it_is(finding, changed, expected):
    state = replace(reported(heard(STATE, "chat"), "topic"), **changed)
    assert have_reported(finding, state, TOPIC, HUB) == expected
    assert not have_reported(finding, state, TOPIC | CHAT, HUB)


def test_what_all_channels_have_heard_of_is_no_longer_kept_as_closed():
    assert heard(heard(STATE, "topic"), "chat").closed == {}


def test_that_a_scan_failed_is_noted_without_its_findings_being_taken_for_reported():
    state = reported(replace(STATE, status=FAILED), "topic")
    assert state.failure_reported_by == TOPIC
    assert "CVE-1" in news("topic", state)


def test_a_mirror_lags_until_it_follows():
    state = replace(STATE, mirrored=False, closed={"CVE-9": replace(FIXED, waiting=TOPIC | HUB)})
    assert is_lagging(state, HUB)
    assert is_lagging(replace(state, mirrored=True), HUB)
    assert is_lagging(replace(state, closed={}), HUB)
    assert not is_lagging(followed(state, HUB), HUB)
    assert followed(state, HUB).closed["CVE-9"].waiting == TOPIC


def test_where_there_is_no_mirror_none_lags():
    assert not is_lagging(replace(STATE, mirrored=False), frozenset())


def test_a_mirror_that_failed_goes_on_lagging():
    state = replace(STATE, mirrored=False)
    assert followed(state, frozenset()) == state


def test_the_other_lines_of_an_image_know_what_was_reported_of_it():
    shadow = a_state(PROD, "a", "CVE-1", "CVE-2", is_shadow=True)
    told = as_reported(shadow, reported(STATE, "topic"))
    assert (told.line, told.is_shadow) == (PROD, True)
    assert news("topic", told) == set()


def test_what_was_reported_of_an_earlier_version_is_no_news_in_a_later_one():
    later = replace(STATE, findings={**STATE.findings, "CVE-3": STATE.findings["CVE-1"]})
    state = merged(later, STATE, reported(STATE, "topic"))
    assert news("topic", state) == {"CVE-3"}
    assert news("chat", state) == {"CVE-1", "CVE-2", "CVE-3", "CVE-9"}
    assert state.reported_at == STATE.time


def test_what_got_worse_meanwhile_is_news_though_it_was_reported_before():
    worse = {**STATE.findings, "CVE-1": replace(STATE.findings["CVE-1"], severity="CRITICAL")}
    state = merged(replace(STATE, findings=worse), STATE, reported(STATE, "topic"))
    assert news("topic", state) == {"CVE-1"}


def test_what_was_closed_meanwhile_waits_on():
    later = replace(STATE, closed={**STATE.closed, "CVE-8": FIXED})
    state = merged(later, STATE, reported(reported(STATE, "topic"), "chat"))
    assert state.closed == {"CVE-8": FIXED}


def test_that_a_scan_failed_is_known_to_be_reported_of_a_later_failure_only():
    failed = replace(STATE, status=FAILED)
    told = reported(failed, "topic")
    assert merged(failed, failed, told).failure_reported_by == TOPIC
    assert merged(STATE, failed, told).failure_reported_by == frozenset()


def test_a_state_of_which_nothing_is_known_stays_so():
    unknown = replace(STATE, findings=None, closed={})
    assert merged(unknown, STATE, reported(STATE, "topic")).findings is None
