"""The scanner: reviews one repository's images and starts the scans that are due."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from chalicelib.aws.ecr import RepositoryDeleted
from chalicelib.policy.due import Reason
from chalicelib.runtime import logs
from chalicelib.runtime.backoff import Backoff, DeadlineReached
from chalicelib.runtime.batches import batches
from chalicelib.runtime.pace import LONGEST_DELAY_SECONDS
from chalicelib.scanning.failures import ScansNotStarted
from chalicelib.scanning.image_warnings import warn_of_missing_images
from chalicelib.scanning.jobs import MOST_ATTEMPTS, RETRY_DELAY_SECONDS
from chalicelib.scanning.last_scans import LastScans
from chalicelib.scanning.progress import kept_outcome, numbered
from chalicelib.scanning.repositories import read_repository
from chalicelib.scanning.reservations import Day, image_name, keeps_budgets, reserved
from chalicelib.scanning.reviews import Review
from chalicelib.scanning.starts import DailyLimitReached, Refused, ScanStarts, ScanSummary
from chalicelib.scanning.uses import keep_uses

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from chalicelib.runtime.deadline import Deadline
    from chalicelib.scanning.jobs import ScanJob
    from chalicelib.services import Services

__all__ = ["ScanSummary", "ScansNotStarted", "scan_repository"]

MOST_DIGESTS = 1000
"""How many digests one job carries, so that it fits into a queue message."""

_SPARE_SECONDS = 5
"""How long before the end of a day no planned scan is started, for calls that are under way."""


def scan_repository(
    job: ScanJob,
    services: Services,
    deadline: Deadline,
    sleep: Callable[[float], None] = time.sleep,
) -> ScanSummary:
    """Carry out a job: start the scan of every image of the repository that is due.

    When time runs out, what is left goes back to the queue as other jobs. So it does at the end of
    the day (UTC) in whose budget it is planned: scans that start later are of the next day's. A job
    that comes twice starts nothing twice: what was started is recorded as running or fresh by then,
    and ECR itself refuses a second scan within 24 hours. An image whose scan fails to start holds
    up no other.

    :raises ScansNotStarted: when scans could not be started, with jobs of what is left.
    :raises Throttled: when it could not be asked whether the day's budget has room for them, as
        other errors of AWS do.
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
        self._backoff = Backoff(deadline, sleep)
        self._review = Review.of(job, services.settings)
        self._last_scans = LastScans(job, services, self._backoff)
        self._day = Day.of(time.time())
        self._is_planned = bool(job.not_before) and keeps_budgets(services)
        if self._is_planned:
            end = self._day.end - _SPARE_SECONDS
            deadline = deadline.or_end(lambda: end - time.time())
        self._starts = ScanStarts(job, services, deadline, sleep, self.summary)
        self._failures = self._starts.failures
        self._digests: Sequence[str] | None = None

    def run(self) -> None:
        try:
            self._digests = self._within_budget(self._due())
            self._starts.run(self._digests, self._review, self._last_scans)
        except DeadlineReached:
            self._re_enqueue()
        except DailyLimitReached:
            self._wait_for_limit()
        except Refused:
            raise ScansNotStarted(self._sentence()) from None
        except RepositoryDeleted:
            self.summary.skipped[Reason.DELETED] += len(self._left())
            logs.logger.info("repository deleted", extra={"repository": self._job.repository})
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
                "ScansNotStarted": len(self._failures),
                "LookUps": self._last_scans.look_ups,
            },
            repository=summary.repository,
            skipped=dict(summary.skipped),
            re_enqueued=summary.re_enqueued,
        )

    def _due(self) -> Sequence[str]:
        """The images whose scans may be due: those of the job, or of the whole repository."""
        if not self._job.image_digests:
            return self._review_all()
        self._last_scans.read_of(self._job.image_digests)
        return self._job.image_digests

    def _within_budget(self, digests: Sequence[str]) -> Sequence[str]:
        """Those whose scans may start today, although they are of the budget of another day.

        A job may come later than planned. The others are left to the next listing.
        """
        if not self._is_planned or Day.of(self._job.not_before) == self._day:
            return digests
        records = self._last_scans.records
        due = [each for each in digests if self._review.by_last_scan(records.get(each)).due]
        named = {image_name(self._job.repository, each): each for each in due}
        its = reserved(self._job, self._services, self._day, list(named))
        beyond = set(due) - {named[name] for name in its}
        self._job = replace(self._job, not_before=self._day.start)
        if beyond:
            self.summary.skipped[Reason.BEYOND_BUDGET] += len(beyond)
        return [each for each in digests if each not in beyond]

    def _review_all(self) -> list[str]:
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
        due = []
        for image, decision in contents.decisions():
            self.summary.images += 1
            if decision.due:
                due.append(image.digest)
                self.summary.due += decision.reason is not Reason.NOT_LOOKED_UP
            else:
                self.summary.skipped[decision.reason] += 1
        return due

    def _left(self) -> Sequence[str]:
        """The images that nothing was done about, as far as they are known."""
        return self._job.image_digests if self._digests is None else self._starts.left()

    def _wait_for_limit(self) -> None:
        """Try planned scans again within hours, for the limit's 24 hours move with the clock.

        Others, and those that wait for too long, are left to the next listing.
        """
        waits = self._job.attempts
        if self._job.not_before and waits < MOST_ATTEMPTS:
            self._send_rest(waits + 1, LONGEST_DELAY_SECONDS)
            return
        self.summary.skipped[Reason.DAILY_LIMIT] += len(self._left())
        self._raise_failures()

    def _re_enqueue(self) -> None:
        reviewed = self._digests is not None and not self._job.image_digests
        progressed = reviewed or self._starts.progressed
        attempts = 0 if progressed else self._job.attempts + 1
        if attempts > MOST_ATTEMPTS:
            raise ScansNotStarted(f"{self._job.repository}: no progress in {attempts} deliveries")
        self._send_rest(attempts, RETRY_DELAY_SECONDS if attempts else 0)

    def _send_rest(self, attempts: int, delay_seconds: int) -> None:
        rest = replace(self._job, attempts=attempts)
        parts = _parts(rest, [*self._left(), *self._failures]) if self._knows_images else [rest]
        self._services.jobs_queue.send(self._going_on(parts) if parts else [], delay_seconds)

    @property
    def _knows_images(self) -> bool:
        return self._digests is not None or bool(self._job.image_digests)

    def _raise_failures(self) -> None:
        if not self._failures:
            return
        rest = _parts(replace(self._job, attempts=0), list(self._failures))
        if set(self._job.image_digests) == set(self._failures):
            raise ScansNotStarted(self._sentence())
        raise ScansNotStarted(self._sentence(), self._going_on(rest))

    def _going_on(self, parts: Sequence[ScanJob]) -> list[ScanJob]:
        """Jobs of what is left: the first goes on as this job, each other one by itself."""
        first, *others = parts
        self.summary.re_enqueued, self.summary.parts = True, len(others)
        return [first, *numbered(self._job.listing, others)]

    def _sentence(self) -> str:
        failures, left = self._failures, len(self._left())
        untried = f"; {left} more were not tried" if left else ""
        return f"{self._job.repository}: {len(failures)} scans not started: {failures}{untried}"


def _parts(job: ScanJob, digests: Sequence[str]) -> list[ScanJob]:
    """Jobs of these images of a job's repository, as many as a message has room for each."""
    return [
        replace(
            job,
            image_digests=tuple(part),
            images_in_use={},
            images=(),
            uses_incomplete=False,
            part=0,
            parts=0,
            whole="",
        )
        for part in batches(digests, MOST_DIGESTS)
    ]
