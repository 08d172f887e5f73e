"""What subscribers read."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.messages import SMS_LENGTH, SUBJECT_LENGTH, console_url, report
from chalicelib.scan_events import ScanResult
from chalicelib.thresholds import Thresholds

RESULT = ScanResult(
    account="123456789012",
    region="eu-west-1",
    repository="payments/api",
    image_digest="sha256:" + "a" * 64,
    image_tags=("1.4.2", "latest"),
    status="COMPLETE",
    severity_counts={"CRITICAL": 3, "HIGH": 4, "LOW": 1, "INFORMATIONAL": 8},
    time="2026-03-01T12:00:00Z",
)
FAILED = replace(RESULT, status="FAILED", severity_counts={})
THRESHOLDS = Thresholds(critical=1, high=5)


def texts(result=RESULT, thresholds=THRESHOLDS):
    return json.loads(report(result, thresholds).body)


def test_the_email_tells_what_was_found_where_and_how_it_stands_to_the_thresholds():
    assert texts()["email"] == "\n".join(
        [
            "payments/api: 3 CRITICAL, 1 LOW",
            "",
            "Repository  payments/api",
            "Tags        1.4.2, latest",
            "Digest      sha256:" + "a" * 64,
            "Account     123456789012",
            "Region      eu-west-1",
            "Scan        COMPLETE at 2026-03-01T12:00:00Z",
            "",
            "Severity        Findings  Threshold",
            "CRITICAL               3          1  reached",
            "HIGH                   4          5",
            "MEDIUM                 0          0",
            "LOW                    1          0  reached",
            "INFORMATIONAL          8",
            "",
            console_url(RESULT),
        ]
    )


def test_the_json_carries_everything_for_machines():
    assert json.loads(texts()["sqs"]) == {
        "version": "1",
        "account": "123456789012",
        "region": "eu-west-1",
        "repository": "payments/api",
        "imageDigest": "sha256:" + "a" * 64,
        "imageTags": ["1.4.2", "latest"],
        "imageTagCount": 2,
        "scanStatus": "COMPLETE",
        "time": "2026-03-01T12:00:00Z",
        "findingSeverityCounts": {"CRITICAL": 3, "HIGH": 4, "LOW": 1, "INFORMATIONAL": 8},
        "thresholds": {"CRITICAL": 1, "HIGH": 5, "MEDIUM": 0, "LOW": 0},
        "crossed": ["CRITICAL", "LOW"],
        "consoleUrl": console_url(RESULT),
    }


def test_every_machine_medium_gets_the_json_and_the_others_the_email():
    by_protocol = texts()
    assert by_protocol["default"] == by_protocol["email"]
    documents = {by_protocol[name] for name in ("http", "https", "sqs", "lambda", "firehose")}
    assert len(documents) == 1


def test_subject_sms_and_attributes_are_short_and_say_the_same():
    message = report(RESULT, THRESHOLDS)
    assert message.subject == "[ECR] payments/api: 3 CRITICAL, 1 LOW"
    assert texts()["sms"] == "ECR: payments/api 3 CRITICAL, 1 LOW"
    assert message.attributes == {
        "severity": "CRITICAL",
        "repository": "payments/api",
        "scan-status": "COMPLETE",
    }


def test_a_failed_scan_says_so_and_has_no_severity():
    message = report(FAILED, THRESHOLDS)
    assert message.subject == "[ECR] payments/api: scan failed"
    assert "The scan failed, so the findings of this image are unknown." in texts(FAILED)["email"]
    assert "Threshold" not in texts(FAILED)["email"]
    assert message.attributes == {"repository": "payments/api", "scan-status": "FAILED"}


def test_a_failed_scans_counts_are_not_reported_as_findings():
    result = replace(FAILED, severity_counts={"CRITICAL": 3})
    assert report(result, THRESHOLDS).subject == "[ECR] payments/api: scan failed"
    assert json.loads(texts(result)["sqs"])["crossed"] == []


def test_nothing_to_report_is_no_message():
    assert report(replace(RESULT, severity_counts={"HIGH": 4}), THRESHOLDS) is None
    assert report(replace(RESULT, severity_counts={}), Thresholds()) is None


def test_an_untagged_image_is_named_by_its_digest():
    untagged = replace(RESULT, image_tags=())
    assert untagged.image_name == RESULT.image_digest
    assert "Tags        none (untagged)" in texts(untagged)["email"]
    assert RESULT.image_digest in texts(untagged)["email"]
    assert RESULT.image_name == "1.4.2, latest"


@pytest.mark.parametrize(
    ("region", "host"),
    [
        ("eu-west-1", "eu-west-1.console.aws.amazon.com"),
        ("cn-north-1", "console.amazonaws.cn"),
        ("us-gov-west-1", "console.amazonaws-us-gov.com"),
    ],
)
def test_the_console_link_is_of_the_regions_partition(region, host):
    assert console_url(replace(RESULT, region=region)) == (
        f"https://{host}/ecr/repositories/private/123456789012/payments/api/_/image/"
        f"{RESULT.image_digest}/details?region={region}"
    )


def test_a_line_break_in_a_tag_does_not_forge_a_line():
    forged = replace(RESULT, image_tags=("1\nDigest      sha256:forged",))
    assert "\nDigest      sha256:forged" not in texts(forged)["email"]


def test_a_long_repository_is_cut_in_its_middle():
    long = replace(RESULT, repository="team/" + "x" * 240 + "/api")
    subject = report(long, THRESHOLDS).subject
    assert len(subject) == SUBJECT_LENGTH
    assert subject.startswith("[ECR] team/xxx")
    assert subject.endswith("x/api: 3 CRITICAL, 1 LOW")


@pytest.mark.parametrize("length", [100, 141, 256])
def test_an_sms_with_a_long_repository_is_still_one(length):
    sms = texts(replace(RESULT, repository="x" * length))["sms"]
    assert len(sms) == min(SMS_LENGTH, length + len("ECR:  3 CRITICAL, 1 LOW"))
    assert sms.endswith("x 3 CRITICAL, 1 LOW")


@given(
    st.builds(
        ScanResult,
        account=st.text(min_size=1),
        region=st.text(min_size=1),
        repository=st.text(min_size=1),
        image_digest=st.text(min_size=1),
        image_tags=st.lists(st.text(min_size=1), max_size=5).map(tuple),
        status=st.sampled_from(["COMPLETE", "FAILED"]),
        severity_counts=st.dictionaries(
            st.sampled_from(["CRITICAL", "HIGH", "MEDIUM", "LOW"]) | st.text(),
            st.integers(0, 10**18),
        ),
        time=st.text(min_size=1),
    )
)
def test_no_message_breaks_the_limits_of_its_medium(result):
    message = report(result, Thresholds())
    if message is None:
        return
    by_protocol = json.loads(message.body)
    assert len(message.subject) <= SUBJECT_LENGTH
    assert message.subject.isascii()
    assert message.subject.isprintable()
    assert len(by_protocol["sms"]) <= SMS_LENGTH
    assert by_protocol["sms"].isascii()
    assert json.loads(by_protocol["https"])["repository"] == result.repository
