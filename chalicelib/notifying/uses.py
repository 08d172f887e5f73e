"""Where images are in use, as the scanner has found it out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.aws.errors import AWS_ERRORS, is_refusal
from chalicelib.policy.changes import CURRENT
from chalicelib.runtime import logs
from chalicelib.runtime.backoff import Throttled

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from chalicelib.ecr.images import Image
    from chalicelib.services import Services


def uses_of(place: str, services: Services) -> Mapping[str, Sequence[str]]:
    """The workloads that run the images of a repository, by digest, as far as they are known.

    ``place`` is the repository's account, region and name.

    :raises ClientError: and others, where it is not known and decides what is reported.
    """
    if not services.settings.ecs_discovery or services.image_uses is None:
        return {}
    try:
        return services.image_uses.of(place).by_digest
    except (*AWS_ERRORS, Throttled) as error:
        is_passing = isinstance(error, Throttled) or not is_refusal(error)
        if is_passing and services.settings.report_images == CURRENT:
            raise
        logs.logger.warning("images in use not read", extra={"error": str(error)})
        return {}


def where_in_use(image: Image, uses: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """The workloads that run an image, by its own digest or by that of its index."""
    found = (where for each in (image.digest, *image.index_digests) for where in uses.get(each, ()))
    return tuple(dict.fromkeys(found))
