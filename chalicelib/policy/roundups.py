"""News of several images as one message reports it, grouped by vulnerability and package."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from chalicelib.ecr.severities import SEVERITIES
from chalicelib.policy.news import UNOWNED, Flaw, News
from chalicelib.policy.urgency import before_severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date


@dataclass(frozen=True)
class Group:
    """A vulnerability with the images that it is new in, those in use before the others.

    Its flaw is the worst of theirs, of the age of the oldest.
    """

    flaw: Flaw
    images: tuple[News, ...]

    @property
    def running(self) -> int:
        """In how many images in use it is new."""
        return sum(bool(each.where_in_use) for each in self.images)

    @property
    def repositories(self) -> tuple[tuple[str, str, str], ...]:
        """The places of the repositories, each once."""
        return _places(self.images)


@dataclass(frozen=True)
class Roundup:
    """News of several images, as one message reports it: ``news`` has each image once."""

    kind: str
    news: tuple[News, ...]

    @cached_property
    def groups(self) -> tuple[Group, ...]:
        """By vulnerability and package, the most urgent first."""
        images: dict[tuple[str, str], list[News]] = defaultdict(list)
        flaws: dict[tuple[str, str], Flaw] = {}
        for each in self.images:
            for flaw in each.new:
                name = _name(flaw)
                worst = flaws.setdefault(name, flaw)
                age = worst.age.or_older(flaw.age)
                # Of scanners that find the same, some say what fixes it.
                best = min(worst, flaw, key=lambda each: (_severity(each), not each.fixed_in))
                flaws[name] = replace(best, age=age)
                images[name].append(each)
        groups = (Group(flaw, tuple(images[name])) for name, flaw in flaws.items())
        return tuple(sorted(groups, key=lambda group: _urgency(group, self.day)))

    @property
    def day(self) -> date:
        """On which day, in UTC, the last of it was collected: as of when it says how old it is."""
        return datetime.fromtimestamp(max(each.at for each in self.news), UTC).date()

    @property
    def feed_warnings(self) -> tuple[str, ...]:
        """Which feeds of exploitation are stale or failed, each said once."""
        return tuple(dict.fromkeys(text for each in self.news for text in each.feed_warnings))

    @property
    def overdue(self) -> int | None:
        """How many findings of the images are overdue; None where no date is known of any."""
        known = [each.overdue for each in self.images if each.overdue is not None]
        return sum(known) if known else None

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
        return _places(self.images)

    def called(self, news: News) -> str:
        """What to call an image: by its place too where another one has the same name."""
        account, region, _ = news.place
        return f"{news.name} in {account}/{region}" if news.name in self._ambiguous else news.name

    @cached_property
    def _ambiguous(self) -> frozenset[str]:
        places = Counter(name for name, _ in {(each.name, each.place) for each in self.news})
        return frozenset(name for name, number in places.items() if number > 1)

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
    """Two pieces of news of one image as one; what the later one says of a finding holds."""
    values = {**vars(later), "key": first.key, "at": first.at, "fixed": first.fixed + later.fixed}
    if later.failed and not first.failed:
        values |= {name: getattr(first, name) for name in ("counts", "overdue", "where_in_use")}
        values["failed"] = False
    known = {_name(flaw): flaw for flaw in first.new}
    changed = {_name(flaw) for flaw in later.new}
    before = [flaw for flaw in first.new if _name(flaw) in changed]
    new = [flaw for flaw in first.new if _name(flaw) not in changed]
    new += [_with_what_was_known(flaw, known.get(_name(flaw))) for flaw in later.new]
    counts = Counter(first.new_counts) + Counter(later.new_counts)
    counts -= Counter(flaw.severity for flaw in before)
    return News(**{**values, "new": tuple(new), "new_counts": _ordered(counts)})


def _name(flaw: Flaw) -> tuple[str, str]:
    return flaw.identifier, flaw.packages


def _with_what_was_known(flaw: Flaw, before: Flaw | None) -> Flaw:
    """A finding as it was last, with what feeds said of it before where they say nothing now."""
    if before is None:
        return flaw
    listed = before.known_exploited if flaw.known_exploited is None else flaw.known_exploited
    epss = before.epss if flaw.epss is None else flaw.epss
    age = flaw.age.or_older(before.age)
    return replace(flaw, known_exploited=listed, epss=epss, age=age)


def _places(images: Iterable[News]) -> tuple[tuple[str, str, str], ...]:
    return tuple(dict.fromkeys(each.place for each in images))


def _summed(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for each in counts:
        total.update(each)
    return _ordered(total)


def _ordered(counts: Mapping[str, int]) -> dict[str, int]:
    return {severity: counts[severity] for severity in SEVERITIES if counts.get(severity)}


def _severity(flaw: Flaw) -> int:
    return SEVERITIES.index(flaw.severity)


def _urgency(group: Group, day: date) -> tuple[Any, ...]:
    flaw = group.flaw
    overdue = flaw.age.is_overdue(day)
    return (
        *before_severity(bool(group.running), flaw.known_exploited, overdue, flaw.epss),
        _severity(flaw),
        not flaw.is_exploitable,
        -len(group.images),
        flaw.identifier,
        flaw.packages,
    )


def _badness(news: News) -> tuple[Any, ...]:
    counts = news.new_counts or news.counts or {}
    return (not news.where_in_use, *(-counts.get(level, 0) for level in SEVERITIES), news.name)
