"""What ECR tells when a scan has ended."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chalicelib.fields import Fields


class EventError(ValueError):
    """An event that is not a scan's end: says which key is wrong and what is accepted."""


@dataclass(frozen=True)
class ScanResult:
    """The end of one image's scan; ``time`` is when, in ISO 8601."""

    account: str
    region: str
    repository: str
    image_digest: str
    image_tags: tuple[str, ...]
    status: str
    severity_counts: Mapping[str, int]
    time: str

    @property
    def failed(self) -> bool:
        """Whether the scan ended without findings being known."""
        return self.status == "FAILED"

    @property
    def image_name(self) -> str:
        """The image's tags, or its digest where it has none."""
        return ", ".join(self.image_tags) or self.image_digest

    @classmethod
    def from_event(cls, event: Any) -> "ScanResult":
        """Read an EventBridge event of the detail type ``ECR Image Scan``.

        ``finding-severity-counts`` has only the severities that were found, and a failed scan
        none. Source: ECR user guide, "Amazon ECR events and EventBridge".

        :raises EventError: for a key that is missing or of the wrong type.
        """
        fields = Fields(event, EventError)
        detail = fields.object("detail")
        return cls(
            account=fields.text("account"),
            region=fields.text("region"),
            time=fields.text("time"),
            repository=detail.text("repository-name"),
            image_digest=detail.text("image-digest"),
            image_tags=detail.optional(detail.texts, "image-tags") or (),
            status=detail.text("scan-status"),
            severity_counts=detail.optional(detail.counts, "finding-severity-counts") or {},
        )
