"""Which events about an image are dealt with, and by which channels each was reported."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chalicelib.aws import leases
from chalicelib.aws.dynamodb import DAY, ConditionFailed
from chalicelib.runtime.backoff import Throttled

if TYPE_CHECKING:
    from chalicelib.aws.dynamodb import Table

MOST_EVENTS = 100
"""How many events of an image are known to be dealt with, the last ones."""

# As long as the failed events are kept, so that one that is sent again is still known.
_SECONDS = 14 * DAY

EVERYTHING = "all"
"""What was reported where that was not some news but all that the scan found."""


class AlreadyReported(Exception):
    """The event was dealt with before, so that this is a repeated delivery of it."""


class BeingReported(Throttled):
    """Another invocation has the image just now: to be tried again after a while."""


class Deliveries:
    """The events about images. One at a time of an image's is dealt with, under a lease."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def now(self) -> int:
        """The time in seconds since the epoch."""
        return self._table.now()

    def begin(self, place: str, digest: str, event: str) -> Delivery:
        """Take an image, to deal with an event about it.

        ``place`` is the account, region and name of the repository.

        :raises AlreadyReported: when the event was dealt with.
        :raises BeingReported: when another invocation has the image.
        """
        now = self._table.now()
        key = (f"image#{place}", digest)
        is_open = "NOT contains(#handled, :event)"
        try:
            item = leases.take(self._table, key, _SECONDS, is_open, {"event": event})
        except ConditionFailed as error:
            if event in error.item.get("handled", ()):
                raise AlreadyReported(event) from error
            raise BeingReported(digest) from error
        return Delivery(self._table, key, event, item, now)


class Delivery:
    """An event about an image that this invocation deals with."""

    def __init__(
        self, table: Table, key: tuple[str, str], event: str, item: dict[str, Any], now: int
    ) -> None:
        self._table = table
        self._key = key
        self._event = event
        self._begun_at = now
        self._handled: list[str] = item.get("handled", [])
        self.looked_at: int = item.get("looked_at", 0)
        """When a look at the image's findings last began, in seconds since the epoch."""
        self._noted = {text for text in item.get("delivered", ()) if text.startswith(f"{event} ")}

    def has(self, channel: str, what: str) -> bool:
        """Whether a channel has reported this of the event.

        Of what has :data:`EVERYTHING` nothing is left; that, and nothing in particular, say nothing
        after some news.
        """
        start = f"{self._event} {channel} "
        noted = {text.removeprefix(start) for text in self._noted if text.startswith(start)}
        return what in noted or EVERYTHING in noted or (what in ("", EVERYTHING) and bool(noted))

    def delivered(self, channel: str, what: str) -> None:
        """Note that a channel has reported this of the event."""
        text = f"{self._event} {channel} {what}"
        self._update("ADD #delivered :channel", {"channel": {text}})
        self._noted.add(text)

    def finish(self, *, has_looked: bool) -> None:
        """Note that the event is dealt with, and leave the image to the next.

        Where the image's findings were read for it, it is noted when.
        """
        values: dict[str, Any] = {"handled": [*self._handled, self._event][-MOST_EVENTS:]}
        expression = "SET #handled = :handled"
        if has_looked:
            values["now"] = self._begun_at
            expression += ", #looked_at = :now"
        expression += " REMOVE #lease"
        if self._noted:
            values["noted"] = self._noted
            expression += " DELETE #delivered :noted"
        self._update(expression, values)

    def release(self) -> None:
        """Let the next try have the image at once."""
        self._update(leases.RELEASE, {})

    def _update(self, expression: str, values: dict[str, Any]) -> None:
        self._table.update(*self._key, expression, _SECONDS, values=values)
