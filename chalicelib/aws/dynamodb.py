"""Amazon DynamoDB: the history of what was reported."""

from __future__ import annotations

import json
import time
import zlib
from secrets import randbits
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from chalicelib.aws.errors import code_of
from chalicelib.ecr.severities import SEVERITIES
from chalicelib.policy.changes import ReportedState

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

MOST_BYTES = 300_000
"""The most that an item's findings take, compressed: DynamoDB takes 400 KB an item."""


class AlreadyReported(Exception):
    """The scan was reported before, so that this event is one delivered again."""


class BeingReported(Exception):
    """Another invocation is reporting the scan just now: to be tried again later."""


class History:
    """The table of what was reported, by tag, and of the scans that are dealt with.

    A scan is taken with a lease, so that of several deliveries of its event one at a time reports
    it, and each channel that has its message is noted, so that a second try sends only the rest.
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
        """Take a scan; gives the channels that have its message already. Source: UpdateItem.

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

    def delivered(self, scan: str, channel: str) -> None:
        """Note that a channel has the scan's message. Source: UpdateItem."""
        self._update(
            scan, "SET expires_at = :expires_at ADD delivered :channel", {":channel": channel}
        )

    def finish(self, scan: str) -> None:
        """Note that the scan is dealt with. Source: UpdateItem."""
        self._update(scan, "SET finished = :now, expires_at = :expires_at", {":now": self._now()})

    def release(self, scan: str) -> None:
        """Let the next try have the scan at once. Source: UpdateItem."""
        self._update(scan, "SET expires_at = :expires_at REMOVE lease", {})

    def recall(self, keys: Sequence[str]) -> list[ReportedState]:
        """What is remembered by these keys, 100 at most. Source: BatchGetItem.

        :raises TimeoutError: when DynamoDB leaves keys unread time and again.
        """
        unread: Any = {
            self._table: {"Keys": [{"id": {"S": key}} for key in keys], "ConsistentRead": True}
        }
        states = []
        for attempt in range(_ATTEMPTS):
            if attempt:
                self._sleep(2.0 ** (attempt - 3))
            answer = self._client.batch_get_item(RequestItems=unread)
            states += [_state(item) for item in answer["Responses"].get(self._table, ())]
            unread = answer.get("UnprocessedKeys")
            if not unread:
                return states
        raise TimeoutError(f"{self._table} was not read in full")

    def remember(self, keys: Iterable[str], state: ReportedState) -> None:
        """Keep what was reported, unless a later scan's report is kept. Source: PutItem."""
        item: Any = {
            "name": {"S": state.name},
            "digest": {"S": state.digest},
            "time": {"S": state.time},
            "status": {"S": state.status},
            "findings": {"B": packed(state.findings)},
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


def uses_key(account: str, region: str, repository: str) -> str:
    """The key of the item that says where a repository's images are in use."""
    return f"uses#{account}/{region}/{repository}"


def packed(findings: Mapping[str, str]) -> bytes:
    """Severities by finding, compressed; of more than fit, the worst.

    Those left out count as new in the next report, so that nothing is kept quiet.
    """
    worst = sorted(findings.items(), key=lambda item: SEVERITIES.index(item[1]))
    while len(data := zlib.compress(json.dumps(dict(worst)).encode())) > MOST_BYTES:
        worst = worst[: len(worst) // 2]
    return data


def unpacked(data: bytes) -> dict[str, str]:
    """What :func:`packed` was given."""
    findings: dict[str, str] = json.loads(zlib.decompress(data))
    return findings


def _value(value: Any) -> Any:
    return {"SS": [value]} if isinstance(value, str) else {"N": str(int(value))}


def _state(item: Any) -> ReportedState:
    return ReportedState(
        name=item["name"]["S"],
        digest=item["digest"]["S"],
        time=item["time"]["S"],
        status=item["status"]["S"],
        findings=unpacked(item["findings"]["B"]),
    )
