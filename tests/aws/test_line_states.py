"""What is known of a repository's lines in the table, over real boto3 calls."""

import hashlib
from dataclasses import replace

import boto3
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.aws.dynamodb import Table
from chalicelib.aws.line_states import Changed, LineStates, Recalled, Tagged
from chalicelib.aws.packed_states import packed, unpacked
from chalicelib.ecr.severities import SEVERITIES
from chalicelib.policy.builds import Newest
from chalicelib.policy.states import FAILED, Closed, Known, Line
from chalicelib.runtime.backoff import Throttled
from tests.policy.repositories import AMD, LATEST, UNTAGGED, a_state, day
from tests.reports import TEXTS

PLACE = "123456789012/eu-west-1/shop/api"
CHANNELS = st.frozensets(st.sampled_from(["topic", "chat", "security_hub"]))
KNOWN = st.builds(Known, st.sampled_from(SEVERITIES), TEXTS, st.booleans(), st.booleans(), CHANNELS)
CLOSED = st.builds(Closed, st.sampled_from(SEVERITIES), st.booleans(), CHANNELS)


@pytest.fixture
def client(history_table):
    return boto3.client("dynamodb")


@pytest.fixture
def states(client, history_table, clock):
    return LineStates(Table(client, history_table, clock))


def test_what_is_kept_of_a_line_comes_back_whole(states, clock):
    full = a_state(
        AMD,
        "sha256:a",
        whole="sha256:i",
        findings={"CVE-1 openssl": Known("HIGH", "t", True, True, frozenset({"topic", "chat"}))},
        closed={"CVE-9": Closed("LOW", False, frozenset({"security_hub"}))},
        digest_before="sha256:b",
        since="t",
        event="e",
        reported_at="r",
        failure_reported_by=frozenset({"chat"}),
        has_ended=True,
        is_shadow=True,
        mirrored=False,
    )
    kept = states.keep(PLACE, full)
    assert kept == replace(full, version=1, updated_at=int(clock.now) * 1000)
    assert states.recall(PLACE) == Recalled({AMD: kept}, None, 0)


@pytest.mark.parametrize(
    "line", [LATEST, AMD, UNTAGGED, Line("", "linux/arm64/v8"), Line("a-b", "windows/amd64 2")]
)
def test_lines_are_told_apart_by_tag_and_platform(states, line):
    kept = [states.keep(PLACE, a_state(each, "sha256:a")) for each in {line, LATEST, AMD}]
    states.keep(f"{PLACE}-2", a_state(line, "sha256:b"))
    assert states.recall(PLACE).states == {state.line: state for state in kept}


def test_findings_that_are_not_known_do_not_come_back_as_none_found(states):
    kept = states.keep(PLACE, a_state(LATEST, "sha256:a", findings=None, has_ended=False))
    states.keep(PLACE, a_state(AMD, "sha256:a", findings={}))
    recalled = states.recall(PLACE).states
    assert recalled[LATEST].findings is kept.findings is None
    assert recalled[AMD].findings == {}


def test_a_state_that_another_invocation_has_changed_is_not_overwritten(states):
    first = states.keep(PLACE, a_state(LATEST, "sha256:a", "CVE-1"))
    second = states.keep(PLACE, replace(first, status=FAILED))
    with pytest.raises(Changed):
        states.keep(PLACE, replace(first, findings={}))
    with pytest.raises(Changed):
        states.keep(PLACE, a_state(LATEST, "sha256:b"))
    assert states.recall(PLACE).states[LATEST] == second
    assert issubclass(Changed, Throttled)  # so that it is read, compared and kept again


def test_a_later_version_is_later_though_the_clock_stands_still_or_goes_back(states, clock):
    first = states.keep(PLACE, a_state(LATEST, "sha256:a"))
    second = states.keep(PLACE, first)
    clock.now -= 3600
    third = states.keep(PLACE, second)
    assert first.updated_at < second.updated_at < third.updated_at


def test_a_line_that_was_forgotten_begins_anew_though_it_is_not_deleted_yet(states, clock):
    states.keep(PLACE, a_state(LATEST, "sha256:a"))
    clock.now += 401 * 86_400
    assert states.recall(PLACE).states == {}
    states.keep(PLACE, a_state(LATEST, "sha256:b"))
    assert states.recall(PLACE).states[LATEST].digest == "sha256:b"


def test_the_newest_build_is_kept_in_place_of_the_one_before(states):
    first = Newest("sha256:a", day(0))
    second = Newest("sha256:b", day(1), tag="", tag_before="latest")
    states.keep_newest(PLACE, None, first)
    assert states.recall(PLACE).newest == first
    states.keep_newest(PLACE, first, second)
    assert states.recall(PLACE).newest == second
    with pytest.raises(Changed):
        states.keep_newest(PLACE, first, Newest("sha256:c", day(2)))
    assert states.recall(PLACE).newest == second


def test_a_newest_build_that_is_known_is_not_written_again(states, client):
    newest = Newest("sha256:a", day(0))
    states.keep_newest(PLACE, None, newest)
    calls = []
    client.meta.events.register("before-call.dynamodb.PutItem", lambda **_: calls.append(1))
    states.keep_newest(PLACE, newest, newest)
    assert calls == []


def test_all_images_of_a_repository_are_read_by_one_invocation_at_a_time(states, clock):
    began_at = states.begin_walk(PLACE)
    with pytest.raises(Changed):
        states.begin_walk(PLACE)
    states.begin_walk(f"{PLACE}-2")
    states.end_walk(PLACE, began_at)
    assert states.recall(PLACE).walked_at == began_at == int(clock.now)
    states.begin_walk(PLACE)


def test_a_reading_that_failed_was_none_and_may_be_done_again(states):
    first = states.begin_walk(PLACE)
    states.end_walk(PLACE, first)
    states.begin_walk(PLACE)
    states.end_walk(PLACE, None)
    assert states.recall(PLACE).walked_at == first
    states.begin_walk(PLACE)


def test_a_reading_that_was_cut_short_holds_up_the_next_for_a_while_only(states, clock):
    states.begin_walk(PLACE)
    clock.now += 60  # the notifier's time-out
    with pytest.raises(Changed):
        states.begin_walk(PLACE)
    clock.now += 31
    states.begin_walk(PLACE)


def test_where_tags_were_seen_is_known_of_those_that_were(states):
    tagged = {"latest": Tagged("sha256:b", "sha256:a"), "git-1": Tagged("sha256:b")}
    states.keep_tagged(PLACE, tagged)
    assert states.tagged(PLACE, ["latest", "git-1", "never"]) == tagged
    assert states.tagged(f"{PLACE}-2", ["latest"]) == {}
    states.keep_tagged(PLACE, {"latest": Tagged("sha256:c", "sha256:b")})
    assert states.tagged(PLACE, ["latest"]) == {"latest": Tagged("sha256:c", "sha256:b")}


def test_a_thousand_tags_are_read_in_ten_calls(states, client):
    tagged = {f"build-{number}": Tagged("sha256:a") for number in range(1000)}
    states.keep_tagged(PLACE, tagged)
    calls = []
    client.meta.events.register("before-call.dynamodb.BatchGetItem", lambda **_: calls.append(1))
    assert states.tagged(PLACE, tagged) == tagged
    assert len(calls) == 10


def test_where_nothing_was_seen_nothing_is_asked_for_or_written(states):
    states.keep_tagged(PLACE, {})
    assert states.tagged(PLACE, []) == {}


def test_every_item_ends_some_day(states, client, clock):
    states.keep(PLACE, a_state(LATEST, "sha256:a"))
    states.keep_newest(PLACE, None, Newest("sha256:a", day(0)))
    states.end_walk(PLACE, states.begin_walk(PLACE))
    states.keep_tagged(PLACE, {"latest": Tagged("sha256:a")})
    items = client.scan(TableName="history")["Items"]
    assert len(items) == 4
    assert {(int(item["expires_at"]["N"]) - clock.now) / 86_400 for item in items} == {400}


@given(st.none() | st.dictionaries(TEXTS, KNOWN), st.dictionaries(TEXTS, CLOSED))
def test_what_is_remembered_is_what_was_found(findings, closed):
    assert unpacked(packed(findings, closed))[:2] == (findings, closed)


@pytest.mark.parametrize("kind", ["open", "closed"])
def test_of_more_findings_than_fit_into_an_item_the_worst_are_remembered(kind):
    names = [hashlib.sha256(str(number).encode()).hexdigest() for number in range(20_000)]
    make = Known if kind == "open" else lambda severity: Closed(severity, True, frozenset({"x"}))
    findings = {**dict.fromkeys(names, make("LOW")), "CVE-1 openssl": make("CRITICAL")}
    data = packed(findings, {}) if kind == "open" else packed({}, findings)
    assert len(data) <= 300_000  # beside what else is in an item of 400 KB
    kept = unpacked(data)[kind == "closed"]
    assert "CVE-1 openssl" in kept
    assert 5_000 <= len(kept) < 20_000
