"""What is remembered of each image's scans: when the last one was, at least, and how it ended."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from chalicelib.ecr.scan_statuses import ScanKind, kind_of

if TYPE_CHECKING:
    from datetime import datetime

DAY_SECONDS = 86_400

LONGEST_DESCRIPTION = 200
"""How much of a status's description is kept, in characters."""


@dataclass(frozen=True, slots=True)
class ScanRecord:
    """The last scan of an image that is known of.

    ``at`` is when it ended, in seconds since the epoch, and never later than the last scan really
    was, so that an image may be scanned early for it, but never late; 0 where no scan is known.
    ``status`` and ``description`` are ECR's, of the last scan whose end is known, and ``failures``
    counts the scans in a row that ended without findings. While ``started``, ``at`` is when a scan
    began of whose end nothing was heard yet.
    """

    at: int = 0
    status: str = ""
    description: str = ""
    failures: int = 0
    started: bool = False

    @property
    def kind(self) -> ScanKind:
        """What the status means."""
        return kind_of(self.status, self.description)

    def is_running(self, now: int) -> bool:
        """Whether a scan may be under way: it began less than a day ago, and has not ended."""
        return self.started and now - self.at < DAY_SECONDS

    def is_open(self, now: int) -> bool:
        """Whether ECR is to be asked how the last scan ended.

        An event may be lost. Of an image whose scans had ended well, the next one is taken to have
        ended well too; of any other nothing is taken for granted.
        """
        return self.started and self.kind is not ScanKind.KNOWN and not self.is_running(now)


NEVER = ScanRecord()
"""Of an image that was not scanned, as far as ECR knows."""


def begun(before: ScanRecord | None, at: int) -> ScanRecord:
    """The record once a scan has begun at that time."""
    return replace(before or NEVER, at=at, started=True)


def ended(before: ScanRecord | None, at: int, status: str, description: str = "") -> ScanRecord:
    """The record once a scan has ended at that time, with that status."""
    description = description[:LONGEST_DESCRIPTION]
    failed = kind_of(status, description).may_pass
    failures = (before or NEVER).failures + 1 if failed else 0
    return ScanRecord(at, status, description, failures)


def looked_up(
    before: ScanRecord | None,
    now: int,
    status: str,
    description: str,
    completed_at: datetime | None,
    *,
    assumed_at: int,
) -> ScanRecord:
    """The record by what ECR says of an image's last scan when it is asked.

    It does not say when a scan failed: as it began, where that is known, else at ``assumed_at``.
    """
    kind = kind_of(status, description)
    if kind is ScanKind.NONE:
        return NEVER
    if kind is ScanKind.RUNNING:
        return begun(before, now)
    if completed_at is not None:
        return ended(before, int(completed_at.timestamp()), status, description)
    at = before.at if before and before.started else assumed_at
    return ended(before, at, status, description)
