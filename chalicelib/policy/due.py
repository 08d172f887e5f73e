"""Which images are due for a scan, and why the others are not."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from chalicelib.ecr.images import Image
from chalicelib.ecr.scan_records import DAY_SECONDS, NEVER, ScanRecord
from chalicelib.ecr.scan_statuses import ScanKind
from chalicelib.policy.durations import Duration


class Reason(StrEnum):
    """The rule that decided about an image."""

    NOT_LOOKED_UP = "last scan not looked up"
    NEVER_SCANNED = "never scanned"
    SCAN_EXPIRED = "scan expired"
    SCAN_FAILED = "last scan failed"
    FORCED = "asked for"
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
    NOT_FOUND = "not found"


_LEFT_ALONE = {
    ScanKind.ARCHIVED: Reason.ARCHIVED,
    ScanKind.EXPIRED: Reason.ELIGIBILITY_EXPIRED,
}

_TRIED_AGAIN = {
    ScanKind.FAILED: Reason.SCAN_FAILED,
    ScanKind.UNKNOWN: Reason.SCAN_FAILED,
    ScanKind.UNAVAILABLE: Reason.FINDINGS_UNAVAILABLE,
    ScanKind.LIMITED: Reason.LIMIT_REACHED_BEFORE,
    ScanKind.UNSUPPORTED: Reason.UNSUPPORTED,
    ScanKind.TOO_LARGE: Reason.TOO_LARGE,
}

SCANNED_IN_VAIN = frozenset(_TRIED_AGAIN.values())
"""Why an image is due whose last scan ended without findings."""

LONGEST_TOLERANCE = timedelta(hours=1)

LONGEST_WAIT_DAYS = 30
"""The most days before a scan is tried again that failed, or that the image does not allow."""

_FREQUENCIES = {
    "CONTINUOUS_SCAN": Reason.CONTINUOUSLY_SCANNED,
    "SCAN_ON_PUSH": Reason.SCANNED_ON_PUSH,
    "MANUAL": Reason.NOT_COVERED,
}


@dataclass(frozen=True)
class Decision:
    """Whether an image is due, and the rule that said so."""

    due: bool
    reason: Reason


def stale_before(duration: Duration, now: datetime) -> datetime:
    """Before when a scan must have been to be older than the duration.

    A hundredth of it is allowed for, an hour at most: a listing takes its time to start scans, and
    without that the next one a duration later would find them not quite old enough.
    """
    moment = duration.before(now)
    return moment + min(LONGEST_TOLERANCE, (now - moment) / 100)


def decide(record: ScanRecord | None, stale_before: datetime, now: datetime) -> Decision:
    """Say whether an image needs a scan, by what is known of its last one.

    It does when that was before ``stale_before`` and when there was none. What failed is tried
    again after 1, 2, 4 and so on up to 30 days, what the image does not allow after 30. Where it is
    to be asked first when the last scan was, the image is due for :data:`Reason.NOT_LOOKED_UP`.
    """
    seconds = int(now.timestamp())
    if record is None or record.is_open(seconds):
        return Decision(True, Reason.NOT_LOOKED_UP)
    if reason := _not_now(record, seconds):
        return Decision(False, reason)
    if reason := _TRIED_AGAIN.get(record.kind):
        return Decision(seconds >= record.at + wait_days(record) * DAY_SECONDS, reason)
    if record == NEVER:
        return Decision(True, Reason.NEVER_SCANNED)
    if record.at < stale_before.timestamp():
        return Decision(True, Reason.SCAN_EXPIRED)
    is_active = record.status == "ACTIVE"
    return Decision(False, Reason.CONTINUOUSLY_SCANNED if is_active else Reason.SCAN_FRESH)


def decide_forced(record: ScanRecord | None, now: datetime) -> Decision:
    """Say whether a scan that is asked for can be started, as far as is known.

    Not while one is running, and not within a day of the last one, for ECR refuses it.
    """
    seconds = int(now.timestamp())
    if record is None:
        return Decision(True, Reason.FORCED)
    if reason := _not_now(record, seconds):
        return Decision(False, reason)
    if seconds - record.at < DAY_SECONDS:
        return Decision(False, Reason.SCANNED_TODAY)
    return Decision(True, Reason.FORCED)


def _not_now(record: ScanRecord, seconds: int) -> Reason | None:
    """Why no scan is started, whatever the age of the last one."""
    if record.is_running(seconds):
        return Reason.SCAN_RUNNING
    return _LEFT_ALONE.get(record.kind)


def wait_days(record: ScanRecord) -> int:
    """How many days after a scan that ended without findings the next one is tried."""
    if record.kind.cannot_be_scanned:
        return LONGEST_WAIT_DAYS
    return min(LONGEST_WAIT_DAYS, 1 << min(max(record.failures - 1, 0), 5))


def inspected(record: ScanRecord | None, scan_frequency: str) -> Reason:
    """Why an image is left to Amazon Inspector, which scans by itself and refuses other scans.

    ``record`` is by Inspector's own coverage; ``scan_frequency`` is that of the repository.
    Source: BatchGetRepositoryScanningConfiguration.
    """
    kind = record.kind if record else ScanKind.NONE
    if kind is ScanKind.RUNNING:
        return Reason.SCAN_RUNNING
    if reason := _LEFT_ALONE.get(kind) or _TRIED_AGAIN.get(kind):
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
