"""The notifier, over real boto3 calls to SNS."""

import json

import boto3
import pytest

from chalicelib.notifier import report_scan
from chalicelib.scan_events import ScanResult
from chalicelib.services import Services
from chalicelib.settings import SettingError, Settings
from tests.events import DIGEST, scan_event


@pytest.fixture
def notify(aws, settings, queue):
    """Report a scan; gives the messages that a queue subscribed to the topic receives."""
    topic_arn = boto3.client("sns").create_topic(Name="reports")["TopicArn"]
    boto3.client("sns").subscribe(
        TopicArn=topic_arn, Protocol="sqs", Endpoint="arn:aws:sqs:eu-west-1:123456789012:jobs"
    )

    def run(variables=None, **detail):
        services = Services(settings(ECR_SNS_REPORT_TOPIC_ARN=topic_arn, **(variables or {})))
        report_scan(ScanResult.from_event(scan_event(**detail)), services)
        return queue.receive_all()

    return run


def test_findings_are_published_with_attributes_to_filter_by(notify):
    [message] = notify()

    assert message["Subject"] == "[ECR] my-repository-name: 10 CRITICAL, 9 MEDIUM"
    assert json.loads(message["Message"])["imageDigest"] == DIGEST
    attributes = {name: value["Value"] for name, value in message["MessageAttributes"].items()}
    assert attributes == {
        "severity": "CRITICAL",
        "repository": "my-repository-name",
        "scan-status": "COMPLETE",
    }


def test_counts_below_their_thresholds_are_not_published(notify):
    assert notify({"CRITICAL": "11", "MEDIUM": "10"}) == []


def test_a_clean_scan_is_not_published(notify):
    assert notify(**{"finding-severity-counts": {}}) == []


def test_a_failed_scan_is_published_unless_that_is_turned_off(notify):
    failed = {"scan-status": "FAILED", "finding-severity-counts": {}}

    [message] = notify(**failed)

    assert message["Subject"] == "[ECR] my-repository-name: scan failed"
    assert notify({"NOTIFY_ON_SCAN_FAILURE": "false"}, **failed) == []


def test_a_status_that_is_no_end_of_a_scan_is_not_published(notify):
    assert notify(**{"scan-status": "IN_PROGRESS"}) == []


def test_without_a_topic_the_error_names_the_setting(aws):
    services = Services(Settings.from_environment({}))
    with pytest.raises(SettingError, match="ECR_SNS_REPORT_TOPIC_ARN is not set"):
        report_scan(ScanResult.from_event(scan_event()), services)


def test_notifications_are_counted_by_severity(notify, logged):
    count, summary = logged(notify)
    assert (count["NotificationsSent"], count["Severity"]) == (1, "CRITICAL")
    assert summary["message"] == "scan reported"
    assert summary["ScansFailed"] == 0
