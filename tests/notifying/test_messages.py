"""What subscribers of the report topic read."""

import json
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given

from chalicelib.ecr.findings import counts_of, worst_first
from chalicelib.notifying.assessment import Assessment
from chalicelib.notifying.documents import document
from chalicelib.notifying.emails import email
from chalicelib.notifying.messages import message_of
from chalicelib.notifying.report import About, report_of
from chalicelib.notifying.texts import console_url
from chalicelib.policy.accepted_risks import AcceptedRisk
from chalicelib.policy.ages import Age
from chalicelib.policy.changes import Changes
from chalicelib.policy.thresholds import Thresholds
from chalicelib.text.notifications import MESSAGE_BYTES, SMS_LENGTH, SUBJECT_LENGTH
from tests.golden import assert_golden
from tests.reports import REPORTS, RESULT, THRESHOLDS, a_finding, a_report, a_report_of

SCHEMA = json.loads((Path(__file__).parents[2] / "docs/schemas/scan-report-1.json").read_text())
FAILED = replace(RESULT, status="FAILED", severity_counts={})
OPENSSL = a_finding("CVE-2026-0001")
ZLIB = a_finding("CVE-2025-0002", "HIGH", package="zlib", fixed="", fix_available=False, score=7)
BASH = a_finding(
    "CVE-2024-0003",
    "LOW",
    package="bash",
    score=None,
    fixed="",
    exploit_available=True,
    url="",
)
CHANGED = a_report_of(
    OPENSSL,
    ZLIB,
    BASH,
    where_in_use=("ECS service shop/web",),
    changes=Changes(
        new=frozenset({OPENSSL.key}),
        fixed={"CVE-2023-0004 curl": "HIGH"},
        unchanged=2,
        digest_before="sha256:" + "b" * 64,
        since="2026-02-22T06:00:00Z",
    ),
    accepted=(
        (a_finding("CVE-2020-0005"), AcceptedRisk("not reachable", expires=date(2027, 1, 31))),
    ),
    expired=(AcceptedRisk("was reviewed", vulnerability="CVE-2025-*", expires=date(2026, 1, 31)),),
    left_out={"without a fix": 12},
)


def texts(report):
    return json.loads(message_of(report).body)


@pytest.mark.parametrize(
    ("name", "report"),
    [
        ("changed", CHANGED),
        ("first", replace(CHANGED, changes=Changes(frozenset({OPENSSL.key})))),
        ("counts-only", a_report()),
        ("failed", a_report(FAILED)),
        ("many", a_report_of(*(a_finding(f"CVE-2026-{n:04}", "HIGH") for n in range(40)))),
    ],
)
def test_every_medium_gets_its_wording(name, report):
    by_protocol = texts(report)
    default = json.dumps(json.loads(by_protocol["default"]), indent=2)
    parts = [message_of(report).subject, by_protocol["sms"], by_protocol["email"], default]
    assert_golden(f"message-{name}.txt", "\n---\n".join(parts) + "\n")


def test_machines_get_the_json_as_the_default():
    assert set(texts(CHANGED)) == {"default", "email", "sms"}
    jsonschema.validate(json.loads(texts(CHANGED)["default"]), SCHEMA)


def test_attributes_are_there_to_filter_by():
    message = message_of(CHANGED, ("email", "chat"))
    assert message.attributes == {
        "severity": "CRITICAL",
        "repository": "payments/api",
        "scan-status": "COMPLETE",
        "owner": "unowned",
    }
    assert message.lists == {"channels": ["email"]}


def test_a_failed_scan_says_so_and_has_no_severity():
    message = message_of(a_report(FAILED))
    assert message.subject == "[ECR] payments/api:latest: scan failed"
    assert "Threshold" not in texts(a_report(FAILED))["email"]
    assert message.attributes == {
        "repository": "payments/api",
        "scan-status": "FAILED",
        "owner": "unowned",
    }


def test_an_untagged_image_is_named_by_its_digest():
    untagged = replace(RESULT, image_tags=())
    assert untagged.image_name == RESULT.image_digest
    assert "Tags        none (untagged)" in email(a_report(untagged))
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


@pytest.mark.parametrize(
    "report",
    [
        a_report(replace(RESULT, image_tags=("1\nDigest      sha256:forged",))),
        a_report_of(a_finding("CVE-1\nDigest      sha256:forged")),
        a_report_of(a_finding(package="x\nDigest      sha256:forged")),
        a_report_of(a_finding(), where_in_use=("x\r\nDigest      sha256:forged",)),
    ],
)
def test_a_line_break_in_a_value_does_not_forge_a_line(report):
    assert "\nDigest      sha256:forged" not in email(report)


def test_a_link_that_is_none_of_the_web_is_not_shown():
    report = a_report_of(a_finding(url="javascript:alert(1)"))
    assert "javascript" not in email(report)
    assert document(report)["findings"][0]["url"] is None


def test_a_template_in_a_value_is_not_rendered():
    assert "{{ 7 * 7 }}" in email(a_report_of(a_finding("{{ 7 * 7 }}")))


def test_a_long_repository_is_cut_in_its_middle():
    long = a_report(replace(RESULT, repository="team/" + "x" * 240 + "/api"))
    subject = message_of(long).subject
    assert len(subject) == SUBJECT_LENGTH
    assert subject.startswith("[ECR] team/xxx")
    assert subject.endswith("api:latest: 3 CRITICAL, 1 LOW")


@pytest.mark.parametrize("length", [100, 141, 256])
def test_an_sms_with_a_long_repository_is_still_one(length):
    sms = texts(a_report(replace(RESULT, repository="x" * length)))["sms"]
    assert len(sms) == min(SMS_LENGTH, length + len("ECR: :latest: 3 CRITICAL, 1 LOW"))
    assert sms.endswith("x:latest: 3 CRITICAL, 1 LOW")


def test_findings_are_left_out_whole_and_counted_where_there_is_no_room_for_all():
    findings = [
        a_finding(f"CVE-2026-{n:05}", "HIGH", package="p" * 300, url="https://e.org/" + "x" * 5000)
        for n in range(200)
    ]
    body = message_of(a_report_of(*findings)).body
    told = json.loads(json.loads(body)["default"])
    assert len(body.encode()) <= MESSAGE_BYTES
    assert 0 < len(told["findings"]) < 100
    assert len(told["findings"]) + told["findingsNotListed"]["HIGH"] == 200
    assert all(finding["package"] == "p" * 300 for finding in told["findings"])


@given(REPORTS)
def test_no_message_breaks_the_limits_of_its_medium_whatever_was_found(report):
    message = message_of(report)
    by_protocol = json.loads(message.body)
    assert len(message.body.encode()) <= MESSAGE_BYTES
    assert len(message.subject) <= SUBJECT_LENGTH
    assert message.subject.isascii()
    assert message.subject.isprintable()
    assert len(by_protocol["sms"]) <= SMS_LENGTH
    assert by_protocol["sms"].isascii()
    assert all(line.isprintable() for line in by_protocol["email"].split("\n"))
    jsonschema.validate(json.loads(by_protocol["default"]), SCHEMA)


def aged(report, **ages):
    days = datetime.fromisoformat(RESULT.time)
    return replace(
        report,
        ages={
            finding.key: Age(days - timedelta(days=opened), days.date() + timedelta(days=left))
            for finding, (opened, left) in zip((OPENSSL, ZLIB), ages.values(), strict=False)
        },
    )


def test_a_message_says_how_long_findings_have_been_open_and_what_is_overdue():
    report = aged(a_report_of(OPENSSL, ZLIB, BASH), openssl=(23, -16), zlib=(0, 30))
    text = email(report)
    assert "open 23 days, 16 overdue" in text
    assert "due in 30" in text
    assert "1 finding overdue." in text
    told = document(report)
    openssl, _, bash = told["findings"]
    assert (openssl["openSince"], openssl["due"]) == ("2026-02-06T12:00:00+00:00", "2026-02-13")
    assert (openssl["daysOpen"], openssl["daysOverdue"]) == (23, 16)
    assert (bash["openSince"], bash["daysOpen"], bash["daysOverdue"]) == (None, None, None)
    assert told["overdueFindings"] == 1
    jsonschema.validate(told, SCHEMA)


def test_of_findings_whose_age_is_not_known_nothing_is_said():
    report = a_report_of(OPENSSL)
    text = email(report)
    assert "open " not in text
    assert "overdue" not in text
    assert document(report)["overdueFindings"] is None


def test_what_reaches_a_threshold_of_exploitation_is_in_the_headline_and_comes_first():
    """EPSS is never called exploited."""
    listed = replace(BASH, known_exploited=True)
    likely = replace(ZLIB, epss=0.97)
    thresholds = Thresholds(*[None] * 6, kev=1, epss=0.9)
    report = report_of(
        RESULT, assessed(OPENSSL, likely, listed, thresholds=thresholds), None, None, About()
    )
    assert [each.identifier for each in report.findings] == [
        *("CVE-2024-0003", "CVE-2025-0002", "CVE-2026-0001")
    ]
    assert "1 known exploited, EPSS 97%" in message_of(report).subject
    assert "no fix, EPSS 97%" in email(report)


def test_what_is_overdue_comes_before_what_is_worse():
    ages = aged(a_report_of(ZLIB), openssl=(1, 6), zlib=(40, -10)).ages
    report = report_of(RESULT, assessed(OPENSSL, ZLIB), None, None, About(ages=ages))
    assert [each.identifier for each in report.findings] == ["CVE-2025-0002", "CVE-2026-0001"]


def assessed(*findings, thresholds=THRESHOLDS):
    counts = counts_of(findings)
    crossed = thresholds.crossed_by(counts)
    return Assessment(thresholds, counts, crossed, findings=worst_first(findings))
