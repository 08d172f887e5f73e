"""The images and indexes of a repository, as far as they were looked up, and how they belong."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from chalicelib.ecr.indexes import platforms_of
from chalicelib.policy.builds import Whole

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chalicelib.ecr.images import Image
    from chalicelib.ecr.indexes import IndexEntry

LONG_AGO = datetime.min.replace(tzinfo=UTC)
"""In place of the time of a push that is not known."""


@dataclass
class KnownImages:
    """Images and indexes by digest, None for one that was deleted, and what indexes list.

    ``tags_read`` are the tags that indexes had when they were read.
    """

    images: dict[str, Image | None] = field(default_factory=dict)
    entries: dict[str, Sequence[IndexEntry]] = field(default_factory=dict)
    tags_read: dict[str, Sequence[str]] = field(default_factory=dict)

    def indexes_of(self, digest: str) -> list[str]:
        """The indexes that list an image, deleted ones among them."""
        return [
            index
            for index, entries in self.entries.items()
            if any(entry.digest == digest for entry in entries)
        ]

    def has_index_of(self, digest: str) -> bool:
        """Whether an index that is there lists an image."""
        return any(map(self.images.get, self.indexes_of(digest)))

    def wholes(self) -> dict[str, Whole | None]:
        """What tags may stand on, by digest."""
        return {
            digest: self._whole(image) if image else None for digest, image in self.images.items()
        }

    def listed(self, digest: str) -> Image | None:
        """An image with what its indexes say of it; None where it was deleted."""
        image = self.images[digest]
        if image is None:
            return None
        indexes = self._live_indexes_of(digest)
        tags = (tag for index in indexes.values() for tag in index.tags)
        entries = [each for index in indexes for each in self.entries[index]]
        own = [each for each in entries if each.digest == digest]
        return replace(
            image,
            index_digests=tuple(indexes),
            index_tags=tuple(dict.fromkeys(tags)),
            platform=next(filter(None, self._platforms(digest).values()), ""),
            attestation=bool(own) and all(entry.attestation for entry in own),
        )

    def places(self, digest: str) -> dict[str, str]:
        """The platforms that an image is for, by the digest of each whole that it is part of.

        It is one itself where it is in no index, or has tags of its own; a deleted one is in none.
        """
        image = self.images[digest]
        if image is None:
            return {}
        places = self._platforms(digest)
        return {**places, digest: ""} if image.tags or not places else places

    def _platforms(self, digest: str) -> dict[str, str]:
        return {
            index: platforms_of(self.entries[index]).get(digest, "")
            for index in self._live_indexes_of(digest)
        }

    def _live_indexes_of(self, digest: str) -> dict[str, Image]:
        return {
            index: image
            for index in self.indexes_of(digest)
            if (image := self.images.get(index)) is not None
        }

    def _whole(self, image: Image) -> Whole:
        entries = self.entries.get(image.digest, ())
        platforms = platforms_of(entries).values() if image.is_manifest_list else [""]
        return Whole(
            image.digest,
            image.pushed_at or LONG_AGO,
            frozenset(image.tags),
            frozenset(platforms) or None,
        )
