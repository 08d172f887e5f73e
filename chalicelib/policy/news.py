"""News that is collected for a while and reported together: what is due, and how it is grouped."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from chalicelib.ecr.severities import SEVERITIES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

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
    """A finding that is new, as a group names it: vulnerability, packages, and what fixes it."""

    identifier: str
    packages: str
    severity: str
    fixed_in: str = ""
    is_exploitable: bool = False
    url: str = ""


@dataclass(frozen=True)
class News:
    """What is new of one image, collected at ``at``, in seconds since the epoch.

    ``key`` is what it is kept by; ``name`` what the image is called. ``counts`` are all its
    findings that count; None where they are not known. ``failed`` is whether its scan failed.
    ``message`` is what is published of it where it is reported by itself.
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


@dataclass(frozen=True)
class Group:
    """A vulnerability with the images that it is new in, those in use before the others."""

    flaw: Flaw
    images: tuple[News, ...]

    @property
    def running(self) -> int:
        """In how many images in use it is new."""
        return sum(bool(each.where_in_use) for each in self.images)

    @property
    def repositories(self) -> tuple[str, ...]:
        """The names of the repositories, each once."""
        return tuple(dict.fromkeys(each.repository for each in self.images))


@dataclass(frozen=True)
class Roundup:
    """News of several images, as one message reports it: ``news`` has each image once."""

    kind: str
    news: tuple[News, ...]

    @cached_property
    def groups(self) -> tuple[Group, ...]:
        """By vulnerability and package: running before stored, severe before others."""
        images: dict[tuple[str, str], list[News]] = defaultdict(list)
        flaws: dict[tuple[str, str], Flaw] = {}
        for each in self.images:
            for flaw in each.new:
                name = (flaw.identifier, flaw.packages)
                worst = flaws.setdefault(name, flaw)
                # Of scanners that find the same, some say what fixes it.
                flaws[name] = min(
                    worst, flaw, key=lambda each: (_severity(each), not each.fixed_in)
                )
                images[name].append(each)
        groups = (Group(flaw, tuple(images[name])) for name, flaw in flaws.items())
        return tuple(sorted(groups, key=_importance))

    @cached_property
    def images(self) -> tuple[News, ...]:
        """The images whose scan did not fail, those in use first, then the worst."""
        found = (each for each in self.news if not each.failed)
        return tuple(sorted(found, key=_badness))

    @property
    def failed(self) -> tuple[News, ...]:
        """The images whose scan failed."""
        return tuple(each for each in self.news if each.failed)

    @property
    def running(self) -> tuple[News, ...]:
        """The images in use with new findings."""
        return tuple(each for each in self.images if each.where_in_use and each.new_counts)

    @cached_property
    def repositories(self) -> tuple[tuple[str, str, str], ...]:
        """The places of the repositories, each once."""
        return tuple(dict.fromkeys(each.place for each in self.images))

    @property
    def new_counts(self) -> dict[str, int]:
        """How many findings are new, by severity."""
        return _summed(each.new_counts for each in self.images)

    @property
    def counts(self) -> dict[str, int]:
        """All findings of the images, by severity."""
        return _summed(each.counts or {} for each in self.images)

    @property
    def unlisted(self) -> int:
        """How many new findings no group names."""
        named = sum(len(each.new) for each in self.images)
        return sum(self.new_counts.values()) - named

    @property
    def worst(self) -> str | None:
        """The worst severity of what is new."""
        return next(iter(self.new_counts), None)

    @property
    def owners(self) -> tuple[str, ...]:
        """Whose repositories it is about; nobody's are those of ``unowned``."""
        return tuple(sorted({each.owner or UNOWNED for each in self.news}))


def roundup_of(news: Sequence[News]) -> Roundup:
    """News as one message reports it: what came of an image later is added to what came first."""
    by_image: dict[tuple[str, ...], News] = {}
    for each in sorted(news, key=lambda each: each.at):
        name = (*each.place, each.name, each.digest)
        by_image[name] = _added(by_image[name], each) if name in by_image else each
    return Roundup(news[0].kind, tuple(by_image.values()))


def _added(first: News, later: News) -> News:
    """Two pieces of news of one image as one."""
    values = {**vars(later), "key": first.key, "at": first.at, "fixed": first.fixed + later.fixed}
    if later.failed and not first.failed:
        values |= {"failed": False, "counts": first.counts, "where_in_use": first.where_in_use}
    known = {(flaw.identifier, flaw.packages) for flaw in first.new}
    added = [flaw for flaw in later.new if (flaw.identifier, flaw.packages) not in known]
    again = Counter(flaw.severity for flaw in later.new) - Counter(flaw.severity for flaw in added)
    counts = Counter(first.new_counts) + Counter(later.new_counts) - again
    return News(**{**values, "new": (*first.new, *added), "new_counts": _ordered(counts)})


def _summed(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for each in counts:
        total.update(each)
    return _ordered(total)


def _ordered(counts: Mapping[str, int]) -> dict[str, int]:
    return {severity: counts[severity] for severity in SEVERITIES if counts.get(severity)}


def _severity(flaw: Flaw) -> int:
    return SEVERITIES.index(flaw.severity)


def _importance(group: Group) -> tuple[int, bool, bool, int, str, str]:
    flaw = group.flaw
    return (
        _severity(flaw),
        not group.running,
        not flaw.is_exploitable,
        -len(group.images),
        flaw.identifier,
        flaw.packages,
    )


def _badness(news: News) -> tuple[Any, ...]:
    counts = news.new_counts or news.counts or {}
    return (not news.where_in_use, *(-counts.get(level, 0) for level in SEVERITIES), news.name)
