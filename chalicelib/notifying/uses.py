"""Where images are in use, as the scanner has found it out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.aws.errors import AWS_ERRORS
from chalicelib.runtime import logs
from chalicelib.runtime.backoff import Throttled

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from chalicelib.services import Services


def uses_of(place: str, services: Services) -> Mapping[str, Sequence[str]]:
    """The workloads that run the images of a repository, by digest, as far as they are known.

    ``place`` is the repository's account, region and name.
    """
    if not services.settings.ecs_discovery or services.image_uses is None:
        return {}
    try:
        return services.image_uses.of(place)
    except (*AWS_ERRORS, Throttled) as error:
        logs.logger.warning("images in use not read", extra={"error": str(error)})
        return {}
