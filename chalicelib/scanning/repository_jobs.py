"""The jobs of a registry's repositories: by what rules each is reviewed, and how it is scanned."""

from __future__ import annotations

from collections import Counter
from functools import cached_property
from typing import TYPE_CHECKING, Any

from chalicelib.aws.errors import AWS_ERRORS
from chalicelib.runtime import logs
from chalicelib.scanning.jobs import ScanJob
from chalicelib.settings.repository_tags import parse_rules

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from chalicelib.ecr.registries import RegistryAddress
    from chalicelib.ecr.uses import ImagesInUse
    from chalicelib.scanning.requests import ListingRequest
    from chalicelib.services import Services


class RegistryJobs:
    """Makes the jobs of one registry, some repositories at a time; what is common is asked once.

    ``call`` calls a function with its arguments, and may wait out throttling.
    """

    def __init__(
        self,
        address: RegistryAddress,
        request: ListingRequest,
        in_use: ImagesInUse,
        services: Services,
        call: Callable[..., Any],
    ) -> None:
        self._address = address
        self._request = request
        self._in_use = in_use
        self._services = services
        self._call = call

    def wanted(self, repositories: Sequence[str]) -> list[str]:
        """Those of the repositories that are to have a job at all."""
        if not self._services.settings.in_use_only or self._request.images:
            return list(repositories)
        used = set(self._in_use.repositories(self._address))
        return [repository for repository in repositories if repository in used]

    def of(self, repositories: Sequence[str]) -> list[ScanJob]:
        """A job for each of the repositories."""
        frequencies = self._scan_frequencies(repositories) if self._is_enhanced else {}
        return [
            ScanJob(
                repository,
                self._request.images_duration,
                account=self._address.account,
                region=self._address.region,
                rules=self._rules.get(repository, {}),
                images_in_use=self._in_use_of(repository),
                scan_frequency=frequencies.get(repository),
                force=self._request.force,
                images=self._request.images_of(repository),
                uses_incomplete=not self._in_use.complete,
            )
            for repository in repositories
        ]

    def _in_use_of(self, repository: str) -> Mapping[str, str]:
        """What is in use, which matters for a whole repository: named images are wanted anyhow."""
        return {} if self._request.images else self._in_use.of(self._address, repository)

    @cached_property
    def _is_enhanced(self) -> bool:
        registry = self._services.registry_of(self._address)
        try:
            enhanced: bool = self._call(registry.is_enhanced)
        except AWS_ERRORS as error:
            # Without this permission scans are started as under basic scanning, and refused if
            # need be.
            extra = {"registry": str(self._address), "error": str(error)}
            logs.logger.warning("scanning configuration not read", extra=extra)
            return False
        return enhanced

    def _scan_frequencies(self, repositories: Sequence[str]) -> dict[str, str]:
        """How Amazon Inspector scans each repository."""
        registry = self._services.registry_of(self._address)
        found = registry.scan_frequencies(repositories, self._call)
        return dict.fromkeys(repositories, "MANUAL") | found

    @cached_property
    def _rules(self) -> dict[str, dict[str, str]]:
        """The rules in the repositories' tags; one that a request names is not skipped."""
        if not self._services.settings.repository_tag_rules:
            return {}
        rules = self._services.repository_tags_of(self._address).rules(self._call)
        for repository, texts in rules.items():
            for bad in parse_rules(texts)[1]:
                logs.count("BadRepositoryTags", 1, Repository=repository)
                logs.logger.warning(str(bad), extra={"repository": repository})
        for repository in self._request.named or ():
            rules.get(repository, {}).pop("skip", None)
        return rules


def may_start_scans(job: ScanJob) -> bool:
    """Whether a repository's images may be scanned at the application's wish at all."""
    return job.scan_frequency is None and not parse_rules(job.rules)[0].skip


def frequencies_of(jobs: Iterable[ScanJob]) -> Counter[str]:
    """How many of the repositories Amazon Inspector scans, by how."""
    return Counter(job.scan_frequency for job in jobs if job.scan_frequency)
