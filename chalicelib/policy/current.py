"""Which images are current: those of which people are notified, unless they want to be of all."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chalicelib.policy.builds import Newest, Repository


def is_newest(places: Mapping[str, str], newest: Newest | None, repository: Repository) -> bool:
    """Whether an image is its repository's newest tagged one of a platform.

    ``places`` are the platforms that the image is for, by the digest of each whole that it is part
    of. Where that cannot be said of what was looked up, it may be: nobody is left in the dark.
    """
    if newest is None or newest.digest in places:
        return True
    whole = repository.wholes.get(newest.digest)
    if whole is None or not whole.tags or whole.platforms is None:
        return True
    if "" in whole.platforms:  # an image in no index, of a platform that is not known
        return False
    others = {digest: each for digest, each in places.items() if each not in whole.platforms}
    return any(_is_newest_of(digest, each, repository) for digest, each in others.items())


def _is_newest_of(digest: str, platform: str, repository: Repository) -> bool:
    wholes = [
        whole
        for whole in repository.wholes.values()
        if whole and whole.tags and platform in (whole.platforms or ())
    ]
    return max(wholes, key=lambda each: each.pushed_at).digest == digest if wholes else False
