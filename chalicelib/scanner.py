"""The scanner: reviews one repository's images and starts the scans that are due."""

from __future__ import annotations

import time
from collections import Counter, deque
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from chalicelib import logs
from chalicelib.aws.ecr import RepositoryGone, TokenExpired
from chalicelib.aws.errors import AWS_ERRORS
from chalicelib.decisions import Decision, Reason, decide
from chalicelib.patience import OutOfTime, Patience
from chalicelib.time_left import TimeLeft

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from chalicelib.aws.ecr import ImagePage
    from chalicelib.images import Image
    from chalicelib.jobs import ScanJob
    from chalicelib.services import Services

MOST_STALLS = 10
"""How often in a row a job may be handed on without progress before it fails."""

STALL_DELAY_SECONDS = 60
"""How long a job without progress waits before it is delivered again."""

MOST_FAILURES = 100
"""How many scans may fail to start before a job gives up."""


class ScansNotStarted(Exception):
    """Some scans failed to start for a reason that may pass: says which and why."""


@dataclass
class ScanSummary:
    """What the scanner did with a repository."""

    repository: str
    images: int = 0
    due: int = 0
    started: int = 0
    skipped: Counter[Reason] = field(default_factory=Counter)
    handed_on: bool = False


def review(images: Iterable[Image], stale_before: datetime) -> Iterator[tuple[Image, Decision]]:
    """Every image with the decision about it."""
    return ((image, decide(image, stale_before)) for image in images)


def scan_repository(
    job: ScanJob,
    services: Services,
    time_left: TimeLeft,
    sleep: Callable[[float], None] = time.sleep,
) -> ScanSummary:
    """Carry out a job: page by page, start the scan of every image that is due.

    When time runs out, what is left goes back to the queue as another job. A job that comes
    twice starts nothing twice: what was started is running or fresh by then, and ECR itself
    refuses a second scan within 24 hours.

    :raises ScansNotStarted: when scans could not be started; the message should come again.
    """
    scan = _RepositoryScan(job, services, time_left, sleep)
    try:
        scan.run()
    finally:
        scan.log()
    return scan.summary


def plan_repository(
    job: ScanJob, services: Services, sleep: Callable[[float], None] = time.sleep
) -> Iterator[tuple[Image, Decision]]:
    """Every image of a job's repository with the decision about it; starts nothing.

    :raises RepositoryGone: when there is no such repository.
    """
    registry, stale_before = services.registry, _stale_before(job, services)
    patience = Patience(TimeLeft.unlimited(), sleep)
    page = None
    while page is None or page.next_token is not None:
        next_token = page and page.next_token
        page = patience.call(registry.image_page, job.repository, next_token)
        for image, decision in review(page.images, stale_before):
            if decision.due and services.settings.scan_time_lookup:
                last_scan = patience.call(registry.last_scan, job.repository, image.digest)
                yield image, decide(last_scan, stale_before)
            else:
                yield image, decision


def _stale_before(job: ScanJob, services: Services) -> datetime:
    duration = job.duration or services.settings.images_duration
    return duration.before(datetime.now(UTC))


class _RepositoryScan:
    def __init__(
        self,
        job: ScanJob,
        services: Services,
        time_left: TimeLeft,
        sleep: Callable[[float], None],
    ) -> None:
        self.summary = ScanSummary(job.repository)
        self._job = job
        self._services = services
        self._patience = Patience(time_left, sleep)
        self._stale_before = _stale_before(job, services)
        self._pending = deque(job.image_digests)
        self._next_token = job.next_token
        self._walks = job.walks
        self._progressed = False
        self._failures: dict[str, str] = {}

    def run(self) -> None:
        try:
            self._start_pending()
            while self._walks:
                self._read_page()
                self._start_pending()
        except OutOfTime:
            self._hand_on()
        except RepositoryGone:
            self.summary.skipped[Reason.GONE] += len(self._pending)
            logs.logger.info("repository gone", extra={"repository": self._job.repository})
        else:
            self._raise_failures()

    def log(self) -> None:
        summary = self.summary
        for reason, images in summary.skipped.items():
            logs.count("ImagesSkipped", images, Reason=reason)
        logs.summary(
            "repository reviewed",
            {
                "ImagesSeen": summary.images,
                "ImagesDue": summary.due,
                "ScansStarted": summary.started,
            },
            repository=summary.repository,
            skipped=dict(summary.skipped),
            handed_on=summary.handed_on,
        )

    def _read_page(self) -> None:
        page = self._patience.call(self._page)
        self._next_token = page.next_token
        self._walks = page.next_token is not None
        self._progressed = True
        for image, decision in review(page.images, self._stale_before):
            self.summary.images += 1
            if decision.due:
                self._pending.append(image.digest)
                self.summary.due += 1
            else:
                self.summary.skipped[decision.reason] += 1

    def _page(self) -> ImagePage:
        registry, repository = self._services.registry, self._job.repository
        try:
            return registry.image_page(repository, self._next_token)
        except TokenExpired:
            if self._next_token != self._job.next_token:
                raise
            # The token waited in the queue for too long: walk from the start again.
            return registry.image_page(repository, None)

    def _start_pending(self) -> None:
        while self._pending:
            digest = self._pending[0]
            try:
                passed_over = self._patience.call(self._start, digest)
            except AWS_ERRORS as error:
                self._fail(digest, error)
            else:
                self._tally(digest, passed_over)
                self._progressed = True
            self._pending.popleft()

    def _fail(self, digest: str, error: Exception) -> None:
        """Go on with the other images, unless this is no matter of a few images."""
        self._failures[digest] = str(error)
        if len(self._failures) >= MOST_FAILURES:
            self._raise_failures()

    def _start(self, digest: str) -> Reason | None:
        registry, repository = self._services.registry, self._job.repository
        if self._services.settings.scan_time_lookup:
            decision = decide(registry.last_scan(repository, digest), self._stale_before)
            if not decision.due:
                return decision.reason
        return registry.start_scan(repository, digest)

    def _tally(self, digest: str, passed_over: Reason | None) -> None:
        if passed_over is None:
            self.summary.started += 1
            return
        self.summary.skipped[passed_over] += 1
        about = {"repository": self._job.repository, "image_digest": digest}
        logs.logger.info("image passed over", extra={**about, "reason": passed_over})

    def _hand_on(self) -> None:
        stalls = 0 if self._progressed else self._job.stalls + 1
        if stalls > MOST_STALLS:
            raise ScansNotStarted(f"{self._job.repository}: no progress in {stalls} deliveries")
        rest = replace(
            self._job,
            image_digests=(*self._pending, *self._failures),
            next_token=self._next_token,
            stalls=stalls,
        )
        self._services.jobs_queue.send([rest], STALL_DELAY_SECONDS if stalls else 0)
        self.summary.handed_on = True

    def _raise_failures(self) -> None:
        if self._failures:
            reasons = "; ".join(f"{digest}: {why}" for digest, why in self._failures.items())
            raise ScansNotStarted(
                f"{self._job.repository}: {len(self._failures)} scans not started: {reasons}"
            )
