"""The ledger of a line: since when each of its findings is open, and when it was fixed.

It is made of the scans of the line's images, build after build, in whatever order they are
reported: the same scans make the same ledger, and one that is reported twice changes nothing. A
scan that failed is none of them. Times are in seconds since the epoch.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

DAY = 86_400

DAYS_KEPT = 180
"""For how long what was fixed is kept."""

MOST_SCANS = 64
"""How many scans are kept; what is reported of an earlier one comes too late."""

MOST_SPANS = 6
"""How often a finding may come back before the middle of its history is left out."""

OPEN, ACCEPTED, LEFT_OUT, FIXED = "open", "accepted", "left out", "fixed"
"""What a finding is, by the last scan."""


class Span(NamedTuple):
    """Scans one after another that found it: the first, the last, and the next, which did not."""

    first: int
    last: int
    closed: int | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """A finding in the ledger.

    ``found`` are the spans in which it was found, also where it did not count, and ``accepted``
    those in which it was accepted. ``observed`` is a time before the first scan of the line since
    which it is known otherwise, such as Amazon Inspector's ``firstObservedAt``.
    """

    severity: str
    found: tuple[Span, ...]
    accepted: tuple[Span, ...] = ()
    left_out: tuple[Span, ...] = ()
    observed: int | None = None

    @property
    def status(self) -> str:
        """What it is by the last scan."""
        if self.fixed_at is not None:
            return FIXED
        if self.accepted and self.accepted[-1].closed is None:
            return ACCEPTED
        return LEFT_OUT if self.left_out and self.left_out[-1].closed is None else OPEN

    @property
    def first_seen(self) -> int:
        """When it was found for the very first time."""
        first = self.found[0].first
        return first if self.observed is None else min(first, self.observed)

    @property
    def open_since(self) -> int:
        """Since when it is there without a scan that did not find it; of a fixed one, was."""
        return self.first_seen if len(self.found) == 1 else self.found[-1].first

    @property
    def last_seen(self) -> int:
        """When it was found last."""
        return self.found[-1].last

    @property
    def fixed_at(self) -> int | None:
        """When the scan was that no longer found it; None while the last one does."""
        return self.found[-1].closed

    @property
    def has_reopened(self) -> bool:
        """Whether it had been fixed before."""
        return len(self.found) > 1

    @property
    def fixes(self) -> tuple[tuple[int, int], ...]:
        """When it was fixed each time, and how long it had been open."""
        starts = (self.first_seen, *(span.first for span in self.found[1:]))
        return tuple(
            (span.closed, span.closed - start)
            for span, start in zip(self.found, starts, strict=True)
            if span.closed is not None
        )


@dataclass(frozen=True)
class Ledger:
    """The findings of a line by key, and when its last scans were, the oldest first."""

    entries: Mapping[str, Entry] = field(default_factory=dict)
    scans: tuple[int, ...] = ()

    @property
    def unfixed(self) -> dict[str, Entry]:
        """The findings that the last scan found, also those that do not count."""
        return {key: entry for key, entry in self.entries.items() if entry.fixed_at is None}


NOTHING = Ledger()


@dataclass(frozen=True)
class Observation:
    """A scan: the severities of all that it found, by key, and what of that does not count.

    ``observed`` says of findings since when they are known otherwise.
    """

    at: int
    found: Mapping[str, str]
    accepted: frozenset[str] = frozenset()
    left_out: frozenset[str] = frozenset()
    observed: Mapping[str, int] = field(default_factory=dict)


def with_scan(ledger: Ledger, scan: Observation) -> Ledger:
    """The ledger with one scan more; the same where it has that, or it comes too late."""
    is_full = len(ledger.scans) == MOST_SCANS
    if scan.at in ledger.scans or (is_full and scan.at < ledger.scans[0]):
        return ledger
    between = _Neighbours.of(ledger.scans, scan.at)
    entries = {
        key: entry
        for key in {**ledger.entries, **scan.found}
        if (entry := _entry(ledger.entries.get(key), key, scan, between))
    }
    scans = list(ledger.scans)
    insort(scans, scan.at)
    oldest = scans[-1] - DAYS_KEPT * DAY
    kept = {key: each for key, each in entries.items() if (each.fixed_at or scans[-1]) > oldest}
    return Ledger(kept, tuple(scans[-MOST_SCANS:]))


def joined(ledger: Ledger, other: Ledger) -> Ledger:
    """A ledger that knows of its open findings since when another line has them open."""
    entries = dict(ledger.entries)
    for key, entry in ledger.entries.items():
        before = other.entries.get(key)
        if before and before.fixed_at is None and entry.fixed_at is None and not entry.has_reopened:
            since = min(entry.open_since, before.open_since)
            observed = since if since < entry.found[0].first else None
            entries[key] = replace(entry, observed=observed)
    return replace(ledger, entries=entries)


def mean_days(fixes: Iterable[int]) -> float | None:
    """The mean of times in seconds, in days; None of none."""
    times = list(fixes)
    return sum(times) / len(times) / DAY if times else None


class _Neighbours(NamedTuple):
    """A scan, and the scans just before and after it."""

    before: int | None
    at: int
    after: int | None

    @classmethod
    def of(cls, scans: tuple[int, ...], at: int) -> _Neighbours:
        place = bisect_left(scans, at)
        before = scans[place - 1] if place else None
        return cls(before, at, scans[place] if place < len(scans) else None)


def _entry(entry: Entry | None, key: str, scan: Observation, between: _Neighbours) -> Entry | None:
    found = _spans(entry.found if entry else (), between, is_in=key in scan.found)
    if not found:
        return None
    observed = [entry.observed if entry else None, scan.observed.get(key)]
    earlier = [time for time in observed if time is not None and time < found[0].first]
    is_known = entry is not None and (key not in scan.found or scan.at < entry.last_seen)
    return Entry(
        entry.severity if entry is not None and is_known else scan.found[key],
        found,
        _spans(entry.accepted if entry else (), between, is_in=key in scan.accepted),
        _spans(entry.left_out if entry else (), between, is_in=key in scan.left_out),
        min(earlier, default=None),
    )


def _spans(spans: tuple[Span, ...], scan: _Neighbours, *, is_in: bool) -> tuple[Span, ...]:
    """The spans with one scan more, which is in them or not."""
    before, at, after = scan
    changed: list[Span] = []
    is_told = not is_in
    for span in spans:
        begins = before is not None and span.first <= before <= span.last
        goes_on = after is not None and span.first <= after <= span.last
        is_told |= begins or goes_on
        if is_in:
            first = at if goes_on and not begins else span.first
            last = at if begins and not goes_on else span.last
            changed.append(Span(first, last, span.closed))
        elif begins and goes_on and before is not None and after is not None:
            changed += Span(span.first, before, at), Span(after, span.last, span.closed)
        else:
            changed.append(span._replace(closed=at) if begins else span)
    if not is_told:
        changed.append(Span(at, at, after))
        changed.sort()
    return (*changed[:1], *changed[1:][1 - MOST_SPANS :])
