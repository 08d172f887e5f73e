"""Finding out which images workloads use, in a time of its own."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from chalicelib.ecr.uses import ImagesInUse, group
from chalicelib.runtime.backoff import DeadlineReached

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from chalicelib.ecr.registries import RegistryAddress
    from chalicelib.ecr.uses import ImageUse, Workloads
    from chalicelib.runtime.deadline import Deadline
    from chalicelib.scanning.listing import PlaceFailures
    from chalicelib.services import Services

SHARE = 0.5
"""How much of the lister's time it may take, so that repositories are listed in the rest."""


def images_in_use(
    services: Services,
    addresses: Sequence[RegistryAddress],
    failures: PlaceFailures,
    deadline: Deadline,
) -> ImagesInUse:
    """What workloads use of these registries; without asking anything when discovery is off.

    A source that fails, or that there is no time for, is among the ``failures``; what others tell
    holds, and is known to be incomplete.
    """
    if not services.settings.ecs_discovery:
        return ImagesInUse()
    own_time = deadline.part(SHARE)
    covered: dict[tuple[str, str], RegistryAddress] = {}
    with failures.of("images in use"):
        covered = {services.named_place_of(address): address for address in addresses}
    if not covered:
        return ImagesInUse(complete=False)
    uses: list[ImageUse] = []
    for source, workloads in services.workloads():
        with failures.of(source):
            uses.extend(_within(own_time, workloads))
    return replace(group(uses, covered), complete=not failures.sources)


def _within(deadline: Deadline, workloads: Workloads) -> Iterator[ImageUse]:
    if not deadline.allows():
        raise DeadlineReached
    for use in workloads.images():
        yield use
        if not deadline.allows():
            raise DeadlineReached
