"""Digests of owners' own: on their topics, once, of their repositories, whatever goes wrong."""

import json
from collections import Counter

import boto3
import jsonschema
import pytest
from botocore.exceptions import ClientError

from chalicelib.fleet.digest import NotSent
from chalicelib.fleet.digest_keys import DigestKeys
from chalicelib.fleet.feeds import KEYS
from chalicelib.fleet.marks import DigestUnclear
from chalicelib.policy.feeds import EPSS, KEV
from chalicelib.runtime import logs
from chalicelib.settings.owner_topics import OwnerTopic
from local.ecr import Finding, Findings
from tests.digests import (
    MONDAY,
    NEXT_MONDAY,
    NOW,
    ONE,
    THIRD_MONDAY,
    TWO,
    Digests,
    published_to,
    refused,
    stopping,
)
from tests.doubles import Stopped
from tests.fleet.test_json_form import SCHEMA
from tests.test_schemas import SCHEMAS

CHANNELS = ("payments", "payments-chat", "search")


class OwnDigests(Digests):
    """Digests with topics of two owners', each of whom has a repository."""

    def __init__(self, registry):
        super().__init__()
        self.registry = registry
        sns = boto3.client("sns")
        self.topics = {name: sns.create_topic(Name=name)["TopicArn"] for name in CHANNELS}
        self.configure(
            REPOSITORY_TAG_RULES="true",
            OWNER_TOPICS="payments={payments}; payments=chat:{payments-chat};"
            " search={search}; nobody={search}".format(**self.topics),
        )
        self.add("pay/api", "payments", ONE)
        self.add("find/api", "search", TWO)
        self.add("find/web", "search")
        self.add("other/api", None, ONE)

    def add(self, name, owner, *findings):
        tags = {"ecr-scan-reporter:owner": owner} if owner else {}
        self.registry.add_repository(name, tags=tags)
        self.registry.add_image(name, tags=("1",), scanned_at=NOW, findings=Findings(findings))

    def find(self, name, *findings):
        """Let the repository's image be scanned again, with these findings."""
        [image] = self.registry.repositories[name].images.values()
        image.findings = Findings(findings)
        image.report(NOW)

    def emails(self, name):
        return [json.loads(body)["email"] for _, body, *_ in published_to(self.topics[name])]

    @property
    def counts(self):
        return tuple(len(published_to(topic)) for topic in (self.topic, *self.topics.values()))

    def refuse(self, patch, *names):
        """Let topics refuse what is published, as one does that was deleted."""
        topic_at = self.services.report_topic_at
        arns = {self.topics[name] for name in names}

        def at(arn):
            topic = topic_at(arn)
            if arn in arns:
                patch.setattr(topic, "publish", refused)
            return topic

        patch.setattr(self.services, "report_topic_at", at)

    def changed(self, scheduled, owner):
        comparison = self.report(scheduled, owner).comparison
        return (
            [each.finding.identifier for each in comparison.new],
            [each.finding.identifier for each in comparison.fixed],
        )


@pytest.fixture
def digests(aws):
    return OwnDigests(aws)


def test_an_owner_gets_what_is_about_its_repositories_by_each_of_its_topics(digests):
    assert digests.send() is True
    assert digests.counts == (1, 1, 1, 1)
    [(_, body, subject, attributes, _)] = published_to(digests.topics["payments"])
    assert subject == "[ECR] Fleet report for payments: 1 HIGH"
    assert attributes["owner"]["Value"] == "payments"
    document = json.loads(json.loads(body)["default"])
    jsonschema.Draft202012Validator(SCHEMAS["digest"]).validate(document)
    assert (document["owner"], document["repositories"], document["totals"]["HIGH"]) == (
        *("payments", 1, 1),
    )
    [(_, chat, *_)] = published_to(digests.topics["payments-chat"])
    assert json.loads(chat)["content"]["title"] == "Fleet report for payments: 1 HIGH"
    assert "1 open finding in 1 of 2 repositories: 1 critical" in digests.emails("search")[0]
    page, kept = (digests.bucket.get(document[key]) for key in ("htmlKey", "jsonKey"))
    assert document["htmlKey"] in document["url"]
    assert "<h1>Fleet report for payments</h1>" in page
    jsonschema.validate(json.loads(kept), SCHEMA)
    for text in (body, chat, page, kept):
        assert "pay/api" in text or text is chat
        assert not any(name in text for name in ("find/", "other/"))


def test_owners_cost_no_call_to_ecr_and_leave_the_fleet_s_digest_as_it_is(digests, aws):
    digests.send()
    with_owners, own = Counter(aws.calls), digests.sent[0]
    aws.calls.clear()
    digests.configure(REPOSITORY_TAG_RULES="true")
    digests.bucket.delete(DigestKeys(MONDAY).mark)
    digests.bucket.delete(DigestKeys(MONDAY).json)
    digests.send()
    assert Counter(aws.calls) == with_owners

    def undated(text):
        return json.loads(text["default"]) | {"generatedAt": "", "url": ""}

    assert undated(digests.sent[1]) == undated(own)
    assert "owner" not in undated(own)


def test_a_topic_that_refuses_costs_itself_alone_until_it_takes_the_digest(
    digests, aws, monkeypatch
):
    counted = []
    monkeypatch.setattr(logs, "count", lambda *told, **about: counted.append((told, about)))
    with monkeypatch.context() as patch:
        digests.refuse(patch, "payments")
        for _ in range(2):
            with pytest.raises(NotSent, match=r"owner:payments:payments: .*InternalError"):
                digests.send()
    channel = {"Channel": "owner:payments:payments"}
    assert counted.count((("NotificationsFailed", 1), channel)) == 2
    assert digests.counts == (1, 0, 1, 1)
    aws.calls.clear()
    for _ in range(2):
        assert digests.send() is False
    assert digests.counts == (1, 1, 1, 1)
    assert not aws.calls


def test_owners_get_theirs_where_the_report_topic_refuses(digests, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(digests.services.report_topic, "publish", refused)
        with pytest.raises(ClientError):
            digests.send()
    assert digests.counts == (0, 1, 1, 1)
    assert digests.send() is True
    assert digests.counts == (1, 1, 1, 1)


def test_an_owner_s_digest_is_compared_with_the_last_that_the_owner_was_sent(digests, monkeypatch):
    digests.send(MONDAY)
    digests.find("pay/api", ONE, TWO)
    del digests.registry.repositories["find/api"]
    with monkeypatch.context() as patch:
        digests.refuse(patch, "search")
        with pytest.raises(NotSent):
            digests.send(NEXT_MONDAY)
    digests.find("pay/api", TWO)
    digests.send(THIRD_MONDAY)
    # The fleet's and this owner's of the second Monday arrived, and said what was new by then.
    assert digests.changed(THIRD_MONDAY, "") == ([], ["CVE-2026-1"])
    assert digests.changed(THIRD_MONDAY, "payments") == ([], ["CVE-2026-1"])
    assert digests.changed(THIRD_MONDAY, "search") == ([], ["CVE-2026-2"])
    assert "1 repository was deleted." in digests.emails("search")[-1]
    trend = digests.report(THIRD_MONDAY, "search").trend
    assert [point.totals["CRITICAL"] for point in trend] == [1, 0]


def test_what_an_owner_was_told_of_does_not_come_back_by_a_fleet_that_was_not(
    digests, aws, monkeypatch
):
    digests.send(MONDAY)
    digests.find("pay/api")
    with monkeypatch.context() as patch:
        patch.setattr(digests.services.report_topic, "publish", refused)
        with pytest.raises(ClientError):
            digests.send(NEXT_MONDAY)
    assert digests.changed(NEXT_MONDAY, "payments") == ([], ["CVE-2026-1"])
    aws.fail_next("DescribeRepositories", "AccessDeniedException")
    digests.send(THIRD_MONDAY)
    # To the fleet's readers it is open as of the first Monday, to the owner it was fixed since.
    assert digests.report(THIRD_MONDAY).totals["HIGH"] == 2
    assert digests.report(THIRD_MONDAY, "payments").totals["HIGH"] == 0
    assert digests.changed(THIRD_MONDAY, "payments") == ([], [])
    assert "unknown in 1 re" in published_to(digests.topics["payments"])[-1][2]


def test_a_digest_that_may_have_been_sent_is_told_of_and_not_sent_again(digests):
    own = OwnerTopic("payments", digests.topics["payments"])
    mark = DigestKeys(MONDAY, "payments").mark_of(own)
    digests.bucket.put(mark, "sending", "text/plain")
    for _ in range(2):
        with pytest.raises(NotSent, match=f"delete s3://reports/{mark}"):
            digests.send()
    assert digests.counts == (1, 0, 1, 1)
    digests.bucket.put(DigestKeys(MONDAY).mark, "sending", "text/plain")
    digests.bucket.delete(mark)
    with pytest.raises(DigestUnclear):
        digests.send()
    assert digests.counts == (1, 1, 1, 1)


@pytest.mark.parametrize("step", [4, 8, 12, 15, 17, 19, 21, 23, 25, 27, 28])
def test_a_run_that_is_stopped_at_any_call_sends_nobody_anything_twice(digests, monkeypatch, step):
    calls = []
    stops = stopping(calls, step)
    with monkeypatch.context() as patch:
        for name in ("put", "create", "get", "keys_before"):
            patch.setattr(digests.bucket, name, stops(getattr(digests.bucket, name)))
        with pytest.raises(Stopped):
            digests.send()
    try:
        digests.send()
    except (DigestUnclear, NotSent):
        # Whether it was sent is for people to see.
        assert calls[-1] == "create"
        assert sorted(digests.counts) == [0, 1, 1, 1]
    else:
        assert digests.counts == (1, 1, 1, 1)


def test_a_page_that_the_bucket_does_not_take_is_kept_by_the_next_run(digests, monkeypatch):
    put = digests.bucket.put

    def slow_down(key, *rest):
        if key == DigestKeys(MONDAY, "search").html:
            raise ClientError({"Error": {"Code": "SlowDown", "Message": ""}}, "PutObject")
        put(key, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(digests.bucket, "put", slow_down)
        with pytest.raises(ClientError, match="SlowDown"):
            digests.send()
    assert digests.counts == (0, 0, 0, 0)
    assert digests.send() is True
    assert digests.counts == (1, 1, 1, 1)


def test_what_cannot_be_worded_for_one_owner_costs_that_one_alone(digests, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(
            "chalicelib.fleet.owner_parts.OwnerParts.of",
            lambda _, owner, __: 1 / 0 if owner == "payments" else None,
        )
        digests.send()
    assert digests.counts == (1, 0, 0, 0)


def test_feeds_are_read_once_for_all_and_say_what_is_exploited_to_each(digests, monkeypatch):
    digests.find("pay/api", Finding("CVE-2026-1000", "LOW"))
    digests.find("find/api", Finding("CVE-2026-2000", "LOW"))
    digests.bucket.put(KEYS[KEV], '{"CVE-2026-2000": "2026-01-01"}', "application/json")
    digests.services.settings.__dict__["feeds"] = True
    reads = []
    read = digests.bucket.read
    monkeypatch.setattr(digests.bucket, "read", lambda key: reads.append(key) or read(key))
    digests.send()
    assert reads.count(KEYS[KEV]) == reads.count(KEYS[EPSS]) == 1
    known = {
        owner: [
            f.known_exploited
            for each in digests.report(MONDAY, owner).repositories
            for f in each.findings
        ]
        for owner in ("payments", "search")
    }
    assert known == {"payments": [False], "search": [True]}


def test_what_there_is_no_time_for_is_sent_by_the_next_run(digests):
    class Over:
        def __init__(self):
            self.looks = iter([True] * 1)

        def allows(self, _seconds=0):
            return next(self.looks, False)

        def part(self, _share):
            return self

    digests.send(MONDAY)
    for name in ("payments", "search"):
        digests.bucket.delete(
            DigestKeys(MONDAY, name).mark_of(OwnerTopic(name, digests.topics[name]))
        )
    with pytest.raises(NotSent, match="owner:search:search: no time was left"):
        digests.send(MONDAY, Over())
    assert digests.counts == (1, 2, 1, 1)
    assert digests.send(MONDAY) is False
    assert digests.counts == (1, 2, 1, 2)
