"""Plans for people: each image, whether it is due, and the rule that decided."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from chalicelib.aws.ecr import RepositoryDeleted
from chalicelib.ecr.images import Image
from chalicelib.policy.budget import Budget, Tier
from chalicelib.policy.due import Decision, Reason, decide
from chalicelib.runtime.backoff import Backoff
from chalicelib.scanning.planner import day_of, newest_tagged_digests, scanned_since, tier_of
from chalicelib.scanning.reviews import Review
from chalicelib.scanning.scanner import read_repository

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from chalicelib.runtime.deadline import Deadline
    from chalicelib.scanning.jobs import ScanJob
    from chalicelib.services import Services

MOST_ROWS = 10_000
"""The most images that an answer to a dry run shows: Lambda answers in 6 MB at most."""


@dataclass(frozen=True)
class PlannedImage:
    """An image with the decision about it; ``in_use`` says where a workload uses it."""

    job: ScanJob
    image: Image
    decision: Decision
    in_use: bool

    def to_dict(self) -> dict[str, Any]:
        """``{repository, imageDigest, imageTags, …, due, reason}``, without what does not apply."""
        scanned_at = self.image.scan_completed_at
        special = {
            "registry": self.job.account,
            "region": self.job.region,
            "indexTags": list(self.image.index_tags),
            "indexDigests": list(self.image.index_digests),
            "inUse": self.in_use,
        }
        return {
            "repository": self.job.repository,
            "imageDigest": self.image.digest,
            "imageTags": self.image.tags,
            "scanCompletedAt": scanned_at and scanned_at.isoformat(),
            "due": self.decision.due,
            "reason": self.decision.reason,
            **{key: value for key, value in special.items() if value},
        }


def plan_images(
    jobs: Iterable[ScanJob],
    services: Services,
    deadline: Deadline,
    sleep: Callable[[float], None] = time.sleep,
    gone: Callable[[ScanJob], None] = lambda _: None,
) -> Iterator[PlannedImage]:
    """Every image of the jobs' repositories with the decision about it; starts nothing.

    An index is followed by its children. Images in use that are missing come as such. With a daily
    budget, what is beyond it is not due today. ``gone`` is told of a repository that was deleted.

    :raises DeadlineReached: when no time is left.
    """
    backoff = Backoff(deadline, sleep)
    if services.settings.daily_scan_budget is None:
        for job in jobs:
            yield from (row for row, _ in _plan(job, services, backoff, gone))
        return
    rows = [row for job in jobs for row in _plan(job, services, backoff, gone)]
    yield from _within_budget(rows, services.settings.daily_scan_budget)


def _plan(
    job: ScanJob, services: Services, backoff: Backoff, gone: Callable[[ScanJob], None]
) -> Iterator[tuple[PlannedImage, Tier]]:
    review = Review.of(job, services.settings)
    try:
        images = read_repository(job, services, backoff)
    except RepositoryDeleted:
        gone(job)
        return
    newest = newest_tagged_digests(images)
    for image, decision in review.decisions(_with_children_after(images)):
        if decision.due and services.settings.scan_time_lookup:
            registry = services.registry_of(job.address)
            last_scan = backoff.call(registry.last_scan, job.repository, image.digest)
            image = replace(image, scan_completed_at=last_scan.scan_completed_at)
            decision = decide(last_scan, review.stale_before)
        row = PlannedImage(job, image, decision, review.is_in_use(image))
        yield row, tier_of(image, review, newest)
    for name in review.missing(images):
        digest, tags = (name, ()) if ":" in name else ("", (name,))
        missing = PlannedImage(job, Image(digest, tags), Decision(False, Reason.MISSING), True)
        yield missing, Tier.IN_USE


def _within_budget(rows: Sequence[tuple[PlannedImage, Tier]], size: int) -> Iterator[PlannedImage]:
    """The rows with each registry's scans beyond its budget put off."""
    now = datetime.now(UTC)
    budgets = {row.job.address: Budget(size, now.date()) for row, _ in rows}
    used = Counter(row.job.address for row, _ in rows if scanned_since(row.image, day_of(now)))
    for number, (row, tier) in enumerate(rows):
        if row.decision.due:
            budgets[row.job.address].offer(row.image, tier, number)
    chosen = {
        entry.job
        for address, budget in budgets.items()
        for entry in budget.chosen(max(0, size - used[address]))
    }
    for number, (row, _) in enumerate(rows):
        if row.decision.due and number not in chosen:
            row = replace(row, decision=Decision(False, Reason.BEYOND_BUDGET))
        yield row


def _with_children_after(images: Sequence[Image]) -> list[Image]:
    """The images in order, each index with its children right after it."""
    order = {image.digest: number for number, image in enumerate(images)}

    def position(image: Image) -> tuple[int, int]:
        indexes = [order[digest] for digest in image.index_digests]
        return min(indexes, default=order[image.digest]), order[image.digest] + 1 if indexes else 0

    return sorted(images, key=position)
