"""``plan`` and ``scan``: what is due in a real account, and starting it, without deploying."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import typer

from chalicelib.runtime.deadline import Deadline
from chalicelib.scanning.failures import UNREAD, RepositoriesNotRead, ScansNotStarted
from chalicelib.scanning.lister import list_jobs
from chalicelib.scanning.plans import plan_images
from chalicelib.scanning.requests import ListingRequest
from chalicelib.scanning.scanner import scan_repository
from chalicelib.services import Services
from ecr_scan_reporter import tables
from ecr_scan_reporter.options import (
    Duration,
    JsonTarget,
    Profile,
    Region,
    ReposRegex,
    services_of,
    write,
)
from ecr_scan_reporter.progress import (
    INTERRUPTED,
    Failures,
    progress,
    say,
    warn_of_no_match,
)
from ecr_scan_reporter.watching import WatchedServices

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from chalicelib.scanning.jobs import ScanJob

Row = dict[str, Any]


def plan(
    profile: Profile = None,
    region: Region = None,
    repos_regex: ReposRegex = None,
    duration: Duration = None,
    json_: JsonTarget = None,
) -> None:
    """Show every image, whether it is due and the rule that decided; start nothing.

    Ends with status 1 where something could not be read, and 3 where the filter matches nothing.
    """
    services, failures = services_of(Services, profile, region), Failures()
    jobs = _jobs(services, repos_regex, duration, failures)
    shown = tables.PlanTable() if json_ != "-" else None
    rows: list[Row] = []
    for images in _plans(jobs, services, failures):
        rows += images
        if shown and images:
            shown.add(images)
    if shown:
        shown.finish()
    if json_ is not None:
        write(json.dumps(rows, indent=2) + "\n", json_)
    _end(failures)


def scan(
    profile: Profile = None,
    region: Region = None,
    repos_regex: ReposRegex = None,
    duration: Duration = None,
    json_: JsonTarget = None,
) -> None:
    """Start the scan of every image that is due.

    Ends with status 1 where scans did not start, 3 where the filter matches nothing, and 130 after
    Ctrl-C, once it is said what was started.
    """
    services, failures = services_of(WatchedServices, profile, region), Failures()
    jobs = _jobs(services, repos_regex, duration, failures)
    shown = tables.ScanTable() if json_ != "-" else None
    rows: list[Row] = []
    try:
        for row in _scans(jobs, services, failures):
            rows.append(row)
            if shown:
                shown.add(row)
    except KeyboardInterrupt:
        say(_interruption(services))
        raise typer.Exit(INTERRUPTED) from None
    finally:
        if json_ is not None:
            write(json.dumps(rows, indent=2) + "\n", json_)
    _end(failures)


def _jobs(
    services: Services, repos_regex: str | None, duration: str | None, failures: Failures
) -> Sequence[ScanJob]:
    """The jobs that a listing with these overrides would send."""
    overrides = {"repositoriesFilterRegexp": repos_regex, "ecrImagesDurationDelta": duration}
    request = ListingRequest.from_values({**overrides, "dryRun": True})
    with progress("Listing repositories"):
        listing = list_jobs(request, services)
    for failure in listing.failures:
        failures.add("not listed", failure)
    if listing.listed and not listing.jobs and not failures:
        pattern = request.repositories_filter or services.settings.repositories_filter
        warn_of_no_match(pattern.pattern, listing.listed)
    return listing.jobs


def _plans(jobs: Sequence[ScanJob], services: Services, failures: Failures) -> Iterator[list[Row]]:
    """The rows of each repository as it is read; with a daily budget all at once, in the end."""

    def deleted(job: ScanJob) -> None:
        say(f"warning: {job.repository} was deleted since it was listed")

    groups = [[job] for job in jobs]
    if services.settings.daily_scan_budget is not None:
        groups = [list(jobs)]
    with progress("Reading repositories") as bar:
        for done, group in enumerate(groups, start=1):
            rows: list[Row] = []
            try:
                for image in plan_images(group, services, Deadline.unlimited(), deleted=deleted):
                    rows.append(image.to_dict())  # noqa: PERF401 (kept when an error comes)
            except RepositoriesNotRead as unread:
                for name, error in unread.errors.items():
                    failures.add(name, error)
            bar.advance(done, len(groups))
            with bar.hidden():
                yield rows


def _scans(jobs: Sequence[ScanJob], services: WatchedServices, failures: Failures) -> Iterator[Row]:
    """A row a repository, as soon as its scans are started."""
    with progress("Starting scans") as bar:
        services.starts.noted = lambda total: bar.add(f"{total:,} started")
        for done, job in enumerate(jobs, start=1):
            row = _Scan(job, services, failures).run()
            bar.advance(done, len(jobs))
            with bar.hidden():
                yield row


@dataclass(frozen=True)
class _Scan:
    job: ScanJob
    services: WatchedServices
    failures: Failures

    def run(self) -> Row:
        name, starts = self.job.repository, self.services.starts
        try:
            summary = scan_repository(self.job, self.services, Deadline.unlimited())
        except ScansNotStarted:
            return self._failed(starts.failures())
        except UNREAD as error:
            return self._failed(error)
        return {
            "repository": name,
            "error": None,
            "images": summary.images,
            "due": summary.due,
            "started": summary.started,
            "skipped": summary.skipped,
        }

    def _failed(self, why: Exception | str) -> Row:
        name = self.job.repository
        reason = self.failures.add(name, why)
        started = self.services.starts.started[name]
        return {"repository": name, "error": reason, "started": started, "skipped": Counter()}


def _interruption(services: WatchedServices) -> str:
    started = services.starts.started
    names = ", ".join(f"{name} {count}" for name, count in started.items() if count)
    return f"interrupted; scans started, which go on: {started.total()}" + (
        f" ({names})" if names else ""
    )


def _end(failures: Failures) -> None:
    failures.finish()
    if failures:
        raise typer.Exit(1)
