"""What to do next about an image's scan: nothing, start one, wait for one, or give up."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING

from chalicelib.ecr.scan_statuses import ScanKind, kind_of
from chalicelib.policy.due import Reason

if TYPE_CHECKING:
    from datetime import datetime

    from chalicelib.ecr.last_scans import ScanFindings


class Step(Enum):
    """What to do next about an image's scan."""

    DONE = auto()
    """What was found is known, and new enough."""
    START = auto()
    WAIT = auto()
    GIVE_UP = auto()
    """No findings will be known within the time that a pipeline has."""


@dataclass(frozen=True)
class Start:
    """What became of an attempt to start a scan; ``refusal`` is why it did not start."""

    refusal: str | None = None


_COMING = {None, Reason.SCANNED_TODAY, Reason.CONTINUOUSLY_SCANNED, Reason.SCANNED_ON_PUSH}
"""What an attempt to start a scan ends with where one will be seen, be it of somebody else's."""


def next_step(scan: ScanFindings | None, start: Start | None, stale_before: datetime) -> Step:
    """What to do about an image, by its last scan and by the attempt to start one, if there was.

    A scan of before ``stale_before`` is made anew, and where that is not possible only one of today
    or one that Amazon Inspector keeps up to date counts. ECR allows one scan in 24 hours, so that
    what failed today is not known today.
    """
    kind = kind_of(scan.status, scan.description) if scan else ScanKind.NONE
    if kind is ScanKind.RUNNING:
        return Step.WAIT
    if kind is ScanKind.KNOWN:
        return Step.DONE if _is_new_enough(scan, start, stale_before) else _start_or(start)
    if kind is ScanKind.NONE or kind is ScanKind.UNAVAILABLE:
        # ECR does not know at once of a scan that has just begun, nor list all that it counts.
        is_coming = start is not None and start.refusal in _COMING
        return Step.WAIT if is_coming else _start_or(start)
    if kind.may_pass:
        return Step.START if start is None else Step.GIVE_UP
    return Step.GIVE_UP


def _is_new_enough(scan: ScanFindings | None, start: Start | None, stale_before: datetime) -> bool:
    if scan is None or scan.findings is None:
        return False
    if scan.status == "ACTIVE" or (start and start.refusal == Reason.SCANNED_TODAY):
        return True
    return scan.completed_at is not None and scan.completed_at >= stale_before


def _start_or(start: Start | None) -> Step:
    if start is None:
        return Step.START
    return Step.WAIT if start.refusal is None else Step.GIVE_UP


def why_unknown(scan: ScanFindings | None, start: Start | None, *, waited: bool) -> str:
    """Why an image's findings are not known, in ECR's words where it has some."""
    status = scan.status if scan else ""
    said = f"{status} ({scan.description})" if scan and scan.description else status
    kind = kind_of(status, scan.description) if scan else ScanKind.NONE
    if kind is ScanKind.KNOWN and scan and scan.completed_at:
        said = f"last scanned on {scan.completed_at:%Y-%m-%d}, too long ago"
    if waited:
        return f"no scan was done in time: {said or 'never scanned'}"
    refusal = f"no scan started: {start.refusal}" if start and start.refusal else ""
    return "; ".join(filter(None, (said or "never scanned", refusal)))
