"""Many events about one image at once, as Amazon Inspector sends them, one a finding."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial

import pytest

from chalicelib.aws.deliveries import Deliveries
from chalicelib.aws.dynamodb import Table
from chalicelib.notifying.channels import Sender, topic
from chalicelib.notifying.scans import report_scan
from chalicelib.runtime.backoff import DeadlineReached
from chalicelib.runtime.deadline import Deadline
from local.ecr import Findings
from tests.notifying.repository_scans import new, report

INSPECTOR = {"NOTIFY_ON_INSPECTOR_FINDINGS": "true"}
MODES = ["every-scan", "changes", "new-findings"]


@pytest.fixture
def burst(scans, aws):
    """The notifier and forty events about an image with forty findings."""

    def make(mode):
        aws.scan_type = "ENHANCED"
        run = scans(NOTIFY_MODE=mode, **INSPECTOR)
        image = run.image(*(f"CVE-{number:02}" for number in range(40)))
        found = enumerate(image.findings.entries)
        return run, [run.finding_event(image, number // 10, each) for number, each in found]

    return make


@pytest.mark.parametrize("mode", MODES)
def test_a_burst_about_one_image_is_one_message(burst, mode):
    run, events = burst(mode)
    [told] = [report for event in events for report in run.deliver(event)]
    assert len(new(told)) == 40


@pytest.mark.parametrize("mode", MODES)
def test_a_burst_that_is_handled_at_once_is_one_message(burst, mode, monkeypatch):
    run, events = burst(mode)
    # DynamoDB looks at a condition and writes in one step, which moto does not.
    one_at_a_time = threading.RLock()
    for name in ("put", "update"):
        call = getattr(Table, name)

        def alone(*arguments, call=call, **named):
            with one_at_a_time:
                return call(*arguments, **named)

        monkeypatch.setattr(Table, name, alone)
    defaults = (lambda _: time.sleep(0.01), lambda: None)
    monkeypatch.setattr("chalicelib.runtime.backoff.Backoff.__init__.__defaults__", defaults)
    run.services.deliveries, run.services.line_states, run.services.report_topic  # made once  # noqa: B018
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(partial(report, services=run.services), events))
    [told] = run.messages()
    assert len(new(told)) == 40


def test_events_that_come_while_the_first_is_reported_wait_and_say_nothing_more(burst, monkeypatch):
    run, events = burst("new-findings")
    waited = []

    def deliver(report, services):
        for event in events[1:]:
            with pytest.raises(DeadlineReached):
                report_scan(event, services, Deadline.seconds(0.1))
            waited.append(event)
        topic.deliver(report, services)

    senders = (Sender("topic", ("email",), deliver),)
    monkeypatch.setattr("chalicelib.notifying.channels.senders", lambda _: senders)
    run.deliver(events[0])
    monkeypatch.undo()
    assert len(waited) == 39
    assert [report for event in waited for report in run.deliver(event)] == []


def test_an_event_that_waited_while_the_image_was_looked_at_takes_no_look_of_its_own(
    burst, aws, monkeypatch
):
    run, events = burst("new-findings")
    [image] = run.registry.repositories["shop/api"].images.values()
    run.deliver(events[0])
    aws.calls.clear()
    # The image was looked at after this event had arrived.
    monkeypatch.setattr(Deliveries, "now", lambda self: 0)
    assert run.deliver(run.finding_event(image)) == []
    assert not aws.calls


def test_of_a_burst_one_event_is_read_and_the_others_tell_what_is_known(burst, aws):
    run, events = burst("new-findings")
    run.deliver(events[0])
    aws.calls.clear()
    assert [report for event in events[1:] for report in run.deliver(event)] == []
    assert not aws.calls


def test_after_a_burst_or_where_it_differs_a_finding_is_read_and_is_no_scan(burst, aws):
    run, events = burst("every-scan")
    run.deliver(events[0])
    [image] = run.registry.repositories["shop/api"].images.values()
    first = image.findings.entries[0]
    others = [first, replace(first, severity="LOW"), None]
    for number, finding in enumerate(others):
        aws.calls.clear()
        assert run.deliver(run.finding_event(image, 20 + number, finding)) == []
        assert aws.calls["DescribeImageScanFindings"] == 1


def find_more(run):
    """Let another finding appear in the image."""
    [image] = run.registry.repositories["shop/api"].images.values()
    more = run.image("CVE-NEW", tags=()).findings.entries
    image.findings = Findings((*image.findings.entries, *more))
    image.report(run.registry.now())
    return image


def test_an_event_that_came_after_the_last_look_is_looked_at_though_another_waited(
    burst, monkeypatch
):
    run, events = burst("new-findings")
    run.services.clock = lambda: 1_000
    run.deliver(events[0])
    run.services.clock = lambda: 1_020
    [image] = run.registry.repositories["shop/api"].images.values()
    monkeypatch.setattr(Deliveries, "now", lambda self: 990)
    assert run.deliver(run.finding_event(image)) == []
    event = run.finding_event(find_more(run))
    monkeypatch.setattr(Deliveries, "now", lambda self: 1_010)
    [told] = run.deliver(event)
    assert new(told) == ["CVE-NEW"]


def test_a_finding_that_appears_after_a_burst_is_reported(burst):
    run, events = burst("new-findings")
    for event in events:
        run.deliver(event)
    [told] = run.deliver(run.finding_event(find_more(run), minute=50))
    assert new(told) == ["CVE-NEW"]


def test_bursts_about_two_images_are_two_messages(burst):
    run, events = burst("new-findings")
    other = run.image("CVE-OTHER", tags=("edge",))
    both = [each for event in events[:5] for each in (event, run.finding_event(other))]
    told = [report for event in both for report in run.deliver(event)]
    assert sorted(len(new(report)) for report in told) == [1, 40]


def test_a_scan_right_after_a_burst_is_told_by_the_burst_in_every_mode_but_for_its_changes(burst):
    run, events = burst("every-scan")
    image = next(iter(run.registry.repositories["shop/api"].images.values()))
    assert len(run.deliver(events[0])) == 1
    scan = run.event(image, hour=20)
    assert run.deliver(scan) == []
    assert len(run(image, hour=21)) == 1
