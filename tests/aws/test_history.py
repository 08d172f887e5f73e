"""The history in the table, over real boto3 calls."""

import boto3
import pytest
from botocore.exceptions import ReadTimeoutError

from chalicelib.aws.dynamodb import Table
from chalicelib.aws.history import LEASE_SECONDS, AlreadyReported, BeingReported, History
from chalicelib.policy.changes import ReportedState

KEY = "image#123456789012/eu-west-1/shop/api:latest"


@pytest.fixture
def client(history_table):
    return boto3.client("dynamodb")


@pytest.fixture
def history(client, history_table, clock):
    return History(Table(client, history_table, clock))


def a_state(time="2026-03-01T12:00:00Z", **fields):
    defaults = {
        "name": "shop/api:latest",
        "digest": "sha256:a",
        "status": "COMPLETE",
        "findings": {"CVE-1 openssl": "HIGH"},
    }
    return ReportedState(time=time, **{**defaults, **fields})


def test_what_was_reported_is_recalled_by_its_tags(history):
    history.remember([KEY, f"{KEY}-2"], a_state())
    assert history.recall([KEY, f"{KEY}-2", "image#other"]) == [a_state()] * 2


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_whichever_is_kept_last_the_later_scan_is_remembered(history, order):
    states = [a_state("2026-03-01T12:00:00Z"), a_state("2026-03-02T12:00:00Z", findings={})]
    for index in order:
        history.remember([KEY], states[index])
    assert history.recall([KEY]) == [states[1]]


def test_a_scan_is_taken_though_the_first_answer_to_that_is_lost(history, client):
    lost = []

    def lose_the_first_answer(**_):
        if not lost:
            lost.append(True)
            raise ReadTimeoutError(endpoint_url="https://dynamodb")

    client.meta.events.register_last("before-send", lose_the_first_answer)
    assert history.begin("event") == frozenset()
    assert lost
    with pytest.raises(BeingReported):
        history.begin("event")


def test_a_scan_is_reported_by_one_at_a_time(history):
    assert history.begin("event") == frozenset()
    with pytest.raises(BeingReported):
        history.begin("event")
    assert history.begin("another event") == frozenset()


def test_a_second_try_is_told_which_channels_have_the_message(history):
    history.begin("event")
    history.delivered("event", "topic")
    history.delivered("event", "chat")
    history.release("event")
    assert history.begin("event") == {"topic", "chat"}


def test_an_invocation_that_was_stopped_holds_a_scan_up_for_a_while_only(history, clock):
    history.begin("event")
    history.delivered("event", "topic")
    clock.now += LEASE_SECONDS
    with pytest.raises(BeingReported):
        history.begin("event")
    clock.now += 1
    assert history.begin("event") == {"topic"}


def test_what_is_dealt_with_is_not_taken_again(history, clock):
    history.begin("event")
    history.finish("event")
    clock.now += 10 * LEASE_SECONDS
    with pytest.raises(AlreadyReported):
        history.begin("event")


def test_every_item_ends_some_day(history, client, clock):
    history.begin("event")
    history.remember([KEY], a_state())
    items = client.scan(TableName="history")["Items"]
    days = {(int(item["expires_at"]["N"]) - clock.now) / 86_400 for item in items}
    assert days == {14, 400}
