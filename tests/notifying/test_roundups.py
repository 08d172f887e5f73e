"""What people read of several images at once."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime

import hypothesis
from hypothesis import given

from chalicelib.notifying.channels.chat import DESCRIPTION_LENGTH, STEP_LENGTH, TITLE_LENGTH
from chalicelib.notifying.channels.chat_roundups import content_of_roundup
from chalicelib.notifying.roundups import message_of_roundup
from chalicelib.policy.ages import Age
from chalicelib.policy.news import INVENTORY, Flaw
from chalicelib.policy.roundups import roundup_of
from chalicelib.text.notifications import MESSAGE_BYTES, SMS_LENGTH, SUBJECT_LENGTH
from tests.golden import assert_golden
from tests.notifying.roundups import an_image, roundups

OPENSSL = Flaw("CVE-2026-1", "openssl", "CRITICAL", "3.0.14", url="https://example.org/CVE-2026-1")
CURL = Flaw("CVE-2026-2", "curl", "HIGH", is_exploitable=True)
OLD_CURL = replace(CURL, age=Age(datetime(2026, 2, 6, tzinfo=UTC), date(2026, 3, 8)))
AT = int(datetime(2026, 3, 1, 12, tzinfo=UTC).timestamp())
IN_USE = {"where_in_use": ("ECS service shop/web",), "owner": "shop"}
NEWS = [
    an_image(1, OPENSSL, owner="payments"),
    an_image(2, OPENSSL, CURL, **IN_USE),
    an_image(3, OLD_CURL, at=AT, overdue=2),
    an_image(4, failed=True, counts={}),
]


def texts(roundup):
    return json.loads(message_of_roundup(roundup).body)


def test_every_channel_gets_its_wording_of_news():
    roundup = roundup_of(NEWS)
    message = message_of_roundup(roundup)
    chat = json.dumps(content_of_roundup(roundup, None), indent=2)
    by_protocol = texts(roundup)
    default = json.dumps(json.loads(by_protocol["default"]), indent=2)
    parts = [message.subject, by_protocol["sms"], by_protocol["email"], default, chat]
    assert_golden("roundup-news.txt", "\n---\n".join(parts) + "\n")
    assert message.attributes == {"report": "news", "severity": "CRITICAL"}
    assert message.lists["owner"] == ["payments", "shop", "unowned"]


def test_an_inventory_says_what_happens_from_now_on():
    news = [an_image(number, OPENSSL, CURL, kind=INVENTORY) for number in range(12)]
    email = texts(roundup_of(news))["email"]
    assert_golden("roundup-inventory.txt", email + "\n")


def test_images_that_run_come_before_the_others():
    roundup = roundup_of(NEWS)
    assert roundup.images[0].name == "svc/2:latest"
    assert roundup.groups[0].running == 1


def test_vulnerabilities_that_a_chat_does_not_list_are_counted():
    flaws = [Flaw(f"CVE-2026-{number}", "openssl", "LOW") for number in range(25)]
    content = content_of_roundup(roundup_of([an_image(n, *flaws) for n in range(2)]), None)
    listed = content["content"]["description"].count("• LOW CVE-2026-")
    assert f"• and {25 - listed} more vulnerabilities" in content["content"]["description"]


def test_scans_that_failed_and_nothing_else_are_the_subject():
    failures = [an_image(number, failed=True, counts={}) for number in range(2)]
    assert message_of_roundup(roundup_of(failures)).subject == "[ECR] 2 scans failed"


def test_an_image_whose_first_scan_failed_is_told_by_what_its_next_one_found():
    failed = an_image(1, failed=True, counts={})
    found = an_image(1, OPENSSL, at=2, overdue=1)
    for first, later in ((failed, found), (found, failed)):
        roundup = roundup_of([first, later, an_image(2, CURL)])
        assert roundup.failed == ()
        [told] = [each for each in roundup.images if each.repository == "svc/1"]
        assert (told.counts, told.overdue) == ({"CRITICAL": 1}, 1)


def test_what_is_told_of_a_finding_later_holds_and_what_the_feeds_said_of_it():
    """A severity that got worse, a fix or an exploit while the first piece of news waits."""
    first = an_image(1, replace(CURL, known_exploited=True, epss=0.4), at=1)
    worse = replace(CURL, severity="CRITICAL", fixed_in="8.2")
    for news in ([first, an_image(1, worse, at=2)], [an_image(1, worse, at=2), first]):
        roundup = roundup_of(news)
        [group] = roundup.groups
        assert group.flaw == replace(worse, known_exploited=True, epss=0.4)
        assert len(group.images) == 1
        assert roundup.new_counts == {"CRITICAL": 1}
        assert roundup.worst == "CRITICAL"


def test_images_of_one_name_in_two_accounts_are_two_repositories_and_told_apart():
    other = an_image(1, OPENSSL, account="222222222222")
    roundup = roundup_of([an_image(1, OPENSSL), other, an_image(2, OPENSSL)])
    email = texts(roundup)["email"]
    assert "svc/1:latest in 123456789012/eu-west-1" in email
    assert "svc/1:latest in 222222222222/eu-west-1" in email
    assert "svc/2:latest in" not in email
    chat = json.dumps(content_of_roundup(roundup, None))
    assert "3 repositories (svc/1:latest in 123456789012/eu-west-1" in chat


def test_a_line_break_in_a_value_does_not_forge_a_line():
    forged = Flaw("CVE-1\nforged", "x\nforged", "LOW", "1\nforged")
    news = [an_image(1, forged, name="a\nforged"), an_image(2, forged)]
    assert "\nforged" not in texts(roundup_of(news))["email"]


def test_what_is_exploited_or_overdue_comes_before_what_is_worse():
    """Of what runs as little as the other."""
    listed = Flaw("CVE-2026-3", "zlib", "LOW", known_exploited=True)
    likely = Flaw("CVE-2026-4", "bash", "LOW", epss=0.6)
    late = replace(CURL, age=Age(due=date(2026, 2, 28)))
    roundup = roundup_of([an_image(n, OPENSSL, late, likely, listed, at=AT) for n in range(2)])
    assert [group.flaw.packages for group in roundup.groups] == [
        *("zlib", "curl", "bash", "openssl")
    ]
    email = texts(roundup)["email"]
    assert "CVE-2026-3 in zlib, known exploited (KEV): " in email
    assert "CVE-2026-2 in curl, exploit known, 1 overdue: " in email
    assert "CVE-2026-4 in bash, EPSS 60%: " in email


@given(roundups())
@hypothesis.settings(max_examples=25)
def test_no_message_breaks_the_limits_of_its_channel_whatever_is_new(roundup):
    message = message_of_roundup(roundup)
    by_protocol = json.loads(message.body)
    assert len(message.body.encode()) <= MESSAGE_BYTES
    assert len(message.subject) <= SUBJECT_LENGTH
    assert message.subject.isascii()
    assert message.subject.isprintable()
    assert len(by_protocol["sms"]) <= SMS_LENGTH
    assert all(line.isprintable() for line in by_protocol["email"].split("\n"))
    content = content_of_roundup(roundup, None)["content"]
    assert len(content["title"]) <= TITLE_LENGTH
    assert len(content["description"]) <= DESCRIPTION_LENGTH
    assert all(len(step) <= STEP_LENGTH for step in content["nextSteps"])
    assert "<!" not in content["description"]
