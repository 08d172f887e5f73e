"""A repository as the scanner, the planner and plans see it: its images, reviewed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from chalicelib.aws.errors import AWS_ERRORS
from chalicelib.policy.due import Decision, Reason
from chalicelib.policy.selection import named
from chalicelib.runtime import logs
from chalicelib.scanning.last_scans import LastScans
from chalicelib.scanning.reviews import Review

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from chalicelib.ecr.images import Image
    from chalicelib.runtime.backoff import Backoff
    from chalicelib.scanning.jobs import ScanJob
    from chalicelib.services import Services


@dataclass(frozen=True)
class RepositoryContents:
    """All images of a repository, what is known of their last scans, and what decides of them."""

    images: list[Image]
    last_scans: LastScans
    review: Review

    def not_found(self, job: ScanJob) -> list[str]:
        """The images that a job names and that are not there, with their repository."""
        found = {name for image in self.images for name in (image.digest, *image.tags)}
        return [
            f"{job.repository}{'@' if ':' in name else ':'}{name}"
            for name in job.images
            if name not in found
        ]

    def decisions(self, images: Sequence[Image] | None = None) -> Iterator[tuple[Image, Decision]]:
        """Every image, by default in the order of the repository, with the decision about it.

        Where the last scan decides and is not known, the image is due for that reason.
        """
        return self.review.decisions(images or self.images, self.last_scans.records)

    def looked_up(
        self,
        images: Sequence[Image] | None = None,
        wanted: Callable[[Image], bool] = lambda _: True,
    ) -> Iterator[tuple[Image, Decision]]:
        """As :meth:`decisions`, with last scans that are not known looked up, and kept.

        Those of images that are not ``wanted`` are left unknown. An image whose last scan cannot be
        looked up now stays due for that reason: it is looked up again before its scan is started.

        :raises DeadlineReached: when no time is left.
        """
        try:
            for image, decision in self.decisions(images):
                asked = decision.reason is Reason.NOT_LOOKED_UP and wanted(image)
                yield image, self._looked_up(image) if asked else decision
        finally:
            self.last_scans.keep()

    def _looked_up(self, image: Image) -> Decision:
        try:
            return self.review.by_last_scan(self.last_scans.look_up(image.digest))
        except AWS_ERRORS as error:
            extra = {"image_digest": image.digest, "error": str(error)}
            logs.logger.warning("last scan not looked up", extra=extra)
            return Decision(True, Reason.NOT_LOOKED_UP)


def read_repository(job: ScanJob, services: Services, backoff: Backoff) -> RepositoryContents:
    """Read a job's repository: its images, its indexes and the records of its scans.

    Of a job for single images only these are given.

    :raises RepositoryDeleted: when there is no such repository.
    :raises DeadlineReached: when no time is left.
    """
    images = services.repository_images_of(job.address).read(job.repository, backoff)
    if job.images:
        images = named(images, job.images)
    last_scans = LastScans(job, services, backoff)
    last_scans.read()
    review = replace(
        Review.of(job, services.settings),
        seen_in_use=last_scans.in_use,
        seen_unread=last_scans.in_use_unread,
    )
    return RepositoryContents(images, last_scans, review)
