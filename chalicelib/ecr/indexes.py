"""Image indexes: one tag for the images of several platforms, which have no tags of their own."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from chalicelib.ecr.images import Image

_UNKNOWN = "unknown/unknown"


@dataclass(frozen=True, slots=True)
class IndexEntry:
    """What an index lists: an image, or an attestation about one of its images.

    ``platform`` is ``os/architecture`` and the variant, if any, such as ``linux/arm64/v8``; empty
    where the index does not say.
    """

    digest: str
    platform: str = ""
    attestation: bool = False


class ReadIndex(NamedTuple):
    """An index as it was read: what it lists, and the tags by which it was followed then."""

    entries: tuple[IndexEntry, ...]
    tags: tuple[str, ...] = ()


def entries_of(manifest: str) -> tuple[IndexEntry, ...]:
    """What an index's manifest lists; nothing when it is no index.

    BuildKit marks an attestation by its platform, unknown/unknown, and by an annotation. Sources:
    OCI image specification, "Image Index"; BuildKit, "Image Attestation Storage".
    """
    try:
        return tuple(map(_entry, json.loads(manifest).get("manifests", ())))
    except (ValueError, AttributeError, KeyError, TypeError):
        return ()


def _entry(descriptor: Mapping[str, Any]) -> IndexEntry:
    platform = descriptor.get("platform") or {}
    names = (platform.get("os"), platform.get("architecture"), platform.get("variant"))
    text = "/".join(name for name in names if name)
    kind = (descriptor.get("annotations") or {}).get("vnd.docker.reference.type")
    attestation = kind == "attestation-manifest" or text == _UNKNOWN
    return IndexEntry(descriptor["digest"], "" if attestation else text, attestation)


def with_indexes(
    images: Iterable[Image], entries: Mapping[str, Sequence[IndexEntry]]
) -> list[Image]:
    """The images, each with what the indexes say of it that it is part of.

    ``entries`` are what each index lists, by the index's digest. An image counts as pulled when an
    index of its was, for which image of an index was pulled is not recorded.
    """
    images = list(images)
    parents: dict[str, list[tuple[Image, IndexEntry]]] = defaultdict(list)
    for image in images:
        for entry in entries.get(image.digest, ()):
            parents[entry.digest].append((image, entry))
    return [
        _listed(image, parents[image.digest]) if image.digest in parents else image
        for image in images
    ]


def _listed(image: Image, parents: Sequence[tuple[Image, IndexEntry]]) -> Image:
    indexes = [index for index, _ in parents]
    pulls = [each.pulled_at for each in (image, *indexes) if each.pulled_at]
    return replace(
        image,
        index_digests=tuple(index.digest for index in indexes),
        index_tags=tuple(dict.fromkeys(tag for index in indexes for tag in index.tags)),
        pulled_at=max(pulls, default=None),
        platform=next((entry.platform for _, entry in parents if entry.platform), ""),
        attestation=all(entry.attestation for _, entry in parents),
    )


def platforms_of(entries: Iterable[IndexEntry]) -> dict[str, str]:
    """The platforms of an index's images, by digest, without its attestations.

    Images for one platform, as there are for versions of Windows, are numbered in their order.
    """
    platforms: dict[str, str] = {}
    for entry in entries:
        if not entry.attestation and entry.digest not in platforms:
            same = [each for each in platforms.values() if each.partition(" ")[0] == entry.platform]
            number = f" {len(same) + 1}" if same else ""
            platforms[entry.digest] = f"{entry.platform}{number}"
    return platforms
