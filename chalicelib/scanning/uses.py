"""Where images are in use, kept so that notifier and digest can say it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from chalicelib.scanning.side_work import side_work

if TYPE_CHECKING:
    from collections.abc import Iterable

    from chalicelib.ecr.images import Image
    from chalicelib.ecr.uses import ImagesInUse
    from chalicelib.scanning.jobs import ScanJob
    from chalicelib.scanning.reviews import Review
    from chalicelib.services import Services

MOST_KEPT = 3000
"""The most images of a job that are kept: an item of DynamoDB holds 400 KB."""


def keep_uses(job: ScanJob, review: Review, images: Iterable[Image], services: Services) -> None:
    """Keep where the images of a repository are in use, if there is a table.

    Some of the uses never take the place of all of them.
    """
    if job.images or not services.settings.ecs_discovery:
        return
    if review.seen_unread:
        job = replace(job, uses_incomplete=True)
    with side_work("keeping where images are in use", repository=job.repository):
        kept = services.image_uses
        if kept is None:
            return
        found = {image.digest: where for image in images if (where := review.where_in_use(image))}
        uses = dict(list(found.items())[:MOST_KEPT])
        place = services.place_of(job.address, job.repository)
        are_all = len(found) <= MOST_KEPT and not job.uses_incomplete
        if job.knows_all_uses and are_all:
            # Most repositories never had any, and to read costs a tenth of what writing does.
            if job.images_in_use or uses or kept.of(place).by_digest:
                kept.keep(place, uses)
        elif uses or job.parts:
            kept.add(place, uses, job.part, job.parts if are_all else None, job.whole)


def keep_found(in_use: ImagesInUse, services: Services) -> None:
    """Keep which repositories have images in use; only of what no source is missing in."""
    with side_work("keeping which repositories have images in use"):
        if services.image_uses is None:
            return
        found = {
            services.place_of(address): in_use.repositories(address)
            for address in services.settings.registries
        }
        services.image_uses.keep_found(found)
