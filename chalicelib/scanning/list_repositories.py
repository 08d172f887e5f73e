"""The lister by schedule and by direct invocation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chalicelib.runtime.answers import fitted
from chalicelib.runtime.deadline import Deadline
from chalicelib.scanning.dry_run import images_of
from chalicelib.scanning.lister import ListingIncomplete, start_listing
from chalicelib.scanning.requests import ListingRequest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chalicelib.services import Services


def list_repositories(
    event: Mapping[str, Any], services: Services, deadline: Deadline | None = None
) -> dict[str, Any]:
    """Answer a scheduled event or a direct invocation; both may carry overrides.

    :raises RequestError: for overrides that are not accepted.
    :raises ListingIncomplete: when something failed that no job sees to.
    """
    request = ListingRequest.from_event(event)
    if request.dry_run:
        return fitted(dry_run(request, services, deadline or Deadline.unlimited()))
    return fitted(start_listing(request, services, deadline=deadline).to_dict())


def dry_run(request: ListingRequest, services: Services, deadline: Deadline) -> dict[str, Any]:
    """List the repositories as asked, and their images, each with the decision about it.

    What there is no time for is left out, and the answer says that it is incomplete.
    """
    try:
        listing = start_listing(request, services, deadline=deadline)
    except ListingIncomplete as incomplete:
        listing = incomplete.listing  # which says what failed
    return listing.to_dict() | images_of(listing, services, deadline)
