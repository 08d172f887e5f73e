"""The scanner: reviews one repository's images and starts the scans that are due."""

from __future__ import annotations

import time
from collections import Counter, deque
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from chalicelib.aws.ecr import RepositoryDeleted, TokenExpired
from chalicelib.aws.errors import AWS_ERRORS, is_refusal
from chalicelib.ecr.indexes import with_indexes
from chalicelib.policy.due import Decision, Reason, decide
from chalicelib.runtime import logs
from chalicelib.runtime.backoff import Backoff, DeadlineReached
from chalicelib.runtime.batches import batches
from chalicelib.runtime.pace import LONGEST_DELAY_SECONDS, TokenBucket
from chalicelib.scanning.image_warnings import warn_of_missing_images
from chalicelib.scanning.reviews import Review
from chalicelib.scanning.uses import keep_uses

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from chalicelib.aws.ecr import ImagePage
    from chalicelib.ecr.images import Image
    from chalicelib.runtime.deadline import Deadline
    from chalicelib.scanning.jobs import ScanJob
    from chalicelib.services import Services

MOST_ATTEMPTS = 10
"""How often in a row a job may be re-enqueued without progress before it fails."""

RETRY_DELAY_SECONDS = 60
"""How long a job without progress waits before it is delivered again."""

MOST_FAILURES = 100
"""How many scans may fail to start before a job gives up."""

MOST_DIGESTS = 1000
"""How many digests one job carries, so that it fits into a queue message."""


class ScansNotStarted(Exception):
    """Some scans failed to start for a reason that may pass: says which and why."""


class _DailyLimit(Exception):
    """The registry takes no more scans within these 24 hours."""


@dataclass
class ScanSummary:
    """What the scanner did with a repository."""

    repository: str
    images: int = 0
    due: int = 0
    started: int = 0
    skipped: Counter[Reason] = field(default_factory=Counter)
    re_enqueued: bool = False


def scan_repository(
    job: ScanJob,
    services: Services,
    deadline: Deadline,
    sleep: Callable[[float], None] = time.sleep,
) -> ScanSummary:
    """Carry out a job: page by page, start the scan of every image that is due.

    When time runs out, what is left goes back to the queue as another job. A job that comes
    twice starts nothing twice: what was started is running or fresh by then, and ECR itself
    refuses a second scan within 24 hours.

    :raises ScansNotStarted: when scans could not be started; the message should come again.
    """
    if (wait := job.not_before - int(time.time())) > 0:
        return _wait_in_queue(job, services, wait)
    scan = _RepositoryScan(job, services, deadline, sleep)
    try:
        scan.run()
    finally:
        scan.log()
    return scan.summary


def read_repository(job: ScanJob, services: Services, backoff: Backoff) -> list[Image]:
    """All images of a job's repository, those of an index with its tags.

    :raises RepositoryDeleted: when there is no such repository.
    :raises DeadlineReached: when no time is left.
    """
    pages = services.registry_of(job.address).image_pages(job.repository, backoff)
    images = [image for page in pages for image in page]
    return _with_indexes(job, images, services, backoff)


def _with_indexes(
    job: ScanJob, images: Sequence[Image], services: Services, backoff: Backoff
) -> list[Image]:
    """The images with the tags of their indexes; without, where the indexes may not be read.

    Any other failure is raised, since the tags may decide that an image is due.
    """
    indexes = [image.digest for image in images if image.is_manifest_list and not image.archived]
    if not indexes or not services.settings.resolve_indexes:
        return list(images)
    registry = services.registry_of(job.address)
    try:
        children = backoff.call(registry.index_children, job.repository, indexes)
    except AWS_ERRORS as error:
        if not is_refusal(error):
            raise
        logs.logger.warning(
            "indexes not read", extra={"repository": job.repository, "error": str(error)}
        )
        return list(images)
    return with_indexes(images, children)


def _wait_in_queue(job: ScanJob, services: Services, seconds: int) -> ScanSummary:
    """Send a job back that came before its time, which the queue's delays do not reach."""
    services.jobs_queue.send([job], min(seconds, LONGEST_DELAY_SECONDS))
    return ScanSummary(job.repository, re_enqueued=True)


class _RepositoryScan:
    def __init__(
        self,
        job: ScanJob,
        services: Services,
        deadline: Deadline,
        sleep: Callable[[float], None],
    ) -> None:
        self.summary = ScanSummary(job.repository)
        self._job = job
        self._services = services
        self._backoff = Backoff(deadline, sleep, self._back_off)
        self._deadline = deadline
        self._sleep = sleep
        self._registry = services.registry_of(job.address)
        self._review = Review.of(job, services.settings)
        rate = services.settings.scanner_pace
        self._bucket = TokenBucket(rate) if rate else None
        self._pending = deque(job.image_digests)
        self._next_token = job.next_token
        self._walks = job.walks
        self._progressed = False
        self._failures: dict[str, str] = {}

    def run(self) -> None:
        try:
            self._start_pending()
            if self._walks and self._review.needs_all_images:
                self._review_all()
                self._start_pending()
            while self._walks:
                self._read_page()
                self._start_pending()
        except DeadlineReached:
            self._re_enqueue()
        except _DailyLimit:
            self._wait_for_limit()
        except RepositoryDeleted:
            self.summary.skipped[Reason.DELETED] += len(self._pending)
            logs.logger.info("repository gone", extra={"repository": self._job.repository})
            warn_of_missing_images(self._job, self._review.in_use, self._services)
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
            re_enqueued=summary.re_enqueued,
        )

    def _read_page(self) -> None:
        page = self._backoff.call(self._page)
        self._next_token = page.next_token
        self._walks = page.next_token is not None
        self._progressed = True
        self._take_in(self._review.decisions(page.images))

    def _review_all(self) -> None:
        """Read the whole repository before starting anything: its images are weighed together."""
        images = read_repository(self._job, self._services, self._backoff)
        warn_of_missing_images(self._job, self._review.missing(images), self._services)
        keep_uses(self._job, self._review, images, self._services)
        self._take_in(self._review.decisions(images))
        self._walks = False
        self._progressed = True

    def _take_in(self, reviewed: Iterator[tuple[Image, Decision]]) -> None:
        for image, decision in reviewed:
            self.summary.images += 1
            if decision.due:
                self._pending.append(image.digest)
                self.summary.due += 1
            else:
                self.summary.skipped[decision.reason] += 1

    def _page(self) -> ImagePage:
        registry, repository = self._registry, self._job.repository
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
            self._keep_pace()
            try:
                skipped = self._backoff.call(self._start, digest)
            except AWS_ERRORS as error:
                self._fail(digest, error)
            else:
                self._tally(digest, skipped)
                self._progressed = True
            self._pending.popleft()

    def _back_off(self) -> None:
        if self._bucket:
            self._bucket.back_off()

    def _keep_pace(self) -> None:
        pause = self._bucket.take() if self._bucket else 0.0
        if pause and not self._deadline.allows(pause):
            raise DeadlineReached
        if pause:
            self._sleep(pause)

    def _fail(self, digest: str, error: Exception) -> None:
        """Go on with the other images, unless this is no matter of a few images."""
        self._failures[digest] = str(error)
        if len(self._failures) >= MOST_FAILURES:
            self._raise_failures()

    def _start(self, digest: str) -> Reason | None:
        registry, repository = self._registry, self._job.repository
        if self._services.settings.scan_time_lookup:
            decision = decide(registry.last_scan(repository, digest), self._review.stale_before)
            if not decision.due:
                return decision.reason
        return registry.start_scan(repository, digest)

    def _tally(self, digest: str, skipped: Reason | None) -> None:
        if skipped is Reason.DAILY_LIMIT:
            raise _DailyLimit
        if skipped is None:
            self.summary.started += 1
            return
        self.summary.skipped[skipped] += 1
        about = {"repository": self._job.repository, "image_digest": digest}
        logs.logger.info("image skipped", extra={**about, "reason": skipped})

    def _wait_for_limit(self) -> None:
        """Try planned scans again within hours, for the limit's 24 hours move with the clock.

        Others, and those that wait for too long, are left to the next listing.
        """
        waits = self._job.attempts
        if self._job.not_before and waits < MOST_ATTEMPTS:
            self._send_rest(waits + 1, LONGEST_DELAY_SECONDS)
            return
        self.summary.skipped[Reason.DAILY_LIMIT] += len(self._pending)
        self._raise_failures()

    def _re_enqueue(self) -> None:
        attempts = 0 if self._progressed else self._job.attempts + 1
        if attempts > MOST_ATTEMPTS:
            raise ScansNotStarted(f"{self._job.repository}: no progress in {attempts} deliveries")
        self._send_rest(attempts, RETRY_DELAY_SECONDS if attempts else 0)

    def _send_rest(self, attempts: int, delay_seconds: int) -> None:
        digests = (*self._pending, *self._failures)
        first, *others = batches(digests, MOST_DIGESTS) if digests else [()]
        rest = replace(
            self._job,
            image_digests=tuple(first),
            next_token=self._next_token,
            attempts=attempts,
        )
        started_only = replace(rest, next_token=None, images_in_use={})
        parts = [replace(started_only, image_digests=tuple(part)) for part in others]
        self._services.jobs_queue.send([rest, *parts], delay_seconds)
        self.summary.re_enqueued = True

    def _raise_failures(self) -> None:
        if self._failures:
            reasons = "; ".join(f"{digest}: {why}" for digest, why in self._failures.items())
            raise ScansNotStarted(
                f"{self._job.repository}: {len(self._failures)} scans not started: {reasons}"
            )
