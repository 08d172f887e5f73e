"""What the status of an image's scan means, with the description that ECR gives beside it."""

from __future__ import annotations

from enum import Enum, auto


class ScanKind(Enum):
    """How an image's last scan stands."""

    NONE = auto()
    """There was none, as far as ECR knows."""
    RUNNING = auto()
    KNOWN = auto()
    """Its findings are known: after a basic scan, and while Amazon Inspector scans."""
    FAILED = auto()
    """It failed for a reason that may pass."""
    UNAVAILABLE = auto()
    """It was done, and its findings are not kept."""
    LIMITED = auto()
    """It was refused by a daily limit."""
    UNSUPPORTED = auto()
    """There is nothing in the image that ECR can scan."""
    TOO_LARGE = auto()
    ARCHIVED = auto()
    EXPIRED = auto()
    """Amazon Inspector no longer scans the image."""
    UNKNOWN = auto()
    """ECR has a new word for it."""

    @property
    def may_pass(self) -> bool:
        """Whether the scan ended without findings and another one may have some."""
        return self in _MAY_PASS

    @property
    def cannot_be_scanned(self) -> bool:
        """Whether the image itself is the reason that there are no findings."""
        return self in {ScanKind.UNSUPPORTED, ScanKind.TOO_LARGE}


_MAY_PASS = {ScanKind.FAILED, ScanKind.UNAVAILABLE, ScanKind.LIMITED, ScanKind.UNKNOWN}

_UNSUPPORTED = "UnsupportedImageError"

_KINDS = {
    "": ScanKind.NONE,
    "IN_PROGRESS": ScanKind.RUNNING,
    "PENDING": ScanKind.RUNNING,
    "COMPLETE": ScanKind.KNOWN,
    "ACTIVE": ScanKind.KNOWN,
    "FAILED": ScanKind.FAILED,
    "FINDINGS_UNAVAILABLE": ScanKind.UNAVAILABLE,
    "LIMIT_EXCEEDED": ScanKind.LIMITED,
    "UNSUPPORTED_IMAGE": ScanKind.UNSUPPORTED,
    "IMAGE_SIZE_EXCEEDED": ScanKind.TOO_LARGE,
    "IMAGE_ARCHIVED": ScanKind.ARCHIVED,
    "SCAN_ELIGIBILITY_EXPIRED": ScanKind.EXPIRED,
}


def kind_of(status: str | None, description: str = "") -> ScanKind:
    """The kind of a status, be it of ECR's API or of an event.

    Basic scanning says FAILED of an image that it does not support, and why in the description;
    UNSUPPORTED_IMAGE is enhanced scanning's word. ``None`` and an empty text are no scan. Sources:
    ECR API reference, ImageScanStatus; ECR user guide, "Amazon ECR events and EventBridge";
    aws/containers-roadmap 2301.
    """
    status = status or ""
    if status.endswith("_SCAN_COMPLETE"):
        return ScanKind.KNOWN
    if status == "FAILED" and description.startswith(_UNSUPPORTED):
        return ScanKind.UNSUPPORTED
    return _KINDS.get(status, ScanKind.UNKNOWN)
