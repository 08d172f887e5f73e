"""The lister: one job for each repository that is wanted, in every registry that is covered."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from chalicelib.runtime import logs
from chalicelib.runtime.backoff import Backoff, DeadlineReached
from chalicelib.runtime.deadline import Deadline
from chalicelib.scanning.listing import Listing, ListingIncomplete, log_listing
from chalicelib.scanning.progress import kept_outcome
from chalicelib.scanning.registry_jobs import ListJob
from chalicelib.scanning.repository_jobs import frequencies_of
from chalicelib.scanning.sending import Sending
from chalicelib.scanning.walk import Walk

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from chalicelib.ecr.registries import RegistryAddress
    from chalicelib.scanning.jobs import ScanJob
    from chalicelib.scanning.requests import ListingRequest
    from chalicelib.services import Services

__all__ = ["Listing", "ListingIncomplete", "continue_listing", "list_jobs", "start_listing"]


def start_listing(
    request: ListingRequest,
    services: Services,
    listing_id: str = "",
    deadline: Deadline | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> Listing:
    """List the repositories and send a job for each that is wanted and may have scans to start.

    Jobs are sent as their repositories are listed; what there is no time for goes on as a job, and
    so does a registry that cannot be listed where others can. With a daily budget one job a
    registry is sent instead, which plans its scans. The jobs of a listing with an id are numbered,
    so that it is kept what becomes of them.

    :raises RequestError: when the request names a repository that does not exist.
    :raises ListingIncomplete: when something failed that no job sees to.
    """
    deadline = deadline or Deadline.unlimited()
    if services.settings.scan_time_lookup:
        logs.logger.info("SCAN_TIME_LOOKUP is ignored: when images were scanned is always known")
    if request.dry_run:
        listing = list_jobs(request, services, deadline=deadline, sleep=sleep)
        log_listing(listing, frequencies_of(listing.jobs))
        if listing.failures:
            raise ListingIncomplete(listing)
        return listing
    job = ListJob(request, began_at=int(time.time()), listing=listing_id)
    addresses = services.settings.registries
    return Sending(job, addresses, services, deadline, sleep, is_first=True).run()


def continue_listing(
    job: ListJob,
    services: Services,
    deadline: Deadline,
    sleep: Callable[[float], None] = time.sleep,
) -> Listing:
    """Go on with a listing where it was.

    :raises ListingIncomplete: when something failed that no job sees to.
    """
    addresses: Sequence[RegistryAddress] = services.settings.registries
    if job.alone:
        addresses = [job.address]
    elif job.address in addresses:
        addresses = addresses[addresses.index(job.address) :]
    else:  # the settings have changed: once more from the start
        job = replace(job, after="")
    sending = Sending(job, addresses, services, deadline, sleep, is_first=False)
    with kept_outcome(job, sending, services, sending.found):
        return sending.run()


def list_jobs(
    request: ListingRequest,
    services: Services,
    addresses: Sequence[RegistryAddress] | None = None,
    *,
    accepted_before: bool = False,
    deadline: Deadline | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> Listing:
    """The job of each wanted repository of the registries, by default of all that are covered.

    Sends nothing. What there is no time for is among the failures. Of a request that was
    ``accepted_before``, and goes on as another job where there is no time, a repository that does
    not exist was deleted since, and is skipped.

    :raises RequestError: when the request names a repository that does not exist.
    :raises DeadlineReached: when no time is left for a request that was accepted before.
    """
    deadline = deadline or Deadline.unlimited()
    addresses = addresses or services.settings.registries
    backoff = Backoff(deadline, sleep)
    walk = Walk(request, services, addresses, backoff, deadline, accepted_before=accepted_before)
    jobs: list[ScanJob] = []
    try:
        for page in walk.pages():
            jobs += page.jobs
    except DeadlineReached:
        if accepted_before:
            raise
        walk.failures.add(str(walk.address), "there was no time left")
    failures = tuple(walk.failures.found)
    names = tuple(job.repository for job in jobs)
    listed = sum(walk.listed.values())
    return Listing(listed, names, request.dry_run, tuple(jobs), failures=failures)
