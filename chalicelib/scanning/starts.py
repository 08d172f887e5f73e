"""Starting the scans of one repository's images: several calls at once, at ECR's pace."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from chalicelib.aws.ecr import RepositoryDeleted
from chalicelib.aws.errors import AWS_ERRORS, is_refusal, may_pass
from chalicelib.policy.due import Reason
from chalicelib.runtime import logs
from chalicelib.runtime.pace import Pace
from chalicelib.scanning.failures import Failures
from chalicelib.scanning.pool import MOST_AT_ONCE, Lane, Pool, Threads

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from chalicelib.ecr.last_scans import LastScan
    from chalicelib.ecr.registries import RegistryAddress
    from chalicelib.ecr.scan_records import ScanRecord
    from chalicelib.runtime.deadline import Deadline
    from chalicelib.scanning.jobs import ScanJob
    from chalicelib.scanning.last_scans import LastScans
    from chalicelib.scanning.reviews import Review
    from chalicelib.services import Services

_MOST_AHEAD = 2 * MOST_AT_ONCE
"""How many images wait for their start before no other is looked up."""

_ENDED = {
    Reason.UNSUPPORTED: "UNSUPPORTED_IMAGE",
    Reason.CONTINUOUSLY_SCANNED: "ACTIVE",
}
"""What a refused start says of the image's last scan, in ECR's words."""


class DailyLimitReached(Exception):
    """The registry takes no more scans within these 24 hours."""


class Refused(Exception):
    """ECR lets the application start no scan in the repository, or ask for none."""


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


@dataclass(frozen=True)
class Paces:
    """How fast scans of a registry's images are started, and looked up."""

    starts: Pace
    look_ups: Pace


class ScanStarts:
    """Starts the scans of images that are due, as far as their last scans decide.

    Where the last scan of an image is not known it is looked up first. ``failures`` are the images
    of which that went wrong, and :meth:`left` those that are not dealt with; ``progressed`` is
    whether any other was.
    """

    def __init__(
        self,
        job: ScanJob,
        services: Services,
        deadline: Deadline,
        sleep: Callable[[float], None],
        summary: ScanSummary,
    ) -> None:
        self.failures = Failures()
        self.progressed = False
        self._repository = job.repository
        self._summary = summary
        self._threads = Threads(MOST_AT_ONCE, sleep)
        self._pool = Pool(self._threads, deadline)
        registry = services.registry_of(job.address, once=True)
        start = partial(registry.start_scan, job.repository)
        look_up = partial(registry.last_scan, job.repository)
        paces = _paces(services, job.address)
        self._starts: Lane[str] = Lane(
            start,
            self._started,
            lambda digest, error: self._failed(self._starts, digest, error),
            paces.starts,
        )
        self._look_ups: Lane[str] = Lane(
            look_up,
            self._looked_up,
            lambda digest, error: self._failed(self._look_ups, digest, error),
            paces.look_ups,
            held=lambda: len(self._starts.waiting) > _MOST_AHEAD,
        )
        # What was scanned within a day, ECR says: asked for when, so that it is not tried so soon.
        self._refused: Lane[str] = Lane(
            look_up, self._noted_refused, self._not_noted, paces.look_ups
        )

    def run(self, digests: Sequence[str], review: Review, last_scans: LastScans) -> None:
        """Start the scans of those of the images that are due.

        A scan may have ended since they were reviewed.

        :raises DeadlineReached: when no time is left.
        :raises DailyLimitReached: when ECR starts no more scans today.
        :raises Refused: when this application may not start them.
        :raises RepositoryDeleted: when there is no such repository.
        """
        self._review, self._last_scans = review, last_scans
        for digest in digests:
            self._sort(digest, last_scans.records.get(digest))
        try:
            self._pool.run(self._starts, self._refused, self._look_ups)
        finally:
            self._threads.close()

    def left(self) -> list[str]:
        """The images that were neither started nor skipped, and did not fail."""
        return [*self._starts.waiting, *self._look_ups.waiting]

    def _sort(self, digest: str, record: ScanRecord | None) -> None:
        """Let an image wait for its start, or for its look-up, unless it is not due."""
        decision = self._review.by_last_scan(record)
        if decision.reason is Reason.NOT_LOOKED_UP:
            self._look_ups.waiting.append(digest)
        elif decision.due:
            self._starts.waiting.append(digest)
        else:
            self._skip(decision.reason)

    def _looked_up(self, digest: str, scan: LastScan) -> None:
        record = self._last_scans.note(digest, scan)
        self._summary.due += self._review.by_last_scan(record).due
        self._sort(digest, record)

    def _started(self, digest: str, refused: Reason | None) -> None:
        """Remember that a scan was started, or what its refusal says of the image."""
        if refused is Reason.DAILY_LIMIT:
            self._starts.waiting.appendleft(digest)
            self._pool.stop(DailyLimitReached())
        elif refused is None:
            self._summary.started += 1
            self.progressed = True
            self._last_scans.started(digest)
        else:
            about = {"repository": self._repository, "image_digest": digest}
            logs.logger.info("image skipped", extra={**about, "reason": refused})
            self._skip(refused)
            if refused is Reason.SCANNED_TODAY:
                self._refused.waiting.append(digest)
            elif refused in _ENDED:
                self._last_scans.ended(digest, _ENDED[refused])

    def _skip(self, reason: Reason) -> None:
        self._summary.skipped[reason] += 1
        self.progressed = True

    def _noted_refused(self, digest: str, scan: LastScan) -> None:
        self._last_scans.note(digest, scan, within_a_day=True)

    def _not_noted(self, digest: str, error: Exception) -> None:
        extra = {"image_digest": digest, "error": str(error)}
        logs.logger.warning("last scan not looked up", extra=extra)

    def _failed(self, lane: Lane[str], digest: str, error: Exception) -> None:
        """Go on with the other images, unless this is the whole repository's matter."""
        if isinstance(error, RepositoryDeleted) or not isinstance(error, AWS_ERRORS):
            lane.waiting.append(digest)
            self._pool.stop(error)
        elif may_pass(error) and self.failures.may_try_again(digest):
            lane.waiting.append(digest)
        else:
            self.failures.add(digest, error)
            if is_refusal(error):
                self._pool.stop(Refused())


def _paces(services: Services, address: RegistryAddress) -> Paces:
    """The paces that were found for a registry so far, as long as this process lives."""
    if address not in services.paces:
        services.paces[address] = Paces(Pace(services.settings.scanner_pace), Pace())
    paces: Paces = services.paces[address]
    return paces
