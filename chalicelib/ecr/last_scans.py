"""What ECR answers about the last scan of an image. Source: DescribeImageScanFindings."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from chalicelib.ecr.findings import distinct, severity_counts, worst_first
from chalicelib.ecr.findings_reader import findings_of, listed
from chalicelib.ecr.scan_statuses import ScanKind, kind_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from chalicelib.ecr.findings import Finding


@dataclass(frozen=True)
class ScanFindings:
    """What an image's last scan found, as far as it is known.

    ``findings`` are those that are open, worst first; None where they are not known, since the scan
    failed, is not done, or was not to be read in full: ``FINDINGS_UNAVAILABLE``, in ECR's words.
    ``counts`` are ECR's own, of which some may be of findings that are suppressed or closed; None
    where it gives none. ``listed`` is how many findings ECR listed, the suppressed ones too.
    """

    status: str
    completed_at: datetime | None
    counts: Mapping[str, int] | None
    findings: tuple[Finding, ...] | None
    listed: int = 0
    description: str = ""


class LastScan(NamedTuple):
    """How an image's last scan stands; without a status there was none."""

    status: str
    description: str
    completed_at: datetime | None


def last_scan_of(page: Mapping[str, Any]) -> LastScan:
    """How the scan stands by one page of the answer, which is empty where there is no scan."""
    return LastScan(*_state(page), _found(page).get("imageScanCompletedAt"))


def scan_findings_of(pages: Sequence[Mapping[str, Any]]) -> ScanFindings:
    """What the scan found, by all pages of the answer, of which there is one at least."""
    kinds = {_kind(page) for page in pages}
    number = sum(listed(_found(page)) for page in pages)
    scan = _unread_scan(pages[0])
    if ScanKind.KNOWN not in kinds:
        return scan
    if kinds != {ScanKind.KNOWN} or (scan.counts and not number):
        # Another scan began meanwhile, or ECR counts findings of which it lists none.
        return replace(scan, status="FINDINGS_UNAVAILABLE")
    found = [finding for page in pages for finding in findings_of(_found(page))]
    return replace(scan, findings=worst_first(distinct(found)), listed=number)


def _unread_scan(page: Mapping[str, Any]) -> ScanFindings:
    """What a scan's first page says of it, less its findings."""
    summary, (status, description) = _found(page), _state(page)
    counts = summary.get("findingSeverityCounts")
    return ScanFindings(
        status=status,
        completed_at=summary.get("imageScanCompletedAt"),
        counts=None if counts is None else severity_counts(counts),
        findings=None,
        description=description,
    )


def _state(page: Mapping[str, Any]) -> tuple[str, str]:
    """The status of a scan, and its description where that says why there are no findings."""
    state = page.get("imageScanStatus") or {}
    status, description = state.get("status") or "", state.get("description") or ""
    says_nothing_more = kind_of(status) in {ScanKind.KNOWN, ScanKind.RUNNING}
    return status, "" if says_nothing_more else description


def _kind(page: Mapping[str, Any]) -> ScanKind:
    return kind_of(*_state(page))


def _found(page: Mapping[str, Any]) -> Mapping[str, Any]:
    """The page's findings, which ECR has as null for an image that it does not support."""
    found: Mapping[str, Any] = page.get("imageScanFindings") or {}
    return found
