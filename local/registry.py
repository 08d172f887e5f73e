"""The state of the local registry: its images, its scans over time, its faults."""

from __future__ import annotations

import hashlib
import heapq
import uuid
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from threading import RLock
from typing import TYPE_CHECKING

from local.faults import EcrError, Faults
from local.images import (
    DOCKER_IMAGE,
    DOCKER_MANIFEST,
    NO_FINDINGS,
    Findings,
    Image,
    Repository,
    Shape,
)
from local.operations import DAY, Operations

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from local.operations import ScanningRule


@dataclass(slots=True)
class Clock:
    """A clock that stands still until it is moved."""

    moment: datetime

    def __call__(self) -> datetime:
        """Return the time."""
        return self.moment

    def advance(self, duration: timedelta) -> None:
        """Let time pass."""
        self.moment += duration


class LocalRegistry:
    """The ECR registry of one account and region: its state, its operations, its clock.

    Set the attributes at any time. `calls` counts the requests by operation, refused ones
    included, and `errors` the refusals by error code.
    """

    def __init__(
        self,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        account_id: str = "123456789012",
        region: str = "eu-west-1",
    ) -> None:
        self.now = now
        self.account_id = account_id
        self.region = region
        self.repositories: dict[str, Repository] = {}
        self.calls: Counter[str] = Counter()
        self.errors: Counter[str] = Counter()
        self.faults = Faults()
        self.scan_type = "BASIC"
        self.scanning_rules: list[ScanningRule] = []
        self.reports_scans_in_describe_images = True
        self.scan_duration = timedelta(seconds=30)
        self.scans_per_day: int | None = 100_000
        self._lock = RLock()
        self._sequence = count(1)
        self._scans_in_progress: list[tuple[datetime, int, Repository, Image]] = []
        self._recent_scans: list[datetime] = []
        self._events: list[Shape] = []
        self._operations = Operations(self)

    # State

    def add_repository(
        self,
        name: str,
        *,
        created_at: datetime | None = None,
        scan_on_push: bool = False,
        tags: Mapping[str, str] | None = None,
    ) -> Repository:
        """Create a repository, with resource tags."""
        repository = Repository(name, created_at or self.now(), scan_on_push, dict(tags or {}))
        self.repositories[name] = repository
        return repository

    def add_image(
        self,
        repository_name: str,
        *,
        tags: tuple[str, ...] = (),
        digest: str | None = None,
        pushed_at: datetime | None = None,
        size_in_bytes: int = 52_428_800,
        media_type: str = DOCKER_MANIFEST,
        artifact_media_type: str = DOCKER_IMAGE,
        status: str = "ACTIVE",
        last_pulled_at: datetime | None = None,
        archived_at: datetime | None = None,
        subject_digest: str | None = None,
        children: tuple[str, ...] = (),
        findings: Findings | Mapping[str, int] = NO_FINDINGS,
        scanned_at: datetime | None = None,
        scan_status: str | None = None,
        scan_description: str = "",
        next_scan_status: str = "COMPLETE",
        next_scan_description: str = "",
    ) -> Image:
        """Hold an image, in a repository which is created if need be.

        `findings` (or only their counts by severity) are what every scan finds. An image
        with `scanned_at` has had a scan, COMPLETE unless `scan_status` says otherwise; an
        IN_PROGRESS one began then. `next_scan_status` is how scans yet to come end.
        """
        repository = self.repositories.get(repository_name) or self.add_repository(repository_name)
        sequence = next(self._sequence)
        image = Image(
            sequence,
            digest or _digest(f"{repository_name}@{sequence}"),
            pushed_at or scanned_at or self.now(),
            tags=tags,
            size_in_bytes=size_in_bytes,
            media_type=media_type,
            artifact_media_type=artifact_media_type,
            status=status,
            last_pulled_at=last_pulled_at,
            archived_at=archived_at,
            subject_digest=subject_digest,
            children=children,
            findings=findings if isinstance(findings, Findings) else Findings.counting(findings),
            next_scan_status=next_scan_status,
            next_scan_description=next_scan_description,
            scan_status=scan_status,
            scan_description=scan_description,
        )
        with self._lock:
            repository.add(image)
            if scanned_at is not None:
                self._add_past_scan(repository, image, scanned_at)
        return image

    def _add_past_scan(self, repository: Repository, image: Image, moment: datetime) -> None:
        image.scan_started_at = moment
        image.scan_status = image.scan_status or "COMPLETE"
        if image.scan_status in ("COMPLETE", "ACTIVE"):
            image.report(moment)
        self._count_scan(moment)
        if image.scan_status == "IN_PROGRESS":
            self._await_scan(repository, image, moment)

    def remove_image(self, repository_name: str, digest: str) -> None:
        """Delete an image, as BatchDeleteImage or a lifecycle policy would."""
        repository = self.repositories[repository_name]
        with self._lock:
            repository.remove(repository.images[digest])

    # Scans over time

    def begin_scan(self, repository: Repository, image: Image) -> None:
        """Scan an image, without a look at the limits, until `scan_duration` has passed."""
        moment = self.now()
        image.begin_scan(moment)
        self._count_scan(moment)
        self._await_scan(repository, image, moment)

    def scans_in_the_last_day(self) -> int:
        """Return how many scans, on-push ones included, began less than 24 hours ago."""
        moment = self.now()
        while self._recent_scans and moment - self._recent_scans[0] >= DAY:
            heapq.heappop(self._recent_scans)
        return len(self._recent_scans)

    def finish_scans(self) -> None:
        """Complete every scan in progress now, however long it should have taken."""
        with self._lock:
            while self._scans_in_progress:
                _, _, repository, image = heapq.heappop(self._scans_in_progress)
                self._end_scan(repository, image, self.now())

    def completed_events(self) -> list[Shape]:
        """Return the EventBridge events of the scans completed since the last call."""
        with self._lock:
            self._end_due_scans()
            events, self._events = self._events, []
            return events

    def _count_scan(self, begun_at: datetime) -> None:
        if self.now() - begun_at < DAY:
            heapq.heappush(self._recent_scans, begun_at)

    def _await_scan(self, repository: Repository, image: Image, begun_at: datetime) -> None:
        due = begun_at + self.scan_duration
        heapq.heappush(self._scans_in_progress, (due, image.sequence, repository, image))

    def _end_due_scans(self) -> None:
        moment = self.now()
        while self._scans_in_progress and self._scans_in_progress[0][0] <= moment:
            due, _, repository, image = heapq.heappop(self._scans_in_progress)
            self._end_scan(repository, image, due)

    def _end_scan(self, repository: Repository, image: Image, moment: datetime) -> None:
        if repository.images.get(image.digest) is image:
            image.end_scan(moment)
            self._events.append(self._scan_event(repository, image, moment))

    def _scan_event(self, repository: Repository, image: Image, moment: datetime) -> Shape:
        """Return the event of the user guide's "Event for a completed image scan".

        Severities without findings are absent from the counts. What a scan that is not
        COMPLETE counts is not documented: here, nothing.
        """
        is_complete = image.scan_status == "COMPLETE"
        found = image.reported if is_complete and image.reported else NO_FINDINGS
        arn = self.repository_arn(repository.name)
        return {
            "version": "0",
            "id": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{arn}@{image.digest}@{moment}")),
            "detail-type": "ECR Image Scan",
            "source": "aws.ecr",
            "account": self.account_id,
            "time": moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "region": self.region,
            "resources": [arn],
            "detail": {
                "scan-status": image.scan_status,
                "repository-name": repository.name,
                "finding-severity-counts": dict(found.severity_counts),
                "image-digest": image.digest,
                "image-tags": list(image.tags),
            },
        }

    def repository_arn(self, name: str) -> str:
        """Return the ARN of a repository."""
        return f"arn:aws:ecr:{self.region}:{self.account_id}:repository/{name}"

    # Requests, and their faults

    def fail_next(self, operation: str, error_code: str, times: int = 1) -> None:
        """Answer the next calls of an operation with an error, such as a ServerException."""
        self.faults.fail_next(operation, error_code, times)

    def limit_rate(self, operation: str, rate: float, burst: float | None = None) -> None:
        """Answer ThrottlingException to calls beyond `rate` a second."""
        self.faults.limit_rate(operation, rate, burst)

    def answer(self, operation: str, request: Shape) -> Shape:
        """Answer one request of the ECR API, or raise the EcrError that it gives."""
        self.faults.delay()
        with self._lock:
            self.calls[operation] += 1
            try:
                self.faults.check(operation)
                self._end_due_scans()
                return self._operations.answer(operation, request)
            except EcrError as error:
                self.errors[error.code] += 1
                raise


def _digest(text: str) -> str:
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"
