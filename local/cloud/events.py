"""The events of scans on EventBridge, some of which are lost, late or repeated."""

from __future__ import annotations

import heapq
import uuid
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import count
from random import Random
from typing import TYPE_CHECKING, Any

from local.cloud.enhanced import enhanced_counts, inspector_finding
from local.cloud.findings import NO_FINDINGS

if TYPE_CHECKING:
    from local.cloud.findings import Finding, Shape
    from local.cloud.images import Image


class EventBus:
    """Hands on events as well as it can: each rate is a share of all, none by default.

    ECR sends its events on a best effort basis, and EventBridge delivers at least once, in no
    order. Sources: ECR user guide, "Amazon ECR events and EventBridge"; EventBridge user guide,
    "Event delivery". A repeated event has the id of the first. ``chance`` can be seeded,
    ``counts`` says how many were sent, lost, late and repeated.
    """

    def __init__(self) -> None:
        self.lost = 0.0
        self.late = 0.0
        self.repeated = 0.0
        self.latest = timedelta(hours=1)
        self.chance = Random(0)
        self.counts: Counter[str] = Counter()
        self._numbers = count()
        self._waiting: list[tuple[datetime, int, Shape]] = []

    def send(self, event: Shape, moment: datetime) -> None:
        """Take an event, to be delivered at that moment or later."""
        self.counts["sent"] += 1
        if self._happens("lost", self.lost):
            return
        self._deliver(event, moment + self._delay("late", self.late))
        if self._happens("repeated", self.repeated):
            self._deliver(event, moment + self._delay("late", self.late))

    def delivered(self, moment: datetime) -> list[Shape]:
        """Return the events that arrive until this moment, each delivery once."""
        arrived = []
        while self._waiting and self._waiting[0][0] <= moment:
            arrived.append(heapq.heappop(self._waiting)[2])
        return arrived

    def _deliver(self, event: Shape, moment: datetime) -> None:
        heapq.heappush(self._waiting, (moment, next(self._numbers), event))

    def _delay(self, name: str, rate: float) -> timedelta:
        return self.chance.random() * self.latest if self._happens(name, rate) else timedelta()

    def _happens(self, name: str, rate: float) -> bool:
        if not rate or self.chance.random() >= rate:
            return False
        self.counts[name] += 1
        return True


def basic_scan_event(repository_arn: str, image: Image, moment: datetime) -> Shape:
    """Return the event of a basic scan that ended at this moment.

    Severities without findings are absent from the counts; what a scan that is not COMPLETE counts
    is not documented: here, nothing. Source: ECR user guide, "Event for a completed image scan".
    """
    found = image.reported if image.scan_status == "COMPLETE" else None
    detail = {
        "scan-status": image.scan_status,
        "repository-name": repository_arn.partition(":repository/")[2],
        "finding-severity-counts": dict((found or NO_FINDINGS).severity_counts),
    }
    return _event("aws.ecr", "ECR Image Scan", detail, repository_arn, image, moment)


def inspector_scan_event(repository_arn: str, image: Image, moment: datetime) -> Shape:
    """Return the event of Inspector's first scan of an image: the repository is named by its ARN.

    CRITICAL, HIGH and MEDIUM are counted, none as 0, and TOTAL, in which the others are too.
    Sources: ECR user guide, "Event for an initial image scan (enhanced scanning)", whose example
    counts 7, 61, 62 and 158 in total; Amazon Inspector user guide, "EventBridge event schema".
    """
    counts = enhanced_counts((image.reported or NO_FINDINGS).severity_counts)
    counted = {severity: counts.get(severity, 0) for severity in ("CRITICAL", "HIGH", "MEDIUM")}
    detail = {
        "scan-status": "INITIAL_SCAN_COMPLETE",
        "repository-name": repository_arn,
        "finding-severity-counts": counted | {"TOTAL": sum(counts.values())},
        "version": "1.0",
    }
    return _event("aws.inspector2", "Inspector2 Scan", detail, repository_arn, image, moment)


def inspector_finding_event(
    repository_arn: str, image: Image, finding: Finding, moment: datetime
) -> Shape:
    """Return the event of a finding that Inspector has made in an image.

    Source: Amazon Inspector user guide, "EventBridge event schema". Its times are ISO 8601.
    """
    detail = _with_dates(inspector_finding(finding, image, repository_arn))
    event = _event("aws.inspector2", "Inspector2 Finding", {}, repository_arn, image, moment)
    identity = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{detail['findingArn']}@{moment}"))
    resources = [f"{repository_arn}/{image.digest}"]
    return event | {"id": identity, "resources": resources, "detail": detail}


def _with_dates(shape: Any) -> Any:
    """A structure with its timestamps, whose names end in At, in ISO 8601."""
    if isinstance(shape, list):
        return [_with_dates(each) for each in shape]
    if not isinstance(shape, dict):
        return shape
    return {
        name: datetime.fromtimestamp(value, UTC).isoformat()
        if name.endswith("At")
        else _with_dates(value)
        for name, value in shape.items()
    }


def _event(
    source: str, kind: str, detail: Shape, repository_arn: str, image: Image, moment: datetime
) -> Shape:
    """Return an event whose time is that of the scan's end, whenever it arrives."""
    _, _, _, region, account, _ = repository_arn.split(":", 5)
    name = f"{repository_arn}@{image.digest}@{moment}"
    return {
        "version": "0",
        "id": str(uuid.uuid5(uuid.NAMESPACE_URL, name)),
        "detail-type": kind,
        "source": source,
        "account": account,
        "time": moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": region,
        "resources": [repository_arn],
        "detail": detail | {"image-digest": image.digest, "image-tags": list(image.tags)},
    }
