"""What a dry run shows: the images of a listing, each with the decision about it."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from chalicelib.runtime.backoff import DeadlineReached
from chalicelib.scanning.failures import RepositoriesNotRead
from chalicelib.scanning.plans import MOST_ROWS, plan_images

if TYPE_CHECKING:
    from chalicelib.runtime.deadline import Deadline
    from chalicelib.scanning.lister import Listing
    from chalicelib.services import Services

DRY_RUN_SECONDS = 24.0
"""How long a dry run looks at images: API Gateway waits for 29 seconds at most."""


def images_of(listing: Listing, services: Services, deadline: Deadline) -> dict[str, Any]:
    """``{images: [row], imagesComplete}``; incomplete where time or room did not suffice.

    Where repositories could not be read, ``notRead`` says why, by name.
    """
    rows: list[dict[str, Any]] = []
    complete = True
    not_read: dict[str, Any] = {}
    planned = plan_images(listing.jobs, services, deadline)
    try:
        rows.extend(row.to_dict() for row in islice(planned, MOST_ROWS))
        complete = next(planned, None) is None
    except DeadlineReached:
        complete = False
    except RepositoriesNotRead as failure:
        complete = False
        not_read = {"notRead": failure.reasons}
    return {"images": rows, "imagesComplete": complete, **not_read}
