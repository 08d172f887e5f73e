"""News that waits to be reported, in the table: for each channel by itself."""

from __future__ import annotations

import json
import zlib
from dataclasses import asdict, replace
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from chalicelib.aws import leases
from chalicelib.aws.dynamodb import DAY, ConditionFailed
from chalicelib.policy.ages import Age
from chalicelib.policy.news import Flaw, News, day_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chalicelib.aws.dynamodb import Item, Table

MOST_BYTES = 350_000
"""The most that a piece of news takes, compressed: DynamoDB takes 400 KB an item."""

MOST_TOGETHER = 5_000
"""The most pieces of news that are reported together, so that the list of them fits an item."""

# So that a channel may be out of order for long; the alarm rings at once.
_SECONDS = 400 * DAY
_VALUES_WITHOUT_AGE = 6
_SENDERS, _BEGUN = "news-senders", "begun"


class BeingSent(Exception):
    """Another invocation sends the news of a channel just now."""


class NewsStore:
    """What waits, by channel."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._begun_at: int | None = None

    def now(self) -> int:
        """The time in seconds since the epoch."""
        return self._table.now()

    def begun_at(self) -> int:
        """When the history began, in seconds since the epoch: asked for once a container."""
        if self._begun_at is None:
            expression = "SET #at = if_not_exists(#at, :now)"
            values = {"now": self._table.now()}
            key = (_SENDERS, _BEGUN)
            item = self._table.update(*key, expression, 10 * _SECONDS, values=values)
            self._begun_at = item["at"]
        return self._begun_at

    def add(self, channel: str, news: News) -> None:
        """Keep a piece of news; kept again, it is there once."""
        self._table.put({"pk": _pending(channel), "sk": news.key, "data": packed(news)}, _SECONDS)

    def pending(self, channel: str) -> list[News]:
        """What waits for a channel."""
        items = self._table.query(_pending(channel), consistent=True)
        return [unpacked(item) for item in items]

    def begin(self, channel: str) -> Sending:
        """Take a channel, to send its news; :raises BeingSent: when another invocation has it."""
        try:
            item = leases.take(self._table, (_SENDERS, channel), _SECONDS)
        except ConditionFailed as error:
            raise BeingSent(channel) from error
        return Sending(self._table, channel, item)


class Sending:
    """The news of a channel that this invocation sends.

    ``keys`` are those of the news that is in the message under way, ``is_sent`` whether that was
    sent: what an invocation left that was stopped.
    """

    def __init__(self, table: Table, channel: str, item: Item) -> None:
        self._table = table
        self._channel = channel
        self._day = day_of(table.now())
        self._sent_today = item.get("count", 0) if item.get("day") == self._day else 0
        self.keys: list[str] = _read(item["keys"]) if "keys" in item else []
        self.is_sent = bool(item.get("is_sent", 0))

    @property
    def sent_today(self) -> int:
        """How many messages were sent this day."""
        return self._sent_today

    def begin(self, keys: Sequence[str]) -> None:
        """Note of which news a message is to be, before it is sent."""
        self.keys, self.is_sent = list(keys), False
        data = zlib.compress(json.dumps(self.keys).encode())
        self._update("SET #keys = :keys, #is_sent = :no", {"keys": data, "no": 0})

    def sent(self) -> None:
        """Note that the message was sent."""
        self._sent_today += 1
        values = {"yes": 1, "day": self._day, "count": self._sent_today}
        self._update("SET #is_sent = :yes, #day = :day, #count = :count", values)
        self.is_sent = True

    def finish(self) -> None:
        """Delete the news of a message that was sent."""
        self._table.batch_delete((_pending(self._channel), key) for key in self.keys)
        self._update("REMOVE #keys, #is_sent", {})
        self.keys, self.is_sent = [], False

    def release(self) -> None:
        """Let the next invocation have the channel at once."""
        self._update(leases.RELEASE, {})

    def _update(self, expression: str, values: dict[str, Any]) -> None:
        self._table.update(_SENDERS, self._channel, expression, _SECONDS, values=values)


def _pending(channel: str) -> str:
    return f"news#{channel}"


def packed(news: News) -> bytes:
    """A piece of news, compressed; of more than fits, fewer new findings are named."""
    values = {**asdict(news), "new": [list(vars_of(flaw)) for flaw in news.new]}
    del values["key"]
    while True:
        data = zlib.compress(json.dumps(values, separators=(",", ":")).encode())
        if len(data) <= MOST_BYTES or not values["new"]:
            return data
        values["new"] = values["new"][: len(values["new"]) // 2]


def vars_of(flaw: Flaw) -> tuple[Any, ...]:
    """A new finding's values in their order, and since when it is open and until when it may be."""
    *values, age = vars(flaw).values()
    since, due = age.first_seen, age.due
    return *values, since and since.isoformat(), due and due.isoformat()


def unpacked(item: Item) -> News:
    """The piece of news in an item."""
    values = _read(item["data"])
    new = tuple(map(_flaw, values["new"]))
    lists = {name: tuple(each) for name, each in values.items() if isinstance(each, list)}
    return News(**{**values, **lists, "key": item["sk"], "new": new})


def _flaw(values: Sequence[Any]) -> Flaw:
    """A new finding; one that was kept by an earlier version has fewer values."""
    if len(values) <= _VALUES_WITHOUT_AGE:
        return Flaw(*values)
    *others, since, due = values
    known = Age(since and datetime.fromisoformat(since), due and date.fromisoformat(due))
    return replace(Flaw(*others), age=known)


def _read(data: bytes) -> Any:
    return json.loads(zlib.decompress(data))
