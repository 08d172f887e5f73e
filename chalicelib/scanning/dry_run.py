"""What a dry run shows: the images of a listing, each with the decision about it."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from chalicelib.runtime.backoff import DeadlineReached
from chalicelib.scanning.failures import RepositoriesNotRead
from chalicelib.scanning.listing import LONGEST_FAILURE
from chalicelib.scanning.plans import MOST_ROWS, plan_images

if TYPE_CHECKING:
    from chalicelib.runtime.deadline import Deadline
    from chalicelib.scanning.lister import Listing
    from chalicelib.services import Services


def images_of(listing: Listing, services: Services, deadline: Deadline) -> dict[str, Any]:
    """``{images: [row], imagesComplete}``; incomplete where time or room did not suffice.

    So it is where something failed, which ``failures`` says, too.
    """
    rows: list[dict[str, Any]] = []
    complete = not listing.failures
    failures: list[str] = []
    planned = plan_images(listing.jobs, services, deadline)
    try:
        rows.extend(row.to_dict() for row in islice(planned, MOST_ROWS))
        complete &= next(planned, None) is None
    except DeadlineReached:
        complete = False
    except RepositoriesNotRead as failure:
        complete = False
        failures = [f"{name}: {why}"[:LONGEST_FAILURE] for name, why in failure.reasons.items()]
    answer = {"images": rows, "imagesComplete": complete}
    if failures:
        answer["failures"] = [*listing.to_dict()["failures"], *failures]
    return answer
