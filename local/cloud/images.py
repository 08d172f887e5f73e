"""The images that a registry holds, with the state of their scans."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypedDict

from local.cloud.findings import NO_FINDINGS, Findings
from local.images import (
    DOCKER_IMAGE,
    DOCKER_MANIFEST,
    INDEX_MEDIA_TYPES,
    SCANNABLE_ARTIFACT_TYPES,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from local.cloud.findings import Shape

UNSUPPORTED = (
    "UnsupportedImageError: The operating system and/or package manager are not supported."
)
"""How ECR describes the scan of an image FROM scratch, of an unknown distribution, or of no image.

Sources: aws-observability/aws-otel-collector 2193, aws/containers-roadmap 2066, 2644.
"""


def epoch(moment: datetime) -> float:
    """Return a timestamp of the AWS JSON protocols."""
    return moment.timestamp()


class ImageFields(TypedDict, total=False):
    """What can be said of an image that is added or pushed; see :class:`Image`."""

    tags: tuple[str, ...]
    size_in_bytes: int
    media_type: str
    artifact_media_type: str
    status: str
    last_pulled_at: datetime | None
    archived_at: datetime | None
    subject_digest: str | None
    children: tuple[str, ...]
    platform: str
    attests: str | None
    in_use_count: int
    last_in_use_at: datetime | None
    next_scan_status: str
    next_scan_description: str
    scan_status: str | None
    scan_description: str


class NewImage(ImageFields, total=False):
    """What can be said of an image with its findings; see :meth:`Contents.hold_image`."""

    digest: str | None
    findings: Findings | Mapping[str, int]
    unsupported: bool


@dataclass(slots=True, eq=False)
class Image:
    """One manifest of a repository, known by its digest, with the state of its scans.

    ``findings`` is what a scan begun now would find; ``reported`` is what the last completed scan
    found. ``platform`` is os/architecture/variant, ``children`` are the manifests of an index,
    ``attests`` is the digest of the image that an attestation manifest of ``docker buildx`` is
    about. ``next_scan_status`` is how scans yet to come end.
    """

    sequence: int
    digest: str
    pushed_at: datetime
    tags: tuple[str, ...] = ()
    size_in_bytes: int = 52_428_800
    media_type: str = DOCKER_MANIFEST
    artifact_media_type: str = DOCKER_IMAGE
    status: str = "ACTIVE"
    last_pulled_at: datetime | None = None
    archived_at: datetime | None = None
    subject_digest: str | None = None
    children: tuple[str, ...] = ()
    platform: str = ""
    attests: str | None = None
    in_use_count: int = 0
    last_in_use_at: datetime | None = None
    findings: Findings = NO_FINDINGS
    next_scan_status: str = "COMPLETE"
    next_scan_description: str = ""
    scan_status: str | None = None
    scan_description: str = ""
    scan_started_at: datetime | None = None
    scan_completed_at: datetime | None = None
    reported: Findings | None = None

    @property
    def is_index(self) -> bool:
        """Whether this is an image index, which has platform images and no layers."""
        return self.media_type in INDEX_MEDIA_TYPES

    @property
    def is_scannable(self) -> bool:
        """Whether ECR starts a scan of this kind of manifest at all."""
        return not self.is_index and self.artifact_media_type in SCANNABLE_ARTIFACT_TYPES

    @property
    def is_unsupported(self) -> bool:
        """Whether a scan has found that it cannot scan this."""
        return self.scan_description == UNSUPPORTED or self.scan_status == "UNSUPPORTED_IMAGE"

    @property
    def architecture(self) -> str:
        """The architecture of the platform, amd64 where none was given."""
        return self.platform.split("/")[1] if self.platform else "amd64"

    def identifier(self, requested: Mapping[str, str]) -> Shape:
        """Return the ImageIdentifier with the digest, and the tag that was asked for."""
        return {"imageDigest": self.digest, **requested}

    def be_unsupported(self) -> None:
        """Let every scan to come end as basic scanning ends that of an unsupported image."""
        self.next_scan_status, self.next_scan_description = "FAILED", UNSUPPORTED

    def begin_scan(self, moment: datetime) -> None:
        """Enter IN_PROGRESS; the report of the scan before stays until the next one is done."""
        self.scan_status = "IN_PROGRESS"
        self.scan_description = ""
        self.scan_started_at = moment

    def end_scan(self, moment: datetime) -> None:
        """Enter the status that was set for this scan, with a report when it is COMPLETE."""
        self.scan_status = self.next_scan_status
        self.scan_description = self.next_scan_description
        if self.scan_status == "COMPLETE":
            self.report(moment)

    def report(self, moment: datetime) -> None:
        """Keep what a scan that was completed at this moment has found."""
        self.scan_completed_at = moment
        self.reported = self.findings
