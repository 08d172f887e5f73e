"""Amazon DynamoDB: one table of items that a partition key and a sort key identify."""

from __future__ import annotations

import re
import time
from contextlib import contextmanager
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.types import Binary, TypeDeserializer, TypeSerializer
from botocore.exceptions import ClientError

from chalicelib.aws.errors import code_of, is_throttling
from chalicelib.runtime.backoff import Throttled
from chalicelib.runtime.batches import batches

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from mypy_boto3_dynamodb import DynamoDBClient

Item = dict[str, Any]
"""Attributes by name: texts, whole numbers, bytes, and lists, mappings and sets of texts."""

MOST_READ = 100
"""The most items that BatchGetItem reads at once."""

MOST_WRITTEN = 25
"""The most items that BatchWriteItem writes at once."""

DAY = 86_400

_ATTEMPTS = 5
_NAME = re.compile(r"#(\w+)")
_to_wire = TypeSerializer().serialize
_from_wire = TypeDeserializer().deserialize


class ConditionFailed(Exception):
    """An item was not written for what is there already: ``item``, as far as it is known."""

    def __init__(self, item: Item) -> None:
        super().__init__("the condition of the write does not hold")
        self.item = item


class Table:
    """A table with the keys ``pk`` and ``sk``, whose items end by time to live in ``expires_at``.

    In an expression ``#name`` is the attribute of that name and ``:name`` one of ``values``.
    DynamoDB deletes an item some days after its end; by then :meth:`get`, :meth:`query` and
    :meth:`batch_get` no longer return it. Every method raises
    :class:`~chalicelib.runtime.backoff.Throttled` where DynamoDB asks for a slower pace.
    """

    def __init__(
        self,
        client: DynamoDBClient,
        name: str,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.name = name
        self._client = client
        self._clock = clock
        self._sleep = sleep

    def now(self) -> int:
        """The time by the table's clock, in seconds since the epoch."""
        return int(self._clock())

    def get(self, pk: str, sk: str) -> Item | None:
        """One item, as it was lately. Source: GetItem."""
        with _meanings():
            answer = self._client.get_item(TableName=self.name, Key=_wired({"pk": pk, "sk": sk}))
        found = self._alive([answer["Item"]] if "Item" in answer else [])
        return next(found, None)

    def put(
        self,
        item: Mapping[str, Any],
        seconds: int,
        condition: str = "",
        values: Mapping[str, Any] | None = None,
    ) -> None:
        """Write an item, to be kept for so many seconds. Source: PutItem.

        :raises ConditionFailed: when the condition does not hold.
        """
        item = {**item, "expires_at": self.now() + seconds}
        expressions = _expressions(values, condition=condition)
        with _meanings():
            self._client.put_item(TableName=self.name, Item=_wired(item), **expressions)

    def update(
        self,
        pk: str,
        sk: str,
        expression: str,
        seconds: int,
        condition: str = "",
        values: Mapping[str, Any] | None = None,
    ) -> Item:
        """Change an item, to be kept for so many seconds more; returns it. Source: UpdateItem.

        A SET is the first in ``expression``, for the item's end is added to it.

        :raises ConditionFailed: when the condition does not hold; with the item.
        """
        values = {**(values or {}), "expires_at": self.now() + seconds}
        joint = ", " if expression.startswith("SET ") else " "
        expression = f"SET #expires_at = :expires_at{joint}{expression.removeprefix('SET ')}"
        expressions = _expressions(values, condition=condition, update=expression)
        with _meanings():
            answer = self._client.update_item(
                TableName=self.name,
                Key=_wired({"pk": pk, "sk": sk}),
                ReturnValues="ALL_NEW",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
                **expressions,
            )
        return _read(answer["Attributes"])

    def delete(self, pk: str, sk: str) -> None:
        """Delete an item, if there is one. Source: DeleteItem."""
        with _meanings():
            self._client.delete_item(TableName=self.name, Key=_wired({"pk": pk, "sk": sk}))

    def query(
        self,
        pk: str,
        prefix: str = "",
        attributes: Sequence[str] = (),
        *,
        consistent: bool = False,
    ) -> Iterator[Item]:
        """The items of a partition whose sort key begins with ``prefix``, a megabyte a call.

        With ``attributes`` only these are read; as they are just now where it is ``consistent``,
        else as they were lately. Source: Query.
        """
        condition = "#pk = :pk AND begins_with(#sk, :sk)" if prefix else "#pk = :pk"
        values = {"pk": pk, "sk": prefix} if prefix else {"pk": pk}
        wanted = ", ".join(f"#{name}" for name in {*attributes, "expires_at"} if attributes)
        request = _expressions(values, key_condition=condition, projection=wanted)
        request["ConsistentRead"] = consistent
        while True:
            with _meanings():
                answer = self._client.query(TableName=self.name, **request)
            yield from self._alive(answer["Items"])
            if "LastEvaluatedKey" not in answer:
                return
            request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def batch_get(
        self, keys: Iterable[tuple[str, str]], *, consistent: bool = False
    ) -> Iterator[Item]:
        """The items of these keys, those that there are, a hundred a call. Source: BatchGetItem."""
        wired = [_wired({"pk": pk, "sk": sk}) for pk, sk in dict.fromkeys(keys)]
        for batch in batches(wired, MOST_READ):
            unread = {self.name: {"Keys": batch, "ConsistentRead": consistent}}
            for answer in self._until_done(
                lambda rest: self._client.batch_get_item(RequestItems=rest),
                unread,
                "UnprocessedKeys",
            ):
                yield from self._alive(answer["Responses"].get(self.name, ()))

    def batch_write(self, items: Iterable[Mapping[str, Any]], seconds: int) -> None:
        """Write items in place of those with their keys, 25 a call. Source: BatchWriteItem."""
        end = self.now() + seconds
        by_key = {(item["pk"], item["sk"]): {**item, "expires_at": end} for item in items}
        self._batch_write([{"PutRequest": {"Item": _wired(item)}} for item in by_key.values()])

    def batch_delete(self, keys: Iterable[tuple[str, str]]) -> None:
        """Delete the items of these keys, if there are any, 25 a call. Source: BatchWriteItem."""
        wired = [_wired({"pk": pk, "sk": sk}) for pk, sk in dict.fromkeys(keys)]
        self._batch_write([{"DeleteRequest": {"Key": key}} for key in wired])

    def _batch_write(self, requests: Sequence[Mapping[str, Any]]) -> None:
        for batch in batches(requests, MOST_WRITTEN):
            for _ in self._until_done(
                lambda rest: self._client.batch_write_item(RequestItems=rest),
                {self.name: batch},
                "UnprocessedItems",
            ):
                pass

    def _until_done(
        self, call: Callable[[Any], Any], request: Any, left: str
    ) -> Iterator[Mapping[str, Any]]:
        """The answers to a request and to what was left of it, with longer and longer pauses."""
        for attempt in range(_ATTEMPTS):
            if attempt:
                self._sleep(2.0 ** (attempt - 3))
            with _meanings():
                answer = call(request)
            yield answer
            request = answer.get(left)
            if not request:
                return
        raise Throttled(f"{self.name} did not process a batch in full")

    def _alive(self, items: Iterable[Mapping[str, Any]]) -> Iterator[Item]:
        now = self.now()
        return (item for item in map(_read, items) if item["expires_at"] >= now)


@contextmanager
def _meanings() -> Iterator[None]:
    """What an answer means that is an error."""
    try:
        yield
    except ClientError as error:
        if is_throttling(error):
            raise Throttled(str(error)) from error
        if code_of(error) != "ConditionalCheckFailedException":
            raise
        answer: Any = error.response
        raise ConditionFailed(_read(answer.get("Item", {}))) from error


def _expressions(values: Mapping[str, Any] | None, **expressions: str) -> dict[str, Any]:
    """The parameters of a request with these expressions, their names and values."""
    given: dict[str, Any] = {
        f"{kind.title().replace('_', '')}Expression": expression
        for kind, expression in expressions.items()
        if expression
    }
    names = {name for expression in given.values() for name in _NAME.findall(expression)}
    if names:
        given["ExpressionAttributeNames"] = {f"#{name}": name for name in sorted(names)}
    if values:
        given["ExpressionAttributeValues"] = _wired(values, ":")
    return given


def _wired(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    return {f"{prefix}{name}": _to_wire(value) for name, value in values.items()}


def _read(item: Mapping[str, Any]) -> Item:
    return {name: _plain(_from_wire(value)) for name, value in item.items()}


def _plain(value: Any) -> Any:
    """A value in Python's own types, where boto3 gives one of its own."""
    if isinstance(value, Decimal):
        return int(value)
    if isinstance(value, Binary):
        data: Any = value  # whose stubs know nothing of its bytes
        return bytes(data)
    return value
