"""What is new to a channel, and whether it is worth a message."""

from dataclasses import replace

import pytest

from chalicelib.policy.changes import Changes, changes_for, is_news
from chalicelib.policy.states import FAILED, Closed, Known
from tests.policy.repositories import LATEST, a_state

HEARD = frozenset({"topic"})
OLD, NEW = Known("HIGH", "t", reported_by=HEARD), Known("HIGH", "t")
FIXED = {"CVE-9": Closed("HIGH", fixed=True, waiting=HEARD)}
MODES = ("every-scan", "changes", "new-findings")


def state_of(findings=(), closed=(), **fields):
    state = a_state(LATEST, "b", **fields)
    return replace(state, findings=dict(findings), closed=dict(closed))


def news_in(mode, state, crossed=("HIGH",), **how):
    return is_news(mode, "topic", state, changes_for("topic", state), crossed, **how)


def test_what_a_channel_has_not_reported_is_new_to_it_alone():
    state = state_of({"CVE-1": OLD, "CVE-2": NEW}, FIXED, digest_before="a", since="t")
    assert changes_for("topic", state) == Changes(
        frozenset({"CVE-2"}), {"CVE-9": "HIGH"}, 1, digest_before="a", since="t"
    )
    assert changes_for("chat", state).new == {"CVE-1", "CVE-2"}
    assert changes_for("chat", state).fixed == {}


def test_what_was_accepted_is_not_said_to_be_fixed():
    accepted = {"CVE-9": Closed("HIGH", fixed=False, waiting=HEARD)}
    assert changes_for("topic", state_of({}, accepted)).fixed == {}


def test_of_a_line_that_nothing_is_known_of_it_is_the_first_report():
    assert changes_for("topic", state_of({"CVE-1": NEW})).first
    assert not changes_for("topic", state_of({"CVE-1": NEW}, since="t")).first


@pytest.mark.parametrize(
    ("mode", "findings", "closed", "told"),
    [
        ("every-scan", {"CVE-1": OLD}, {}, True),
        ("changes", {"CVE-1": OLD}, {}, False),
        ("changes", {"CVE-1": OLD, "CVE-2": NEW}, {}, True),
        ("changes", {}, FIXED, True),
        ("new-findings", {"CVE-1": OLD}, {}, False),
        ("new-findings", {"CVE-1": OLD, "CVE-2": NEW}, {}, True),
        ("new-findings", {}, FIXED, False),
    ],
)
def test_the_mode_says_after_which_scans_people_are_notified(mode, findings, closed, told):
    assert news_in(mode, state_of(findings, closed)) is told


@pytest.mark.parametrize("mode", ["changes", "new-findings"])
def test_a_new_finding_is_news_only_where_its_own_severity_reaches_a_threshold(mode):
    state = state_of({"CVE-1": OLD, "CVE-2": replace(NEW, severity="LOW")})
    assert not news_in(mode, state, crossed=("HIGH",))
    assert news_in(mode, state, crossed=("HIGH", "LOW"))


def test_a_scan_below_all_thresholds_is_no_news_in_any_mode():
    assert not any(news_in(mode, state_of({"CVE-1": NEW}), crossed=()) for mode in MODES)


def test_an_event_about_a_scan_that_was_reported_is_news_for_its_changes_only():
    same, other = state_of({"CVE-1": OLD}), state_of({"CVE-1": NEW})
    assert [news_in(mode, same, is_rescan=True) for mode in MODES] == [False] * 3
    assert [news_in(mode, other, is_rescan=True) for mode in MODES] == [True] * 3


@pytest.mark.parametrize(
    ("mode", "again"), [("every-scan", True), ("changes", False), ("new-findings", False)]
)
def test_a_scan_that_fails_again_is_no_news_but_where_every_scan_is(mode, again):
    state = replace(state_of(), status=FAILED)
    assert news_in(mode, state, crossed=())
    assert news_in(mode, replace(state, failure_reported_by=frozenset({"chat"})), crossed=())
    assert news_in(mode, replace(state, failure_reported_by=HEARD), crossed=()) is again


def test_the_same_changes_have_the_same_fingerprint_and_none_have_none():
    changes = Changes(frozenset({"CVE-1", "CVE-2"}), {"CVE-9": "HIGH"})
    assert changes.fingerprint == replace(changes, unchanged=7, since="t").fingerprint != ""
    assert Changes(frozenset({"CVE-1"})).fingerprint != changes.fingerprint
    fixed_instead = Changes(frozenset(), {"CVE-1": "HIGH"})
    assert fixed_instead.fingerprint != Changes(frozenset({"CVE-1"})).fingerprint
    assert Changes(frozenset(), unchanged=3).fingerprint == ""
