"""Reading what a scan found, page by page."""

from datetime import UTC, datetime

import pytest
from botocore.exceptions import ClientError

from chalicelib.aws.ecr import Registry, RepositoryDeleted
from chalicelib.runtime.backoff import Backoff, DeadlineReached, Throttled
from chalicelib.runtime.deadline import Deadline

DONE = datetime(2026, 3, 1, tzinfo=UTC)


def page(*findings, status="COMPLETE", **found):
    return {
        "imageScanStatus": {"status": status},
        "imageScanFindings": {"findings": list(findings), "imageScanCompletedAt": DONE, **found},
    }


def finding(number, severity="HIGH"):
    return {"name": f"CVE-{number}", "severity": severity}


class Client:
    """ECR with these pages, of which a call may be answered by an error first."""

    def __init__(self, *pages, errors=()):
        self.pages = pages
        self.errors = list(errors)
        self.read = []

    def describe_image_scan_findings(self, nextToken="0", **_):  # noqa: N803
        number = int(nextToken)
        if self.errors and self.errors[0][0] == number:
            code = self.errors.pop(0)[1]
            raise ClientError({"Error": {"Code": code}}, "DescribeImageScanFindings")
        self.read.append(number)
        more = {"nextToken": str(number + 1)} if number + 1 < len(self.pages) else {}
        return {**self.pages[number], **more}


def read(*pages, errors=(), call=None):
    registry = Registry(Client(*pages, errors=errors))
    return registry.scan_findings("shop/api", "sha256:a", *([call] if call else []))


def identifiers(scan):
    return [each.identifier for each in scan.findings]


def test_all_pages_are_read_and_the_worst_come_first():
    scan = read(page(finding(1, "LOW"), finding(2)), page(finding(3, "CRITICAL")))
    assert identifiers(scan) == ["CVE-3", "CVE-2", "CVE-1"]
    assert (scan.status, scan.completed_at, scan.listed) == ("COMPLETE", DONE, 3)


def test_pages_that_were_read_are_not_read_again_after_a_throttle():
    client = Client(
        *(page(finding(number)) for number in range(5)),
        errors=[(3, "ThrottlingException"), (3, "ThrottlingException"), (4, "Throttling")],
    )
    backoff = Backoff(Deadline.unlimited(), sleep=lambda _: None)
    scan = Registry(client).scan_findings("shop/api", "sha256:a", backoff.call)
    assert len(scan.findings) == 5
    assert client.read == [0, 1, 2, 3, 4]


def test_throttling_is_an_error_where_nobody_waits_it_out():
    with pytest.raises(Throttled):
        read(page(), errors=[(0, "ThrottlingException")])


def test_when_no_time_is_left_nothing_is_taken_for_all():
    backoff = Backoff(Deadline(lambda: 0))
    with pytest.raises(DeadlineReached):
        read(page(finding(1)), page(finding(2)), call=backoff.call)


@pytest.mark.parametrize("code", ["ScanNotFoundException", "ImageNotFoundException"])
def test_without_a_scan_there_is_nothing(code):
    assert read(page(), errors=[(0, code)]) is None


def test_a_repository_that_is_gone_is_an_error():
    with pytest.raises(RepositoryDeleted):
        read(page(), errors=[(0, "RepositoryNotFoundException")])


def test_a_page_that_is_there_no_longer_makes_the_findings_unknown_and_not_fewer():
    counts = {"HIGH": 2}
    scan = read(
        page(finding(1), findingSeverityCounts=counts),
        page(finding(2)),
        errors=[(1, "ScanNotFoundException")],
    )
    assert (scan.findings, scan.status, scan.counts) == (None, "FINDINGS_UNAVAILABLE", counts)


@pytest.mark.parametrize("status", ["IN_PROGRESS", "FAILED", "PENDING"])
def test_a_scan_that_began_while_the_pages_were_read_makes_the_findings_unknown(status):
    scan = read(page(finding(1)), page(status=status))
    assert (scan.findings, scan.status) == (None, "FINDINGS_UNAVAILABLE")


@pytest.mark.parametrize(
    "status", ["IN_PROGRESS", "PENDING", "FAILED", "UNSUPPORTED_IMAGE", "FINDINGS_UNAVAILABLE"]
)
def test_of_a_scan_that_is_not_complete_the_findings_are_unknown(status):
    scan = read(page(status=status))
    assert (scan.findings, scan.status) == (None, status)


def test_an_image_that_cannot_be_scanned_has_null_for_its_findings():
    scan = read({"imageScanStatus": {"status": "FAILED"}, "imageScanFindings": None})
    assert (scan.findings, scan.status, scan.counts) == (None, "FAILED", None)


@pytest.mark.parametrize(
    ("found", "counts"),
    [({}, None), ({"findingSeverityCounts": None}, None), ({"findingSeverityCounts": {}}, {})],
)
def test_counts_that_are_not_given_are_not_taken_for_none(found, counts):
    scan = read(page(finding(1), **found))
    assert scan.counts == counts
    assert identifiers(scan) == ["CVE-1"]


def test_where_counts_say_that_there_are_findings_and_none_is_listed_they_are_unknown():
    scan = read(page(findingSeverityCounts={"HIGH": 3}))
    assert (scan.findings, scan.status) == (None, "FINDINGS_UNAVAILABLE")


def test_a_clean_scan_has_no_findings():
    assert read(page()).findings == ()
    assert read(page(status="ACTIVE", findingSeverityCounts={})).findings == ()


def test_suppressed_and_closed_findings_are_listed_and_not_open():
    enhanced = [
        {
            "severity": "HIGH",
            "status": each,
            "packageVulnerabilityDetails": {"vulnerabilityId": id_},
        }
        for id_, each in (("CVE-1", "ACTIVE"), ("CVE-2", "SUPPRESSED"), ("CVE-3", "CLOSED"))
    ]
    scan = read(page(status="ACTIVE", enhancedFindings=enhanced, findingSeverityCounts={"HIGH": 3}))
    assert identifiers(scan) == ["CVE-1"]
    assert scan.listed == 3


def test_ten_thousand_findings_take_ten_calls():
    client = Client(*(page(*(finding(f"{n}-{each}") for each in range(1000))) for n in range(10)))
    scan = Registry(client).scan_findings("shop/api", "sha256:a")
    assert len(scan.findings) == 10_000
    assert len(client.read) == 10
