"""The history of what was reported, over real boto3 calls."""

from unittest.mock import Mock

import boto3
import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from chalicelib.aws.dynamodb import LEASE_SECONDS, AlreadyReported, BeingReported, History
from chalicelib.policy.changes import ReportedState

KEY = "image#123456789012/eu-west-1/shop/api:latest"


class Clock:
    now = 1_800_000_000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def history(history_table, clock):
    return History(boto3.client("dynamodb"), history_table, clock, Mock())


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


def test_what_dynamodb_leaves_unread_is_read_again(history):
    history.remember([KEY], a_state())
    read = history._client.batch_get_item
    requests = []

    def leave_unread_once(**request):
        requests.append(request)
        if len(requests) == 1:
            return {"Responses": {}, "UnprocessedKeys": request["RequestItems"]}
        return read(**request)

    history._client = Mock(batch_get_item=leave_unread_once)
    assert history.recall([KEY]) == [a_state()]
    history._client = Mock(
        batch_get_item=lambda **request: {
            "Responses": {},
            "UnprocessedKeys": request["RequestItems"],
        }
    )
    with pytest.raises(TimeoutError, match="history was not read in full"):
        history.recall([KEY])


def test_a_scan_is_taken_though_the_first_answer_to_that_is_lost(history):
    lost = []

    def lose_the_first_answer(**_):
        if not lost:
            lost.append(True)
            raise ReadTimeoutError(endpoint_url="https://dynamodb")

    history._client.meta.events.register_last("before-send", lose_the_first_answer)
    assert history.begin("event") == frozenset()
    assert lost
    with pytest.raises(BeingReported):
        history.begin("event")


def test_a_scan_is_reported_by_one_at_a_time(history):
    assert history.begin("event") == frozenset()
    with pytest.raises(BeingReported):
        history.begin("event")
    assert history.begin("another event") == frozenset()


def test_a_second_try_is_told_which_media_have_the_message(history):
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


def test_where_images_are_in_use_is_told_while_it_is_fresh(history, clock):
    uses = {"sha256:a": ("ECS service api in shop", "ECS service web in shop")}
    history.keep_uses("uses#1/eu-west-1/shop/api", uses)
    assert history.uses("uses#1/eu-west-1/shop/api") == {"sha256:a": list(uses["sha256:a"])}
    assert history.uses("uses#1/eu-west-1/other") == {}
    clock.now += 9 * 86_400
    assert history.uses("uses#1/eu-west-1/shop/api") == {}


def test_every_item_ends_some_day(history, clock):
    history.begin("event")
    history.remember([KEY], a_state())
    items = boto3.client("dynamodb").scan(TableName="history")["Items"]
    days = {(int(item["expires_at"]["N"]) - clock.now) / 86_400 for item in items}
    assert days == {14, 400}


def test_a_table_that_is_not_there_is_an_error(aws):
    history = History(boto3.client("dynamodb"), "missing")
    for call in (lambda: history.begin("x"), lambda: history.remember([KEY], a_state())):
        with pytest.raises(ClientError, match="ResourceNotFound"):
            call()
