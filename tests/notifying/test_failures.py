"""What fails on the way is tried again, and nothing is said twice or kept quiet by it."""

from datetime import timedelta
from functools import partial

import boto3
import pytest
from botocore.exceptions import ClientError

from chalicelib.aws.deliveries import Deliveries, Delivery
from chalicelib.aws.line_states import Changed, LineStates
from chalicelib.notifying.channels import Mirror, Sender
from chalicelib.notifying.delivery import NotDelivered
from chalicelib.notifying.scans import report_scan
from chalicelib.runtime.backoff import DeadlineReached, Throttled
from chalicelib.runtime.deadline import Deadline
from tests.notifying.repository_scans import names, new

ALL = ("topic", "chat", "security_hub")


class Channels:
    """Channels that fail or not, in place of the application's; ``reached`` by which, of what."""

    def __init__(self, monkeypatch):
        self.down = set()
        self.reached = []
        senders = [Sender(name, (name,), partial(self._deliver, name)) for name in ALL[:2]]
        mirror = Mirror("security_hub", ("security_hub",), self._follow)
        where = "chalicelib.notifying"
        monkeypatch.setattr(f"{where}.channels.senders", lambda _: senders)
        monkeypatch.setattr(f"{where}.delivery.mirrors", lambda _: [mirror])
        for module in ("scans", "deletions"):
            monkeypatch.setattr(f"{where}.{module}.mirror_names", lambda _: {"security_hub"})

    def _deliver(self, name, report, services):
        self._reach(name, frozenset(each.identifier for each in report.findings))

    def _follow(self, lines, services, backoff):
        self._reach("security_hub", frozenset(key for line in lines for key in line.state.findings))

    def _reach(self, name, what):
        if name in self.down:
            raise ConnectionError("no answer")
        self.reached.append(name)


@pytest.fixture
def channels(monkeypatch):
    return Channels(monkeypatch)


@pytest.fixture
def _at_once(monkeypatch):
    """Let backoff wait for nothing."""
    defaults = (lambda _: None, lambda: None)
    monkeypatch.setattr("chalicelib.runtime.backoff.Backoff.__init__.__defaults__", defaults)


@pytest.mark.parametrize("mode", ["every-scan", "changes", "new-findings"])
@pytest.mark.parametrize("down", ALL)
def test_a_channel_that_is_down_does_not_make_the_others_repeat(scans, channels, mode, down):
    run = scans(NOTIFY_MODE=mode)
    event = run.event(run.image("CVE-1"))
    channels.down = {down}
    for _ in range(3):
        with pytest.raises(NotDelivered, match=f"{down}: no answer"):
            run.deliver(event)
    assert set(channels.reached) == {*ALL} - {down}
    people = [name for name in channels.reached if name != "security_hub"]
    assert len(people) == len({*people})
    channels.down = set()
    run.deliver(event)
    assert channels.reached.count(down) == 1
    assert sorted({*channels.reached}) == sorted(ALL)


def test_a_channel_that_is_down_for_weeks_gets_what_it_lacks_and_no_other_does(scans, channels):
    run = scans()
    image = run.image("CVE-1")
    channels.down = {"chat"}
    for _ in range(3):
        with pytest.raises(NotDelivered):
            run(image)
    assert channels.reached.count("topic") == 1
    channels.down = set()
    run(image)
    assert (channels.reached.count("topic"), channels.reached.count("chat")) == (1, 1)
    run(image)
    assert (channels.reached.count("topic"), channels.reached.count("chat")) == (1, 1)


def test_what_security_hub_missed_of_a_deletion_is_closed_by_the_event_that_comes_again(
    scans, channels
):
    run = scans()
    image = run.image("CVE-1")
    run(image)
    run.delete(image)
    channels.reached.clear()
    channels.down = {"security_hub"}
    with pytest.raises(NotDelivered):
        run.deleted(image)
    channels.down = set()
    run.deleted(image)
    assert channels.reached == ["security_hub"]
    run.deleted(image)
    assert channels.reached == ["security_hub"]


def test_what_security_hub_missed_is_made_up_for_by_the_next_event_of_another_image(
    scans, channels
):
    run = scans()
    channels.down = {"security_hub"}
    with pytest.raises(NotDelivered):
        run(run.image("CVE-1"))
    assert not any(state.mirrored for state in run.states())
    channels.down = set()
    run(run.image("CVE-2", tags=("edge",)))
    assert all(state.mirrored for state in run.states())


@pytest.mark.usefixtures("_at_once")
def test_a_table_that_is_lost_does_not_silence_every_scan(scans, logged):
    run = scans(NOTIFY_MODE="every-scan")
    event = run.event(run.image("CVE-1"))
    boto3.client("dynamodb").delete_table(TableName="history")
    told = []
    lines = logged(lambda: told.extend(run.deliver(event)))
    assert names(told[0]) == ["CVE-1"]
    assert "reported without a history" in [line.get("message") for line in lines]
    assert [line for line in lines if line.get("HistoryUnavailable")]


@pytest.mark.parametrize("mode", ["changes", "new-findings"])
def test_a_table_that_is_lost_keeps_events_for_later_where_only_changes_are_told(scans, mode):
    run = scans(NOTIFY_MODE=mode)
    event = run.event(run.image("CVE-1"))
    boto3.client("dynamodb").delete_table(TableName="history")
    with pytest.raises(ClientError, match="ResourceNotFound"):
        run.deliver(event)
    assert run.messages() == []


@pytest.mark.usefixtures("_at_once")
@pytest.mark.parametrize(("mode", "told"), [("every-scan", 1), ("new-findings", 0)])
def test_a_table_that_throttles_for_long_does_not_silence_every_scan(
    scans, monkeypatch, mode, told
):
    run = scans(NOTIFY_MODE=mode)
    event = run.event(run.image("CVE-1"))
    tries = []

    def throttled(*_):
        tries.append(1)
        raise Throttled("slower")

    monkeypatch.setattr(Deliveries, "begin", throttled)
    deadline = Deadline(lambda: 10**6 if len(tries) < 10 else 0)
    if told:
        report_scan(event, run.services, deadline)
    else:
        with pytest.raises(DeadlineReached):
            report_scan(event, run.services, deadline)
    assert len(run.messages()) == told
    assert len(tries) == (3 if told else 10)


@pytest.mark.usefixtures("_at_once")
def test_a_table_that_throttles_for_a_moment_is_waited_for(scans, monkeypatch):
    run = scans(NOTIFY_MODE="every-scan")
    image = run.image("CVE-1")
    recall, tries = LineStates.recall, []

    def throttled_twice(self, place):
        tries.append(1)
        if len(tries) < 3:
            raise Throttled("slower")
        return recall(self, place)

    monkeypatch.setattr(LineStates, "recall", throttled_twice)
    assert len(run(image)) == 1
    assert len(run.states()) == 1


@pytest.mark.usefixtures("_at_once")
def test_a_state_that_changed_meanwhile_is_compared_with_again(scans, monkeypatch):
    run = scans()
    image = run.image("CVE-1")
    run(image)
    keep, refused = LineStates.keep, []

    def refused_once(self, place, state):
        if not refused:
            refused.append(state)
            raise Changed("another invocation")
        return keep(self, place, state)

    monkeypatch.setattr(LineStates, "keep", refused_once)
    [told] = run(run.image("CVE-1", "CVE-2"))
    assert new(told) == ["CVE-2"]
    assert refused


@pytest.mark.usefixtures("_at_once")
def test_what_was_reported_is_kept_though_another_invocation_changed_the_line(scans, monkeypatch):
    run = scans()
    image = run.image("CVE-1")
    keep, calls = LineStates.keep, []

    def changed_before_the_second(self, place, state):
        calls.append(state)
        if len(calls) == 2:
            [known] = self.recall(place).states.values()
            keep(self, place, known)
        return keep(self, place, state)

    monkeypatch.setattr(LineStates, "keep", changed_before_the_second)
    assert len(run(image)) == 1
    [state] = run.states()
    assert {each.reported_by for each in state.findings.values()} == {frozenset({"topic"})}
    assert run(image) == []


@pytest.mark.usefixtures("_at_once")
def test_pages_that_were_read_are_not_read_again_after_a_throttle(scans, aws):
    run = scans()
    image = run.image(*(f"CVE-{number:05}" for number in range(3_000)))
    event = run.event(image)
    answer, pages = aws.answer, []

    def throttle_the_last_page(operation, request):
        if operation == "DescribeImageScanFindings":
            pages.append(request.get("nextToken"))
            if len(pages) == 3:
                aws.fail_next(operation, "ThrottlingException", times=4)  # botocore's own tries
        return answer(operation, request)

    aws.answer = throttle_the_last_page
    [told] = run.deliver(event)
    assert told["findingSeverityCounts"] == {"HIGH": 3_000}
    assert pages.count(pages[0]) == pages.count(pages[1]) == 1
    assert len({*pages}) == 3


@pytest.mark.parametrize(("code", "tries"), [("ServerException", 5), ("KmsException", 1)])
def test_a_look_up_that_fails_fails_the_event_and_closes_nothing(scans, aws, code, tries):
    run = scans()
    image = run.image("CVE-1")
    run(image)
    event = run.event(image)
    aws.fail_next("DescribeImages", code, times=tries)
    with pytest.raises(ClientError, match=code):
        run.deliver(event)
    [state] = run.states()
    assert state.findings.keys() == {"CVE-1 openssl"}
    assert run.deliver(event) == []


@pytest.mark.usefixtures("_at_once")
def test_a_scan_that_was_told_is_not_told_as_news_when_its_image_has_become_the_newest(
    scans, aws, monkeypatch
):
    """The event comes again, for that it was dealt with could not be noted."""
    run = scans(NOTIFY_MODE="every-scan")
    old, newest = run.image("CVE-1", tags=("1",)), run.image(tags=("2",))
    newest.pushed_at = old.pushed_at + timedelta(hours=1)
    event = run.event(old)
    finish, failures = Delivery.finish, [ConnectionError("no answer")]

    def fail_once(delivery, **how):
        if failures:
            raise failures.pop()
        finish(delivery, **how)

    monkeypatch.setattr(Delivery, "finish", fail_once)
    with pytest.raises(ConnectionError):
        run.deliver(event)
    [told] = run.messages()
    assert names(told) == ["CVE-1"]
    run.delete(newest)
    assert run.deliver(event) == []
    [state] = run.states()
    assert state.findings["CVE-1 openssl"].reported_by == {"topic"}
