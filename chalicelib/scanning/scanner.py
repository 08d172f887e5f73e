"""The scanner: reviews one repository's images and starts the scans that are due."""

from __future__ import annotations

import time
from collections import Counter, deque
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from chalicelib.aws.ecr import RepositoryDeleted
from chalicelib.aws.errors import AWS_ERRORS
from chalicelib.policy.due import Reason
from chalicelib.runtime import logs
from chalicelib.runtime.backoff import Backoff, DeadlineReached
from chalicelib.runtime.batches import batches
from chalicelib.runtime.pace import LONGEST_DELAY_SECONDS, TokenBucket
from chalicelib.scanning.image_warnings import warn_of_missing_images
from chalicelib.scanning.last_scans import LastScans
from chalicelib.scanning.progress import kept_outcome, numbered
from chalicelib.scanning.repositories import read_repository
from chalicelib.scanning.reviews import Review
from chalicelib.scanning.uses import keep_uses

if TYPE_CHECKING:
    from collections.abc import Callable

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


_ENDED = {
    Reason.UNSUPPORTED: "UNSUPPORTED_IMAGE",
    Reason.CONTINUOUSLY_SCANNED: "ACTIVE",
}
"""What a refused start says of the image's last scan, in ECR's words."""


class ScansNotStarted(Exception):
    """Some scans failed to start for a reason that may pass: says which and why."""


class _DailyLimit(Exception):
    """The registry takes no more scans within these 24 hours."""


@dataclass
class ScanSummary:
    """What the scanner did with a repository.

    ``parts`` is as how many jobs more than one it goes on, ``not_found`` which named images are not
    there.
    """

    repository: str
    images: int = 0
    due: int = 0
    started: int = 0
    skipped: Counter[Reason] = field(default_factory=Counter)
    re_enqueued: bool = False
    parts: int = 0
    not_found: list[str] = field(default_factory=list)

    @property
    def goes_on(self) -> bool:
        """Whether what is left of the job waits in the queue."""
        return self.re_enqueued


def scan_repository(
    job: ScanJob,
    services: Services,
    deadline: Deadline,
    sleep: Callable[[float], None] = time.sleep,
) -> ScanSummary:
    """Carry out a job: start the scan of every image of the repository that is due.

    When time runs out, what is left goes back to the queue as other jobs. A job that comes twice
    starts nothing twice: what was started is recorded as running or fresh by then, and ECR itself
    refuses a second scan within 24 hours.

    :raises ScansNotStarted: when scans could not be started; the message should come again.
    """
    if (wait := job.not_before - int(time.time())) > 0:
        return _wait_in_queue(job, services, wait)
    scan = _RepositoryScan(job, services, deadline, sleep)
    with kept_outcome(job, scan.summary, services):
        try:
            scan.run()
        finally:
            scan.log()
    return scan.summary


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
        self._last_scans = LastScans(job, services, self._backoff)
        rate = services.settings.scanner_pace
        self._bucket = TokenBucket(rate) if rate else None
        self._pending = deque(job.image_digests)
        self._progressed = False
        self._failures: dict[str, str] = {}

    def run(self) -> None:
        try:
            if self._job.image_digests:
                self._last_scans.read_of(self._job.image_digests)
            else:
                self._review_all()
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
        finally:
            self._last_scans.keep()

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
                "LookUps": self._last_scans.look_ups,
            },
            repository=summary.repository,
            skipped=dict(summary.skipped),
            re_enqueued=summary.re_enqueued,
        )

    def _review_all(self) -> None:
        """Read the whole repository before anything is started.

        Its images are weighed together, and an index may come after what it lists.
        """
        contents = read_repository(self._job, self._services, self._backoff)
        self._review, self._last_scans = contents.review, contents.last_scans
        missing = self._review.missing(contents.images)
        warn_of_missing_images(self._job, missing, self._services)
        keep_uses(self._job, self._review, contents.images, self._services)
        self.summary.not_found = contents.not_found(self._job)
        if self.summary.not_found:
            self.summary.skipped[Reason.NOT_FOUND] += len(self.summary.not_found)
        for image, decision in contents.decisions():
            self.summary.images += 1
            if decision.due:
                self._pending.append(image.digest)
                self.summary.due += decision.reason is not Reason.NOT_LOOKED_UP
            else:
                self.summary.skipped[decision.reason] += 1
        self._progressed = True

    def _start_pending(self) -> None:
        while self._pending:
            digest = self._pending[0]
            try:
                skipped = self._start_if_due(digest)
            except AWS_ERRORS as error:
                self._fail(digest, error)
            else:
                self._tally(skipped)
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

    def _start_if_due(self, digest: str) -> Reason | None:
        """Start an image's scan; otherwise says why not. A scan may have ended since the review."""
        decision = self._review.by_last_scan(self._last_scans.records.get(digest))
        if decision.reason is Reason.NOT_LOOKED_UP:
            decision = self._review.by_last_scan(self._last_scans.look_up(digest))
            self.summary.due += decision.due
        if not decision.due:
            return decision.reason
        self._keep_pace()
        refused = self._backoff.call(self._registry.start_scan, self._job.repository, digest)
        self._note(digest, refused)
        return refused

    def _note(self, digest: str, refused: Reason | None) -> None:
        """Remember that a scan was started, or what its refusal says of the image."""
        if refused is None:
            self._last_scans.started(digest)
            return
        about = {"repository": self._job.repository, "image_digest": digest}
        logs.logger.info("image skipped", extra={**about, "reason": refused})
        if refused is Reason.SCANNED_TODAY:
            self._last_scans.look_up(digest, within_a_day=True)
        elif refused in _ENDED:
            self._last_scans.ended(digest, _ENDED[refused])

    def _tally(self, skipped: Reason | None) -> None:
        if skipped is Reason.DAILY_LIMIT:
            raise _DailyLimit
        if skipped is None:
            self.summary.started += 1
            return
        self.summary.skipped[skipped] += 1

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
        rest = replace(self._job, attempts=attempts)
        parts = [
            replace(rest, image_digests=tuple(part), images_in_use={}, images=())
            for part in batches(digests, MOST_DIGESTS)
        ]
        first, *others = parts or [rest]
        # Each goes on by itself; the first one as this job.
        others = numbered(self._job.listing, others)
        self._services.jobs_queue.send([first, *others], delay_seconds)
        self.summary.re_enqueued = True
        self.summary.parts = len(others)

    def _raise_failures(self) -> None:
        if self._failures:
            reasons = "; ".join(f"{digest}: {why}" for digest, why in self._failures.items())
            raise ScansNotStarted(
                f"{self._job.repository}: {len(self._failures)} scans not started: {reasons}"
            )
