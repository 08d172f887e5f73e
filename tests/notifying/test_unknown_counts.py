"""Scans of which the event does not tell all: unknown is looked up, and never taken for nothing."""

import copy
import json
from uuid import uuid4

import boto3
import pytest

from chalicelib.notifying.events import ScanResult
from chalicelib.notifying.scans import report_scan
from chalicelib.runtime.deadline import Deadline
from chalicelib.services import Services
from local.ecr import Finding, Findings
from tests.events import inspector_finding, inspector_scan, scan_event

ARN = "arn:aws:sqs:eu-west-1:123456789012:jobs"


class Notifier:
    """The notifier and one image, whose findings ECR answers in these pages."""

    def __init__(self, registry, services, queue):
        self.registry = registry
        self.services = services
        self.queue = queue
        self.image = registry.add_image("shop/api", tags=("latest",))
        self.hour = 0

    def finds(self, *pages):
        """Let ECR answer what it finds in the image with these pages."""
        answer = self.registry.answer

        def scripted(operation, request):
            if operation != "DescribeImageScanFindings":
                return answer(operation, request)
            self.registry.calls[operation] += 1
            number = int(request.get("nextToken", 0))
            page = copy.deepcopy(pages[number])
            return page | ({"nextToken": str(number + 1)} if number + 1 < len(pages) else {})

        self.registry.answer = scripted

    def __call__(self, event):
        """Report an event; gives what machines get."""
        self.hour += 1
        event |= {"id": str(uuid4()), "time": f"2026-03-01T{self.hour:02}:00:00Z"}
        event["detail"]["image-digest"] = self.image.digest
        report_scan(ScanResult.from_event(event), self.services, Deadline.unlimited())
        return [json.loads(message["Message"]) for message in self.queue.receive_all()]

    def scan(self, **detail):
        return self(
            scan_event(**{"repository-name": "shop/api", "image-tags": ["latest"], **detail})
        )

    def inspector(self, **counts):
        return self(inspector_scan(**{"finding-severity-counts": counts}))


@pytest.fixture
def notifier(aws, settings, queue, history_table):
    arn = boto3.client("sns").create_topic(Name="reports")["TopicArn"]
    boto3.client("sns").subscribe(TopicArn=arn, Protocol="sqs", Endpoint=ARN)
    boto3.client("securityhub").enable_security_hub()

    def make(**variables):
        known = {
            "HISTORY_TABLE_NAME": "history",
            "NOTIFY_MODE": "new-findings",
            "REPORT_IMAGES": "all",
            "REPORT_WINDOW": "0",
        }
        given = {"ECR_SNS_REPORT_TOPIC_ARN": arn, **known, **variables}
        return Notifier(aws, Services(settings(**given)), queue)

    return make


def hub():
    found = boto3.client("securityhub").get_findings()["Findings"]
    return {each["Vulnerabilities"][0]["Id"]: each["RecordState"] for each in found}


def enhanced(identifier, severity="HIGH", status="ACTIVE", package="openssl", **fields):
    return {
        "severity": severity,
        "status": status,
        "packageVulnerabilityDetails": {
            "vulnerabilityId": identifier,
            "vulnerablePackages": [{"name": package, "version": "1.0"}],
        },
        **fields,
    }


def page(*findings, status="ACTIVE", kind="enhancedFindings", **found):
    return {
        "imageScanStatus": {"status": status},
        "imageScanFindings": {kind: list(findings), **found},
    }


def names(told):
    return [finding["id"] for finding in told["findings"]]


@pytest.mark.parametrize("counts", [None, {"HIGH": None}, {"CRITICAL": 1, "HIGH": None}])
def test_null_counts_are_looked_up(notifier, counts):
    run = notifier()
    run.finds(page(enhanced("CVE-1", "CRITICAL")))
    [told] = run.scan(**{"finding-severity-counts": counts})
    assert told["findingSeverityCounts"] == {"CRITICAL": 1}


def test_counts_that_the_event_lacks_are_looked_up_and_nothing_is_archived(notifier):
    run = notifier(NOTIFY_MODE="every-scan", NOTIFY_BY_SECURITY_HUB="true")
    run.finds(page(enhanced("CVE-1", "CRITICAL")))
    run.scan(**{"finding-severity-counts": {"CRITICAL": 1}})
    event = scan_event(**{"repository-name": "shop/api", "image-tags": ["latest"]})
    del event["detail"]["finding-severity-counts"]
    [told] = run(event)
    assert told["crossed"] == ["CRITICAL"]
    assert hub() == {"CVE-1": "ACTIVE"}


def test_without_counts_and_without_findings_there_is_nothing_to_report(notifier):
    run = notifier()
    run.finds(page())
    assert run.scan(**{"finding-severity-counts": None}) == []


def test_findings_that_only_the_total_tells_of_are_looked_up(notifier):
    run = notifier()
    run.finds(page(enhanced("CVE-1", "LOW"), enhanced("CVE-2", "LOW", package="tar")))
    [told] = run.inspector(CRITICAL=0, HIGH=0, MEDIUM=0, TOTAL=2)
    assert told["findingSeverityCounts"] == {"LOW": 2}
    assert told["findingsOfUnknownSeverity"] == 0


@pytest.mark.parametrize("total", [3, 8])
def test_what_reaches_no_threshold_is_compared_all_the_same(notifier, aws, total):
    run = notifier(CRITICAL="9", HIGH="9", MEDIUM="9", LOW="9")
    run.finds(page(enhanced("CVE-1")))
    assert run.inspector(CRITICAL=0, HIGH=1, MEDIUM=2, TOTAL=total) == []
    assert aws.calls["DescribeImageScanFindings"] == 1


@pytest.mark.parametrize("total", [3, 8])
def test_where_nothing_is_compared_counts_that_cannot_reach_a_threshold_take_no_call(
    notifier, aws, total
):
    limits = {"CRITICAL": "9", "HIGH": "9", "MEDIUM": "9", "LOW": "9"}
    run = notifier(HISTORY_TABLE_NAME="", NOTIFY_MODE="every-scan", **limits)
    run.finds(page())
    assert run.inspector(CRITICAL=0, HIGH=1, MEDIUM=2, TOTAL=total) == []
    assert aws.calls["DescribeImageScanFindings"] == 0


def test_what_is_still_in_the_total_is_not_archived(notifier):
    run = notifier(NOTIFY_BY_SECURITY_HUB="true")
    low = enhanced("CVE-2", "LOW", package="tar")
    run.finds(page(enhanced("CVE-1"), low))
    run.inspector(CRITICAL=0, HIGH=1, MEDIUM=0, TOTAL=2)
    run.finds(page(low))
    run.inspector(CRITICAL=0, HIGH=0, MEDIUM=0, TOTAL=1)
    assert hub() == {"CVE-1": "ARCHIVED", "CVE-2": "ACTIVE"}


def test_findings_that_may_not_be_looked_up_are_said_to_be_unknown(notifier, aws):
    run = notifier()
    aws.fail_next("DescribeImageScanFindings", "AccessDeniedException", times=2)
    [total] = run.inspector(CRITICAL=0, HIGH=0, MEDIUM=0, TOTAL=2)
    assert (total["findingSeverityCounts"], total["findingsOfUnknownSeverity"]) == ({}, 2)
    [nothing] = run.scan(**{"finding-severity-counts": None})
    assert (nothing["findingSeverityCounts"], nothing["crossed"]) == (None, [])


def test_of_a_finding_whose_image_may_not_be_read_no_count_is_claimed(notifier, aws):
    run = notifier(NOTIFY_ON_INSPECTOR_FINDINGS="true")
    aws.fail_next("DescribeImageScanFindings", "AccessDeniedException")
    [told] = run(inspector_finding("HIGH", run.image.digest))
    assert (told["findingSeverityCounts"], told["crossed"]) == (None, ["HIGH"])


@pytest.mark.parametrize("found", [{"findingSeverityCounts": {"HIGH": 1}}, {}])
def test_counts_of_findings_that_are_not_listed_are_reported_and_not_compared(notifier, found):
    run = notifier(NOTIFY_MODE="changes", NOTIFY_BY_SECURITY_HUB="true")
    run.finds(page(enhanced("CVE-1")))
    run.inspector(CRITICAL=0, HIGH=1, MEDIUM=0, TOTAL=1)
    run.finds(page(**found))
    [told] = run.inspector(CRITICAL=0, HIGH=1, MEDIUM=0, TOTAL=1)
    assert (told["findingSeverityCounts"], told["changes"]) == ({"HIGH": 1}, None)
    assert hub() == {"CVE-1": "ACTIVE"}


def test_a_page_that_is_there_no_longer_fixes_nothing(notifier):
    run = notifier(NOTIFY_MODE="changes", NOTIFY_BY_SECURITY_HUB="true")
    pages = [page(enhanced(f"CVE-{number}")) for number in range(3)]
    run.finds(*pages)
    run.inspector(CRITICAL=0, HIGH=3, MEDIUM=0, TOTAL=3)
    run.finds(*pages[:2], page(status="IN_PROGRESS"))
    told = run.inspector(CRITICAL=0, HIGH=3, MEDIUM=0, TOTAL=3)
    assert [each["changes"] for each in told] == [None]
    assert set(hub().values()) == {"ACTIVE"}


def test_what_is_suppressed_or_closed_in_inspector_is_neither_counted_nor_listed(notifier):
    run = notifier(CRITICAL="1")
    run.finds(
        page(
            enhanced("CVE-1", "CRITICAL"),
            enhanced("CVE-2", "CRITICAL", "SUPPRESSED"),
            enhanced("CVE-3", "CRITICAL", "CLOSED"),
            findingSeverityCounts={"CRITICAL": 3},
        )
    )
    [told] = run.inspector(CRITICAL=3, HIGH=0, MEDIUM=0, TOTAL=3)
    assert (told["findingSeverityCounts"], names(told)) == ({"CRITICAL": 1}, ["CVE-1"])


def test_where_all_findings_are_suppressed_there_is_nothing_to_report(notifier):
    run = notifier()
    run.finds(page(enhanced("CVE-1", status="SUPPRESSED"), findingSeverityCounts={"HIGH": 1}))
    assert run.inspector(CRITICAL=0, HIGH=1, MEDIUM=0, TOTAL=1) == []


def test_suppressed_findings_do_not_count_towards_a_threshold(notifier):
    run = notifier(HIGH="2")
    run.finds(page(enhanced("CVE-1"), enhanced("CVE-2", status="SUPPRESSED")))
    assert run.inspector(CRITICAL=0, HIGH=2, MEDIUM=0, TOTAL=2) == []


def test_an_answer_without_counts_is_counted_by_its_findings(notifier):
    run = notifier()
    run.finds(page(enhanced("CVE-1"), enhanced("CVE-2", "LOW")))
    [told] = run.inspector(CRITICAL=0, HIGH=1, MEDIUM=0, TOTAL=2)
    assert told["findingSeverityCounts"] == {"HIGH": 1, "LOW": 1}


def test_two_versions_of_a_package_are_both_counted_and_told(notifier):
    run = notifier()
    two = [
        {
            "name": "CVE-2021-44228",
            "severity": "CRITICAL",
            "attributes": [
                {"key": "package_name", "value": "log4j-core"},
                {"key": "package_version", "value": version},
            ],
        }
        for version in ("2.14.0", "2.16.0")
    ]
    run.finds(page(*two, status="COMPLETE", kind="findings"))
    [told] = run.scan(**{"finding-severity-counts": {"CRITICAL": 2}})
    assert told["findingSeverityCounts"] == {"CRITICAL": 2}
    assert [each["installedVersion"] for each in told["findings"]] == ["2.14.0", "2.16.0"]
    assert told["changes"]["new"] == 2


def in_packages(*packages):
    details = {
        "vulnerabilityId": "CVE-1",
        "vulnerablePackages": [{"name": name, "version": "1"} for name in packages],
    }
    return enhanced("CVE-1", packageVulnerabilityDetails=details)


@pytest.mark.parametrize("after", [7, 8, 6])
def test_a_finding_in_a_package_more_or_less_or_in_another_order_is_no_news(notifier, after):
    run = notifier(NOTIFY_MODE="changes", NOTIFY_BY_SECURITY_HUB="true")
    run.finds(page(in_packages(*(f"lib{number}" for number in range(7)))))
    run.inspector(CRITICAL=0, HIGH=1, MEDIUM=0, TOTAL=1)
    run.finds(page(in_packages(*(f"lib{number}" for number in reversed(range(after))))))
    for _ in range(2):
        assert run.inspector(CRITICAL=0, HIGH=1, MEDIUM=0, TOTAL=1) == []
    [finding] = boto3.client("securityhub").get_findings()["Findings"]
    assert finding["RecordState"] == "ACTIVE"
    assert len(finding["Vulnerabilities"][0]["VulnerablePackages"]) == after


def test_new_findings_are_listed_first_and_all_named_however_many_old_ones_there_are(notifier):
    run = notifier()
    old = [enhanced(f"CVE-{number:04}", "CRITICAL") for number in range(200)]
    run.finds(page(*old))
    run.inspector(CRITICAL=200, HIGH=0, MEDIUM=0, TOTAL=200)
    new = [enhanced(f"CVE-9{number:03}", "LOW", package="tar") for number in range(150)]
    run.finds(page(*old, *new))
    [told] = run.inspector(CRITICAL=200, HIGH=0, MEDIUM=0, TOTAL=350)
    assert names(told)[0] == "CVE-9000"
    assert told["newFindings"] == [f"CVE-9{number:03} tar" for number in range(150)]


def test_an_image_with_a_thousand_tags_and_ten_thousand_findings_is_told_in_one_message(notifier):
    run = notifier(NOTIFY_MODE="every-scan")
    findings = [enhanced(f"CVE-{number:05}") for number in range(10_000)]
    run.finds(*(page(*findings[start : start + 1000]) for start in range(0, 10_000, 1000)))
    run.image.tags = tuple(f"build-{number}" for number in range(1000))
    [told] = run.scan(**{"finding-severity-counts": {"HIGH": 10_000}})
    assert told["findingSeverityCounts"] == {"HIGH": 10_000}
    assert sum(told["findingsNotListed"].values()) == 10_000 - len(told["findings"])
    assert (told["imageTagCount"], len(told["imageTags"])) == (1000, 100)
    assert told["changes"]["new"] == 10_000


def test_the_findings_of_basic_scanning_are_not_said_to_have_no_fix(notifier):
    run = notifier()
    run.image.findings = Findings((Finding("CVE-1", "HIGH"),))
    run.image.begin_scan(run.registry.now())
    run.image.end_scan(run.registry.now())
    [told] = run.scan(**{"finding-severity-counts": {"HIGH": 1}})
    assert told["findings"][0]["fixAvailable"] is None
