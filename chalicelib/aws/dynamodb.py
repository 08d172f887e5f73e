"""Amazon DynamoDB: the history of what was reported."""

from __future__ import annotations

import time
from secrets import randbits
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from chalicelib.aws.errors import code_of
from chalicelib.notifying.history import AlreadyReported, BeingReported, packed, unpacked
from chalicelib.policy.changes import Memory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from mypy_boto3_dynamodb import DynamoDBClient

LEASE_SECONDS = 90
"""How long an invocation has a scan for itself: its time-out of 60 seconds, and some more."""

_DAY = 86_400
_IMAGE_DAYS = 400
# A week and a day, for listings that run once a week.
_USE_DAYS = 8
# As long as the failed events are kept, so that one that is sent again is still known.
_SCAN_DAYS = 14
_ATTEMPTS = 5


class History:
    """The table of what was reported, by tag, and of the scans that are dealt with.

    A scan is taken with a lease, so that of several deliveries of its event one at a time reports
    it, and each medium that has its message is noted, so that a second try sends only the rest.
    """

    def __init__(
        self,
        client: DynamoDBClient,
        table: str,
        now: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._client = client
        self._table = table
        self._now = now
        self._sleep = sleep

    def begin(self, scan: str) -> frozenset[str]:
        """Take a scan; gives the media that have its message already. Source: UpdateItem.

        The lease names its holder, so that a request which is sent again, since its answer was
        lost, does not find the scan taken by itself.

        :raises AlreadyReported: when all of them have.
        :raises BeingReported: when another invocation has it.
        """
        now = int(self._now())
        try:
            item = self._update(
                scan,
                "SET lease = :lease, holder = :holder, expires_at = :expires_at",
                {":lease": now + LEASE_SECONDS, ":now": now, ":holder": randbits(64)},
                condition="attribute_not_exists(finished)"
                " AND (attribute_not_exists(lease) OR lease < :now OR holder = :holder)",
            )
        except ClientError as error:
            if code_of(error) != "ConditionalCheckFailedException":
                raise
            answer: Any = error.response
            if "finished" in answer.get("Item", {}):
                raise AlreadyReported(scan) from error
            raise BeingReported(scan) from error
        return frozenset(item.get("delivered", {}).get("SS", ()))

    def delivered(self, scan: str, medium: str) -> None:
        """Note that a medium has the scan's message. Source: UpdateItem."""
        self._update(
            scan, "SET expires_at = :expires_at ADD delivered :medium", {":medium": medium}
        )

    def finish(self, scan: str) -> None:
        """Note that the scan is dealt with. Source: UpdateItem."""
        self._update(scan, "SET finished = :now, expires_at = :expires_at", {":now": self._now()})

    def release(self, scan: str) -> None:
        """Let the next try have the scan at once. Source: UpdateItem."""
        self._update(scan, "SET expires_at = :expires_at REMOVE lease", {})

    def recall(self, keys: Sequence[str]) -> list[Memory]:
        """What is remembered by these keys, 100 at most. Source: BatchGetItem.

        :raises TimeoutError: when DynamoDB leaves keys unread time and again.
        """
        unread: Any = {
            self._table: {"Keys": [{"id": {"S": key}} for key in keys], "ConsistentRead": True}
        }
        memories = []
        for attempt in range(_ATTEMPTS):
            if attempt:
                self._sleep(2.0 ** (attempt - 3))
            answer = self._client.batch_get_item(RequestItems=unread)
            memories += [_memory(item) for item in answer["Responses"].get(self._table, ())]
            unread = answer.get("UnprocessedKeys")
            if not unread:
                return memories
        raise TimeoutError(f"{self._table} was not read in full")

    def remember(self, keys: Iterable[str], memory: Memory) -> None:
        """Keep what was reported, unless a later scan's report is kept. Source: PutItem."""
        item: Any = {
            "name": {"S": memory.name},
            "digest": {"S": memory.digest},
            "time": {"S": memory.time},
            "status": {"S": memory.status},
            "findings": {"B": packed(memory.findings)},
            "expires_at": {"N": str(int(self._now()) + _IMAGE_DAYS * _DAY)},
        }
        for key in keys:
            try:
                self._client.put_item(
                    TableName=self._table,
                    Item={"id": {"S": key}, **item},
                    ConditionExpression="attribute_not_exists(#time) OR #time <= :time",
                    ExpressionAttributeNames={"#time": "time"},
                    ExpressionAttributeValues={":time": item["time"]},
                )
            except ClientError as error:
                if code_of(error) != "ConditionalCheckFailedException":
                    raise

    def keep_uses(self, key: str, uses: Mapping[str, Sequence[str]]) -> None:
        """Keep where a repository's images are in use, by digest. Source: PutItem."""
        item: Any = {
            "id": {"S": key},
            "uses": {"M": {digest: {"SS": list(where)} for digest, where in uses.items()}},
            "expires_at": {"N": str(int(self._now()) + _USE_DAYS * _DAY)},
        }
        self._client.put_item(TableName=self._table, Item=item)

    def uses(self, key: str) -> dict[str, list[str]]:
        """Where a repository's images are in use, by digest. Source: GetItem."""
        answer: Any = self._client.get_item(TableName=self._table, Key={"id": {"S": key}})
        item = answer.get("Item", {"expires_at": {"N": "0"}})
        # DynamoDB deletes some days after an item has run out.
        if int(item["expires_at"]["N"]) < self._now():
            return {}
        uses = item["uses"]["M"]
        return {digest: sorted(where["SS"]) for digest, where in uses.items()}

    def _update(
        self, scan: str, expression: str, values: dict[str, Any], condition: str | None = None
    ) -> dict[str, Any]:
        values = {**values, ":expires_at": int(self._now()) + _SCAN_DAYS * _DAY}
        conditional: Any = {}
        if condition is not None:
            conditional = {
                "ConditionExpression": condition,
                "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            }
        answer: Any = self._client.update_item(
            TableName=self._table,
            Key={"id": {"S": f"scan#{scan}"}},
            UpdateExpression=expression,
            ExpressionAttributeValues={name: _value(value) for name, value in values.items()},
            ReturnValues="ALL_NEW",
            **conditional,
        )
        attributes: dict[str, Any] = answer["Attributes"]
        return attributes


def _value(value: Any) -> Any:
    return {"SS": [value]} if isinstance(value, str) else {"N": str(int(value))}


def _memory(item: Any) -> Memory:
    return Memory(
        name=item["name"]["S"],
        digest=item["digest"]["S"],
        time=item["time"]["S"],
        status=item["status"]["S"],
        findings=unpacked(item["findings"]["B"]),
    )
