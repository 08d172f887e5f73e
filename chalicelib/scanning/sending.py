"""Sending the jobs of a listing as its repositories are listed, and what is left of it."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from chalicelib.aws.sqs import NotSent
from chalicelib.runtime.backoff import Backoff, DeadlineReached
from chalicelib.runtime.batches import batches
from chalicelib.runtime.pace import LONGEST_DELAY_SECONDS, start_of
from chalicelib.scanning.jobs import (
    LONGEST_JOB,
    MOST_ATTEMPTS,
    MOST_NAMES,
    RETRY_DELAY_SECONDS,
    ScanJob,
    parts_of,
)
from chalicelib.scanning.listing import Listing, ListingIncomplete, log_listing
from chalicelib.scanning.progress import numbered
from chalicelib.scanning.registry_jobs import ListJob, PlanJob
from chalicelib.scanning.repository_jobs import frequencies_of, may_start_scans
from chalicelib.scanning.walk import AT_ONCE, Walk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from chalicelib.ecr.registries import RegistryAddress
    from chalicelib.runtime.deadline import Deadline
    from chalicelib.scanning.jobs import AnyJob
    from chalicelib.scanning.walk import Page
    from chalicelib.services import Services

_EVERYTHING = 10**9


class Sending:
    """A run of a listing, which sends the jobs of each page as it comes."""

    started = 0
    goes_on = False  # what is left of it are other jobs
    not_found = ()

    def __init__(
        self,
        job: ListJob,
        addresses: Sequence[RegistryAddress],
        services: Services,
        deadline: Deadline,
        sleep: Callable[[float], None],
        *,
        is_first: bool,
    ) -> None:
        self._job = job
        self._services = services
        self._queue = services.jobs_queue
        self._is_first = is_first
        self._walk = Walk(
            job.request,
            services,
            addresses,
            Backoff(deadline, sleep),
            deadline,
            after=job.after,
            accepted_before=not is_first,
            sends=True,
        )
        self._addresses = addresses
        self._matched: list[str] = []
        self._frequencies: Counter[str] = Counter()
        self._sent = 0
        self._numbered = 0
        self._pages = 0
        self._unsent: list[str] = []

    @property
    def parts(self) -> int:
        """How many jobs were sent."""
        return self._sent

    def found(self) -> dict[str, Any]:
        """What the run found: how many repositories, those of a registry by its name."""
        listed = {str(address): str(number) for address, number in self._walk.listed.items()}
        return {"listed": listed, "matched": len(self._matched)}

    def run(self) -> Listing:
        """List and send, as far as time suffices.

        :raises ListingIncomplete: when something failed that no job sees to.
        """
        budget = self._services.settings.daily_scan_budget
        continued = False
        try:
            at_once = _EVERYTHING if budget else AT_ONCE
            for page in self._walk.pages(at_once, with_jobs=budget is None):
                self._send_page(page, budget)
                self._matched += page.repositories
                self._pages += 1
        except DeadlineReached:
            continued = True
            self._continue()
        self._leave_failed(continued=continued)
        listing = self._listing(continued=continued)
        log_listing(listing, self._frequencies)
        if listing.unkept:
            raise ListingIncomplete(listing)
        return listing

    def _send_page(self, page: Page, budget: int | None) -> None:
        if budget is not None:
            self._send(_plans(self._job, page, budget))
            return
        self._frequencies += frequencies_of(page.jobs)
        wanted = (job for job in page.jobs if may_start_scans(job) or job.images_in_use)
        self._send([part for job in wanted for part in parts_of(job)], spread_out=True)

    def _continue(self) -> None:
        """Let what there was no time for go on as a job."""
        attempts = 0 if self._pages else self._job.attempts + 1
        if attempts > MOST_ATTEMPTS:
            self._unsent.append(f"{self._job.repository}: no progress in {attempts} deliveries")
            return
        self._send(_named_less(self._rest(self._walk.address, self._walk.after, attempts)))

    def _leave_failed(self, *, continued: bool) -> None:
        """Let registries that could not be listed be tried again by themselves.

        What goes on comes to those that follow anyway.
        """
        failed = self._walk.failed
        if len(failed) == len(self._addresses) and not self._pages and not continued:
            self._unsent += self._walk.failures.found
            return
        end = self._addresses.index(self._walk.address) if continued else len(self._addresses)
        for address in (each for each in self._addresses[:end] if each in failed):
            rest = replace(self._rest(address, failed[address]), alone=True)
            self._send(_named_less(rest), delay=RETRY_DELAY_SECONDS)

    def _rest(self, address: RegistryAddress, after: str, attempts: int = 0) -> ListJob:
        return replace(
            self._job,
            account=address.account,
            region=address.region,
            after=after,
            sent=self._job.sent + self._sent,
            attempts=attempts,
        )

    def _send(
        self, jobs: Sequence[AnyJob], *, spread_out: bool = False, delay: int | None = None
    ) -> None:
        first = self._numbered + 1
        self._numbered += len(jobs)
        jobs = numbered(self._job.listing, jobs, first)
        delays = [delay or 0] * len(jobs)
        if spread_out:
            jobs, delays = self._timed(jobs)
        try:
            self._queue.send(jobs, delays)
        except NotSent as error:
            self._unsent.append(str(error))
            self._sent += len(jobs) - len(error.refused)
        else:
            self._sent += len(jobs)

    def _timed(self, jobs: Iterable[AnyJob]) -> tuple[list[AnyJob], list[int]]:
        """The jobs with their delays; one that starts later than SQS delays waits in rounds."""
        now = int(time.time())
        per_minute = self._services.settings.jobs_per_minute
        timed: list[AnyJob] = []
        delays = []
        for index, job in enumerate(jobs, self._job.sent + self._sent):
            start = max(0, (self._job.began_at or now) + start_of(index, per_minute) - now)
            if start > LONGEST_DELAY_SECONDS and isinstance(job, ScanJob):
                job = replace(job, not_before=now + start)
            timed.append(job)
            delays.append(min(LONGEST_DELAY_SECONDS, start))
        return timed, delays

    def _listing(self, *, continued: bool) -> Listing:
        failures = (*self._walk.failures.found, *self._unsent)
        # Of the sources of images in use there is no job; the first run tells of them.
        sources = self._walk.failures.sources if self._is_first else ()
        return Listing(
            sum(self._walk.listed.values()),
            tuple(self._matched),
            dry_run=False,
            sent=self._sent,
            failures=tuple(dict.fromkeys(failures)),
            unkept=(*sources, *self._unsent),
            continued=continued,
        )


def _plans(job: ListJob, page: Page, budget: int) -> list[PlanJob]:
    """The job that plans a registry's scans; several where it names too many repositories.

    That its scans may start from when the listing began tells it from those of other listings.
    """
    request = job.request
    plan = PlanJob(request, page.address.account, page.address.region, not_before=job.began_at)
    if request.repositories is None or len(plan.to_json()) <= LONGEST_JOB:
        return [plan]
    parts = list(batches(page.repositories, MOST_NAMES))
    share = budget // len(parts)
    return [
        replace(plan, request=replace(request, repositories=tuple(part)), budget=share)
        for part in parts
    ]


def _named_less(job: ListJob) -> list[ListJob]:
    """The job, as several where it names too many repositories."""
    names = job.request.repositories or ()
    if len(names) <= 1 or len(job.to_json()) <= LONGEST_JOB:
        return [job]
    return [
        replace(job, request=replace(job.request, repositories=tuple(part)))
        for part in batches(names, MOST_NAMES)
    ]
