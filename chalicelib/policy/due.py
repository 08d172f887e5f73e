"""Which images are due for a scan, and why the others are not."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from chalicelib.ecr.images import Image


class Reason(StrEnum):
    """The rule that decided about an image."""

    NEVER_SCANNED = "never scanned"
    SCAN_EXPIRED = "scan expired"
    SCAN_FAILED = "last scan failed"
    FINDINGS_UNAVAILABLE = "findings unavailable"
    LIMIT_REACHED_BEFORE = "last scan refused by the daily limit"
    SCAN_FRESH = "scan fresh"
    SCAN_RUNNING = "scan running"
    CONTINUOUSLY_SCANNED = "continuously scanned by Amazon Inspector"
    SCANNED_ON_PUSH = "scanned on push by Amazon Inspector"
    NOT_COVERED = "not covered by Amazon Inspector's filters"
    ELIGIBILITY_EXPIRED = "no longer scanned by Amazon Inspector"
    MANIFEST_LIST = "manifest list"
    NOT_AN_IMAGE = "not an image"
    ARCHIVED = "archived"
    UNSUPPORTED = "unsupported image"
    TOO_LARGE = "image too large"
    SKIPPED_BY_TAG = "skipped by repository tag"
    NOT_IN_USE = "not in use"
    UNTAGGED = "untagged"
    TAG_NOT_MATCHED = "no tag matches"
    NOT_NEWEST = "not among the newest"
    PUSHED_EARLIER = "pushed too long ago"
    PULLED_EARLIER = "not pulled lately"
    SCANNED_TODAY = "scanned within a day"
    DAILY_LIMIT = "daily limit of the registry reached"
    BEYOND_BUDGET = "beyond today's budget"
    DELETED = "deleted since"
    MISSING = "in use but missing"


_SKIPPED_STATUSES = {
    "IN_PROGRESS": Reason.SCAN_RUNNING,
    "PENDING": Reason.SCAN_RUNNING,
    "ACTIVE": Reason.CONTINUOUSLY_SCANNED,
    "SCAN_ELIGIBILITY_EXPIRED": Reason.ELIGIBILITY_EXPIRED,
    "UNSUPPORTED_IMAGE": Reason.UNSUPPORTED,
    "IMAGE_ARCHIVED": Reason.ARCHIVED,
    "IMAGE_SIZE_EXCEEDED": Reason.TOO_LARGE,
}

_FREQUENCIES = {
    "CONTINUOUS_SCAN": Reason.CONTINUOUSLY_SCANNED,
    "SCAN_ON_PUSH": Reason.SCANNED_ON_PUSH,
    "MANUAL": Reason.NOT_COVERED,
}

_NO_FINDINGS = {
    "FINDINGS_UNAVAILABLE": Reason.FINDINGS_UNAVAILABLE,
    "LIMIT_EXCEEDED": Reason.LIMIT_REACHED_BEFORE,
}


@dataclass(frozen=True)
class Decision:
    """Whether an image is due, and the rule that said so."""

    due: bool
    reason: Reason


def decide(image: Image, stale_before: datetime) -> Decision:
    """Say whether an image needs a scan.

    It does when its last scan completed before ``stale_before``, when that scan failed and when
    it was never scanned or its findings are not kept. What cannot be scanned, and what is being
    scanned, is left alone.
    """
    status = image.scan_status or ""
    if reason := unscannable(image) or _SKIPPED_STATUSES.get(status):
        return Decision(False, reason)
    if image.scan_status == "FAILED":
        return Decision(True, Reason.SCAN_FAILED)
    if image.scan_completed_at is None:
        return Decision(True, _NO_FINDINGS.get(status, Reason.NEVER_SCANNED))
    if image.scan_completed_at < stale_before:
        return Decision(True, Reason.SCAN_EXPIRED)
    return Decision(False, Reason.SCAN_FRESH)


def inspected(image: Image, scan_frequency: str) -> Reason:
    """Why an image is left to Amazon Inspector, which scans by itself and refuses other scans.

    ``scan_frequency`` is that of the repository. Source: BatchGetRepositoryScanningConfiguration.
    """
    reason = _SKIPPED_STATUSES.get(image.scan_status or "")
    if reason is not None and image.scan_status != "ACTIVE":
        return reason
    return _FREQUENCIES.get(scan_frequency, Reason.CONTINUOUSLY_SCANNED)


def unscannable(image: Image) -> Reason | None:
    """Why ECR scans no such thing at all, or None when it does."""
    if image.archived:
        return Reason.ARCHIVED
    if image.is_manifest_list:
        return Reason.MANIFEST_LIST
    if image.is_artifact:
        return Reason.NOT_AN_IMAGE
    return None
