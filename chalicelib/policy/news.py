"""News that is collected for a while and reported together: what it is, and when it is due."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from chalicelib.policy.ages import UNKNOWN_AGE, Age

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

NEWS, INVENTORY = "news", "inventory"
"""What is new, and what was there before there was a history to compare it with."""

UNOWNED = "unowned"
"""In place of the owner of a repository that nobody owns."""

MOST_WINDOWS = 6
"""News that goes on coming is reported after so many windows, and an inventory after a day."""

_WINDOWS_OF_INVENTORY = 3
_DAY = 86_400


@dataclass(frozen=True)
class Flaw:
    """A finding that is new, as a group names it: vulnerability, packages, and what fixes it.

    ``known_exploited`` and ``epss`` are what the feeds say of it, None where they say nothing.
    """

    identifier: str
    packages: str
    severity: str
    fixed_in: str = ""
    is_exploitable: bool = False
    url: str = ""
    known_exploited: bool | None = None
    epss: float | None = None
    age: Age = UNKNOWN_AGE


@dataclass(frozen=True)
class News:
    """What is new of one image, collected at ``at``, in seconds since the epoch.

    ``key`` is what it is kept by; ``name`` what the image is called. ``counts`` are all its
    findings that count; None where they are not known. ``overdue`` are how many of these are, None
    where no date is known. ``failed`` is whether its scan failed. ``message`` is what is published
    of it where it is reported by itself.
    """

    key: str
    kind: str
    at: int
    account: str
    region: str
    repository: str
    name: str
    digest: str
    time: str
    message: Mapping[str, Any]
    owner: str = ""
    failed: bool = False
    counts: Mapping[str, int] | None = None
    new: tuple[Flaw, ...] = ()
    new_counts: Mapping[str, int] = field(default_factory=dict)
    fixed: int = 0
    where_in_use: tuple[str, ...] = ()
    overdue: int | None = None
    feed_warnings: tuple[str, ...] = ()

    @property
    def is_urgent(self) -> bool:
        """Whether a critical finding is new in an image that runs, which no cap holds back."""
        return bool(self.where_in_use) and bool(self.new_counts.get("CRITICAL"))

    @property
    def place(self) -> tuple[str, str, str]:
        """The account, region and repository."""
        return self.account, self.region, self.repository


def due(
    news: Sequence[News], now: int, window: int, sent_today: int, most_a_day: int
) -> list[News]:
    """What is to be reported now, in one message; nothing where it is too early.

    News is due a window after the last of it came, an inventory after some; both at the latest when
    the first of it has waited for long. Once a day's messages are sent, only what is urgent is due:
    the rest is one message of the next day.
    """
    if sent_today >= most_a_day:
        news = [each for each in news if each.is_urgent]
    for kind, quiet, most in (
        (NEWS, window, MOST_WINDOWS * window),
        (INVENTORY, _WINDOWS_OF_INVENTORY * window, _DAY),
    ):
        of_kind = [each for each in news if each.kind == kind]
        times = [each.at for each in of_kind]
        if times and (max(times) + quiet <= now or min(times) + most <= now):
            return of_kind
    return []


def day_of(moment: int) -> str:
    """The day of a time in seconds since the epoch, in UTC."""
    return datetime.fromtimestamp(moment, UTC).date().isoformat()
