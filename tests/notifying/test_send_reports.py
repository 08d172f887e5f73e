"""The news that was collected is sent: of each channel by itself, together, and once."""

import json
import zlib
from dataclasses import replace
from datetime import UTC, date, datetime
from types import SimpleNamespace

import boto3
import pytest

from chalicelib.aws.dynamodb import Table
from chalicelib.aws.leases import LEASE_SECONDS
from chalicelib.aws.news import NewsStore, packed, unpacked
from chalicelib.notifying.delivery import NotDelivered
from chalicelib.notifying.send_reports import send_reports
from chalicelib.policy.ages import Age
from chalicelib.policy.news import INVENTORY, NEWS, Flaw, News
from chalicelib.services import Services
from chalicelib.settings.settings import Settings
from tests.notifying.roundups import an_image

OPENSSL = Flaw("CVE-2026-1", "openssl", "CRITICAL", "3.0.14")
CURL = Flaw("CVE-2026-2", "curl", "HIGH")
PAYMENTS = "arn:aws:sns:eu-west-1:123456789012:payments"
PLATFORM = "arn:aws:sns:eu-west-1:123456789012:platform"
MINUTE = 60
NOON = 1_772_366_400  # of 1 March 2026


class Killed(BaseException):
    """The function was stopped from outside."""


class Topic:
    """A topic that may refuse, or where the function is stopped: before it publishes or after."""

    def __init__(self):
        self.published = []
        self.refuses = False
        self.stops = ""

    def publish(self, message):
        if self.refuses:
            raise ConnectionError("no answer")
        if self.stops == "before":
            raise Killed
        self.published.append(message)
        if self.stops == "after":
            raise Killed


class Sender:
    """The function that sends, the store that it sends from, and its clock."""

    def __init__(self, table_name, **variables):
        self.now = NOON
        self.table = Table(boto3.client("dynamodb"), table_name, clock=lambda: self.now)
        self.topic, self.chat_topic = Topic(), Topic()
        self.own_topics = {PAYMENTS: Topic(), PLATFORM: Topic()}
        self.settings = Settings.from_environment(
            {"HISTORY_TABLE_NAME": table_name, "NOTIFY_BY_CHAT": "true", **variables}
        )
        self.numbers = 0

    @property
    def store(self):
        return NewsStore(self.table)

    def collect(self, *new, channels=("topic", "chat"), kind=NEWS, name="", **fields):
        self.numbers += 1
        name = name or f"svc/{self.numbers}"
        counts = {}
        for flaw in new:
            counts[flaw.severity] = counts.get(flaw.severity, 0) + 1
        message = {"subject": f"alone: {name}", "body": "{}", "attributes": {}}
        defaults = {
            "key": f"news-{self.numbers}",
            "kind": kind,
            "at": self.now,
            "account": "123456789012",
            "region": "eu-west-1",
            "repository": name,
            "name": f"{name}:latest",
            "digest": f"sha256:{name}",
            "time": "2026-03-01T12:00:00Z",
            "message": message,
            "counts": counts,
            "new": new,
            "new_counts": counts,
        }
        for channel in channels:
            self.store.add(channel, News(**{**defaults, **fields}))

    def __call__(self, minutes=0, step=1):
        """Let time go by, while the function runs every ``step`` minutes; gives the subjects."""
        before = len(self.topic.published)
        for _ in range(0, minutes, step):
            self.now += step * MINUTE
            self.run()
        if not minutes:
            self.run()
        return [message.subject for message in self.topic.published[before:]]

    def run(self):
        send_reports(
            SimpleNamespace(
                settings=self.settings,
                news_store=self.store,
                report_topic=self.topic,
                chat_topic=self.chat_topic,
                report_topic_at=self.own_topics.get,
                chat_topic_at=self.own_topics.get,
            )
        )


@pytest.fixture
def sender(history_table):
    return lambda **variables: Sender(history_table, **variables)


def document(message):
    return json.loads(json.loads(message.body)["default"])


def test_news_of_one_image_is_reported_as_it_is_once_the_window_is_over(sender):
    send = sender()
    send.collect(OPENSSL)
    assert send(4) == []
    assert send(1) == ["alone: svc/1"]
    assert send(60, 20) == []
    assert len(send.chat_topic.published) == 1


def test_news_that_comes_within_the_window_is_reported_together(sender):
    send = sender()
    for _ in range(3):
        send.collect(OPENSSL, CURL)
        assert send(2) == []
    [subject] = send(10, 5)
    assert subject == "[ECR] 2 new vulnerabilities in 3 repositories: 3 CRITICAL, 3 HIGH"


def test_news_that_goes_on_coming_is_reported_after_six_windows(sender):
    send = sender()
    found = []
    for _ in range(31):
        send.collect(OPENSSL)
        found += send(1)
    assert len(found) == 1


def test_one_vulnerability_is_named_with_its_fix(sender):
    send = sender()
    for _ in range(30):
        send.collect(OPENSSL)
    [subject] = send(10, 5)
    assert subject == "[ECR] CVE-2026-1 in openssl (CRITICAL) in 30 repositories, fixed in 3.0.14"


def test_an_inventory_and_news_are_messages_of_their_own(sender):
    send = sender()
    for _ in range(2):
        send.collect(OPENSSL, kind=INVENTORY)
        send.collect(CURL)
    assert send(30, 5) == [
        "[ECR] CVE-2026-2 in curl (HIGH) in 2 repositories",
        "[ECR] inventory of 2 repositories: 2 CRITICAL",
    ]


def test_news_of_one_image_that_came_twice_is_counted_once(sender):
    send = sender()
    send.collect(OPENSSL, name="shop/api")
    send.collect(OPENSSL, CURL, name="shop/api")
    send(10, 5)
    [message] = send.topic.published
    assert document(message)["newSeverityCounts"] == {"CRITICAL": 1, "HIGH": 1}
    assert document(message)["imageCount"] == 1


def test_a_channel_that_fails_gets_its_news_later_and_the_others_theirs_once(sender):
    send = sender()
    send.collect(OPENSSL)
    send.chat_topic.refuses = True
    send.now += 10 * MINUTE
    for _ in range(3):
        with pytest.raises(NotDelivered, match="chat: no answer"):
            send()
    send.chat_topic.refuses = False
    send(5)
    assert len(send.topic.published) == len(send.chat_topic.published) == 1


def test_what_a_stopped_function_did_not_send_the_next_one_sends(sender):
    send = sender()
    send.collect(OPENSSL)
    send.collect(CURL)
    send.now += 10 * MINUTE
    send.topic.stops = "before"
    with pytest.raises(Killed):
        send()
    send.topic.stops = ""
    send.collect(OPENSSL)
    assert send(10, 5) == [
        "[ECR] 2 new vulnerabilities in 2 repositories: 1 CRITICAL, 1 HIGH",
        "alone: svc/3",
    ]


@pytest.mark.parametrize("left", range(12))
def test_wherever_the_table_is_lost_each_news_is_sent_and_again_only_where_that_is_unknown(
    sender, left
):
    send = sender(NOTIFY_BY_CHAT="false")
    for _ in range(3):
        send.collect(OPENSSL, channels=("topic",))
    send.now += 10 * MINUTE
    send.table._client = Dying(send.table._client, send, left)
    try:
        send()
        died_after = None
    except Killed:
        died_after = len(send.topic.published), send.table._client.noted
    send.table._client = send.table._client.client
    send.now += LEASE_SECONDS + 1
    send(10, 5)
    is_unknown = died_after == (1, False)
    assert len(send.topic.published) == (2 if is_unknown else 1)
    assert send.store.pending("topic") == []
    assert send(10, 5) == []


class Dying:
    """DynamoDB's client, in a function that is stopped before its call number ``left``."""

    def __init__(self, client, send, left):
        self.client = client
        self.left = left
        self.noted = False
        self._send = send

    def __getattr__(self, name):
        def call(**request):
            if self.left == 0:
                raise Killed
            self.left -= 1
            answer = getattr(self.client, name)(**request)
            self.noted = bool(self._send.topic.published)
            return answer

        return call


def test_a_channel_is_one_functions_at_a_time(sender):
    send = sender()
    send.collect(OPENSSL)
    send.now += 10 * MINUTE
    send.store.begin("topic")
    assert send() == []
    assert len(send.chat_topic.published) == 1
    send.now += LEASE_SECONDS + 1
    assert send() == ["alone: svc/1"]


def test_once_a_days_messages_are_sent_the_rest_is_one_message_of_the_next_day(sender):
    send = sender(MESSAGES_A_DAY="3")
    found = []
    for _ in range(6):
        send.collect(OPENSSL)
        found += send(10, 5)
    assert len(found) == 3
    found = send(12 * 60, 120)
    assert found == ["[ECR] CVE-2026-1 in openssl (CRITICAL) in 3 repositories, fixed in 3.0.14"]


def test_no_cap_holds_a_critical_finding_of_a_running_image_back(sender):
    send = sender(MESSAGES_A_DAY="1")
    send.collect(OPENSSL)
    send(10, 5)
    send.collect(OPENSSL, name="runs", where_in_use=("ECS service prod",))
    send.collect(CURL, name="too", where_in_use=("ECS service prod",))
    send.collect(OPENSSL, name="stored")
    assert send(10, 5) == ["alone: runs"]


def test_more_news_than_fits_a_message_is_counted(sender):
    send = sender()
    for number in range(300):
        flaws = [Flaw(f"CVE-{number}-{each}", "p" * 250, "LOW", "1" * 250) for each in range(20)]
        send.collect(*flaws, channels=("topic",))
    send(10, 5)
    [message] = send.topic.published
    told = document(message)
    assert len(message.body.encode()) <= 250_000
    assert len(told["vulnerabilities"]) + told["vulnerabilitiesNotListed"] == 6_000


def test_what_waits_keeps_ages_and_what_an_earlier_version_collected_is_read():
    age = Age(datetime(2026, 2, 6, tzinfo=UTC), date(2026, 2, 13))
    news = an_image(1, replace(OPENSSL, known_exploited=True, epss=0.5, age=age), CURL, overdue=1)
    values = json.loads(zlib.decompress(packed(news)))
    earlier = values | {"new": [each[:6] for each in values["new"]]}
    del earlier["overdue"]
    kept, old = (
        unpacked({"sk": news.key, "data": zlib.compress(json.dumps(each).encode())})
        for each in (values, earlier)
    )
    assert kept == news
    assert (old.new, old.overdue) == ((OPENSSL, CURL), None)


def test_an_owners_topic_that_refuses_keeps_nobody_from_theirs_and_gets_its_own_later(sender):
    send = sender(OWNER_TOPICS=f"payments={PAYMENTS}; platform={PLATFORM}")
    send.collect(OPENSSL, channels=("topic", "owner:payments:payments"), owner="payments")
    send.collect(OPENSSL, channels=("topic", "owner:platform:platform"), owner="platform")
    send.own_topics[PAYMENTS].refuses = True
    send.now += 10 * MINUTE
    with pytest.raises(NotDelivered, match="owner:payments:payments: no answer"):
        send()
    assert [each.subject for each in send.own_topics[PLATFORM].published] == ["alone: svc/2"]
    assert send.topic.published[0].lists["owner"] == ["payments", "platform"]
    send.own_topics[PAYMENTS].refuses = False
    send()
    assert [each.subject for each in send.own_topics[PAYMENTS].published] == ["alone: svc/1"]
    assert len(send.topic.published) == len(send.own_topics[PLATFORM].published) == 1


def test_an_owners_chat_gets_its_news_as_a_chat_message(sender):
    send = sender(OWNER_TOPICS=f"payments=chat:{PAYMENTS}", NOTIFY_BY_SECURITY_HUB="true")
    for _ in range(2):
        send.collect(OPENSSL, channels=("owner-chat:payments:payments",), owner="payments")
    send(10, 5)
    [told] = send.own_topics[PAYMENTS].published
    assert json.loads(told)["content"]["title"].startswith("CVE-2026-1 in openssl (CRITICAL) in 2")


def test_without_a_table_there_is_nothing_to_send():
    send_reports(Services(Settings.from_environment({})))
