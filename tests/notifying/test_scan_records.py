"""What the notifier remembers of scans, and of which failures it says nothing."""

import json
from uuid import uuid4

import boto3
import pytest

from chalicelib.ecr.scan_records import ScanRecord
from chalicelib.notifying.notify import notify
from chalicelib.runtime.deadline import Deadline
from chalicelib.services import Services
from tests.events import inspector_scan, scan_event

PLACE = "123456789012/eu-west-1/shop/api"
AT = "2026-03-01T12:00:00Z"
SECONDS = 1_772_366_400
QUEUE_ARN = "arn:aws:sqs:eu-west-1:123456789012:jobs"


@pytest.fixture
def run(aws, settings, queue, history_table):
    """Let events come; gives the reports that they lead to."""
    arn = boto3.client("sns").create_topic(Name="reports")["TopicArn"]
    boto3.client("sns").subscribe(TopicArn=arn, Protocol="sqs", Endpoint=QUEUE_ARN)

    def deliver(*events, **variables):
        defaults = {
            "ECR_SNS_REPORT_TOPIC_ARN": arn,
            "HISTORY_TABLE_NAME": history_table,
            "REPORT_IMAGES": "all",
            "REPORT_WINDOW": "0",
        }
        services = Services(settings(**(defaults | variables)))
        for event in events:
            notify(event, services, Deadline.unlimited())
        deliver.records = services.scan_records.of_repository(PLACE)
        return [json.loads(message["Message"]) for message in queue.receive_all()]

    return deliver


def an_event(image, status="COMPLETE", time=AT):
    detail = {
        "repository-name": "shop/api",
        "image-digest": image.digest,
        "image-tags": list(image.tags),
        "scan-status": status,
        "finding-severity-counts": {},
    }
    return scan_event(**detail) | {"time": time, "id": str(uuid4())}


def test_a_scan_that_found_nothing_is_remembered_too(aws, run):
    image = aws.add_image("shop/api", tags=("1",))
    assert run(an_event(image)) == []
    assert run.records == {image.digest: ScanRecord(SECONDS, "COMPLETE")}


def test_a_failed_scan_is_remembered_with_the_reason_though_it_is_not_reported(aws, run):
    image = aws.add_image("shop/api", scan_status="FAILED", scan_description="ScanError: timed out")
    event = an_event(image, "FAILED")
    assert run(event, event, NOTIFY_ON_SCAN_FAILURE="false") == []
    record = ScanRecord(SECONDS, "FAILED", "ScanError: timed out", failures=1)
    assert run.records == {image.digest: record}


def test_the_report_of_a_failed_scan_says_why_it_failed(aws, run):
    image = aws.add_image(
        "shop/api", tags=("1",), scan_status="FAILED", scan_description="ScanError: timed out"
    )
    [report] = run(an_event(image, "FAILED"))
    assert report["scanStatusDescription"] == "ScanError: timed out"


def test_a_scan_that_failed_and_was_done_again_since_is_reported_without_a_reason(aws, run):
    image = aws.add_image("shop/api", tags=("1",), scan_status="COMPLETE", scan_description="Done.")
    [report] = run(an_event(image, "FAILED"))
    assert report["scanStatusDescription"] is None


def test_an_image_that_cannot_be_scanned_is_remembered_and_never_reported_as_failed(aws, run):
    image = aws.add_image("shop/api", tags=("1",), unsupported=True)
    image.end_scan(aws.now())
    assert run(an_event(image, "FAILED"), an_event(image, "FAILED", "2026-03-31T12:00:00Z")) == []
    assert run.records[image.digest].kind.cannot_be_scanned


def test_where_the_reason_may_not_be_read_the_failure_is_reported_all_the_same(aws, run):
    image = aws.add_image("shop/api", tags=("1",), unsupported=True)
    image.end_scan(aws.now())
    aws.fail_next("DescribeImageScanFindings", "AccessDeniedException", times=3)
    [report] = run(an_event(image, "FAILED"))
    assert report["scanStatus"] == "FAILED"


def test_a_failure_of_an_attestation_is_no_news(aws, run):
    aws.add_index("shop/api", tags=("latest",))
    image, attestation, _ = aws.repositories["shop/api"].images.values()
    for each in (image, attestation):
        each.scan_status, each.scan_description = "FAILED", "ScanError: timed out"
    [report] = run(an_event(attestation, "FAILED"), an_event(image, "FAILED"))
    assert (report["imageDigest"], report["imageTags"]) == (image.digest, ["latest"])


def test_scans_by_inspector_are_no_scans_that_this_application_starts(aws, run):
    event = inspector_scan("shop/api")
    run(event)
    assert run.records == {}


def test_a_table_that_does_not_take_a_record_holds_up_no_report(aws, run, monkeypatch):
    image = aws.add_image("shop/api", tags=("1",), scan_status="FAILED")

    def refuse(*_):
        boto3.client("dynamodb").get_item(TableName="missing", Key={"pk": {"S": "1"}})

    monkeypatch.setattr("chalicelib.aws.scan_records.ScanRecords.note_end", refuse)
    assert len(run(an_event(image, "FAILED"))) == 1


def test_an_event_of_another_account_is_remembered_where_its_image_is(aws, run, settings):
    image = aws.add_image("shop/api")
    run(an_event(image) | {"account": "222222222222"})
    assert run.records == {}
