"""What a listing comes to: what there is, what was sent, and what failed."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from chalicelib.aws.errors import AWS_ERRORS
from chalicelib.runtime import logs
from chalicelib.runtime.backoff import DeadlineReached

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterator

    from chalicelib.scanning.jobs import ScanJob

LONGEST_FAILURE = 1000
"""How much an answer shows of a failure, in characters."""


@dataclass(frozen=True)
class Listing:
    """How many repositories there are, and those that are wanted.

    ``jobs`` are theirs, as far as they were not sent; ``sent`` is how many went to the queue.
    ``failures`` says which registries and sources of images in use could not be listed, which
    repositories may be there, which jobs were not sent; those that no job sees to are among the
    ``unkept``. ``continued`` is whether what there was no time for goes on as a job.
    """

    listed: int
    repositories: tuple[str, ...]
    dry_run: bool
    jobs: tuple[ScanJob, ...] = ()
    sent: int = 0
    failures: tuple[str, ...] = ()
    unkept: tuple[str, ...] = ()
    continued: bool = False

    @property
    def enqueued(self) -> int:
        """How many jobs were sent."""
        return self.sent

    def to_dict(self) -> dict[str, Any]:
        """``{dryRun, listed, matched, enqueued, repositories: [name], failures: [text]}``.

        With ``continued`` where the listing goes on.
        """
        return {
            "dryRun": self.dry_run,
            "listed": self.listed,
            "matched": len(self.repositories),
            "enqueued": self.enqueued,
            "repositories": list(self.repositories),
            "failures": [failure[:LONGEST_FAILURE] for failure in self.failures],
            **({"continued": True} if self.continued else {}),
        }


class ListingIncomplete(Exception):
    """Registries or workloads that could not be listed, or jobs not sent: says which and why.

    ``listing`` is what was done all the same.
    """

    def __init__(self, listing: Listing) -> None:
        super().__init__("; ".join(listing.unkept or listing.failures))
        self.listing = listing


class PlaceFailures:
    """What failed, by place, where the rest can go on."""

    def __init__(self) -> None:
        self.found: list[str] = []
        self.sources: list[str] = []

    @contextmanager
    def of(self, source: str) -> Iterator[None]:
        """Collect what fails within, as the failure of a source of images in use."""
        try:
            yield
        except (DeadlineReached, *AWS_ERRORS) as error:
            self.add(source, str(error) or "there was no time left")
            self.sources.append(self.found[-1])

    def add(self, place: str, why: str) -> None:
        """Note and count what failed."""
        logs.count("ListingFailures", 1, Place=place)
        self.found.append(f"{place}: {why}")


def log_listing(listing: Listing, scanned_by_inspector: Counter[str]) -> None:
    """Log what a listing came to, in one line."""
    metrics = {
        "RepositoriesListed": listing.listed,
        "RepositoriesMatched": len(listing.repositories),
        "JobsEnqueued": listing.enqueued,
    }
    logs.summary(
        "repositories listed",
        metrics,
        dry_run=listing.dry_run,
        scanned_by_inspector=dict(scanned_by_inspector),
        failures=listing.failures,
        continued=listing.continued,
    )
