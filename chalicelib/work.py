"""What each message and each request is for."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from chalicelib.runtime import logs
from chalicelib.runtime.backoff import OutOfTime
from chalicelib.runtime.deadline import TimeLeft
from chalicelib.scanning.jobs import PlanJob
from chalicelib.scanning.lister import start_listing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chalicelib.scanning.jobs import ScanJob
    from chalicelib.scanning.lister import Listing
    from chalicelib.scanning.requests import ListingRequest
    from chalicelib.services import Services

DRY_RUN_SECONDS = 24.0
"""How long a dry run looks at images: API Gateway waits for 29 seconds at most."""


def carry_out(job: ScanJob | PlanJob, services: Services, time_left: TimeLeft) -> None:
    """Do what a queue message asks for: scan a repository, or plan a registry's scans."""
    if isinstance(job, PlanJob):
        from chalicelib.scanning.planner import plan_scans

        plan_scans(job, services, time_left)
    else:
        from chalicelib.scanning.scanner import scan_repository

        scan_repository(job, services, time_left)


def tell_of_scan(event: Mapping[str, Any], services: Services, time_left: TimeLeft) -> None:
    """Report the end of a scan, or a finding of Amazon Inspector, if it is worth a report."""
    from chalicelib.notifying.events import ScanResult
    from chalicelib.notifying.notifier import report_scan

    report_scan(ScanResult.from_event(event), services, time_left)


def summarize_fleet(event: Mapping[str, Any], services: Services, time_left: TimeLeft) -> None:
    """Send the digest of the event's time, unless digests are off."""
    from chalicelib.fleet.digest import scheduled_time, send_digest

    if not services.settings.digest:
        logs.logger.info("digests are off")
        return
    send_digest(scheduled_time(event), services, services.report_bucket, time_left)


def answer_request(request: ListingRequest, services: Services) -> dict[str, Any]:
    """List the repositories as asked; the answer to a dry run shows their images too."""
    time_left = TimeLeft.seconds(DRY_RUN_SECONDS)
    listing = start_listing(request, services)
    if not request.dry_run:
        return listing.to_dict()
    return listing.to_dict() | _images(listing, services, time_left)


def _images(listing: Listing, services: Services, time_left: TimeLeft) -> dict[str, Any]:
    """``{images: [row], imagesComplete}``; incomplete where time or room did not suffice."""
    from chalicelib.scanning.plans import MOST_ROWS, plan_images

    rows: list[dict[str, Any]] = []
    complete = True
    planned = plan_images(listing.jobs, services, time_left)
    try:
        rows.extend(row.to_dict() for row in islice(planned, MOST_ROWS))
        complete = next(planned, None) is None
    except OutOfTime:
        complete = False
    return {"images": rows, "imagesComplete": complete}
