"""The planner: which scans of a registry the day's budget allows, and when each may start."""

from __future__ import annotations

import time
from collections import defaultdict
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from math import ceil
from typing import TYPE_CHECKING

from chalicelib.aws.ecr import RepositoryDeleted
from chalicelib.aws.scan_budgets import Held
from chalicelib.policy.budget import BUDGETED_SCANS_PER_SECOND, MOST_SCANS_A_DAY, Budget, Tier
from chalicelib.runtime import logs
from chalicelib.runtime.backoff import Backoff, DeadlineReached
from chalicelib.runtime.batches import batches
from chalicelib.runtime.pace import LONGEST_DELAY_SECONDS
from chalicelib.scanning.failures import UNREAD, Failures, ScansNotStarted
from chalicelib.scanning.image_warnings import warn_of_missing_images
from chalicelib.scanning.jobs import (
    LONGEST_JOB,
    MOST_ATTEMPTS,
    MOST_NAMES,
    RETRY_DELAY_SECONDS,
)
from chalicelib.scanning.lister import list_jobs
from chalicelib.scanning.offers import day_of, offers_of, scanned_since
from chalicelib.scanning.progress import kept_outcome, numbered
from chalicelib.scanning.repositories import read_repository
from chalicelib.scanning.repository_jobs import may_start_scans
from chalicelib.scanning.reservations import Day, held, image_name, reserved
from chalicelib.scanning.scanner import MOST_DIGESTS
from chalicelib.scanning.uses import keep_uses

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from chalicelib.policy.budget import Entry
    from chalicelib.runtime.deadline import Deadline
    from chalicelib.scanning.jobs import ScanJob
    from chalicelib.scanning.registry_jobs import PlanJob
    from chalicelib.scanning.repositories import RepositoryContents
    from chalicelib.services import Services

_NEVER = Day(0)


@dataclass
class PlanSummary:
    """What a plan comes to: how many scans are due, how many of these are within the budget."""

    repositories: int = 0
    images: int = 0
    due: int = 0
    scanned_today: int = 0
    planned: int = 0
    jobs: int = 0
    re_enqueued: bool = False
    failed: int = 0
    not_found: list[str] = field(default_factory=list)

    started = 0
    goes_on = False  # what is left of it is another job

    @property
    def parts(self) -> int:
        """How many jobs were sent, and are to be for what failed."""
        return self.jobs + self.re_enqueued + self.failed

    @property
    def deferred(self) -> int:
        """How many scans are left for another day."""
        return self.due - self.planned


def plan_scans(
    plan: PlanJob,
    services: Services,
    deadline: Deadline,
    sleep: Callable[[float], None] = time.sleep,
) -> PlanSummary:
    """Review a registry's repositories and send jobs for the most important scans that are due.

    The scans of this day (UTC), on-push ones too, are taken from the budget as far as they are
    known. With a table, so is what other plans have sent, and nothing is sent that is not reserved
    there; what is reserved and still due is sent again, whoever reserved it. When time runs out,
    what was reviewed is sent with its share of the budget, and the rest goes on as another job.

    A repository that cannot be read holds up no other, and what is known of the images in use is
    planned though not all of it is.

    :raises ScansNotStarted: when nothing could be reviewed in many deliveries; also when some
        repositories could not be read, or not all images in use found, with jobs to plan these.
    :raises NotSent: when the queue did not take some of the jobs.
    :raises Throttled: when nothing could be reserved now, as other errors of AWS do.
    """
    planning = _Planning(plan, services, deadline, sleep)
    with kept_outcome(plan, planning.summary, services):
        planning.review()
        jobs = planning.jobs()
        now = int(time.time())
        delays = [min(LONGEST_DELAY_SECONDS, max(0, job.not_before - now)) for job in jobs]
        services.jobs_queue.send(jobs, delays)
        planning.re_enqueue()
        planning.log()
        planning.raise_failures()
    return planning.summary


class _Planning:
    def __init__(
        self,
        plan: PlanJob,
        services: Services,
        deadline: Deadline,
        sleep: Callable[[float], None],
    ) -> None:
        settings = services.settings
        self.summary = PlanSummary()
        self._plan = plan
        self._services = services
        self._deadline = deadline
        self._sleep = sleep
        self._backoff = Backoff(deadline, sleep)
        self._size = plan.budget
        if self._size is None:
            self._size = settings.daily_scan_budget or MOST_SCANS_A_DAY
        now = datetime.now(UTC)
        self._day = Day.of(now.timestamp())
        self._budget = Budget(self._size, now.date())
        self._rate = settings.pace or BUDGETED_SCANS_PER_SECOND
        self._repositories: list[ScanJob] = []
        self._end = 0.0
        self._look_ups = 0
        self._held: dict[Day, Held] = {}
        self._held_on: dict[tuple[int, str], Day] = {}  # by the job's number and the digest
        self._not_held: list[str] = []  # what was scanned today
        self._failures = Failures()
        self._unknown: tuple[str, ...] = ()  # which images in use, and why

    def review(self) -> None:
        self._read_held()
        try:
            self._review()
        except DeadlineReached:
            self.summary.re_enqueued = True
        self.summary.due = self._budget.offered

    def _read_held(self) -> None:
        """Read what is reserved of the days that the time line may reach, most often of one."""
        begin = max(self._plan.not_before, int(time.time()))
        last = Day.of(begin + (self._size or 0) / self._rate)
        days = map(Day, range(Day.of(begin).number, last.number + 1))
        self._held = {day: held(self._plan, self._services, day) for day in days}

    def _review(self) -> None:
        listing = list_jobs(
            replace(self._plan.request, dry_run=True),
            self._services,
            [self._plan.address],
            accepted_before=True,
            deadline=self._deadline,
            sleep=self._sleep,
        )
        # A registry that cannot be listed is raised: what is left are sources of images in use.
        self._unknown = listing.failures
        jobs = [job for job in listing.jobs if may_start_scans(job) or job.images_in_use]
        only, without = set(self._plan.only), set(self._plan.without)
        jobs = [
            job
            for job in jobs
            if job.repository > self._plan.after
            and (not only or job.repository in only)
            and job.repository not in without
        ]
        jobs.sort(key=lambda job: job.repository)
        self._repositories = jobs
        for number, job in enumerate(jobs):
            try:
                self._review_repository(number, job)
            except UNREAD as error:
                self._failures.add(job.repository, error)
            self.summary.repositories += 1

    def jobs(self) -> list[ScanJob]:
        """The jobs of the scans within the budget, most important first, each with its time."""
        share = self._size or 0
        if self.summary.re_enqueued:
            share = share * self.summary.repositories // max(1, len(self._repositories))
        left = self._budget.chosen(max(0, share - self.summary.scanned_today))
        self._end = float(max(self._plan.not_before, int(time.time())))
        jobs: list[ScanJob] = []
        while left:
            day = Day.of(self._end)
            mine, left = self._of_day(day, left)
            jobs += self._timed(mine, day)
            self.summary.planned += len(mine)
            if left:
                # What is summed up may be short of midnight by a rounding error.
                self._end = float(day.end)
        self.summary.jobs = len(jobs)
        return numbered(self._plan.listing, jobs)

    def _of_day(self, day: Day, entries: Sequence[Entry]) -> tuple[list[Entry], list[Entry]]:
        """Of these scans those of a day, and those that are left for later days.

        What is reserved stays on its day. Of the others a day has those that there is time for;
        where its budget is spent before, they are left to another listing.
        """
        on = {each: self._held_on.get((each.job, each.image_digest), _NEVER) for each in entries}
        its = [each for each in entries if on[each] == day]
        later = [each for each in entries if on[each] > day]
        others = [each for each in entries if on[each] < day]
        fits = max(0, ceil((day.end - self._end) * self._rate) - len(its))
        mine = self._reserved(others[:fits], day)
        if len(mine) == len(others[:fits]):
            later += others[fits:]
        return sorted([*its, *mine]), sorted(later)

    def _reserved(self, entries: Sequence[Entry], day: Day) -> list[Entry]:
        seen = self._seen() if day == self._day and entries else 0
        named = {self._image_name(entry.job, entry.image_digest): entry for entry in entries}
        known = self._held.get(day, Held())
        its = reserved(self._plan, self._services, day, list(named), seen, known)
        return [named[name] for name in its]

    def _seen(self) -> int:
        """How many scans of this day are known of that nobody reserved."""
        if not self._not_held:
            return 0
        # Others may have reserved scans since, and these have begun.
        its = held(self._plan, self._services, self._day)
        return sum(name not in its for name in self._not_held)

    def _image_name(self, number: int, digest: str) -> str:
        return image_name(self._repositories[number].repository, digest)

    def _timed(self, entries: Sequence[Entry], day: Day) -> Iterator[ScanJob]:
        """Jobs of a day's scans, one after the other on the time line."""
        for number, digests in _grouped(entries):
            for batch in batches(digests, MOST_DIGESTS):
                yield self._job(number, batch, min(int(self._end), day.end - 1))
                self._end += len(batch) / self._rate

    def re_enqueue(self) -> None:
        if not self.summary.re_enqueued:
            return
        reviewed = self.summary.repositories
        # What was looked up is kept, so that the next delivery gets further.
        progressed = reviewed or (self._look_ups and self._services.scan_records is not None)
        attempts = 0 if progressed else self._plan.attempts + 1
        if attempts > MOST_ATTEMPTS:
            raise ScansNotStarted(f"{self._plan.repository}: no progress in {attempts} deliveries")
        remaining, failed = len(self._repositories) - reviewed, len(self._failures)
        rest = replace(
            self._unreviewed(),
            budget=self._left() * remaining // (remaining + failed) if remaining else self._left(),
            not_before=int(self._end),
            attempts=attempts,
        )
        rest = self._numbered(rest, self.summary.jobs + 1)
        self._services.jobs_queue.send([rest], RETRY_DELAY_SECONDS if attempts else 0)

    def _unreviewed(self) -> PlanJob:
        """The plan of what was not reviewed, for want of time or since no use of it is known."""
        reviewed = self.summary.repositories
        if self._is_scope_unknown:
            names = (job.repository for job in self._repositories[:reviewed])
            rest = replace(self._plan, without=(*self._plan.without, *names))
            # What is too long for a message is left to the next listing.
            if len(rest.to_json()) <= LONGEST_JOB:
                return rest
        return replace(
            self._plan,
            after=self._repositories[reviewed - 1].repository if reviewed else self._plan.after,
        )

    def raise_failures(self) -> None:
        if not self._failures and not self._is_asked_again:
            return
        jobs = [
            self._numbered(job, self.summary.parts + n) for n, job in enumerate(self._rest(), 1)
        ]
        self.summary.failed = len(jobs)
        reasons = []
        if self._failures:
            reasons.append(f"{len(self._failures)} repositories not planned: {self._failures}")
        if self._unknown:
            reasons.append(f"not all images in use known: {'; '.join(self._unknown)}")
        raise ScansNotStarted(f"{self._plan.repository}: {'; '.join(reasons)}", jobs)

    @property
    def _is_asked_again(self) -> bool:
        """Whether a job is to ask again which images are in use.

        What goes on does so anyway, and of a plan of what could not be read another job does.
        """
        is_seen_to = self.summary.re_enqueued or (self._plan.only and self.summary.repositories)
        return bool(self._unknown) and not is_seen_to

    def _rest(self) -> list[PlanJob]:
        """Jobs of what failed; none where nothing was planned, for the same job comes again."""
        if not self.summary.repositories or self._has_failed_again:
            return []
        return [*self._unread(), *([self._once_known()] if self._is_asked_again else [])]

    @property
    def _has_failed_again(self) -> bool:
        """Whether nothing could be read of the repositories that the job is about."""
        return bool(self._failures) and set(self._failures) == set(self._plan.only)

    def _unread(self) -> list[PlanJob]:
        """Jobs that plan the repositories that could not be read, with their share."""
        parts = list(batches(list(self._failures), MOST_NAMES))
        rest = replace(self._plan, after="", not_before=int(self._end), attempts=0)
        share = self._share(len(self._failures)) // max(1, len(parts))
        return [replace(rest, only=tuple(part), budget=share) for part in parts]

    def _once_known(self) -> PlanJob:
        """The job that fails until all images in use are known, and then plans what is left."""
        rest = replace(self._unreviewed(), not_before=int(self._end), attempts=0)
        return replace(rest, budget=self._share(1))

    def _share(self, number: int) -> int:
        """What so many of the repositories that are not planned have of what is left.

        Those of which no use is known yet count as one.
        """
        remaining = len(self._repositories) - self.summary.repositories
        if not remaining and self._is_scope_unknown:
            remaining = 1
        return self._left() * number // max(1, remaining + len(self._failures))

    @property
    def _is_scope_unknown(self) -> bool:
        """Whether repositories may be left out of which no use is known yet."""
        return bool(self._unknown) and self._services.settings.in_use_only

    def _numbered(self, job: PlanJob, number: int) -> PlanJob:
        """A further job of the plan, with its number where the listing has one."""
        return replace(job, listing=f"{self._plan.listing}.{number}") if self._plan.listing else job

    def _left(self) -> int:
        """What is left of the budget."""
        return max(0, (self._size or 0) - self.summary.planned - self.summary.scanned_today)

    def log(self) -> None:
        summary = self.summary
        logs.summary(
            "scans planned",
            {
                "RepositoriesNotRead": len(self._failures),
                "ImagesSeen": summary.images,
                "ImagesDue": summary.due,
                "ScansPlanned": summary.planned,
                "ScansDeferred": summary.deferred,
                "LookUps": self._look_ups,
            },
            registry=str(self._plan.address),
            budget=self._size,
            scanned_today=summary.scanned_today,
            tomorrow=f"{summary.deferred} of {summary.due} scans are left for another day",
            jobs=summary.jobs,
            re_enqueued=summary.re_enqueued,
            failures=self._unknown,
        )

    def _review_repository(self, number: int, job: ScanJob) -> None:
        try:
            contents = read_repository(job, self._services, self._backoff)
            offers = self._offers(contents)
        except RepositoryDeleted:
            warn_of_missing_images(job, job.images_in_use, self._services)
            return
        images, review = contents.images, contents.review
        warn_of_missing_images(job, review.missing(images), self._services)
        keep_uses(job, review, images, self._services)
        self.summary.images += len(images)
        self.summary.not_found += contents.not_found(job)
        self._note_scanned(number, scanned_since(day_of(review.now), contents))
        for digest, scanned_at, tier in offers:
            is_held = scanned_at < self._day.start and self._note_held(number, digest)
            put_forward = self._budget.keep if is_held else self._budget.offer
            put_forward(digest, scanned_at, tier, number)

    def _note_scanned(self, number: int, digests: Sequence[str]) -> None:
        self.summary.scanned_today += len(digests)
        its = self._held.get(self._day, Held())
        names = (self._image_name(number, digest) for digest in digests)
        self._not_held += [name for name in names if name not in its]

    def _note_held(self, number: int, digest: str) -> bool:
        """Whether the image's scan is reserved; notes of which day."""
        name = self._image_name(number, digest)
        day = next((day for day, its in self._held.items() if name in its), None)
        if day is not None:
            self._held_on[number, digest] = day
        return day is not None

    def _offers(self, contents: RepositoryContents) -> list[tuple[str, int, Tier]]:
        try:
            return list(offers_of(contents, self._budget))
        finally:
            self._look_ups += contents.last_scans.look_ups

    def _job(self, number: int, digests: Sequence[str], not_before: int) -> ScanJob:
        return replace(
            self._repositories[number],
            image_digests=tuple(digests),
            images_in_use={},
            images=(),
            uses_incomplete=False,
            not_before=not_before,
        )


def _grouped(entries: Sequence[Entry]) -> list[tuple[int, list[str]]]:
    """The digests of each tier and repository, by the number of its job, in order of importance."""
    groups: dict[tuple[Tier, int], list[str]] = defaultdict(list)
    for entry in entries:
        groups[entry.tier, entry.job].append(entry.image_digest)
    return [(number, digests) for (_, number), digests in groups.items()]
