"""How long findings were open that were fixed lately, by the ledgers of a repository's lines."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

from chalicelib.fleet.model import FixTimes
from chalicelib.policy.ledger import DAY

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from chalicelib.policy.ledger import Ledger
    from chalicelib.policy.states import ReportedState

DAYS_OF_FIXES = 90
"""For how long a fix counts for the mean time to fix."""


def fixes_of(states: Iterable[ReportedState], now: datetime) -> dict[str, FixTimes]:
    """How long what was fixed lately had been open, by severity.

    Lines that have an image count their own, and what they have in common, such as one that began
    with another's history, once. So do the platforms of a tag what the same build fixed in them.
    """
    oldest = now.timestamp() - DAYS_OF_FIXES * DAY
    by_tag: dict[str, list[ReportedState]] = defaultdict(list)
    for state in states:
        if not state.has_ended:
            by_tag[state.line.tag].append(state)
    fixes = [found for platforms in by_tag.values() for found in _fixes_in(platforms)]
    counted: set[tuple[str, int]] = set()
    times: dict[str, FixTimes] = defaultdict(FixTimes)
    # Of what lines have in common, one may have the fix of a platform and another that of all.
    for key, fix in sorted(fixes, key=lambda found: -len(found[1].times)):
        if fix.at > oldest and not any((key, at) in counted for at in fix.times):
            times[fix.severity] += FixTimes(1, fix.seconds)
        counted |= {(key, at) for at in fix.times}
    return dict(times)


class _Fix(NamedTuple):
    """When a finding was fixed, and how long it had been open; in which platforms of a line."""

    times: tuple[int, ...]
    seconds: int
    severity: str
    ledgers: tuple[Ledger, ...]

    @property
    def at(self) -> int:
        """When it was fixed in the last of the platforms."""
        return self.times[-1]

    def is_of_the_build_of(self, before: _Fix) -> bool:
        """Whether it is the same fix as one before it in other platforms.

        It is where these were scanned at about the same time, and none of them in between: of
        another build there would have been a scan.
        """
        ledgers = (*before.ledgers, *self.ledgers)
        return (
            self.at - before.at <= DAY
            and all(own is not each for own in self.ledgers for each in before.ledgers)
            and not any(before.at < scan < self.at for each in ledgers for scan in each.scans)
        )

    def joined(self, before: _Fix) -> _Fix:
        """Both as one, which was open for as long as the finding was in any of the platforms."""
        seconds = max(self.seconds, before.seconds)
        times, ledgers = (*before.times, *self.times), (*before.ledgers, *self.ledgers)
        return self._replace(times=times, seconds=seconds, ledgers=ledgers)


def _fixes_in(platforms: Iterable[ReportedState]) -> Iterator[tuple[str, _Fix]]:
    """What was fixed in the platforms of a line, each fix once, with the key of the finding."""
    by_key: dict[str, list[_Fix]] = defaultdict(list)
    for state in platforms:
        for key, entry in state.ledger.entries.items():
            for at, seconds in entry.fixes:
                by_key[key].append(_Fix((at,), seconds, entry.severity, (state.ledger,)))
    for key, fixes in by_key.items():
        first, *others = sorted(fixes, key=lambda fix: fix.at)
        for fix in others:
            if fix.is_of_the_build_of(first):
                first = fix.joined(first)
            else:
                yield key, first
                first = fix
        yield key, first
