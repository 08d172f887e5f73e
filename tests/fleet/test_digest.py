"""The digest: sent once a scheduled time, whatever goes wrong and however often it is started."""

import json
import re
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from unittest.mock import Mock

import boto3
import jsonschema
import pytest
from botocore.exceptions import ClientError
from moto.sns.models import sns_backends

from chalicelib.fleet.digest_keys import DigestKeys, scheduled_time
from chalicelib.fleet.digest_messages import digest_message
from chalicelib.fleet.feeds import refresh
from chalicelib.fleet.finding_lines import PREFIX, STATE_KEY
from chalicelib.fleet.formats.pages import StoredReport, day
from chalicelib.fleet.marks import DigestUnclear
from chalicelib.policy.feeds import EPSS, KEV
from chalicelib.policy.ledger import DAY, Entry, Ledger, Span
from local.ecr import Finding, Findings
from local.history import create_history_table
from tests.digests import (
    MONDAY,
    NEXT_MONDAY,
    NOW,
    ONE,
    THIRD_MONDAY,
    TWO,
    Digests,
    refused,
    stopping,
)
from tests.doubles import Stopped
from tests.feeds import epss, kev
from tests.fleet.test_json_form import SCHEMA
from tests.fleets import example
from tests.policy.repositories import LATEST, a_state


@pytest.fixture
def digests(aws):
    aws.add_image("shop/api", tags=("1",), scanned_at=NOW, findings=Findings((ONE,)))
    made = Digests()
    made.registry = aws
    return made


def test_a_digest_says_what_the_kept_feeds_know_of_its_findings(digests):
    digests.configure(FEEDS="true")
    bodies = {
        "kev": kev({"CVE-2026-1000": "2026-01-01"}, NOW.isoformat()),
        "epss": epss({"CVE-2026-1000": 0.7}, NOW.isoformat()),
    }
    refresh(digests.bucket, {KEV: "kev", EPSS: "epss"}, NOW, lambda at, _: bodies[at])
    other = Finding("CVE-2026-1000", "LOW", "curl")
    digests.registry.add_image(
        "shop/web", tags=("1",), scanned_at=NOW, findings=Findings((ONE, other))
    )
    digests.send()
    report = digests.report(MONDAY)
    found = (finding for each in report.repositories for finding in each.findings)
    known = {each.identifier: (each.known_exploited, each.epss) for each in found}
    assert known["CVE-2026-1000"] == (True, 0.7)
    assert [(feed.name, feed.warning) for feed in report.feeds] == [(KEV, ""), (EPSS, "")]


def test_what_changed_is_told_with_what_the_feeds_know_of_it(digests):
    names = {"CVE-2026-1000": MONDAY, "CVE-2026-2000": NEXT_MONDAY}
    catalogue = kev(dict.fromkeys(names, "2026-01-01"), NOW.isoformat())
    refresh(digests.bucket, {KEV: "kev"}, NOW, lambda _, __: catalogue)
    for seconds, (name, scheduled) in enumerate(names.items(), 1):
        at = NOW + timedelta(seconds=seconds)
        found = Findings((Finding(name, "HIGH", "zlib"),))
        digests.registry.add_image(
            "shop/api", tags=("latest",), pushed_at=at, scanned_at=at, findings=found
        )
        digests.configure(FEEDS="true" if scheduled == NEXT_MONDAY else "false")
        digests.send(scheduled)
    comparison = digests.report(NEXT_MONDAY).comparison
    for changes in (comparison.new, comparison.fixed):
        assert [change.finding.known_exploited for change in changes] == [True]


@pytest.fixture
def overdue(digests):
    """Digests of a finding that is overdue, with a bus of events."""
    now = int(NOW.timestamp())
    bus = "arn:aws:events:eu-west-1:123456789012:event-bus/findings"
    digests.configure(EVENT_BUS_ARN=bus, SLA="HIGH=30d", HISTORY_TABLE_NAME=create_history_table())
    entry = Entry("HIGH", (Span(now - 40 * DAY, now),))
    state = a_state(LATEST, "before", ledger=Ledger({"CVE-2026-1 zlib": entry}, (now,)))
    digests.services.line_states.keep("123456789012/eu-west-1/shop/api", state)
    digests.services.event_bus = SimpleNamespace(put=Mock())
    return digests


def test_what_is_overdue_is_an_event_on_the_bus_and_none_with_the_next_digest(overdue):
    overdue.send()
    overdue.send(NEXT_MONDAY)
    (put, _), (put_later, _) = (call.args for call in overdue.services.event_bus.put.mock_calls)
    [(kind, detail)] = put
    assert put_later == []
    assert (kind, detail["repository"], detail["vulnerability"]) == (
        *("finding.overdue", "shop/api", "CVE-2026-1"),
    )


def test_a_bus_that_refuses_stops_no_digest_and_gets_its_events_when_it_comes_again(overdue):
    put = overdue.services.event_bus.put
    put.side_effect = ConnectionError("no answer")
    for _ in range(2):
        with pytest.raises(ConnectionError):
            overdue.send()
    put.side_effect = None
    assert overdue.send() is False
    assert len(overdue.sent) == 1
    assert len({str(call.args[0]) for call in put.mock_calls}) == 1
    assert put.call_count == 3


def test_what_is_overdue_stays_so_where_the_history_cannot_be_read(digests, monkeypatch):
    now = int(NOW.timestamp())
    digests.configure(SLA="HIGH=30d", HISTORY_TABLE_NAME=create_history_table())
    digests.registry.add_image("shop/web", tags=("1",), scanned_at=NOW, findings=Findings((ONE,)))
    entry = Entry("HIGH", (Span(now - 40 * DAY, now),))
    state = a_state(LATEST, "before", ledger=Ledger({"CVE-2026-1 zlib": entry}, (now,)))
    for name in ("api", "web"):
        digests.services.line_states.keep(f"123456789012/eu-west-1/shop/{name}", state)
    digests.send()
    recall = digests.services.line_states.recall
    monkeypatch.setattr(
        digests.services.line_states,
        "recall",
        lambda place: refused("") if place.endswith("api") else recall(place),
    )
    digests.send(NEXT_MONDAY)
    told = [json.loads(each["default"]) for each in digests.sent]
    assert [(each["overdue"], each["undated"]) for each in told] == [(2, 0), (2, 0)]


def test_the_metric_of_what_is_overdue_has_no_value_where_that_is_unknown(digests, caplog):
    digests.configure(SLA="HIGH=30d")
    digests.send()
    [told] = [record.msg for record in caplog.records if record.msg["message"] == "digest sent"]
    assert told["FleetOpenFindings"] == 1
    assert not any("FleetFindingsOverdue" in record.msg for record in caplog.records)


def test_the_metric_of_what_is_overdue_is_as_of_each_digest(overdue, caplog):
    overdue.send()
    metrics = [each.msg for each in caplog.records if "FleetFindingsOverdue" in each.msg]
    counts = {each.get("Severity"): each["FleetFindingsOverdue"] for each in metrics}
    assert (counts[None], counts["HIGH"], counts["CRITICAL"]) == (1, 1, 0)


def test_a_digest_without_feeds_is_sent_all_the_same_and_says_so(digests):
    digests.configure(FEEDS="true")
    assert digests.send() is True
    page = digests.bucket.get(DigestKeys(MONDAY).html)
    assert "<strong>Out of date:</strong> KEV is not there yet." in page


def test_a_digest_keeps_the_report_and_sends_a_link_to_it(digests):
    assert digests.send() is True
    keys = DigestKeys(MONDAY)
    findings = f"{PREFIX}date=2026-03-02/account=123456789012/{keys.time}.jsonl.gz"
    assert digests.keys == [findings, keys.html, keys.json, keys.mark, STATE_KEY]
    assert "<h1>Fleet report</h1>" in digests.bucket.get(keys.html)
    jsonschema.validate(json.loads(digests.bucket.get(keys.json)), SCHEMA)
    (texts,) = digests.sent
    (link,) = re.findall(r"^https://\S+$", texts["email"], re.MULTILINE)
    assert "/fleet-reports/html/2026-03-02T06-00-00Z.html?" in link
    assert "X-Amz-Expires=43200" in link
    assert "1 open finding in 1 of 1 repository: 1 high" in texts["email"]
    for text in ("reports", keys.html, keys.json):
        assert text in texts["email"]


def test_chat_channels_get_the_digest_too_and_cost_the_others_nothing(digests):
    sns = boto3.client("sns")
    arn = sns.create_topic(Name="chat")["TopicArn"]
    digests.configure(NOTIFY_BY_CHAT="true", CHAT_SNS_TOPIC_ARN=arn)
    assert digests.send() is True
    published = sns_backends["123456789012"]["eu-west-1"].topics[arn].sent_notifications
    [content] = [json.loads(body)["content"] for _, body, *_ in published]
    assert content["title"] == "Fleet report: 1 HIGH"
    assert "1 open finding in 1 of 1 repository: 1 high" in content["description"]
    sns.delete_topic(TopicArn=arn)
    assert digests.send(NEXT_MONDAY) is True
    assert len(digests.sent) == 2


def test_the_next_digest_says_what_changed_since_the_last(digests, aws):
    digests.send()
    later = NOW + timedelta(seconds=1)
    aws.add_image(
        "shop/api", tags=("2",), pushed_at=later, scanned_at=later, findings=Findings((TWO,))
    )
    digests.send(NEXT_MONDAY)
    comparison = digests.report(NEXT_MONDAY).comparison
    assert [change.finding.identifier for change in comparison.new] == ["CVE-2026-2"]
    assert [change.finding.identifier for change in comparison.fixed] == ["CVE-2026-1"]
    assert "1 new finding (1 critical), 1 fixed (1 high)" in digests.sent[1]["email"]


def test_a_digest_that_comes_late_is_compared_with_the_one_before_it(digests):
    digests.send(NEXT_MONDAY)
    digests.send(MONDAY)
    assert digests.report(MONDAY).comparison is None


def image_of(aws, name="shop/api"):
    return next(iter(aws.repositories[name].images.values()))


def changed(digests, scheduled):
    """The vulnerabilities that are new and those that are fixed, as the digest of a time says."""
    comparison = digests.report(scheduled).comparison
    return (
        [change.finding.identifier for change in comparison.new],
        [change.finding.identifier for change in comparison.fixed],
    )


@pytest.mark.parametrize("operation", ["DescribeRepositories", "DescribeImages"])
def test_what_could_not_be_read_for_one_digest_is_as_it_was_last_known(digests, aws, operation):
    digests.send(MONDAY)
    aws.fail_next(operation, "AccessDeniedException")
    digests.send(NEXT_MONDAY)
    assert changed(digests, NEXT_MONDAY) == ([], [])
    [kept] = digests.report(NEXT_MONDAY).repositories
    assert [finding.identifier for finding in kept.findings] == ["CVE-2026-1"]
    assert kept.as_of == digests.report(MONDAY).generated_at
    assert "1 HIGH, unknown in 1 re" in digests.sent[-1]["sms"]
    assert f"1 high as of {day(NOW)}" in digests.sent[-1]["email"]
    image_of(aws).findings = Findings((ONE, TWO))
    image_of(aws).report(NOW)
    digests.send(THIRD_MONDAY)
    assert changed(digests, THIRD_MONDAY) == (["CVE-2026-2"], [])
    assert digests.report(THIRD_MONDAY).unknown == ()


def test_a_newest_image_that_is_not_scanned_yet_hides_nothing(digests, aws):
    digests.send(MONDAY)
    later = NOW + timedelta(seconds=1)
    image = aws.add_image("shop/api", tags=("2",), pushed_at=later, findings=Findings((ONE, TWO)))
    digests.send(NEXT_MONDAY)
    assert changed(digests, NEXT_MONDAY) == ([], [])
    assert digests.report(NEXT_MONDAY).totals["HIGH"] == 1
    image.begin_scan(later)
    image.end_scan(later)
    digests.send(THIRD_MONDAY)
    assert changed(digests, THIRD_MONDAY) == (["CVE-2026-2"], [])


def test_a_new_repository_s_findings_are_new(digests, aws):
    digests.send(MONDAY)
    aws.add_image("shop/brand-new", tags=("1",), scanned_at=NOW, findings=Findings((ONE, TWO)))
    digests.send(NEXT_MONDAY)
    assert changed(digests, NEXT_MONDAY) == (["CVE-2026-2", "CVE-2026-1"], [])
    assert "1 CRITICAL, 2 HIGH, 2 new" in digests.sent[-1]["sms"]


def test_with_a_repository_that_is_deleted_its_findings_are_fixed(digests, aws):
    digests.send(MONDAY)
    del aws.repositories["shop/api"]
    digests.send(NEXT_MONDAY)
    assert changed(digests, NEXT_MONDAY) == ([], ["CVE-2026-1"])
    assert "no open findings" in digests.sent[-1]["sms"]


def test_a_digest_that_could_not_be_sent_is_compared_with_by_none(digests, aws, monkeypatch):
    digests.send(MONDAY)
    image_of(aws).findings = Findings((ONE, TWO))
    image_of(aws).report(NOW)
    with monkeypatch.context() as patch:
        patch.setattr(digests.services.report_topic, "publish", refused)
        for _ in range(3):
            with pytest.raises(ClientError):
                digests.send(NEXT_MONDAY)
    digests.send(THIRD_MONDAY)
    assert changed(digests, THIRD_MONDAY) == (["CVE-2026-2"], [])
    assert digests.report(THIRD_MONDAY).comparison.since == digests.report(MONDAY).generated_at


def test_a_digest_of_which_it_is_unclear_whether_it_was_sent_is_compared_with_by_none(digests, aws):
    digests.send(MONDAY)
    image_of(aws).findings = Findings((ONE, TWO))
    image_of(aws).report(NOW)
    digests.send(NEXT_MONDAY)
    digests.bucket.put(DigestKeys(NEXT_MONDAY).mark, "sending", "text/plain")
    digests.send(THIRD_MONDAY)
    assert changed(digests, THIRD_MONDAY) == (["CVE-2026-2"], [])


@pytest.mark.parametrize("text", ["{}", '{"version": "1"}'])
def test_where_the_last_report_cannot_be_read_the_one_before_it_is_compared_with(digests, text):
    digests.send(MONDAY)
    digests.send(NEXT_MONDAY)
    digests.bucket.put(DigestKeys(NEXT_MONDAY).json, text, "application/json")
    digests.send(THIRD_MONDAY)
    assert digests.report(THIRD_MONDAY).comparison.since == digests.report(MONDAY).generated_at


def test_a_kept_report_that_cannot_be_read_is_gathered_anew(digests):
    digests.bucket.put(DigestKeys(MONDAY).json, '{"version": "1"}', "application/json")
    assert digests.send() is True
    assert digests.report(MONDAY).totals["HIGH"] == 1


def test_an_event_that_is_delivered_again_sends_nothing(digests, aws):
    digests.send()
    aws.calls.clear()
    assert digests.send() is False
    assert len(digests.sent) == 1
    assert not aws.calls


def test_what_was_gathered_is_kept_when_the_digest_cannot_be_sent(digests, aws, monkeypatch):
    publish = digests.services.report_topic.publish
    monkeypatch.setattr(digests.services.report_topic, "publish", refused)
    with pytest.raises(ClientError):
        digests.send()
    monkeypatch.setattr(digests.services.report_topic, "publish", publish)
    aws.calls.clear()
    assert digests.send() is True
    assert len(digests.sent) == 1
    assert not aws.calls


def test_a_digest_that_cannot_be_worded_leaves_no_mark_that_it_was_being_sent(digests, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("chalicelib.fleet.digest_messages.as_email", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            digests.send()
    assert digests.send() is True
    assert len(digests.sent) == 1


def test_a_run_that_was_stopped_while_it_sent_is_told_of_and_not_repeated(digests, monkeypatch):
    put = digests.bucket.put

    def stopped(key, *rest):
        if key.startswith("fleet-reports/sent/"):
            raise Stopped
        put(key, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(digests.bucket, "put", stopped)
        with pytest.raises(Stopped):
            digests.send()
    with pytest.raises(DigestUnclear, match="delete s3://reports/fleet-reports/sent/2026-03-02T06"):
        digests.send()
    assert len(digests.sent) == 1
    digests.bucket.delete(DigestKeys(MONDAY).mark)
    assert digests.send() is True


def test_a_run_that_another_overtakes_sends_nothing(digests, monkeypatch):
    create = digests.bucket.create

    def late(*arguments):
        monkeypatch.setattr(digests.bucket, "create", create)
        assert digests.send() is True
        return create(*arguments)

    monkeypatch.setattr(digests.bucket, "create", late)
    with pytest.raises(DigestUnclear, match="another run is sending"):
        digests.send()
    assert digests.send() is False
    assert len(digests.sent) == 1


def test_a_run_sends_nothing_while_another_sends(digests, monkeypatch):
    publish = digests.services.report_topic.publish

    def slow(message):
        with pytest.raises(DigestUnclear):
            digests.send()
        return publish(message)

    monkeypatch.setattr(digests.services.report_topic, "publish", slow)
    assert digests.send() is True
    assert len(digests.sent) == 1


@pytest.mark.parametrize("step", range(1, 9))
def test_a_run_that_is_stopped_at_any_call_is_made_up_for_or_told_of(digests, monkeypatch, step):
    """Of S3's calls and SNS's, the last one before the stop may have taken effect."""
    calls = []
    stops = stopping(calls, step)
    with monkeypatch.context() as patch:
        for name in ("put", "create", "get", "keys_before"):
            patch.setattr(digests.bucket, name, stops(getattr(digests.bucket, name)))
        topic = digests.services.report_topic
        patch.setattr(topic, "publish", stops(topic.publish))
        with pytest.raises(Stopped):
            digests.send()
    assert len(calls) == step
    try:
        digests.send()
    except DigestUnclear:
        # Whether it was sent is for people to see; nobody gets it twice.
        assert calls[-1] in {"create", "publish"}
        assert len(digests.sent) <= 1
    else:
        assert len(digests.sent) == 1


def test_an_earlier_report_that_cannot_be_read_does_not_stop_the_digest(digests):
    digests.bucket.put(DigestKeys(MONDAY).json, "{}", "application/json")
    digests.bucket.put(DigestKeys(MONDAY).mark, "sent", "text/plain")
    assert digests.send(NEXT_MONDAY) is True
    assert digests.report(NEXT_MONDAY).comparison is None


@pytest.mark.parametrize(
    ("event", "moment"),
    [
        ({"time": "2026-03-02T06:00:00Z"}, MONDAY),
        ({"time": "2026-03-02T06:00:00"}, MONDAY),
        ({"time": "2026-03-02T07:00:00+01:00"}, MONDAY),
    ],
)
def test_the_time_of_a_scheduled_event_is_its_own(event, moment):
    assert DigestKeys(scheduled_time(event)) == DigestKeys(moment)
    assert DigestKeys(scheduled_time(event)).json == DigestKeys(moment).json


@pytest.mark.parametrize("event", [{}, {"time": None}, {"time": "soon"}])
def test_an_event_without_a_time_is_for_now(event):
    assert datetime.now(UTC) - scheduled_time(event) < timedelta(minutes=1)


def test_each_medium_gets_what_it_can_take():
    stored = StoredReport("https://x.example/", 12, "bucket", "a.html", "a.json")
    message = digest_message(example(), stored)
    texts = json.loads(message.body)
    assert len(texts["sms"]) <= 140
    assert len(message.body.encode()) < 256 * 1024
    document = json.loads(texts["default"])
    assert (document["report"], document["version"]) == ("fleet", "1")
    assert (document["new"], document["notLookedAt"]) == (3, 2)
    assert (document["unknown"], document["lastKnown"]) == (5, 2)
    assert document["totals"]["CRITICAL"] == 1
    assert message.attributes == {"report": "fleet"}
    assert message.lists == {"channels": ["email", "sms", "json"]}
