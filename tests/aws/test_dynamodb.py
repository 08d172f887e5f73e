"""The table, over real boto3 calls to moto's DynamoDB."""

from unittest.mock import Mock

import boto3
import pytest
from botocore.exceptions import ClientError

from chalicelib.aws.dynamodb import ConditionFailed, Table
from chalicelib.runtime.backoff import Throttled

ITEM = {"pk": "images", "sk": "a", "size": 1, "tags": ["latest"], "data": b"\x00\x01"}
DAY = 86_400


@pytest.fixture
def client(history_table):
    return boto3.client("dynamodb")


@pytest.fixture
def table(client, history_table, clock):
    return Table(client, history_table, clock, Mock())


def some_items(count, pk="images", **values):
    return [{"pk": pk, "sk": f"{number:04}", **values} for number in range(count)]


def calls_of(client, operation):
    """The calls of an operation from now on."""
    calls = []
    client.meta.events.register(f"before-call.dynamodb.{operation}", lambda **_: calls.append(1))
    return calls


def test_an_item_is_read_as_it_was_written(table, clock):
    table.put(ITEM, DAY)
    assert table.get("images", "a") == {**ITEM, "expires_at": clock.now + DAY}
    assert table.get("images", "b") is None


def test_an_item_ends_though_dynamodb_has_not_deleted_it_yet(table, clock):
    table.put(ITEM, DAY)
    table.put({**ITEM, "sk": "b"}, 2 * DAY)
    clock.now += DAY + 1
    assert table.get("images", "a") is None
    assert [item["sk"] for item in table.query("images")] == ["b"]
    keys = [("images", "a"), ("images", "b")]
    assert [item["sk"] for item in table.batch_get(keys)] == ["b"]


def test_a_write_on_a_condition_that_does_not_hold_changes_nothing(table):
    table.put(ITEM, DAY)
    older = {"condition": "attribute_not_exists(#size) OR #size < :size", "values": {"size": 1}}
    with pytest.raises(ConditionFailed):
        table.put({**ITEM, "tags": []}, DAY, **older)
    with pytest.raises(ConditionFailed) as failure:
        table.update("images", "a", "SET #tags = :size", DAY, **older)
    assert failure.value.item["tags"] == ["latest"]
    assert table.get("images", "a")["tags"] == ["latest"]


def test_an_update_changes_what_it_names_and_when_the_item_ends(table, clock):
    table.put(ITEM, DAY)
    for expression in ("SET #size = :two", "REMOVE #tags", "ADD #channels :channel"):
        values = {"two": 2} if ":two" in expression else {}
        values |= {"channel": {"topic"}} if ":channel" in expression else {}
        changed = table.update("images", "a", expression, 2 * DAY, values=values)
    assert changed == {
        "pk": "images",
        "sk": "a",
        "size": 2,
        "data": b"\x00\x01",
        "channels": {"topic"},
        "expires_at": clock.now + 2 * DAY,
    }


def test_an_item_is_deleted_if_it_is_there(table):
    table.put(ITEM, DAY)
    for _ in range(2):
        table.delete("images", "a")
        assert table.get("images", "a") is None


def test_a_partition_is_read_to_its_end(table, client):
    table.batch_write(some_items(60, text="x" * 40_000), DAY)
    table.put({**ITEM, "pk": "others"}, DAY)
    queries = calls_of(client, "Query")
    assert [item["sk"] for item in table.query("images")] == [f"{n:04}" for n in range(60)]
    assert 3 <= len(queries) <= 4


def test_a_query_gives_what_begins_with_a_prefix_and_the_attributes_that_are_wanted(table):
    table.batch_write(some_items(20, status="COMPLETE", size=1), DAY)
    found = list(table.query("images", prefix="001", attributes=["sk", "status"]))
    assert [item["sk"] for item in found] == [f"001{n}" for n in range(10)]
    assert set(found[0]) == {"sk", "status", "expires_at"}


def test_many_items_are_written_and_read_in_few_calls(table, client):
    writes, reads = calls_of(client, "BatchWriteItem"), calls_of(client, "BatchGetItem")
    table.batch_write(some_items(150), DAY)
    keys = [("images", f"{number:04}") for number in range(160)]
    assert len(list(table.batch_get([*keys, keys[0]]))) == 150
    assert (len(writes), len(reads)) == (6, 2)


def test_of_two_items_with_one_key_the_last_is_written(table):
    table.batch_write([ITEM, {**ITEM, "size": 2}], DAY)
    assert table.get("images", "a")["size"] == 2


@pytest.mark.parametrize(
    ("operation", "left"),
    [("batch_get_item", "UnprocessedKeys"), ("batch_write_item", "UnprocessedItems")],
)
def test_what_dynamodb_leaves_of_a_batch_is_asked_for_again(client, clock, operation, left):
    process, requests, pauses = getattr(client, operation), [], []

    def leave_some(**request):
        requests.append(request)
        if len(requests) == 1:
            return {"Responses": {}, left: request["RequestItems"]}
        return process(**request)

    def leave_all(**request):
        return {"Responses": {}, left: request["RequestItems"]}

    def run(answer):
        table = Table(Mock(**{operation: answer}), "history", clock, pauses.append)
        if operation == "batch_get_item":
            return list(table.batch_get([("images", "a")]))
        return table.batch_write([ITEM], DAY)

    Table(client, "history", clock).put(ITEM, DAY)
    assert run(leave_some) == (None if left == "UnprocessedItems" else run(process))
    assert len(requests) == 2
    assert pauses == [0.25]
    with pytest.raises(Throttled):
        run(leave_all)
    assert pauses == [0.25, 0.25, 0.5, 1, 2]


@pytest.mark.parametrize("code", ["ProvisionedThroughputExceededException", "ThrottlingException"])
def test_a_table_that_asks_for_a_slower_pace_is_not_an_error_of_the_item(clock, code):
    refusal = ClientError({"Error": {"Code": code}}, "PutItem")
    client = Mock(put_item=Mock(side_effect=refusal))
    with pytest.raises(Throttled):
        Table(client, "history", clock).put(ITEM, DAY)


def test_a_table_that_is_not_there_is_an_error(aws):
    table = Table(boto3.client("dynamodb"), "missing")
    for call in (lambda: table.put(ITEM, DAY), lambda: table.get("images", "a")):
        with pytest.raises(ClientError, match="ResourceNotFound"):
            call()
