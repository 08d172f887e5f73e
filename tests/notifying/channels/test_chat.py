"""The custom notifications for chat channels."""

import json
import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import boto3
import jsonschema
import pytest
from hypothesis import given

from chalicelib.aws.sns import ChatTopic
from chalicelib.ecr.findings import Finding, Package
from chalicelib.notifying.channels import chat
from chalicelib.notifying.texts import console_url
from chalicelib.policy.changes import Changes
from tests.notifying.channels.samples import (
    CHANGES,
    FAILED,
    FULL,
    KNOWN,
    LOW,
    NEW,
    RESULT,
    report,
    reports,
)
from tests.reports import found_in

SCHEMA = json.loads((Path(__file__).parent / "custom-notification.schema.json").read_text())
CODE = re.compile(r"`[^`\n]*`")
ADDRESS = re.compile(r"<https?://[^<>|\s]+>")


def description(of):
    return chat.notification(of)["content"]["description"]


def steps(of):
    return chat.notification(of)["content"]["nextSteps"]


def test_a_notification_tells_what_is_new_what_can_be_fixed_and_where_it_runs(golden):
    golden("chat.json", chat.notification(FULL))


def test_a_failed_scan_is_told_without_findings(golden):
    golden("chat-failed.json", chat.notification(FAILED))


def test_what_ecr_says_of_a_failed_scan_is_told():
    said = replace(FAILED.result, description="InternalError: <!channel> try again")
    text = description(replace(FAILED, result=said))
    assert "ECR says: InternalError: " in text
    assert "<!channel>" not in text


def test_counts_that_are_unknown_are_not_told_as_none():
    unknown = description(report(counts=None, findings=None))
    assert unknown.startswith("Found: unknown, since the scan has neither findings nor counts.")


def test_the_first_report_of_an_image_marks_nothing_as_new():
    first = report(NEW, changes=Changes(new=frozenset({NEW.key})))
    assert description(first).startswith("First report of this image.\nFound: 1 CRITICAL.")
    assert "NEW" not in description(first)
    assert "new" not in chat.notification(first)["content"]["title"]


def test_where_only_counts_are_known_they_are_told():
    text = description(report(NEW, KNOWN, findings=None))
    assert text.startswith("Found: 1 CRITICAL, 1 HIGH.\n")
    assert "fix" not in text


def test_a_scan_that_no_longer_finds_anything_says_what_is_fixed():
    clean = report(changes=replace(CHANGES, new=frozenset(), unchanged=0))
    assert chat.notification(clean)["content"]["title"].startswith("payments/api:latest: 1 fixed")
    assert "\nFound: nothing.\n" in description(clean)
    assert "Fixed: `CVE-2025-0009 zlib`" in description(clean)


def test_new_findings_come_first_and_then_the_worst():
    text = description(report(NEW, KNOWN, LOW, changes=replace(CHANGES, new=frozenset({LOW.key}))))
    places = [text.index(f"`{finding.identifier}`") for finding in (LOW, NEW, KNOWN)]
    assert places == sorted(places)


def test_findings_that_do_not_fit_are_left_out_whole_and_counted():
    many = [found_in(f"CVE-{number}", "HIGH", "p" * 400) for number in range(9)]
    text = description(report(NEW, *many))
    listed = text.count("• HIGH `CVE-")
    assert 0 < listed < 9
    assert text.count(f"`{'p' * 400}`\n") == listed
    assert f"• {9 - listed} more: {9 - listed} HIGH\n" in text
    assert console_url(RESULT) in text


def test_ten_findings_at_most_are_listed():
    text = description(report(*(Finding(f"CVE-{number:02}", "LOW") for number in range(25))))
    assert text.count("• LOW `CVE-") == 10
    assert "• 15 more: 15 LOW" in text


def test_a_finding_that_is_far_too_long_is_counted_and_those_after_it_are_listed():
    text = description(report(replace(NEW, packages=(Package("x" * 5000),)), KNOWN))
    assert "`CVE-2026-0002`" in text
    assert "• 1 more: 1 CRITICAL" in text


def test_the_next_steps_are_the_updates_that_fix_the_worst_findings():
    others = [found_in(f"CVE-{number}", "LOW", f"lib{number}", fixed="2") for number in range(9)]
    assert steps(report(*others, NEW, KNOWN, LOW)) == [
        "Update `openssl` to `3.0.2-1`: 2 findings",
        "Update `lib0` to `2`: 1 finding",
        "Update `lib1` to `2`: 1 finding",
        "Update `lib2` to `2`: 1 finding",
    ]


def test_the_scans_of_a_tag_are_one_thread_whatever_image_carries_it():
    def thread(of):
        return chat.notification(of)["metadata"]["threadId"]

    next_image = replace(
        FULL, result=replace(RESULT, image_digest="sha256:c", time="2027-03-02T12:00:00Z")
    )
    assert thread(next_image) == thread(FULL)
    assert thread(replace(FULL, name="payments/api:2")) != thread(FULL)
    assert thread(replace(FULL, result=replace(RESULT, region="us-east-1"))) != thread(FULL)


def test_a_scan_that_is_reported_again_keeps_its_id():
    def identifier(of):
        return chat.notification(of)["id"]

    again = replace(FULL, findings=None)
    later = replace(FULL, result=replace(RESULT, time="2027-03-02T12:00:00Z"))
    assert identifier(again) == identifier(FULL) != identifier(later)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("<script>alert(1)</script>", "`&lt;script&gt;alert(1)&lt;/script&gt;`"),
        ("<!channel> & co", "`&lt;!channel&gt; &amp; co`"),
        ("@here", "`@\u2060here`"),
        ("@babel/core", "`@babel/core`"),
        ("`rm` *x* _y_ ~z~", "`'rm' *x* _y_ ~z~`"),
        ("a\nb", "`a b`"),
    ],
)
def test_a_value_is_a_code_span_that_nothing_in_it_ends(value, shown):
    assert f"HIGH {shown}, no fix" in description(
        report(Finding(value, "HIGH", fix_available=False))
    )


@pytest.mark.parametrize(
    ("repository", "title"),
    [
        ("shop/my_api__v2", "shop/my_api__v2: 1 LOW"),
        ("_shop_/*api*~", "-shop-/-api--: 1 LOW"),
        ("<!here>|x", "&lt;!here&gt;-x: 1 LOW"),
        ("&" * 100, f"{'&amp;' * 14}..{'&amp;' * 14}: 1 LOW"),
        ("r" * 256, f"{'r' * 71}..{'r' * 70}: 1 LOW"),
    ],
)
def test_a_title_has_no_marks_and_is_never_too_long(repository, title):
    result = replace(RESULT, repository=repository)
    named = report(LOW, result=result, image=repository)
    assert chat.notification(named)["content"]["title"] == title


def test_an_address_that_is_none_of_the_web_is_left_out():
    text = description(report(replace(NEW, url="javascript:alert(1)")))
    assert "javascript" not in text


def texts_of(value):
    if isinstance(value, str):
        return [value]
    values = value.values() if isinstance(value, dict) else value
    return [text for each in values for text in texts_of(each)]


@given(reports())
def test_any_report_makes_a_notification_within_the_limits_with_nothing_unescaped(of):
    notification = chat.notification(of)

    jsonschema.validate(notification, SCHEMA)
    assert len(json.dumps(notification)) < 32_000
    for text in texts_of(notification):
        outside = ADDRESS.sub("", CODE.sub("", text))
        assert not re.search(r"[<>`|~\[\]]", outside)
        assert not re.search(r"&(?!amp;|lt;|gt;)", ADDRESS.sub("", text))
        assert not re.search(r"@(here|channel|everyone)", ADDRESS.sub("", text), re.IGNORECASE)
        assert not re.search(r"<(?!https?://)", text)
    # The only marks are our own.
    free = ADDRESS.sub("", CODE.sub("", notification["content"]["description"]))
    assert set(re.findall(r"\*[^*]*\*", free)) <= {"*NEW*"} | set(re.findall(r"\*\d+ new\*", free))


@given(reports())
def test_every_finding_of_a_report_is_listed_or_counted(of):
    text = description(of)
    findings = of.findings or ()
    listed = sum(line.startswith("• ") and " more: " not in line for line in text.splitlines())
    more = re.search(r"^• (\d+) more: ", text, re.MULTILINE)
    if not of.result.failed:
        assert listed + (int(more[1]) if more else 0) == len(findings)


def test_a_notification_is_published_as_it_is_for_every_subscriber(aws, queue):
    client = boto3.client("sns")
    arn = client.create_topic(Name="chat")["TopicArn"]
    client.subscribe(
        TopicArn=arn, Protocol="sqs", Endpoint="arn:aws:sqs:eu-west-1:123456789012:jobs"
    )

    chat.deliver(FULL, SimpleNamespace(chat_topic=ChatTopic(client, arn)))

    [received] = queue.receive_all()
    assert json.loads(received["Message"]) == chat.notification(FULL)
