"""Image indexes: one tag for the images of several platforms, which have no tags of their own."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from chalicelib.ecr.images import Image


def children_of(manifest: str) -> tuple[str, ...]:
    """The digests that an index's manifest lists; none when it is no index.

    Source: OCI image specification, "Image Index".
    """
    try:
        descriptors = json.loads(manifest).get("manifests", ())
        return tuple(descriptor["digest"] for descriptor in descriptors)
    except (ValueError, AttributeError, KeyError, TypeError):
        return ()


def with_indexes(images: Iterable[Image], children: Mapping[str, Sequence[str]]) -> list[Image]:
    """The images, each with the tags and digests of the indexes which it is part of.

    ``children`` are the digests of each index's children, by the index's digest. An image counts
    as pulled when an index of its was, for which image of an index was pulled is not recorded.
    """
    images = list(images)
    parents: dict[str, list[Image]] = defaultdict(list)
    for image in images:
        for digest in children.get(image.digest, ()):
            parents[digest].append(image)
    return [
        _child(image, parents[image.digest]) if image.digest in parents else image
        for image in images
    ]


def _child(image: Image, indexes: Sequence[Image]) -> Image:
    pulls = [each.pulled_at for each in (image, *indexes) if each.pulled_at]
    return replace(
        image,
        index_digests=tuple(index.digest for index in indexes),
        index_tags=tuple(dict.fromkeys(tag for index in indexes for tag in index.tags)),
        pulled_at=max(pulls, default=None),
    )
