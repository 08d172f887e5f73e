"""A day's budget of scans, and which images come first where more are due."""

from __future__ import annotations

from collections import Counter
from enum import IntEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from datetime import date

MOST_SCANS_A_DAY = 100_000
"""Basic scans in 24 hours of a registry and region. Source: ECR user guide, service quotas."""

BUDGETED_SCANS_PER_SECOND = 10
"""The pace of scans within a budget where none is set. AWS publishes no rate of StartImageScan."""

_TURN = 2**64
_GOLDEN_RATIO = 0x9E3779B97F4A7C15
"""2**64 divided by the golden ratio, whose multiples spread over a turn most evenly."""


class Tier(IntEnum):
    """How much a scan of an image matters, most first."""

    IN_USE = 0
    NEWEST_TAGGED = 1
    OTHER = 2
    DOUBTFUL = 3


class Entry(NamedTuple):
    """An image that is due: its rank, the number of its repository's job, and its digest."""

    rank: int
    job: int
    digest: bytes

    @property
    def tier(self) -> Tier:
        """How much the image matters."""
        return Tier(self.rank >> 128)

    @property
    def image_digest(self) -> str:
        """The digest as ECR writes it."""
        return f"sha256:{self.digest.hex()}"


class Budget:
    """The most important of the images offered, as many as the budget has room for.

    Keeps no more than twice the budget in memory, however many are offered. Within a tier the
    oldest scan comes first, before it those without any. Among scans of the same time each day
    begins at another place, so that those left out have their turn on the days after.
    """

    def __init__(self, size: int, today: date) -> None:
        self._size = size
        self._start = today.toordinal() * _GOLDEN_RATIO % _TURN
        self._entries: list[Entry] = []
        self._kept: list[Entry] = []
        self._never_scanned: Counter[Tier] = Counter()
        self.offered = 0

    def offer(self, image_digest: str, scanned_at: int, tier: Tier, job: int) -> None:
        """Put forward an image that is due, last scanned at that second since the epoch, or 0."""
        self._entries.append(self._entry(image_digest, scanned_at, tier, job))
        if len(self._entries) > 2 * self._size + 1:
            self._cut(self._size)

    def keep(self, image_digest: str, scanned_at: int, tier: Tier, job: int) -> None:
        """Put forward an image that is chosen whatever comes first, for its scan is reserved."""
        self._kept.append(self._entry(image_digest, scanned_at, tier, job))

    def _entry(self, image_digest: str, scanned_at: int, tier: Tier, job: int) -> Entry:
        self.offered += 1
        self._never_scanned[tier] += not scanned_at
        digest = bytes.fromhex(image_digest.partition(":")[2])
        turn = (int.from_bytes(digest[:8]) - self._start) % _TURN
        return Entry((tier << 128) + (scanned_at << 64) + turn, job, digest)

    def has_room_for(self, tier: Tier, others: Counter[Tier]) -> bool:
        """Whether an image of this tier may still be chosen, whenever it was scanned last.

        ``others`` are images without any scan that are to be offered too.
        """
        first = self._never_scanned + others
        return sum(first[each] for each in Tier if each <= tier) < self._size

    def chosen(self, size: int) -> list[Entry]:
        """The most important images, most important first; ``size`` at most, but all that are kept.

        Those that are kept take the place of others.
        """
        self._cut(max(0, min(size, self._size) - len(self._kept)))
        return sorted([*self._kept, *self._entries])

    def _cut(self, size: int) -> None:
        self._entries.sort()
        del self._entries[size:]
