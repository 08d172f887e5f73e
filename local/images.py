"""What the local registry holds, and how Amazon ECR spells it in its answers."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from itertools import islice
from operator import attrgetter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

Shape = dict[str, Any]
"""A structure of the ECR API, ready for JSON; timestamps are seconds since the epoch."""

DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_MANIFEST_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"

DOCKER_IMAGE = "application/vnd.docker.container.image.v1+json"
OCI_IMAGE = "application/vnd.oci.image.config.v1+json"
HELM_CHART = "application/vnd.cncf.helm.config.v1+json"
COSIGN_SIGNATURE = "application/vnd.dev.cosign.simplesigning.v1+json"
IN_TOTO_ATTESTATION = "application/vnd.in-toto+json"

INDEX_MEDIA_TYPES = frozenset({DOCKER_MANIFEST_LIST, OCI_INDEX})
SCANNABLE_ARTIFACT_TYPES = frozenset({DOCKER_IMAGE, OCI_IMAGE})

SEVERITIES = ("CRITICAL", "HIGH", "MEDIUM", "LOW", "INFORMATIONAL", "UNDEFINED")
PLATFORMS = ("amd64", "arm64", "arm", "ppc64le", "s390x")


def epoch(moment: datetime) -> float:
    """Return a timestamp of the AWS JSON protocol."""
    return moment.timestamp()


@dataclass(frozen=True, slots=True)
class Finding:
    """One vulnerability of one package (ImageScanFinding and EnhancedImageScanFinding)."""

    name: str
    severity: str
    package_name: str = "openssl"
    package_version: str = "3.0.2-0ubuntu1.10"
    description: str = ""
    score: float | None = None
    vector: str = ""
    fixed_in_version: str = ""
    exploit_available: bool = False

    @property
    def uri(self) -> str:
        """Where the vulnerability is described."""
        return f"https://nvd.nist.gov/vuln/detail/{self.name}"

    def basic(self) -> Shape:
        """Return an ImageScanFinding: the package is told in `attributes`."""
        attributes = {"package_version": self.package_version, "package_name": self.package_name}
        if self.score is not None:
            attributes |= {"CVSS2_VECTOR": self.vector, "CVSS2_SCORE": f"{self.score:.1f}"}
        return {
            "name": self.name,
            "description": self.description,
            "uri": self.uri,
            "severity": self.severity,
            "attributes": [{"key": key, "value": value} for key, value in attributes.items()],
        }

    def enhanced(self) -> Shape:
        """Return an EnhancedImageScanFinding, less the image's own particulars."""
        fix = self.fixed_in_version
        return {
            "description": self.description,
            "packageVulnerabilityDetails": self._package_vulnerability_details(),
            "remediation": {"recommendation": {"text": "None Provided"}},
            "score": self.score or 0.0,
            "severity": enhanced_severity(self.severity),
            "status": "ACTIVE",
            "title": f"{self.name} - {self.package_name}",
            "type": "PACKAGE_VULNERABILITY",
            "fixAvailable": "YES" if fix else "NO",
            "exploitAvailable": "YES" if self.exploit_available else "NO",
        }

    def _package_vulnerability_details(self) -> Shape:
        package = {
            "name": self.package_name,
            "version": self.package_version,
            "packageManager": "OS",
            "arch": "X86_64",
        }
        if self.fixed_in_version:
            package["fixedInVersion"] = self.fixed_in_version
        return {
            "vulnerabilityId": self.name,
            "source": "NVD",
            "sourceUrl": self.uri,
            "vendorSeverity": self.severity.title(),
            "vulnerablePackages": [package],
        }


def enhanced_severity(severity: str) -> str:
    """Return Inspector's word for a severity: it calls UNDEFINED findings UNTRIAGED."""
    return "UNTRIAGED" if severity == "UNDEFINED" else severity


@dataclass(frozen=True, slots=True)
class Findings:
    """All that one scan finds, with the counts of the severities that occur."""

    entries: tuple[Finding, ...] = ()
    severity_counts: dict[str, int] = field(init=False)

    def __post_init__(self) -> None:
        found = Counter(entry.severity for entry in self.entries)
        counts = {severity: found[severity] for severity in SEVERITIES if found[severity]}
        object.__setattr__(self, "severity_counts", counts)

    @classmethod
    def counting(cls, severity_counts: Mapping[str, int]) -> Findings:
        """Return findings with these counts and placeholder entries, shared between calls."""
        return _placeholder_findings(tuple(sorted(severity_counts.items())))


NO_FINDINGS = Findings()


@lru_cache(maxsize=4096)
def _placeholder_findings(counts: tuple[tuple[str, int], ...]) -> Findings:
    severities = [severity for severity, count in counts for _ in range(count)]
    return Findings(
        tuple(Finding(f"CVE-2024-{10_000 + n}", level) for n, level in enumerate(severities))
    )


@dataclass(slots=True, eq=False)
class Image:
    """One manifest of a repository, known by its digest, with the state of its scans.

    `findings` is what a scan begun now would find; `reported` is what the last
    completed scan found.
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
        """Whether this is a manifest list, which has children and no layers."""
        return self.media_type in INDEX_MEDIA_TYPES

    @property
    def is_scannable(self) -> bool:
        """Whether ECR scans this kind of manifest at all."""
        return not self.is_index and self.artifact_media_type in SCANNABLE_ARTIFACT_TYPES

    def identifier(self, requested: Mapping[str, str]) -> Shape:
        """Return the ImageIdentifier with the digest, and the tag that was asked for."""
        return {"imageDigest": self.digest, **requested}

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

    def scan_state(self, *, enhanced: bool) -> Shape:
        """Return the ImageScanStatus; a done enhanced scan is ACTIVE, for it never ends."""
        if enhanced and self.scan_status == "COMPLETE":
            return {"status": "ACTIVE", "description": "Continuous scan is selected for image."}
        return {"status": self.scan_status, "description": self._scan_description()}

    def _scan_description(self) -> str:
        if self.scan_status == "COMPLETE":
            return "The scan was completed successfully."
        return self.scan_description

    def summary(self, *, enhanced: bool) -> Shape | None:
        """Return the ImageScanFindingsSummary of the last completed scan, if there is one."""
        if self.reported is None or self.scan_completed_at is None:
            return None
        counts = self.reported.severity_counts
        if enhanced:
            counts = {enhanced_severity(severity): count for severity, count in counts.items()}
        return {
            "imageScanCompletedAt": epoch(self.scan_completed_at),
            "vulnerabilitySourceUpdatedAt": _midnight(self.scan_completed_at),
            "findingSeverityCounts": counts,
        }

    def manifest(self, repository: Repository) -> Shape:
        """Return the manifest; its digest is not the hash of this text."""
        manifest: Shape = {"schemaVersion": 2, "mediaType": self.media_type}
        if self.is_index:
            return manifest | {"manifests": list(self._children(repository))}
        manifest["config"] = _descriptor(self.artifact_media_type, self.digest, 1_470)
        manifest["layers"] = []
        if self.subject_digest:
            manifest["subject"] = _descriptor(OCI_MANIFEST, self.subject_digest, 1_024)
        return manifest

    def _children(self, repository: Repository) -> Iterator[Shape]:
        for digest, architecture in zip(self.children, PLATFORMS, strict=False):
            child = repository.images.get(digest)
            media_type = child.media_type if child else OCI_MANIFEST
            platform = {"architecture": architecture, "os": "linux"}
            yield _descriptor(media_type, digest, 1_024) | {"platform": platform}


def _descriptor(media_type: str, digest: str, size: int) -> Shape:
    return {"mediaType": media_type, "digest": digest, "size": size}


def _midnight(moment: datetime) -> float:
    return epoch(moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0))


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
        """Point a tag at an image."""
        previous = self._by_tag.get(tag)
        if previous is not None:
            previous.tags = tuple(name for name in previous.tags if name != tag)
        self._by_tag[tag] = image
        image.tags += (tag,)

    def remove(self, image: Image) -> None:
        """Forget an image and its tags."""
        del self.images[image.digest]
        self._ordered.remove(image)
        for tag in image.tags:
            del self._by_tag[tag]

    def find(self, digest: str | None, tag: str | None) -> Image | None:
        """Return the image that has this digest and this tag, where each is given."""
        image = self.images.get(digest) if digest else self._by_tag.get(tag or "")
        if image is None or (tag and tag not in image.tags):
            return None
        return image

    def after(self, sequence: int) -> Iterable[Image]:
        """Return the images that were pushed after the one with this sequence number."""
        start = bisect_right(self._ordered, sequence, key=attrgetter("sequence"))
        return islice(self._ordered, start, None)
