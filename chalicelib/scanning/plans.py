"""Plans for people: each image, whether it is due, and the rule that decided."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from chalicelib.aws.ecr import RepositoryDeleted
from chalicelib.ecr.images import Image
from chalicelib.ecr.scan_records import NEVER, ScanRecord
from chalicelib.policy.budget import Budget, Tier
from chalicelib.policy.due import Decision, Reason
from chalicelib.runtime.backoff import Backoff
from chalicelib.scanning.failures import UNREAD, Failures, RepositoriesNotRead
from chalicelib.scanning.offers import day_of, tiers
from chalicelib.scanning.repositories import read_repository

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from chalicelib.runtime.deadline import Deadline
    from chalicelib.scanning.jobs import ScanJob
    from chalicelib.scanning.repositories import RepositoryContents
    from chalicelib.services import Services

_NOT_FOUND = Decision(False, Reason.NOT_FOUND)

MOST_ROWS = 10_000
"""The most images that an answer to a dry run shows: Lambda answers in 6 MB at most."""


@dataclass(frozen=True)
class PlannedImage:
    """An image with the decision about it; ``in_use`` says whether a workload uses it."""

    job: ScanJob
    image: Image
    decision: Decision
    in_use: bool
    last_scan: ScanRecord = NEVER

    def to_dict(self) -> dict[str, Any]:
        """``{repository, imageDigest, imageTags, …, due, reason}``, without what does not apply."""
        scan = self.last_scan
        moment = datetime.fromtimestamp(scan.at, UTC).isoformat() if scan.at else None
        special = {
            "registry": self.job.account,
            "region": self.job.region,
            "indexTags": list(self.image.index_tags),
            "indexDigests": list(self.image.index_digests),
            "platform": self.image.platform,
            "inUse": self.in_use,
            "scanStartedAt": moment if scan.started else None,
            "scanStatus": scan.status,
            "scanStatusDescription": scan.description,
            "scansFailed": scan.failures,
        }
        return {
            "repository": self.job.repository,
            "imageDigest": self.image.digest,
            "imageTags": self.image.tags,
            "scanCompletedAt": None if scan.started else moment,
            "due": self.decision.due,
            "reason": self.decision.reason,
            **{key: value for key, value in special.items() if value},
        }


def plan_images(
    jobs: Iterable[ScanJob],
    services: Services,
    deadline: Deadline,
    sleep: Callable[[float], None] = time.sleep,
    deleted: Callable[[ScanJob], None] = lambda _: None,
) -> Iterator[PlannedImage]:
    """Every image of the jobs' repositories with the decision about it; starts nothing.

    An index is followed by its children. Images in use that are missing come as such. With a daily
    budget, what is beyond it is not due today. ``deleted`` is called with the job of a repository
    that was deleted.

    :raises DeadlineReached: when no time is left.
    :raises RepositoriesNotRead: at the end, when some could not be read.
    """
    backoff, failures = Backoff(deadline, sleep), Failures()
    planned = (row for job in jobs for row in _plan(job, services, backoff, deleted, failures))
    budget = services.settings.daily_scan_budget
    if budget is None:
        yield from (row for row, _ in planned)
    else:
        yield from _within_budget(list(planned), budget)
    if failures:
        raise RepositoriesNotRead(failures)


def _plan(
    job: ScanJob,
    services: Services,
    backoff: Backoff,
    deleted: Callable[[ScanJob], None],
    failures: Failures,
) -> Iterator[tuple[PlannedImage, Tier]]:
    try:
        yield from _rows(job, read_repository(job, services, backoff))
    except RepositoryDeleted:
        deleted(job)
    except UNREAD as error:
        failures.add(_name(job), error)


def _name(job: ScanJob) -> str:
    """The repository, with its registry unless that is the function's own."""
    place = "/".join(part for part in (job.account, job.region) if part)
    return f"{job.repository} ({place})" if place else job.repository


def _rows(job: ScanJob, contents: RepositoryContents) -> Iterator[tuple[PlannedImage, Tier]]:
    review, records, tier_of = contents.review, contents.last_scans.records, tiers(contents)
    for image, decision in contents.looked_up(_with_children_after(contents.images)):
        record = records.get(image.digest, NEVER)
        row = PlannedImage(job, image, decision, review.is_in_use(image), record)
        yield row, tier_of(image, decision)
    for name in review.missing(contents.images):
        digest, tags = (name, ()) if ":" in name else ("", (name,))
        missing = PlannedImage(job, Image(digest, tags), Decision(False, Reason.MISSING), True)
        yield missing, Tier.IN_USE
    for name in contents.not_found(job):
        digest = name.partition("@")[2]
        tags = () if digest else (name.partition(":")[2],)
        yield PlannedImage(job, Image(digest, tags), _NOT_FOUND, in_use=False), Tier.OTHER


def _within_budget(rows: Sequence[tuple[PlannedImage, Tier]], size: int) -> Iterator[PlannedImage]:
    """The rows with each registry's scans beyond its budget put off."""
    now = datetime.now(UTC)
    budgets = {row.job.address: Budget(size, now.date()) for row, _ in rows}
    today = int(day_of(now).timestamp())
    used = Counter(row.job.address for row, _ in rows if row.last_scan.at >= today)
    for number, (row, tier) in enumerate(rows):
        if row.decision.due:
            budget = budgets[row.job.address]
            budget.offer(row.image.digest, row.last_scan.at, tier, number)
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
    """The images in order, each index with its children right after it.

    Where single images are named, an image may be there without an index that it belongs to.
    """
    order = {image.digest: number for number, image in enumerate(images)}

    def position(image: Image) -> tuple[int, int]:
        indexes = [order[digest] for digest in image.index_digests if digest in order]
        return min(indexes, default=order[image.digest]), order[image.digest] + 1 if indexes else 0

    return sorted(images, key=position)
