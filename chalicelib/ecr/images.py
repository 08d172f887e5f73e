"""The images of a repository, as the scanner sees them."""

import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

MANIFEST_LISTS = frozenset(
    {
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.oci.image.index.v1+json",
    }
)
_IMAGE_CONFIGS = frozenset(
    {
        "application/vnd.docker.container.image.v1+json",
        "application/vnd.oci.image.config.v1+json",
    }
)
# How cosign names what it attaches to an image, in registries that know no referrers.
_ATTACHMENT_TAG = re.compile(r"sha256-[0-9a-f]{64}(\.(sig|att|sbom))?")

MOST_TAGS = 100
"""The most tags of an image that are followed from build to build."""


@dataclass(frozen=True, slots=True)
class Image:
    """One image digest of a repository, with every tag that names it.

    Times are timezone-aware. ``index_tags`` and ``index_digests`` are those of the indexes which
    the image is part of, ``platform`` and ``attestation`` what these say of it, as far as they were
    read; see :func:`chalicelib.ecr.indexes.with_indexes`.
    """

    digest: str
    tags: tuple[str, ...] = ()
    manifest_media_type: str | None = None
    artifact_media_type: str | None = None
    subject_digest: str | None = None
    archived: bool = False
    pushed_at: datetime | None = None
    pulled_at: datetime | None = None
    index_digests: tuple[str, ...] = ()
    index_tags: tuple[str, ...] = ()
    platform: str = ""
    attestation: bool = False

    @property
    def all_tags(self) -> tuple[str, ...]:
        """The image's own tags, and those of the indexes that it is part of."""
        return tuple(dict.fromkeys(self.tags + self.index_tags))

    @property
    def is_manifest_list(self) -> bool:
        """Whether this is an index of images for several platforms, not an image itself."""
        return self.manifest_media_type in MANIFEST_LISTS

    @property
    def is_artifact(self) -> bool:
        """Whether this is a Helm chart, a signature, an attestation or the like."""
        if self.attestation or self.subject_digest is not None:
            return True
        if self.artifact_media_type not in _IMAGE_CONFIGS | {None}:
            return True
        return bool(self.tags) and all(_ATTACHMENT_TAG.fullmatch(tag) for tag in self.tags)


def followed(tags: Iterable[str]) -> list[str]:
    """The tags that are followed from build to build, short ones before long."""
    return sorted(tags, key=lambda tag: (len(tag), tag))[:MOST_TAGS]


def images_of(details: Iterable[Mapping[str, Any]]) -> list[Image]:
    """One image a digest, however many of the ``imageDetails`` of DescribeImages name it."""
    images: dict[str, Image] = {}
    for detail in details:
        image = _image(detail)
        twin = images.get(image.digest)
        tags = image.tags if twin is None else tuple(dict.fromkeys(twin.tags + image.tags))
        images[image.digest] = replace(image, tags=tags)
    return list(images.values())


def _image(detail: Mapping[str, Any]) -> Image:
    return Image(
        digest=detail["imageDigest"],
        tags=tuple(detail.get("imageTags", ())),
        manifest_media_type=_interned(detail.get("imageManifestMediaType")),
        artifact_media_type=_interned(detail.get("artifactMediaType")),
        subject_digest=detail.get("subjectManifestDigest"),
        archived=detail.get("imageStatus", "ACTIVE") != "ACTIVE",
        pushed_at=_utc(detail.get("imagePushedAt")),
        pulled_at=_utc(detail.get("lastRecordedPullTime")),
    )


def _interned(text: str | None) -> str | None:
    # The images of a large repository share a few texts.
    return text and sys.intern(text)


def _utc(moment: datetime | None) -> datetime | None:
    return moment and moment.astimezone(UTC)
