"""What happens to findings, as events: one a repository, vulnerability and package."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

from chalicelib.ecr.severities import SEVERITIES
from chalicelib.policy import ledger as statuses

if TYPE_CHECKING:
    from collections.abc import Collection

    from chalicelib.policy.ledger import Entry, Ledger

OPENED, WORSENED, OVERDUE = "opened", "worsened", "overdue"
FIXED, REOPENED, ACCEPTED, EXPIRED = "fixed", "reopened", "accepted", "expired"
KINDS = (OPENED, WORSENED, OVERDUE, FIXED, REOPENED, ACCEPTED, EXPIRED)
"""What may happen to a finding; ``expired`` is an acceptance that ran out or was taken back."""


@dataclass(frozen=True)
class FindingEvent:
    """Something that happened to a finding, by its key; times are in seconds since the epoch.

    It is part of an ``inventory`` where nothing was known of the line before.
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


def events_between(
    before: Ledger | None, after: Ledger, elsewhere: Collection[str] = ()
) -> tuple[FindingEvent, ...]:
    """What happened to the findings of a line, the worst first.

    What is open ``elsewhere`` in the repository, in another line, was opened before and is not
    fixed yet.
    """
    known = before.entries if before else {}
    found = []
    for key, entry in after.entries.items():
        happened = _happened(known.get(key), entry, is_elsewhere=key in elsewhere)
        if happened is not None:
            since = entry.open_since, entry.first_seen
            kind, at = happened
            found.append(FindingEvent(kind, key, entry.severity, at, *since, before is None))
    return tuple(sorted(found, key=lambda each: (SEVERITIES.index(each.severity), each.key)))


def _happened(before: Entry | None, now: Entry, *, is_elsewhere: bool) -> tuple[str, int] | None:
    """What happened to a finding, and when; None where nothing did that anyone is to hear of."""
    was, status = before.status if before else None, now.status
    if status == statuses.OPEN:
        if before is not None and was == statuses.OPEN:
            worse = SEVERITIES.index(now.severity) < SEVERITIES.index(before.severity)
            return (WORSENED, now.last_seen) if worse else None
        if was == statuses.ACCEPTED:
            return EXPIRED, now.accepted[-1].closed or now.last_seen
        if is_elsewhere:
            return None
        return (REOPENED if now.has_reopened else OPENED), now.found[-1].first
    if status == was:
        return None
    if status == statuses.ACCEPTED:
        return ACCEPTED, now.accepted[-1].first
    if now.fixed_at is not None and was is not None and not is_elsewhere:
        return FIXED, now.fixed_at
    return None
