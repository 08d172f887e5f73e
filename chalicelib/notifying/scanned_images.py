"""The image that a scan is about, as it stands in its repository."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from chalicelib.ecr.images import Image
from chalicelib.notifying.in_use import recalled_in_use
from chalicelib.notifying.report import About
from chalicelib.notifying.uses import uses_of, where_in_use
from chalicelib.policy.lines import placed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from chalicelib.aws.line_states import LineStates
    from chalicelib.notifying.events import ScanResult
    from chalicelib.notifying.lookups import Found
    from chalicelib.policy.lines import Placement
    from chalicelib.policy.states import ReportedState
    from chalicelib.services import Services


@dataclass(frozen=True)
class ScannedImage:
    """The image of a scan as it stands in its repository, and what was known of it ``before``.

    ``uses`` are the repository's images in use, and ``where`` the workloads that run this one. The
    tags of ``result`` are those that it has now.
    """

    result: ScanResult
    image: Image
    found: Found
    uses: Mapping[str, Sequence[str]]
    where: tuple[str, ...]
    placement: Placement
    before: ReportedState | None

    def about(self, owner: str) -> About:
        """What messages say of the image beside its findings."""
        pushed_at = self.image.pushed_at
        return About(
            owner=owner,
            platform=self.image.platform or "",
            pushed_at=int(pushed_at.timestamp()) if pushed_at else 0,
            where_in_use=self.where,
        )


def scanned_image(
    result: ScanResult,
    found: Found,
    states: LineStates | None,
    mirrors: frozenset[str],
    services: Services,
) -> ScannedImage:
    """The image of a scan with what was ``found`` of it, and with what is kept of it.

    :raises ClientError: and others, where what decides cannot be known.
    """
    image = found.image or Image(result.image_digest, result.image_tags)
    result = replace(result, image_tags=image.all_tags)
    uses = uses_of(result.place, services)
    where = where_in_use(image, uses)
    placement = placed(result.image_digest, found.places, found.repository, mirrors)
    before = found.repository.states.get(placement.line) if placement.line else None
    if where and (in_use := recalled_in_use(result, states)) is not None:
        placement = replace(placement, bases=(*placement.bases, in_use))
        before = before if placement.line else in_use
    return ScannedImage(result, image, found, uses, where, placement, before)
