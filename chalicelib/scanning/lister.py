"""The lister: one job for each repository that is wanted, in every registry that is covered."""

from __future__ import annotations

import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from chalicelib.aws.errors import AWS_ERRORS
from chalicelib.aws.sqs import NotSent
from chalicelib.ecr.uses import ImagesInUse, group
from chalicelib.runtime import logs
from chalicelib.runtime.pace import LONGEST_DELAY_SECONDS, spread
from chalicelib.runtime.patterns import PatternTooSlow, names_matching
from chalicelib.scanning.image_warnings import warn_of_images_out_of_reach, warn_of_missing_images
from chalicelib.scanning.jobs import PlanJob, ScanJob
from chalicelib.scanning.progress import numbered
from chalicelib.scanning.repository_jobs import jobs_of
from chalicelib.scanning.requests import ListingRequest, RequestError
from chalicelib.settings.repository_tags import parse_rules
from chalicelib.text.shown import shown_names

if TYPE_CHECKING:
    import re
    from collections.abc import Iterator, Mapping, Sequence

    from chalicelib.ecr.registries import RegistryAddress
    from chalicelib.ecr.uses import ImageUse
    from chalicelib.services import Services
    from chalicelib.settings.settings import Settings


LONGEST_FAILURE = 1000
"""How much an answer shows of a failure, in characters."""


class ListingIncomplete(Exception):
    """Registries or workloads that could not be listed, or jobs not sent: says which and why.

    ``listing`` is what was done all the same.
    """

    def __init__(self, listing: Listing) -> None:
        super().__init__("; ".join(listing.failures))
        self.listing = listing


@dataclass(frozen=True)
class Listing:
    """How many repositories there are, and the jobs of those that are wanted.

    ``sent`` is how many jobs went to the queue. ``failures`` says which registries and sources of
    images in use could not be listed, which repositories may be there, which jobs were not sent.
    """

    listed: int
    jobs: tuple[ScanJob, ...]
    dry_run: bool
    sent: int = 0
    failures: tuple[str, ...] = ()

    @property
    def enqueued(self) -> int:
        """How many jobs were sent."""
        return self.sent

    def to_dict(self) -> dict[str, Any]:
        """``{dryRun, listed, matched, enqueued, repositories: [name], failures: [text]}``."""
        return {
            "dryRun": self.dry_run,
            "listed": self.listed,
            "matched": len(self.jobs),
            "enqueued": self.enqueued,
            "repositories": [job.repository for job in self.jobs],
            "failures": [failure[:LONGEST_FAILURE] for failure in self.failures],
        }


def start_listing(request: ListingRequest, services: Services, listing_id: str = "") -> Listing:
    """List the repositories and send a job for each that is wanted and may have scans to start.

    With a daily budget one job a registry is sent instead, which plans its scans. The jobs of a
    listing with an id are numbered, so that it is kept what becomes of them.

    :raises RequestError: when the request names a repository that does not exist.
    :raises ListingIncomplete: when some registries could not be listed, or some jobs not be sent;
        the others were.
    """
    if services.settings.scan_time_lookup:
        logs.logger.info("SCAN_TIME_LOOKUP is ignored: when images were scanned is always known")
    listing = list_jobs(request, services)
    if not request.dry_run:
        jobs = numbered(listing_id, _jobs_to_send(listing, request, services.settings))
        starts = spread(len(jobs), services.settings.jobs_per_minute)
        listing = _sent(listing, *_delayed(jobs, starts), services)
    _log(listing)
    if listing.failures:
        raise ListingIncomplete(listing)
    return listing


def _sent(
    listing: Listing, jobs: Sequence[ScanJob | PlanJob], delays: Sequence[int], services: Services
) -> Listing:
    """The listing once its jobs are sent, as far as the queue took them."""
    try:
        services.jobs_queue.send(jobs, delays)
    except NotSent as error:
        sent = len(jobs) - len(error.refused)
        return replace(listing, sent=sent, failures=(*listing.failures, str(error)))
    return replace(listing, sent=len(jobs))


def list_jobs(
    request: ListingRequest,
    services: Services,
    addresses: Sequence[RegistryAddress] | None = None,
    *,
    accepted_before: bool = False,
) -> Listing:
    """The job of each wanted repository of the registries, by default of all that are covered.

    Tells people of images in use that no job can reach, unless the request is for a dry run. Of a
    request that was ``accepted_before``, a repository that does not exist was deleted since, and
    is skipped.

    :raises RequestError: when the request names a repository that does not exist.
    """
    settings = services.settings
    addresses = settings.registries if addresses is None else addresses
    failures = _Failures()
    # Alone, a registry that cannot be listed is the whole listing's failure.
    several = len(addresses) > 1
    names: dict[RegistryAddress, list[str]] = {}
    for address in addresses:
        with failures.of(str(address), several):
            names[address] = list(services.registry_of(address).repositories())
    listed = sum(map(len, names.values()))
    every_name = dict.fromkeys(name for listed_names in names.values() for name in listed_names)
    if request.named is not None and (accepted_before or failures.found):
        # One that seems unknown may be in a registry that could not be listed.
        unknown = [name for name in request.named if name not in every_name]
        if failures.found:
            failures.found += [f"{name}: not found in what was listed" for name in unknown]
        named = tuple(name for name in request.named if name in every_name)
        request = replace(request, repositories=named)
    wanted = set(wanted_repositories(list(every_name), request, settings))
    in_use = ImagesInUse() if request.images else _images_in_use(services, names, failures)
    jobs: list[ScanJob] = []
    for address, repositories in names.items():
        with failures.of(str(address), several):
            chosen = [repository for repository in repositories if repository in wanted]
            jobs += jobs_of(address, chosen, request, in_use, services)
    if not request.dry_run:
        _warn(in_use, names, request, services)
    return Listing(listed, tuple(jobs), request.dry_run, failures=tuple(failures.found))


def wanted_repositories(
    repositories: Sequence[str], request: ListingRequest, settings: Settings
) -> list[str]:
    """The repositories that a listing is for, in the order given.

    A filter matches a name anywhere in it, as ``re.search`` does; ``^`` and ``$`` anchor it.

    :raises RequestError: when the request names a repository that does not exist, and when the
        filter takes too long.
    """
    if request.named is None:
        return _matching(request.repositories_filter or settings.repositories_filter, repositories)
    names = set(request.named)
    if unknown := sorted(names.difference(repositories)):
        key = "images" if request.images else "repositories"
        raise RequestError(f"{key}: there is no {shown_names(unknown)}")
    named = [repository for repository in repositories if repository in names]
    return _matching(request.repositories_filter, named) if request.repositories_filter else named


class _Failures:
    """What failed, where the rest can go on; alone, a failure is the whole listing's."""

    def __init__(self) -> None:
        self.found: list[str] = []

    @contextmanager
    def of(self, place: str, collect: bool = True) -> Iterator[None]:
        try:
            yield
        except AWS_ERRORS as error:
            if not collect:
                raise
            logs.count("ListingFailures", 1, Place=place)
            self.found.append(f"{place}: {error}")


def _delayed(
    jobs: Sequence[ScanJob | PlanJob], starts: Sequence[int]
) -> tuple[list[ScanJob | PlanJob], list[int]]:
    """The jobs with their delays; one that is to start later than SQS delays waits in rounds."""
    now = int(time.time())
    timed = [
        replace(job, not_before=now + start) if start > LONGEST_DELAY_SECONDS else job
        for job, start in zip(jobs, starts, strict=True)
    ]
    return timed, [min(LONGEST_DELAY_SECONDS, start) for start in starts]


def _images_in_use(
    services: Services, names: Mapping[RegistryAddress, Sequence[str]], failures: _Failures
) -> ImagesInUse:
    """What workloads use; without asking anything when discovery is off."""
    if not services.settings.ecs_discovery:
        return ImagesInUse()
    uses: list[ImageUse] = []
    for source, workloads in services.workloads():
        with failures.of(source):
            uses.extend(workloads.images())
    covered = {
        (address.account or services.own_account, services.registry_of(address).region): address
        for address in names
    }
    return group(uses, covered)


def _warn(
    in_use: ImagesInUse,
    names: Mapping[RegistryAddress, Sequence[str]],
    request: ListingRequest,
    services: Services,
) -> None:
    """Tell of images in use whose registry is out of reach or whose repository is gone."""
    warn_of_images_out_of_reach(in_use.out_of_reach, services)
    if request.named is not None:
        return
    for address, repositories in names.items():
        gone = sorted(set(in_use.repositories(address)).difference(repositories))
        pattern = request.repositories_filter or services.settings.repositories_filter
        for repository in _matching(pattern, gone):
            job = ScanJob(repository, account=address.account, region=address.region)
            warn_of_missing_images(job, in_use.of(address, repository), services)


def _jobs_to_send(
    listing: Listing, request: ListingRequest, settings: Settings
) -> Sequence[ScanJob | PlanJob]:
    if settings.daily_scan_budget is None:
        return [job for job in listing.jobs if may_start_scans(job) or job.images_in_use]
    addresses = dict.fromkeys(job.address for job in listing.jobs)
    return [PlanJob(request, address.account, address.region) for address in addresses]


def may_start_scans(job: ScanJob) -> bool:
    """Whether a repository's images may be scanned at the application's wish at all."""
    return job.scan_frequency is None and not parse_rules(job.rules)[0].skip


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
    enhanced = Counter(job.scan_frequency for job in listing.jobs if job.scan_frequency)
    logs.summary(
        "repositories listed",
        metrics,
        dry_run=listing.dry_run,
        scanned_by_inspector=dict(enhanced),
        failures=listing.failures,
    )
