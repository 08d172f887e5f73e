"""The lister's two doors: the schedule and the HTTP endpoint."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chalicelib.runtime.deadline import Deadline
from chalicelib.scanning.dry_run import DRY_RUN_SECONDS, images_of
from chalicelib.scanning.lister import start_listing
from chalicelib.scanning.requests import ListingRequest, RequestError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chalice.app import Request

    from chalicelib.services import Services

__all__ = ["RequestError", "list_repositories", "start_scans"]


def list_repositories(event: Mapping[str, Any], services: Services) -> dict[str, Any]:
    """Answer a scheduled event or a direct invocation; both may carry overrides.

    :raises RequestError: for overrides that are not accepted.
    """
    return _answer(ListingRequest.from_event(event), services)


def start_scans(request: Request | None, services: Services) -> dict[str, Any]:
    """Answer an HTTP request, whose body may carry the same overrides.

    :raises RequestError: for overrides that are not accepted.
    """
    return _answer(ListingRequest.from_http(request), services)


def _answer(request: ListingRequest, services: Services) -> dict[str, Any]:
    """List the repositories as asked; the answer to a dry run shows their images too."""
    deadline = Deadline.seconds(DRY_RUN_SECONDS)
    listing = start_listing(request, services)
    if not request.dry_run:
        return listing.to_dict()
    return listing.to_dict() | images_of(listing, services, deadline)
