"""Where the report of a digest is kept in the bucket, and the mark that the digest was sent.

| Key below ``fleet-reports/`` | What it is |
| --- | --- |
| ``html/<time>.html`` | the page |
| ``json/<time>.json`` | the report that the next one is compared with, once it was sent |
| ``sent/<time>.txt`` | the mark: ``sending``, then ``sent`` |
| ``owners/<owner>/html/<time>.html``, ``owners/<owner>/json/<time>.json`` | those of an owner |
| ``sent/owners/<owner>/<time>/<topic>.txt`` | the mark of each topic of an owner's own |
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chalicelib.settings.owner_topics import OwnerTopic

_PREFIX = "fleet-reports/"


@dataclass(frozen=True)
class DigestKeys:
    """The keys of a scheduled time; those of one kind sort by time.

    ``owner`` is whose repositories the digest is about, empty for all.
    """

    scheduled: datetime
    owner: str = ""

    @property
    def html(self) -> str:
        """The page."""
        return f"{_PREFIX}{self._whose}html/{self.time}.html"

    @property
    def json(self) -> str:
        """The report that the next one is compared with, once it was sent."""
        return self.json_of(self.time)

    def json_of(self, time: str) -> str:
        """The report of another time."""
        return f"{_PREFIX}{self._whose}json/{time}.json"

    @property
    def mark(self) -> str:
        """The mark of the report topic."""
        return f"{self.marks}{self.time}.txt"

    def mark_of(self, topic: OwnerTopic) -> str:
        """The mark of a topic of the owner's own."""
        kind, name = "chat" if topic.is_chat else "report", topic.arn.partition(":sns:")[2]
        return f"{self.marks}{self.time}/{kind}.{name.replace(':', '.')}.txt"

    @property
    def marks(self) -> str:
        """What the keys of all marks begin with, of any time."""
        return f"{_PREFIX}sent/{self._whose}"

    def time_of(self, mark: str) -> str:
        """The time of a mark."""
        return mark.removeprefix(self.marks)[: len(self.time)]

    @property
    def time(self) -> str:
        """The time in keys."""
        return self.scheduled.astimezone(UTC).strftime("%Y-%m-%dT%H-%M-%SZ")

    @property
    def _whose(self) -> str:
        # No name of an owner has an equals sign. Some tools do not take a percent sign in keys.
        name = quote(self.owner, safe="").replace("%", "=")
        return f"owners/{name}/" if self.owner else ""


def scheduled_time(event: Mapping[str, Any]) -> datetime:
    """The time that a scheduled event is for; now, where it names none.

    The same event, delivered again, has the same time. Source: EventBridge user guide, "Scheduled
    Event".
    """
    try:
        moment = datetime.fromisoformat(event["time"])
    except (KeyError, TypeError, ValueError):
        return datetime.now(UTC)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
