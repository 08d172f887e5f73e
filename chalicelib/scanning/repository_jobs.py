"""The jobs of a registry's repositories: by what rules each is reviewed, and how it is scanned."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.aws.errors import AWS_ERRORS
from chalicelib.runtime import logs
from chalicelib.scanning.jobs import ScanJob
from chalicelib.settings.repository_tags import parse_rules

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chalicelib.ecr.registries import RegistryAddress
    from chalicelib.ecr.uses import ImagesInUse
    from chalicelib.scanning.requests import ListingRequest
    from chalicelib.services import Services


def jobs_of(
    address: RegistryAddress,
    repositories: Sequence[str],
    request: ListingRequest,
    in_use: ImagesInUse,
    services: Services,
) -> list[ScanJob]:
    """A job for each of the repositories, of which only those with images in use may be wanted."""
    settings = services.settings
    if settings.in_use_only and not request.images:
        used = set(in_use.repositories(address))
        repositories = [repository for repository in repositories if repository in used]
    frequencies = _scan_frequencies(address, repositories, services)
    rules = _repository_rules(address, request, services)
    return [
        ScanJob(
            repository,
            request.images_duration,
            account=address.account,
            region=address.region,
            rules=rules.get(repository, {}),
            # What is in use matters for a whole repository: named images are wanted anyhow.
            images_in_use={} if request.images else in_use.of(address, repository),
            scan_frequency=frequencies.get(repository),
            force=request.force,
            images=request.images_of(repository),
        )
        for repository in repositories
    ]


def _scan_frequencies(
    address: RegistryAddress, repositories: Sequence[str], services: Services
) -> dict[str, str]:
    """How Amazon Inspector scans each repository; empty under basic scanning."""
    registry = services.registry_of(address)
    try:
        if not registry.is_enhanced():
            return {}
    except AWS_ERRORS as error:
        # Without this permission scans are started as under basic scanning, and refused if need be.
        extra = {"registry": str(address), "error": str(error)}
        logs.logger.warning("scanning configuration not read", extra=extra)
        return {}
    return dict.fromkeys(repositories, "MANUAL") | registry.scan_frequencies(repositories)


def _repository_rules(
    address: RegistryAddress, request: ListingRequest, services: Services
) -> dict[str, dict[str, str]]:
    """The rules in the repositories' tags; one that a request names is not skipped."""
    if not services.settings.repository_tag_rules:
        return {}
    rules = services.repository_tags_of(address).rules()
    for repository, texts in rules.items():
        for bad in parse_rules(texts)[1]:
            logs.count("BadRepositoryTags", 1, Repository=repository)
            logs.logger.warning(str(bad), extra={"repository": repository})
    for repository in request.named or ():
        rules.get(repository, {}).pop("skip", None)
    return rules
