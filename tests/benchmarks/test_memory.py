"""The table in memory answers as moto's DynamoDB does."""

import boto3
import pytest

from benchmarks.memory import MemoryTable
from chalicelib.aws.deliveries import AlreadyReported, BeingReported, Deliveries
from chalicelib.aws.dynamodb import ConditionFailed, Table
from chalicelib.aws.news import BeingSent, NewsStore
from local.history import create_history_table
from tests.notifying.roundups import an_image

NOW = 1_772_366_400


@pytest.fixture(params=["moto", "memory"])
def table(request, aws):
    if request.param == "memory":
        return Table(MemoryTable(), "history", clock=lambda: NOW)
    return Table(boto3.client("dynamodb"), create_history_table(), clock=lambda: NOW)


def test_items_are_read_as_they_were_written_and_in_the_order_of_their_keys(table):
    table.batch_write([{"pk": "a", "sk": sk, "n": 1} for sk in ("b2", "a1", "b1")], 60)
    table.put({"pk": "b", "sk": "a1"}, 60)
    assert [item["sk"] for item in table.query("a")] == ["a1", "b1", "b2"]
    assert [item["sk"] for item in table.query("a", "b")] == ["b1", "b2"]
    assert [item["pk"] for item in table.batch_get([("a", "a1"), ("c", "a1")])] == ["a"]
    table.batch_delete([("a", "a1"), ("a", "none")])
    table.delete("a", "b1")
    assert [item["sk"] for item in table.query("a")] == ["b2"]
    assert table.get("a", "a1") is None


def test_an_item_is_written_only_where_its_condition_holds(table):
    condition = "attribute_not_exists(#version) OR #version = :version"
    for version in (0, 1):
        values = {"version": version}
        table.put({"pk": "a", "sk": "b", "version": version + 1}, 60, condition, values)
    with pytest.raises(ConditionFailed):
        table.put({"pk": "a", "sk": "b", "version": 9}, 60, condition, {"version": 1})


def test_an_event_is_dealt_with_once_and_by_one_at_a_time(table):
    deliveries = Deliveries(table)
    delivery = deliveries.begin("shop", "sha256:1", "event")
    with pytest.raises(BeingReported):
        deliveries.begin("shop", "sha256:1", "other")
    delivery.delivered("topic", "news")
    delivery.release()
    assert deliveries.begin("shop", "sha256:1", "event").has("topic", "news")
    delivery.finish(has_looked=True)
    with pytest.raises(AlreadyReported):
        deliveries.begin("shop", "sha256:1", "event")


def test_news_waits_until_it_is_sent(table):
    store = NewsStore(table)
    assert store.begun_at() == NewsStore(table).begun_at() == NOW
    store.add("topic", an_image(1))
    sending = store.begin("topic")
    with pytest.raises(BeingSent):
        store.begin("topic")
    sending.begin([each.key for each in store.pending("topic")])
    sending.sent()
    sending.release()
    again = store.begin("topic")
    assert (again.keys, again.is_sent, again.sent_today) == (["news-1"], True, 1)
    again.finish()
    assert store.pending("topic") == []
