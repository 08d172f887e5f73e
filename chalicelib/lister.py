"""The lister: one job for each repository that is wanted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from chalicelib import logs
from chalicelib.jobs import ScanJob
from chalicelib.listing_requests import ListingRequest, RequestError
from chalicelib.patterns import PatternTooSlow, names_matching

if TYPE_CHECKING:
    import re
    from collections.abc import Sequence

    from chalicelib.services import Services
    from chalicelib.settings import Settings


@dataclass(frozen=True)
class Listing:
    """How many repositories there are, and the jobs of those that are wanted."""

    listed: int
    jobs: tuple[ScanJob, ...]
    dry_run: bool

    @property
    def enqueued(self) -> int:
        """How many jobs were sent."""
        return 0 if self.dry_run else len(self.jobs)

    def to_dict(self) -> dict[str, Any]:
        """``{dryRun, listed, matched, enqueued, repositories: [name]}``."""
        return {
            "dryRun": self.dry_run,
            "listed": self.listed,
            "matched": len(self.jobs),
            "enqueued": self.enqueued,
            "repositories": [job.repository for job in self.jobs],
        }


def start_listing(request: ListingRequest, services: Services) -> Listing:
    """List the registry's repositories and send a job for each that is wanted.

    :raises RequestError: when the request names a repository that does not exist.
    :raises NotSent: when the queue did not take some of the jobs.
    """
    repositories = list(services.registry.repositories())
    wanted = wanted_repositories(repositories, request, services.settings)
    jobs = tuple(ScanJob(repository, request.images_duration) for repository in wanted)
    listing = Listing(len(repositories), jobs, request.dry_run)
    if not request.dry_run:
        services.jobs_queue.send(jobs)
    _log(listing)
    return listing


def wanted_repositories(
    repositories: Sequence[str], request: ListingRequest, settings: Settings
) -> list[str]:
    """The repositories that a listing is for, in the order given.

    A filter matches a name anywhere in it, as ``re.search`` does; ``^`` and ``$`` anchor it.

    :raises RequestError: when the request names a repository that does not exist, and when the
        filter takes too long.
    """
    if request.repositories is None:
        return _matching(request.repositories_filter or settings.repositories_filter, repositories)
    names = set(request.repositories)
    if unknown := sorted(names.difference(repositories)):
        raise RequestError(f"repositories: there is no {', '.join(map(repr, unknown))}")
    named = [repository for repository in repositories if repository in names]
    return _matching(request.repositories_filter, named) if request.repositories_filter else named


def _matching(pattern: re.Pattern[str], repositories: Sequence[str]) -> list[str]:
    try:
        return names_matching(pattern, repositories)
    except PatternTooSlow as error:
        raise RequestError(f"the repositories filter: {error}") from error


def _log(listing: Listing) -> None:
    metrics = {
        "RepositoriesListed": listing.listed,
        "RepositoriesMatched": len(listing.jobs),
        "JobsEnqueued": listing.enqueued,
    }
    logs.summary("repositories listed", metrics, dry_run=listing.dry_run)
