"""How old a finding is, and when it is due."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeVar

from chalicelib.ecr.findings import known_keys

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from chalicelib.ecr.findings import Finding
    from chalicelib.policy.due_dates import DueTimes
    from chalicelib.policy.ledger import Ledger

Moment = TypeVar("Moment", int, datetime)


@dataclass(frozen=True)
class Age:
    """Since when a finding is open, and until when it is to be fixed.

    None where it is not known since when, or nothing says until when.
    """

    first_seen: datetime | None = None
    due: date | None = None

    def days(self, today: date) -> int | None:
        """For how many days it has been open; None where that is not known."""
        if self.first_seen is None:
            return None
        return max(0, (today - self.first_seen.astimezone(UTC).date()).days)

    def days_left(self, today: date) -> int | None:
        """How many days until it is due, below 0 where it is overdue; None without a date."""
        return None if self.due is None else (self.due - today).days

    def overdue_days(self, today: date) -> int | None:
        """For how many days it is overdue, 0 where it is not; None without a date."""
        left = self.days_left(today)
        return None if left is None else max(0, -left)

    def is_overdue(self, today: date) -> bool | None:
        """Whether its due date has passed; None where there is none."""
        return None if self.due is None else self.due < today

    def or_older(self, other: Age) -> Age:
        """The earlier of two beginnings, and of two days, as far as they are known."""
        seen = [each for each in (self.first_seen, other.first_seen) if each is not None]
        due = [each for each in (self.due, other.due) if each is not None]
        return Age(min(seen, default=None), min(due, default=None))


UNKNOWN_AGE = Age()
"""Of a finding of which nothing is known."""


def earliest(seen: Iterable[tuple[str, Moment]]) -> dict[str, Moment]:
    """The first of the moments of each key."""
    first: dict[str, Moment] = {}
    for key, moment in seen:
        first[key] = min(moment, first.get(key, moment))
    return first


def age_since(since: datetime, finding: Finding, sla: DueTimes | None) -> Age:
    """The age of a finding that is open since then."""
    return Age(since, sla.due(finding.severity, since) if sla else None)


def ages_in(ledger: Ledger, findings: Iterable[Finding], sla: DueTimes | None) -> dict[str, Age]:
    """Since when findings are open by a ledger, by key, and when they are due."""
    found = {}
    for finding in findings:
        entry = ledger.entries.get(finding.key)
        if entry is not None:
            since = datetime.fromtimestamp(entry.open_since, UTC)
            found[finding.key] = age_since(since, finding, sla)
    return found


def ages_by(
    ledgers: Iterable[Ledger], findings: Iterable[Finding], sla: DueTimes | None
) -> dict[str, Age]:
    """The same by several ledgers: since the first of them has a finding that is not fixed."""
    by_key = {finding.key: finding for finding in findings}
    since = earliest(
        (key, entry.open_since) for ledger in ledgers for key, entry in ledger.unfixed.items()
    )
    known = known_keys(by_key.values(), since)
    return {
        key: age_since(datetime.fromtimestamp(since[known[key]], UTC), by_key[key], sla)
        for key in by_key
        if key in known
    }
