"""What of a repository goes into a day's budget: the images that are due, by importance."""

from __future__ import annotations

from collections import Counter
from datetime import UTC
from typing import TYPE_CHECKING

from chalicelib.ecr.scan_records import NEVER
from chalicelib.policy.budget import Tier
from chalicelib.policy.due import SCANNED_IN_VAIN, Decision, Reason
from chalicelib.policy.selection import newest_tagged, with_platform_images

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from chalicelib.ecr.images import Image
    from chalicelib.policy.budget import Budget
    from chalicelib.scanning.repositories import RepositoryContents

_NEVER_SCANNED = Decision(True, Reason.NEVER_SCANNED)


def offers_of(contents: RepositoryContents, budget: Budget) -> Iterator[tuple[str, int, Tier]]:
    """The images that are due: digest, last scan and tier.

    Last scans that are not known are looked up, as long as that can change what is chosen.
    """
    tier_of = tiers(contents)
    never_scanned: Counter[Tier] = Counter()

    def may_be_chosen(image: Image) -> bool:
        return budget.has_room_for(tier_of(image, _NEVER_SCANNED), never_scanned)

    for image, decision in contents.looked_up(wanted=may_be_chosen):
        if decision.due:
            record = contents.last_scans.records.get(image.digest, NEVER)
            tier = tier_of(image, decision)
            never_scanned[tier] += not record.at
            yield image.digest, record.at, tier


def tiers(contents: RepositoryContents) -> Callable[[Image, Decision], Tier]:
    """How much a scan of each image of a repository matters.

    The newest tagged one is an image, or an index with its images. What was scanned in vain, and
    what could not be looked up, comes last, so that it takes no other image's place.
    """
    newest = newest_tagged(contents.images)
    newest_digests = with_platform_images([newest], contents.images) if newest else set()

    def tier_of(image: Image, decision: Decision) -> Tier:
        if decision.reason in SCANNED_IN_VAIN or decision.reason is Reason.NOT_LOOKED_UP:
            return Tier.DOUBTFUL
        if contents.review.is_in_use(image):
            return Tier.IN_USE
        return Tier.NEWEST_TAGGED if image.digest in newest_digests else Tier.OTHER

    return tier_of


def day_of(moment: datetime) -> datetime:
    """When the day of this moment began, in UTC."""
    return moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def scanned_since(moment: datetime, contents: RepositoryContents) -> list[str]:
    """The repository's images whose scans have begun or ended since, as far as is known."""
    begin = int(moment.timestamp())
    records = contents.last_scans.records
    return [digest for digest, record in records.items() if record.at >= begin]
