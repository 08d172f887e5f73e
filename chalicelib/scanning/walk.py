"""The walk through the registries: the repositories that are wanted, some at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.aws.errors import AWS_ERRORS, waiting
from chalicelib.ecr.uses import ImagesInUse
from chalicelib.runtime.backoff import Backoff, DeadlineReached
from chalicelib.runtime.batches import batches
from chalicelib.runtime.patterns import PatternTooSlow, names_matching
from chalicelib.scanning.discovery import images_in_use
from chalicelib.scanning.image_warnings import warn_of_images_out_of_reach, warn_of_missing_images
from chalicelib.scanning.jobs import ScanJob
from chalicelib.scanning.listing import PlaceFailures
from chalicelib.scanning.repository_jobs import RegistryJobs
from chalicelib.scanning.requests import RequestError
from chalicelib.scanning.uses import keep_found
from chalicelib.text.shown import shown_names

if TYPE_CHECKING:
    import re
    from collections.abc import Iterator, Sequence

    from chalicelib.ecr.registries import RegistryAddress
    from chalicelib.runtime.deadline import Deadline
    from chalicelib.scanning.requests import ListingRequest
    from chalicelib.services import Services
    from chalicelib.settings.settings import Settings

AT_ONCE = 1000
"""How many repositories are looked at, and their jobs made and sent, before the next ones."""


@dataclass(frozen=True)
class Page:
    """Some of the repositories of a registry that are wanted, and their jobs if they were made."""

    address: RegistryAddress
    repositories: Sequence[str]
    jobs: Sequence[ScanJob] = ()


class Walk:
    """Goes through registries, whose repositories come by name.

    It begins with the repositories ``after`` one, if given, in the first registry, and ``address``
    and ``after`` are where it is. ``listed`` is how many repositories each registry has that it was
    the first to go through. ``failed`` are those that it could not go through to their end,
    each with where it was. With ``accepted_before``, a repository that is named and is not there
    was deleted since, and is skipped. With ``sends``, the jobs of each page are sent as it comes,
    people are warned of images in use that no job can reach, and it is kept which repositories have
    any.
    """

    def __init__(
        self,
        request: ListingRequest,
        services: Services,
        addresses: Sequence[RegistryAddress],
        backoff: Backoff,
        deadline: Deadline,
        *,
        after: str = "",
        accepted_before: bool = False,
        sends: bool = False,
    ) -> None:
        self.listed: dict[RegistryAddress, int] = {}
        self.failures = PlaceFailures()
        self.failed: dict[RegistryAddress, str] = {}
        self.address, self.after = addresses[0], after
        self._request = request
        self._services = services
        self._addresses = addresses
        self._call = waiting(backoff)
        self._deadline = deadline
        self._accepted_before = accepted_before
        self._sends = sends
        self._names: dict[RegistryAddress, list[str]] = {}
        self._has_come = False
        self._in_use = ImagesInUse()

    def pages(self, at_once: int = AT_ONCE, *, with_jobs: bool = True) -> Iterator[Page]:
        """The wanted repositories, so many at a time, with their jobs unless these are not needed.

        :raises RequestError: when the request names a repository that does not exist, or its filter
            takes too long, before anything comes.
        :raises DeadlineReached: when no time is left.
        """
        if self._request.named is not None:
            self._name_all()
        if not self._request.images:
            self._find_what_is_in_use()
        for address in self._addresses:
            if address != self.address:
                self.address, self.after = address, ""
            if address in self.failed:
                continue
            try:
                yield from self._pages_of(address, at_once, with_jobs=with_jobs)
            except AWS_ERRORS as error:
                self._fail(address, error)
            except RequestError as error:
                # Refused is only what has had no effect yet.
                if not (self._has_come or self._accepted_before):
                    raise
                self._fail(address, error)

    def _pages_of(
        self, address: RegistryAddress, at_once: int, *, with_jobs: bool
    ) -> Iterator[Page]:
        names = self._names.pop(address, None)
        if names is None:
            names = self._list(address)
        request, settings = self._request, self._services.settings
        jobs = RegistryJobs(address, request, self._in_use, self._services, self._call)
        wanted = jobs.wanted(wanted_repositories(names, request, settings))
        if not self.after:
            self._warn_of_deleted(address, names)
        left = sorted(name for name in wanted if name > self.after)
        for batch in batches(left, at_once):
            if not self._deadline.allows():
                raise DeadlineReached
            yield Page(address, batch, jobs.of(batch) if with_jobs else ())
            self._has_come = True
            self._count(address, names)
            self.after = batch[-1]
        self._count(address, names)

    def _count(self, address: RegistryAddress, names: Sequence[str]) -> None:
        """Count a registry's repositories once, however many runs it takes to go through them."""
        if not self.after:
            self.listed[address] = len(names)

    def _list(self, address: RegistryAddress) -> list[str]:
        return list(self._services.registry_of(address).repositories(self._call))

    def _fail(self, address: RegistryAddress, error: Exception) -> None:
        # Alone, a registry that cannot be listed is the whole listing's failure; what was sent of
        # it is not sent again.
        if len(self._addresses) == 1 and not (self._sends and self._has_come):
            raise error
        self.failures.add(str(address), str(error))
        self.failed[address] = self.after if address == self.address else ""

    def _name_all(self) -> None:
        """List all registries first, to know which of the repositories that are named there are."""
        for address in self._addresses:
            try:
                self._names[address] = self._list(address)
            except AWS_ERRORS as error:
                self._fail(address, error)
        known = {name for names in self._names.values() for name in names}
        named = self._request.named or ()
        unknown = sorted(set(named) - known)
        if not unknown or self._accepted_before:
            return
        if not self.failed:
            key = "images" if self._request.images else "repositories"
            raise RequestError(f"{key}: there is no {shown_names(unknown)}")
        # One that seems unknown may be in a registry that could not be listed.
        self.failures.found += [f"{name}: not found in what was listed" for name in unknown]

    def _find_what_is_in_use(self) -> None:
        self._in_use = images_in_use(
            self._services, self._services.settings.registries, self.failures, self._deadline
        )
        if self._sends and self._services.settings.ecs_discovery:
            complete = self._in_use.complete
            warn_of_images_out_of_reach(
                self._in_use.out_of_reach, self._services, complete=complete
            )
            if complete:
                keep_found(self._in_use, self._services)

    def _warn_of_deleted(self, address: RegistryAddress, names: Sequence[str]) -> None:
        """Warn of images in use whose repository does not exist."""
        request, settings = self._request, self._services.settings
        if not self._sends or request.named is not None:
            return
        missing = sorted(set(self._in_use.repositories(address)).difference(names))
        pattern = request.repositories_filter or settings.repositories_filter
        for repository in _matching(pattern, missing):
            job = ScanJob(
                repository,
                account=address.account,
                region=address.region,
                uses_incomplete=not self._in_use.complete,
            )
            warn_of_missing_images(job, self._in_use.of(address, repository), self._services)


def wanted_repositories(
    repositories: Sequence[str], request: ListingRequest, settings: Settings
) -> list[str]:
    """Those of the repositories that a listing is for, in the order given.

    A filter matches a name anywhere in it, as ``re.search`` does; ``^`` and ``$`` anchor it.

    :raises RequestError: when the filter takes too long.
    """
    if request.named is None:
        return _matching(request.repositories_filter or settings.repositories_filter, repositories)
    names = set(request.named)
    named = [repository for repository in repositories if repository in names]
    return _matching(request.repositories_filter, named) if request.repositories_filter else named


def _matching(pattern: re.Pattern[str], repositories: Sequence[str]) -> list[str]:
    try:
        return names_matching(pattern, repositories)
    except PatternTooSlow as error:
        raise RequestError(f"the repositories filter: {error}") from error
