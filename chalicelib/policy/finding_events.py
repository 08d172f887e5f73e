"""What happens to findings, as events: one a repository, vulnerability and package.

A finding of a repository is what all of its lines say together: it is open while it is in one of
them, whichever build or platform that is.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple

from chalicelib.ecr.findings import without_occurrence
from chalicelib.ecr.severities import SEVERITIES
from chalicelib.policy.ledger import ACCEPTED as IS_ACCEPTED
from chalicelib.policy.ledger import FIXED as IS_FIXED
from chalicelib.policy.ledger import LEFT_OUT as IS_LEFT_OUT
from chalicelib.policy.ledger import OPEN as IS_OPEN

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from chalicelib.policy.ledger import Entry, Ledger

OPENED, WORSENED, OVERDUE = "opened", "worsened", "overdue"
FIXED, REOPENED, ACCEPTED, EXPIRED = "fixed", "reopened", "accepted", "expired"
KINDS = (OPENED, WORSENED, OVERDUE, FIXED, REOPENED, ACCEPTED, EXPIRED)
"""What may happen to a finding; ``expired`` is an acceptance that ran out or was taken back."""


@dataclass(frozen=True)
class FindingEvent:
    """Something that happened to a finding, by its key; times are in seconds since the epoch.

    It is part of an ``inventory`` where nothing was known of the repository or the line before.
    """

    kind: str
    key: str
    severity: str
    at: int
    open_since: int
    first_seen: int
    inventory: bool = False

    def id_in(self, place: str) -> str:
        """What tells the event from all others, and is the same when it is sent again."""
        parts = (place, self.kind, self.key, str(self.at))
        return sha256("\n".join(parts).encode(errors="surrogatepass")).hexdigest()[:32]


class Published(NamedTuple):
    """What events have said of a finding last: its status, as in a ledger, and its severity."""

    status: str
    severity: str


@dataclass(frozen=True)
class RepositoryEvents:
    """What events have said of a repository's findings that are not fixed, by key.

    ``outbox`` are the events of these that are not on the bus yet. ``version`` counts the changes.
    """

    published: Mapping[str, Published] = field(default_factory=dict)
    outbox: tuple[FindingEvent, ...] = ()
    version: int = 0


def events_since(
    before: RepositoryEvents | None, live: Iterable[Ledger], ended: Iterable[Ledger] = ()
) -> RepositoryEvents:
    """The same with what has happened since, the worst first; all of it, where nothing was said.

    ``live`` are the ledgers of the lines that have an image, and ``ended`` those of the others. Of
    what was only in images that are gone nothing is said: what was deleted was not fixed.
    """
    known = before or RepositoryEvents()
    remembered = {without_occurrence(key) for ledger in ended for key in ledger.entries}
    published = {key: each for key, each in known.published.items() if key in remembered}
    happened = []
    for key, finding in _findings(live).items():
        was = known.published.get(key)
        event = finding.event(key, was)
        if event is not None:
            is_first = before is None or finding.is_of_first_scans
            happened.append(replace(event, inventory=is_first))
        if finding.status == IS_FIXED or (finding.status == IS_LEFT_OUT and was is None):
            published.pop(key, None)
        else:
            published[key] = Published(finding.status, finding.severity)
    happened.sort(key=lambda each: (SEVERITIES.index(each.severity), each.key))
    return replace(known, published=published, outbox=(*known.outbox, *happened))


def _findings(ledgers: Iterable[Ledger]) -> dict[str, _Finding]:
    """The findings of a repository by key, of a package in several versions as one."""
    found: dict[str, list[tuple[Entry, bool]]] = defaultdict(list)
    for ledger in ledgers:
        is_first = len(ledger.scans) == 1
        for key, entry in ledger.entries.items():
            found[without_occurrence(key)].append((entry, is_first))
    return {
        key: _Finding([entry for entry, _ in each], all(is_first for _, is_first in each))
        for key, each in found.items()
    }


@dataclass(frozen=True)
class _Finding:
    """What the lines that a finding is in say of it.

    It ``is_of_first_scans`` where none of these lines had been scanned before.
    """

    entries: Sequence[Entry]
    is_of_first_scans: bool

    @property
    def status(self) -> str:
        """What it is: open in one line, or else accepted, left out, or fixed in all."""
        statuses = {entry.status for entry in self.entries}
        order = (IS_OPEN, IS_ACCEPTED, IS_LEFT_OUT, IS_FIXED)
        return next(each for each in order if each in statuses)

    @property
    def severity(self) -> str:
        """The worst in those lines that give it its status."""
        return min((entry.severity for entry in self._own), key=SEVERITIES.index)

    @property
    def _own(self) -> list[Entry]:
        status = self.status
        return [entry for entry in self.entries if entry.status == status]

    def event(self, key: str, was: Published | None) -> FindingEvent | None:
        """What has happened since events said what it ``was``; None where nothing did."""
        happened = self._happened(was)
        if happened is None:
            return None
        kind, at = happened
        open_since = min(entry.open_since for entry in self._own)
        first_seen = min(entry.first_seen for entry in self.entries)
        return FindingEvent(kind, key, self.severity, at, open_since, first_seen)

    def _happened(self, was: Published | None) -> tuple[str, int] | None:
        status, own = self.status, self._own
        if status == IS_OPEN:
            return self._opened(was)
        if was is not None and status == IS_FIXED:
            return FIXED, max(entry.fixed_at or 0 for entry in own)
        if status == IS_ACCEPTED and (was is None or was.status != IS_ACCEPTED):
            return ACCEPTED, min(entry.accepted[-1].first for entry in own)
        return None

    def _opened(self, was: Published | None) -> tuple[str, int] | None:
        """What has happened to a finding that is open."""
        own = self._own
        if was is not None and was.status == IS_OPEN:
            is_worse = SEVERITIES.index(self.severity) < SEVERITIES.index(was.severity)
            return (WORSENED, max(entry.last_seen for entry in own)) if is_worse else None
        if was is not None and was.status == IS_ACCEPTED:
            ends = [entry.accepted[-1].closed for entry in own if entry.accepted]
            return EXPIRED, max([*filter(None, ends)] or [entry.last_seen for entry in own])
        has_been_fixed = any(entry.fixes for entry in self.entries)
        kind = REOPENED if has_been_fixed else OPENED
        return kind, min(entry.found[-1].first for entry in own)
