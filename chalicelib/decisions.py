"""Which images are due for a scan, and why the others are not."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from chalicelib.images import Image


class Reason(StrEnum):
    """The rule that decided about an image."""

    NEVER_SCANNED = "never scanned"
    SCAN_EXPIRED = "scan expired"
    SCAN_FAILED = "last scan failed"
    SCAN_FRESH = "scan fresh"
    SCAN_RUNNING = "scan running"
    CONTINUOUSLY_SCANNED = "continuously scanned"
    MANIFEST_LIST = "manifest list"
    NOT_AN_IMAGE = "not an image"
    ARCHIVED = "archived"
    UNSUPPORTED = "unsupported image"
    TOO_LARGE = "image too large"
    SCANNED_TODAY = "scanned within a day"
    GONE = "gone since"


_SKIPPED_STATUSES = {
    "IN_PROGRESS": Reason.SCAN_RUNNING,
    "PENDING": Reason.SCAN_RUNNING,
    "ACTIVE": Reason.CONTINUOUSLY_SCANNED,
    "SCAN_ELIGIBILITY_EXPIRED": Reason.CONTINUOUSLY_SCANNED,
    "UNSUPPORTED_IMAGE": Reason.UNSUPPORTED,
    "IMAGE_ARCHIVED": Reason.ARCHIVED,
    "IMAGE_SIZE_EXCEEDED": Reason.TOO_LARGE,
}


@dataclass(frozen=True)
class Decision:
    """Whether an image is due, and the rule that said so."""

    due: bool
    reason: Reason


def decide(image: Image, stale_before: datetime) -> Decision:
    """Say whether an image needs a scan.

    It does when its last scan completed before ``stale_before``, when that scan failed and when
    it was never scanned. What cannot be scanned, and what is being scanned, is left alone.
    """
    if reason := _unscannable(image) or _SKIPPED_STATUSES.get(image.scan_status or ""):
        return Decision(False, reason)
    if image.scan_status == "FAILED":
        return Decision(True, Reason.SCAN_FAILED)
    if image.scan_completed_at is None:
        return Decision(True, Reason.NEVER_SCANNED)
    if image.scan_completed_at < stale_before:
        return Decision(True, Reason.SCAN_EXPIRED)
    return Decision(False, Reason.SCAN_FRESH)


def _unscannable(image: Image) -> Reason | None:
    if image.archived:
        return Reason.ARCHIVED
    if image.is_manifest_list:
        return Reason.MANIFEST_LIST
    if image.is_artifact:
        return Reason.NOT_AN_IMAGE
    return None
