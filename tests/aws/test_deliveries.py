"""Events about images in the table, dealt with one at a time, over real boto3 calls."""

import json

import boto3
import pytest
from botocore.exceptions import ReadTimeoutError

from chalicelib.aws.deliveries import (
    EVERYTHING,
    MOST_EVENTS,
    AlreadyReported,
    BeingReported,
    Deliveries,
)
from chalicelib.aws.dynamodb import Table
from chalicelib.aws.leases import LEASE_SECONDS
from chalicelib.runtime.backoff import Throttled
from tests.mutations import ROOT

IMAGE = ("123456789012/eu-west-1/shop/api", "sha256:a")
OTHER = ("123456789012/eu-west-1/shop/api", "sha256:b")


@pytest.fixture
def client(history_table):
    return boto3.client("dynamodb")


@pytest.fixture
def deliveries(client, history_table, clock):
    return Deliveries(Table(client, history_table, clock))


def test_an_image_is_looked_at_by_one_invocation_at_a_time_whatever_the_event(deliveries):
    deliveries.begin(*IMAGE, "event")
    for event in ("event", "another event"):
        with pytest.raises(BeingReported):
            deliveries.begin(*IMAGE, event)
    deliveries.begin(*OTHER, "event")


def test_an_image_that_is_taken_is_tried_again_later_like_a_throttled_call():
    assert issubclass(BeingReported, Throttled)


def test_an_event_that_is_dealt_with_is_not_dealt_with_again(deliveries, clock):
    deliveries.begin(*IMAGE, "event").finish(has_looked=True)
    clock.now += 10 * LEASE_SECONDS
    with pytest.raises(AlreadyReported):
        deliveries.begin(*IMAGE, "event")
    deliveries.begin(*IMAGE, "another event")


def test_an_event_that_is_dealt_with_is_known_so_while_the_image_is_taken(deliveries):
    deliveries.begin(*IMAGE, "event").finish(has_looked=True)
    deliveries.begin(*IMAGE, "another event")
    with pytest.raises(AlreadyReported):
        deliveries.begin(*IMAGE, "event")


def test_the_next_event_knows_when_the_image_was_looked_at(deliveries, clock):
    began_at = int(clock.now)
    delivery = deliveries.begin(*IMAGE, "event")
    assert delivery.looked_at == 0
    clock.now += 30
    delivery.finish(has_looked=True)
    assert deliveries.begin(*IMAGE, "another event").looked_at == began_at
    assert deliveries.now() == began_at + 30


def test_an_event_for_which_nobody_looked_says_nothing_of_when_the_image_was_looked_at(
    deliveries, clock
):
    deliveries.begin(*IMAGE, "event").finish(has_looked=True)
    looked_at = deliveries.now()
    clock.now += 30
    deliveries.begin(*IMAGE, "another event").finish(has_looked=False)
    assert deliveries.begin(*IMAGE, "a third event").looked_at == looked_at


def test_a_try_that_failed_leaves_the_image_to_the_next_at_once(deliveries):
    deliveries.begin(*IMAGE, "event").release()
    assert deliveries.begin(*IMAGE, "event").looked_at == 0


def test_an_invocation_that_was_stopped_holds_an_image_up_for_a_while_only(deliveries, clock):
    deliveries.begin(*IMAGE, "event").delivered("topic", "news")
    clock.now += LEASE_SECONDS
    with pytest.raises(BeingReported):
        deliveries.begin(*IMAGE, "event")
    clock.now += 1
    assert deliveries.begin(*IMAGE, "event").has("topic", "news")


def test_no_other_invocation_has_an_image_while_the_first_may_still_run():
    config = json.loads((ROOT / ".chalice/config.json").read_text())
    notifier = {**config, **config["lambda_functions"]["notify"]}
    assert notifier["lambda_timeout"] < LEASE_SECONDS


def test_a_second_try_knows_which_channels_have_the_message(deliveries):
    delivery = deliveries.begin(*IMAGE, "event")
    delivery.delivered("topic", "news")
    assert delivery.has("topic", "news")
    delivery.release()
    again = deliveries.begin(*IMAGE, "event")
    assert again.has("topic", "news")
    assert again.has("topic", "")
    assert not again.has("topic", "other news")
    assert not again.has("chat", "")


def test_after_all_of_a_scan_there_is_no_news_of_it_and_after_news_not_all(deliveries):
    delivery = deliveries.begin(*IMAGE, "event")
    delivery.delivered("topic", EVERYTHING)
    delivery.delivered("chat", "news")
    assert delivery.has("topic", "news")
    assert delivery.has("chat", EVERYTHING)


def test_after_counts_alone_the_news_is_still_to_be_told(deliveries):
    delivery = deliveries.begin(*IMAGE, "event")
    delivery.delivered("topic", "")
    assert delivery.has("topic", EVERYTHING)
    assert not delivery.has("topic", "news")


def test_what_channels_have_of_one_event_says_nothing_of_the_next(deliveries):
    delivery = deliveries.begin(*IMAGE, "event")
    delivery.delivered("topic", "news")
    delivery.release()
    other = deliveries.begin(*IMAGE, "another event")
    assert not other.has("topic", "news")
    other.finish(has_looked=True)
    assert deliveries.begin(*IMAGE, "event").has("topic", "news")


def test_an_image_is_taken_though_the_first_answer_to_that_is_lost(deliveries, client):
    lost = []

    def lose_the_first_answer(**_):
        if not lost:
            lost.append(True)
            raise ReadTimeoutError(endpoint_url="https://dynamodb")

    client.meta.events.register_last("before-send", lose_the_first_answer)
    deliveries.begin(*IMAGE, "event")
    assert lost
    with pytest.raises(BeingReported):
        deliveries.begin(*IMAGE, "event")


def test_an_image_of_ever_new_events_keeps_the_last_ones_and_no_more(deliveries, client):
    for number in range(MOST_EVENTS + 1):
        delivery = deliveries.begin(*IMAGE, f"event-{number}")
        delivery.delivered("topic", "news")
        delivery.finish(has_looked=True)
    [item] = client.scan(TableName="history")["Items"]
    assert len(item["handled"]["L"]) == MOST_EVENTS
    assert "delivered" not in item
    with pytest.raises(AlreadyReported):
        deliveries.begin(*IMAGE, f"event-{MOST_EVENTS}")
    deliveries.begin(*IMAGE, "event-0")


def test_what_is_known_of_an_event_ends_two_weeks_after_it(deliveries, client, clock):
    delivery = deliveries.begin(*IMAGE, "event")
    clock.now += 60
    delivery.finish(has_looked=True)
    [item] = client.scan(TableName="history")["Items"]
    assert int(item["expires_at"]["N"]) == clock.now + 14 * 86_400
