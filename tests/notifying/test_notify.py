"""The notifier, over real boto3 calls to SNS, ECR and DynamoDB."""

import json
from dataclasses import replace
from functools import partial
from unittest.mock import Mock

import boto3
import pytest

from chalicelib.notifying.channels import Sender
from chalicelib.notifying.delivery import NotDelivered
from chalicelib.notifying.events import ScanResult
from chalicelib.notifying.scans import report_scan
from chalicelib.policy.rules import RepositoryRules, Rules
from chalicelib.runtime.backoff import DeadlineReached
from chalicelib.runtime.deadline import Deadline
from chalicelib.services import Services
from chalicelib.settings.documents import DocumentError
from chalicelib.settings.settings import Settings
from tests.events import DIGEST, scan_event
from tests.notifying.repository_scans import names, new, report

NAME = f"my-repository-name@{DIGEST[:19]}"


@pytest.fixture
def notify(topic_arn, settings, queue):
    """Report a scan; gives the messages that a queue subscribed to the topic receives."""

    def run(variables=None, **detail):
        services = Services(settings(ECR_SNS_REPORT_TOPIC_ARN=topic_arn, **(variables or {})))
        report(ScanResult.from_event(scan_event(**detail)), services)
        return queue.receive_all()

    return run


def test_findings_are_published_with_attributes_to_filter_by(notify):
    [message] = notify()

    assert message["Subject"] == f"[ECR] {NAME}: 10 CRITICAL, 9 MEDIUM"
    assert json.loads(message["Message"])["imageDigest"] == DIGEST
    attributes = {name: value["Value"] for name, value in message["MessageAttributes"].items()}
    assert attributes == {
        "severity": "CRITICAL",
        "repository": "my-repository-name",
        "scan-status": "COMPLETE",
        "owner": "unowned",
        "channels": '["email", "sms", "json"]',
    }


def test_counts_below_their_thresholds_are_not_published(notify):
    assert notify({"CRITICAL": "11", "MEDIUM": "10"}) == []


def test_a_repository_has_thresholds_of_its_own(notify):
    entries = "other/*: CRITICAL=1; my-*: CRITICAL=11 MEDIUM=10; my-repository-name: CRITICAL=1"
    assert notify({"REPOSITORY_THRESHOLDS": entries}) == []
    [_] = notify({"REPOSITORY_THRESHOLDS": "my-?: CRITICAL=11 MEDIUM=10"})


def test_a_clean_scan_is_not_published(notify):
    assert notify(**{"finding-severity-counts": {}}) == []


def test_informational_findings_are_reported_where_they_have_a_threshold(notify):
    counts = {"finding-severity-counts": {"INFORMATIONAL": 3, "UNDEFINED": 1}}
    assert notify(**counts) == []
    [message] = notify({"INFORMATIONAL": "2"}, **counts)
    assert message["Subject"] == f"[ECR] {NAME}: 3 INFORMATIONAL"


def test_a_failed_scan_is_published_unless_that_is_turned_off(notify):
    failed = {"scan-status": "FAILED", "finding-severity-counts": {}}

    [message] = notify(**failed)

    assert message["Subject"] == f"[ECR] {NAME}: scan failed"
    assert notify({"NOTIFY_ON_SCAN_FAILURE": "false"}, **failed) == []


def test_a_status_that_is_no_end_of_a_scan_is_not_published(notify):
    assert notify(**{"scan-status": "IN_PROGRESS"}) == []


def test_without_a_topic_the_error_names_the_setting(aws):
    services = Services(Settings.from_environment({}))
    with pytest.raises(NotDelivered, match="ECR_SNS_REPORT_TOPIC_ARN is not set"):
        report(ScanResult.from_event(scan_event()), services)


def test_nothing_is_published_where_every_medium_is_off(notify):
    off = {f"NOTIFY_BY_{channel}": "false" for channel in ("EMAIL", "SMS", "JSON")}
    assert notify(off) == []


def test_notifications_are_counted_by_severity(notify, logged):
    count, summary = logged(notify)
    assert (count["NotificationsSent"], count["Severity"]) == (1, "CRITICAL")
    assert summary["message"] == "scan reported"
    assert summary["ScansFailed"] == 0


def test_a_scan_takes_two_calls_and_a_repositorys_first_one_reads_its_images_too(scans, aws):
    run = scans(NOTIFY_MODE="every-scan")
    image = run.image(*(f"CVE-2026-{number:04}" for number in range(30)))
    aws.calls.clear()

    [told] = run(image)

    assert aws.calls == {"DescribeImages": 2, "DescribeImageScanFindings": 1}
    run(image)
    assert aws.calls == {"DescribeImages": 3, "DescribeImageScanFindings": 2}
    assert names(told)[:2] == ["CVE-2026-0000", "CVE-2026-0001"]
    assert told["findings"][0]["package"] == "openssl"


def test_findings_that_may_not_be_read_are_reported_by_their_counts(scans, aws):
    aws.fail_next("DescribeImageScanFindings", "AccessDeniedException")
    run = scans()
    [told] = run(run.image("CVE-1"))
    assert told["findingSeverityCounts"] == {"HIGH": 1}
    assert told["findings"] == []


def test_throttling_is_waited_out(scans, aws, monkeypatch):
    monkeypatch.setattr("chalicelib.runtime.backoff.time.sleep", Mock())
    monkeypatch.setattr(
        "chalicelib.runtime.backoff.Backoff.__init__.__defaults__", (Mock(), Mock())
    )
    aws.fail_next("DescribeImageScanFindings", "ThrottlingException", times=4)
    run = scans()
    [told] = run(run.image("CVE-1"))
    assert names(told) == ["CVE-1"]


def test_of_the_image_that_carries_the_tag_next_only_what_is_new_is_reason_for_a_message(scans):
    run = scans()
    [first] = run(run.image("CVE-1", "CVE-2", tags=("build-1", "latest")))
    assert first["changes"]["first"]

    assert run(run.image("CVE-1", tags=("build-2", "latest"))) == []
    [third] = run(run.image("CVE-1", "CVE-2", "CVE-3", tags=("build-3", "latest")))

    assert new(third) == ["CVE-2", "CVE-3"]
    assert third["changes"]["unchanged"] == 1


def test_changes_tell_what_was_fixed_and_in_place_of_which_image(scans):
    run = scans(NOTIFY_MODE="changes")
    before = run.image("CVE-1", "CVE-2")
    run(before)
    before.tags = ()

    [told] = run(run.image("CVE-2"))

    assert told["changes"]["fixedFindings"] == ["CVE-1 openssl"]
    assert told["changes"]["imageDigestBefore"] == before.digest
    assert new(told) == []


@pytest.mark.parametrize(("mode", "messages"), [("every-scan", 1), ("changes", 0)])
def test_the_same_findings_again_are_told_in_the_mode_that_asks_for_it(scans, mode, messages):
    run = scans(NOTIFY_MODE=mode)
    image = run.image("CVE-1")
    run(image)
    assert len(run(image)) == messages


def test_a_finding_that_was_gone_is_new_when_it_is_back(scans):
    run = scans()
    run(run.image("CVE-1", "CVE-2"))
    run(run.image("CVE-1"))
    [told] = run(run.image("CVE-1", "CVE-2"))
    assert new(told) == ["CVE-2"]


def test_what_was_below_its_threshold_is_new_when_it_is_reported(scans):
    run = scans(HIGH="2")
    assert run(run.image("CVE-1")) == []
    [told] = run(run.image("CVE-1", "CVE-2"))
    assert new(told) == ["CVE-1", "CVE-2"]


def test_what_only_security_hub_follows_is_new_when_people_are_told(scans, hub):
    run = scans(HIGH="2", NOTIFY_BY_SECURITY_HUB="true")
    run(run.image("CVE-1", "CVE-2"))
    assert run(run.image("CVE-3")) == []
    [told] = run(run.image("CVE-3", "CVE-4"))
    assert new(told) == ["CVE-3", "CVE-4"]


def test_what_gets_worse_below_its_threshold_is_told_as_worse_when_it_reaches_one(scans, hub):
    run = scans(HIGH="2", LOW="1", NOTIFY_BY_SECURITY_HUB="true")
    run(run.image("CVE-1", severity="LOW"))
    assert run(run.image("CVE-1", severity="HIGH")) == []
    [told] = run(run.image("CVE-1", "CVE-2", severity="HIGH"))
    assert new(told) == ["CVE-1", "CVE-2"]


def test_a_scan_that_keeps_failing_is_reported_once(scans):
    run = scans()
    image = run.image("CVE-1")
    assert [told["scanStatus"] for told in run(image)] == ["COMPLETE"]
    assert [told["scanStatus"] for told in run(image, status="FAILED")] == ["FAILED"]
    assert run(image, status="FAILED") == []
    assert run(image) == []


def test_an_event_that_is_delivered_again_is_not_told_again(scans, logged):
    run = scans(NOTIFY_MODE="every-scan")
    event = run.event(run.image("CVE-1"))
    assert len(run.deliver(event)) == 1
    [summary] = logged(run.deliver, event)
    assert summary["message"] == "scan was reported before"
    assert run.queue.receive_all() == []


def test_an_event_of_an_image_that_another_invocation_is_at_is_tried_again_later(scans):
    run = scans()
    event = run.event(run.image("CVE-1"))
    run.services.deliveries.begin(event.place, event.image_digest, "another event")
    with pytest.raises(DeadlineReached):
        report_scan(event, run.services, Deadline.seconds(0))


@pytest.mark.parametrize("earlier", [{}, {"severity_counts": {}}, {"status": "FAILED"}])
def test_of_events_out_of_order_the_later_scan_is_reported_and_remembered(scans, earlier):
    run = scans(NOTIFY_MODE="every-scan")
    image = run.image("CVE-1")
    first, later = run.event(image, hour=1), run.event(image, hour=2)
    assert len(run.deliver(later)) == 1
    assert run.deliver(replace(first, **earlier)) == []
    [state] = run.states()
    assert (state.time, state.status, len(state.findings)) == (later.time, "COMPLETE", 1)


def test_what_has_no_fix_does_not_count_where_that_is_asked_for(scans, aws):
    aws.scan_type = "ENHANCED"
    run = scans(IGNORE_UNFIXED="true", NOTIFY_MODE="every-scan")
    assert run(run.image("CVE-1", fixed_in="")) == []


def test_inspector_fixes_count_towards_thresholds_of_what_can_be_fixed(scans, aws):
    aws.scan_type = "ENHANCED"
    run = scans(FIXABLE_ONLY="true", HIGH="2", NOTIFY_MODE="every-scan")
    assert run(run.image("CVE-1", "CVE-2", fixed_in="")) == []
    [told] = run(run.image("CVE-1", "CVE-2", fixed_in="3.1"))
    assert told["crossed"] == ["HIGH"]


def test_a_low_score_does_not_count(scans):
    assert scans(MINIMUM_SCORE="7.1")(scans().image("CVE-1")) == []
    [told] = scans(MINIMUM_SCORE="7.0")(scans().image("CVE-2", tags=("other",)))
    assert names(told) == ["CVE-2"]


@pytest.mark.parametrize(("pattern", "told"), [("shop/*", False), ("payments/*", True)])
def test_a_pattern_of_names_says_which_findings_count(scans, pattern, told):
    run = scans()
    rules = (RepositoryRules(pattern, Rules(minimum_score=7.1)),)
    run.services.settings = run.services.settings.configured({"REPOSITORY_THRESHOLDS": rules})
    assert bool(run(run.image("CVE-1"))) == told


class Channels:
    """Senders that fail or not, in place of the application's."""

    def __init__(self, monkeypatch, **failing):
        self.reached = []
        self.failing = failing
        senders = tuple(Sender(name, (name,), partial(self.deliver, name)) for name in failing)
        monkeypatch.setattr("chalicelib.notifying.channels.senders", lambda _: senders)

    def deliver(self, name, report, services):
        if self.failing[name]:
            raise ConnectionError("no answer")
        self.reached.append(name)


def test_a_channel_that_fails_stops_no_other_and_is_tried_again_alone(scans, monkeypatch, logged):
    run = scans(NOTIFY_MODE="every-scan")
    event = run.event(run.image("CVE-1"))
    channels = Channels(monkeypatch, chat=True, topic=False)

    with pytest.raises(NotDelivered, match="chat: no answer"):
        run.deliver(event)
    assert channels.reached == ["topic"]

    channels.failing["chat"] = False
    lines = logged(run.deliver, event)
    assert channels.reached == ["topic", "chat"]
    assert lines[-1]["message"] == "scan reported"
    run.deliver(event)
    assert channels.reached == ["topic", "chat"]


def test_what_a_channel_lacks_is_not_remembered_as_reported(scans, monkeypatch):
    run = scans()
    Channels(monkeypatch, chat=True)
    with pytest.raises(NotDelivered):
        run(run.image("CVE-1"))
    Channels(monkeypatch, chat=False)
    [state] = run.states()
    assert {each.reported_by for each in state.findings.values()} == {frozenset()}


def test_failures_are_counted_by_channel(scans, monkeypatch, logged):
    run = scans()
    event = run.event(run.image("CVE-1"))
    Channels(monkeypatch, chat=True)

    def deliver():
        with pytest.raises(NotDelivered):
            run.deliver(event)

    counted = [line for line in logged(deliver) if "NotificationsFailed" in line]
    assert [line["Channel"] for line in counted] == ["chat"]


def test_accepted_risks_do_not_count_and_are_said_to_be_accepted(scans, tmp_path):
    boto3.client("ssm").put_parameter(
        Name="/risks",
        Type="String",
        Value="accepted:\n- {vulnerability: CVE-1, reason: not used, expires: 2999-01-01}\n"
        "- {vulnerability: CVE-2, reason: reviewed, expires: 2020-01-01}\n",
    )
    run = scans(ACCEPTED_RISKS="ssm:/risks", NOTIFY_MODE="every-scan", HIGH="2")
    assert run(run.image("CVE-1", "CVE-2")) == []
    [told] = run(run.image("CVE-1", "CVE-2", "CVE-3"))
    assert names(told) == ["CVE-2", "CVE-3"]
    assert told["findingSeverityCounts"] == {"HIGH": 2}
    assert [entry["finding"]["id"] for entry in told["acceptedRisks"]] == ["CVE-1"]
    assert [entry["expires"] for entry in told["expiredRisks"]] == ["2020-01-01"]


def test_a_wrong_list_of_accepted_risks_is_an_error_that_names_line_and_key(scans):
    boto3.client("ssm").put_parameter(
        Name="/risks", Type="String", Value="accepted:\n- {vulnerability: CVE-1, reson: typo}\n"
    )
    run = scans(ACCEPTED_RISKS="ssm:/risks")
    with pytest.raises(DocumentError, match="ssm:/risks, line 2: .*reson"):
        run(run.image("CVE-1"))


def test_security_hub_is_told_of_what_is_gone_though_that_is_no_news_to_people(scans, hub):
    run = scans(NOTIFY_BY_SECURITY_HUB="true")
    run(run.image("CVE-1", "CVE-2"))
    assert hub() == {"CVE-1": "ACTIVE", "CVE-2": "ACTIVE"}

    assert run(run.image("CVE-2")) == []
    assert hub() == {"CVE-1": "ARCHIVED", "CVE-2": "ACTIVE"}

    assert run(run.image()) == []
    assert hub() == {"CVE-1": "ARCHIVED", "CVE-2": "ARCHIVED"}


def test_chat_channels_get_a_notification_of_their_own(scans, topic_arn):
    run = scans(NOTIFY_BY_CHAT="true", NOTIFY_BY_EMAIL="false", CHAT_SNS_TOPIC_ARN=topic_arn)
    told = run(run.image("CVE-1"))
    assert sorted(report["version"] for report in told) == ["1", "1.0"]
    [chat] = [report for report in told if report.get("source") == "custom"]
    assert chat["content"]["title"] == "shop/api:latest: 1 HIGH"


def test_a_scan_whose_findings_are_no_longer_kept_is_reported_by_its_counts(scans, aws):
    run = scans(NOTIFY_MODE="every-scan")
    event = run.event(image := run.image("CVE-1"))
    image.reported, image.scan_status = None, "FAILED"
    [told] = run.deliver(event)
    assert told["findingSeverityCounts"] == {"HIGH": 1}
    assert told["findings"] == []


def test_an_owner_gets_what_is_about_its_repositories_in_a_topic_of_its_own(scans, aws, queue):
    own = boto3.client("sns").create_topic(Name="payments")["TopicArn"]
    boto3.client("sns").subscribe(
        TopicArn=own, Protocol="sqs", Endpoint="arn:aws:sqs:eu-west-1:123456789012:jobs"
    )
    run = scans(OWNER_TOPICS=f"payments={own}", REPOSITORY_TAG_RULES="true")
    assert [report["owner"] for report in run(run.image("CVE-1"))] == [None]
    aws.repositories["shop/api"].tags = {"ecr-scan-reporter:owner": "payments"}
    told = run(run.image("CVE-1", "CVE-2"))
    assert [report["owner"] for report in told] == ["payments", "payments"]


def test_an_owners_topic_that_is_not_there_fails_the_event_and_nobody_else(scans):
    missing = "arn:aws:sns:eu-west-1:123456789012:missing"
    run = scans(OWNER_TOPICS=f"payments={missing}")
    run.services.settings.__dict__["repository_rules"] = (
        RepositoryRules("shop/*", Rules(owner="payments")),
    )
    event = run.event(run.image("CVE-1"))
    for _ in range(2):
        with pytest.raises(NotDelivered, match="owner:payments:missing"):
            run.deliver(event)
    told = [json.loads(message["Message"]) for message in run.queue.receive_all()]
    assert [new(report) for report in told] == [["CVE-1"]]
