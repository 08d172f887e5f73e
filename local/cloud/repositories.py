"""A repository: its images in order, by digest and by tag."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field
from operator import attrgetter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from local.cloud.images import Image

_BY_SEQUENCE = attrgetter("sequence")


@dataclass(slots=True, eq=False)
class Repository:
    """A named collection of images, in the order in which they were pushed."""

    name: str
    created_at: datetime
    scan_on_push: bool = False
    tags: dict[str, str] = field(default_factory=dict)
    images: dict[str, Image] = field(default_factory=dict)
    _ordered: list[Image] = field(default_factory=list)
    _by_tag: dict[str, Image] = field(default_factory=dict)

    def add(self, image: Image) -> None:
        """Hold an image; its tags leave the images that had them.

        Pushing a digest again is but tagging it: see `tag`.
        """
        if image.digest in self.images:
            raise ValueError(f"{self.name} has an image with digest {image.digest}")
        tags, image.tags = image.tags, ()
        self.images[image.digest] = image
        self._ordered.append(image)
        for tag in tags:
            self.tag(image, tag)

    def tag(self, image: Image, tag: str) -> None:
        """Point a tag at an image; the image that had it loses it."""
        previous = self._by_tag.get(tag)
        if previous is image:
            return
        if previous is not None:
            previous.tags = tuple(name for name in previous.tags if name != tag)
        self._by_tag[tag] = image
        image.tags += (tag,)

    def remove(self, image: Image) -> None:
        """Forget an image and its tags."""
        del self.images[image.digest]
        del self._ordered[bisect_left(self._ordered, image.sequence, key=_BY_SEQUENCE)]
        for tag in image.tags:
            del self._by_tag[tag]

    def find(self, digest: str | None, tag: str | None) -> Image | None:
        """Return the image that has this digest and this tag, where each is given."""
        image = self.images.get(digest) if digest else self._by_tag.get(tag or "")
        if image is None or (tag and tag not in image.tags):
            return None
        return image

    def after(self, sequence: int) -> Iterator[Image]:
        """Return the images that were pushed after the one with this sequence number."""
        start = bisect_right(self._ordered, sequence, key=_BY_SEQUENCE)
        return (self._ordered[index] for index in range(start, len(self._ordered)))
