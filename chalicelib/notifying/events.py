"""What ECR and Amazon Inspector tell: a scan ended, a finding changed, an image was deleted."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from chalicelib.ecr.findings import Finding, severity_counts
from chalicelib.ecr.findings_reader import told_finding
from chalicelib.ecr.registries import RegistryAddress
from chalicelib.ecr.scan_statuses import ScanKind, kind_of
from chalicelib.ecr.severities import severity_of
from chalicelib.settings.fields import Fields

BASIC_STATUSES = frozenset({"COMPLETE", "FAILED"})
"""How basic scans end. Source: ECR user guide, "Amazon ECR events and EventBridge"."""


class EventError(ValueError):
    """An event of another kind: says which key is wrong and what is accepted."""


@dataclass(frozen=True)
class Deletion:
    """An image of which a tag, or all, was deleted."""

    account: str
    region: str
    repository: str
    image_digest: str

    @property
    def address(self) -> RegistryAddress:
        """The registry that the image was in."""
        return RegistryAddress(self.account, self.region)

    @property
    def place(self) -> str:
        """The account, region and name of the repository, with slashes between."""
        return f"{self.account}/{self.region}/{self.repository}"


@dataclass(frozen=True)
class ScanResult:
    """The end of one image's scan; ``time`` is when, in ISO 8601.

    ``severity_counts`` are the counts that the event tells, None where it tells none, and
    ``unlisted`` how many findings more there are by its total. ``finding_severity`` is set where
    one finding changed: the counts are then to be looked up; ``finding`` is that finding, as far as
    the event tells it whole. ``description`` is why a scan failed, which no event says.
    """

    account: str
    region: str
    repository: str
    image_digest: str
    image_tags: tuple[str, ...]
    status: str
    severity_counts: Mapping[str, int] | None
    time: str
    finding_severity: str | None = None
    event_id: str = ""
    unlisted: int = 0
    description: str = ""
    finding: Finding | None = None

    @property
    def identity(self) -> str:
        """What is the same when an event is delivered again, and of no other event."""
        parts = (self.account, self.region, self.repository, self.image_digest, self.status)
        text = "\n".join((*parts, self.time)).encode(errors="surrogatepass")
        return self.event_id or hashlib.sha256(text).hexdigest()

    @property
    def address(self) -> RegistryAddress:
        """The registry that the image is in."""
        return RegistryAddress(self.account, self.region)

    @property
    def kind(self) -> ScanKind:
        """How the scan ended."""
        return kind_of(self.status, self.description)

    @property
    def ended_at(self) -> int:
        """When the scan ended, in seconds since the epoch."""
        return int(datetime.fromisoformat(self.time).timestamp())

    @property
    def place(self) -> str:
        """The account, region and name of the repository, with slashes between."""
        return f"{self.account}/{self.region}/{self.repository}"

    @property
    def place_in_use(self) -> str:
        """The place of the image by itself, as one in use; no repository's name has an ``@``."""
        return f"{self.place}@{self.image_digest}"

    @property
    def about(self) -> dict[str, str]:
        """What log lines say of it."""
        return {
            "repository": self.repository,
            "image_digest": self.image_digest,
            "scan_status": self.status,
        }

    @property
    def complete(self) -> bool:
        """Whether the findings are known: after a basic scan, and after each of Inspector's."""
        return self.kind is ScanKind.KNOWN

    @property
    def failed(self) -> bool:
        """Whether the scan ended without findings being known, for a reason that may pass."""
        return self.kind is ScanKind.FAILED

    @property
    def is_basic(self) -> bool:
        """Whether a basic scan ended; Inspector says otherwise of its own."""
        return self.status in BASIC_STATUSES and self.finding_severity is None

    @property
    def number(self) -> int | None:
        """How many findings the event tells of, of whatever severity; None where it tells not."""
        if self.severity_counts is None:
            return None
        return sum(self.severity_counts.values()) + self.unlisted

    @property
    def counts_known(self) -> bool:
        """Whether the event tells of every finding what severity it has."""
        return self.severity_counts is not None and not self.unlisted

    @property
    def image_name(self) -> str:
        """The image's tags, or its digest where it has none."""
        return ", ".join(self.image_tags) or self.image_digest

    @classmethod
    def from_event(cls, event: Any) -> "ScanResult":
        """Read an EventBridge event that :mod:`chalicelib.settings.event_pattern` lets through.

        ``finding-severity-counts`` has only the severities that were found, and a failed scan
        none. Inspector has three of them, found or not, and a total in which the others are too; it
        names the repository by its ARN. Sources: as of that module.

        :raises EventError: for a key that is missing or of the wrong type.
        """
        fields = Fields(event, EventError)
        if fields.optional(fields.text, "detail-type") == "Inspector2 Finding":
            return cls._from_finding(fields)
        detail = fields.object("detail")
        counts = detail.optional(detail.counts, "finding-severity-counts")
        name = detail.text("repository-name")
        return cls(
            account=fields.text("account"),
            region=fields.text("region"),
            time=fields.moment("time"),
            repository=name.partition(":repository/")[2] or name,
            image_digest=detail.text("image-digest"),
            image_tags=detail.optional(detail.texts, "image-tags") or (),
            status=detail.text("scan-status"),
            severity_counts=None if counts is None else severity_counts(counts),
            event_id=fields.optional(fields.text, "id") or "",
            unlisted=_unlisted(counts or {}),
        )

    @classmethod
    def _from_finding(cls, fields: Fields) -> "ScanResult":
        """Read an event about one finding of Amazon Inspector, in its first resource."""
        detail = fields.object("detail")
        image = detail.first_object("resources").object("details").object("awsEcrContainerImage")
        return cls(
            account=image.optional(image.text, "registry") or fields.text("account"),
            region=fields.text("region"),
            time=fields.moment("time"),
            repository=image.text("repositoryName"),
            image_digest=image.text("imageHash"),
            image_tags=image.optional(image.texts, "imageTags") or (),
            status=detail.text("status"),
            severity_counts=None,
            finding_severity=severity_of(detail.text("severity")),
            finding=told_finding(fields.mapping("detail")),
            event_id=fields.optional(fields.text, "id") or "",
        )


def _unlisted(counts: Mapping[str, int]) -> int:
    """How many findings are in the total and in no severity's count."""
    return max(0, counts.get("TOTAL", 0) - sum(severity_counts(counts).values()))


def event_of(event: Any) -> ScanResult | Deletion:
    """Read an EventBridge event that :mod:`chalicelib.settings.event_pattern` lets through.

    :raises EventError: for a key that is missing or of the wrong type.
    """
    fields = Fields(event, EventError)
    if fields.optional(fields.text, "detail-type") != "ECR Image Action":
        return ScanResult.from_event(event)
    detail = fields.object("detail")
    return Deletion(
        account=fields.text("account"),
        region=fields.text("region"),
        repository=detail.text("repository-name"),
        image_digest=detail.text("image-digest"),
    )
