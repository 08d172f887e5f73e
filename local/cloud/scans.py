"""Scans over time: when they begin and end, what limits them, what they are called meanwhile."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from local.cloud.contents import Contents
from local.cloud.events import (
    EventBus,
    basic_scan_event,
    inspector_finding_event,
    inspector_scan_event,
)
from local.cloud.faults import EcrError
from local.cloud.findings import Findings
from local.cloud.images import UNSUPPORTED

if TYPE_CHECKING:
    from local.cloud.findings import Finding, Shape
    from local.cloud.images import Image
    from local.cloud.repositories import Repository

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class ScanningRule:
    """A RegistryScanningRule: how often the repositories that match a wildcard are scanned."""

    frequency: str
    wildcards: tuple[str, ...] = ("*",)

    def matches(self, repository_name: str) -> tuple[str, ...]:
        """Return the wildcards that apply; one without an asterisk matches any part of a name."""
        return tuple(
            wildcard
            for wildcard in self.wildcards
            if fnmatchcase(repository_name, wildcard if "*" in wildcard else f"*{wildcard}*")
        )


class Scans(Contents):
    """A registry whose images are scanned, by AWS's own basic scanning or by Amazon Inspector.

    Set the attributes at any time: `scan_type` is BASIC or ENHANCED; a scan takes
    `scan_duration`, is PENDING for the first `pending_duration` of it and, of an image pushed
    less than `fresh_duration` before, not found for `unseen_duration`.
    """

    def __init__(self, **place: Any) -> None:
        super().__init__(**place)
        self.scan_type = "BASIC"
        self.scanning_rules: list[ScanningRule] = []
        self.scan_duration = timedelta(seconds=30)
        self.pending_duration = timedelta(seconds=5)
        self.fresh_duration = timedelta(minutes=1)
        self.unseen_duration = timedelta(seconds=10)
        self.scans_per_day: int | None = 100_000
        self.events = EventBus()
        self._in_progress: list[tuple[datetime, int, Repository, Image]] = []
        self._recent: list[datetime] = []

    @property
    def is_enhanced(self) -> bool:
        """Whether Amazon Inspector scans the registry."""
        return self.scan_type == "ENHANCED"

    def frequency(self, repository_name: str) -> tuple[str, tuple[str, ...]]:
        """Return how often a repository is scanned, and the wildcards that say so."""
        for rule in self.scanning_rules:
            if matching := rule.matches(repository_name):
                return rule.frequency, matching
        repository = self.repositories.get(repository_name)
        on_push = repository is not None and repository.scan_on_push and not self.is_enhanced
        return ("SCAN_ON_PUSH" if on_push else "MANUAL"), ()

    @property
    def scans_in_progress(self) -> int:
        """How many scans have begun and not ended."""
        return len(self._in_progress)

    def refuse_beyond_limits(self, image: Image) -> None:
        """Raise the error of one scan an image and 100,000 a registry in 24 hours.

        Scans on push count for both. Source: ECR API reference, StartImageScan; the wording of the
        image's limit is recorded, that of the registry's is not known.
        """
        if image.scan_started_at and self.now() - image.scan_started_at < DAY:
            message = "The scan quota per image has been exceeded. Wait and try again."
            raise EcrError("LimitExceededException", message)
        quota = self.scans_per_day
        if quota is not None and self.scans_in_the_last_day() >= quota:
            message = "The scan quota per registry has been exceeded. Wait and try again."
            raise EcrError("LimitExceededException", message)

    def scans_in_the_last_day(self) -> int:
        """Return how many scans, on-push ones included, began less than 24 hours ago."""
        moment = self.now()
        while self._recent and moment - self._recent[0] >= DAY:
            heapq.heappop(self._recent)
        return len(self._recent)

    def begin_scan(self, repository: Repository, image: Image) -> None:
        """Scan an image, without a look at the limits, until `scan_duration` has passed."""
        moment = self.now()
        image.begin_scan(moment)
        self._count_scan(moment)
        self._await_scan(repository, image, moment)

    def add_past_scan(self, repository: Repository, image: Image, moment: datetime) -> None:
        """Let an image have had a scan, which ended well unless its status says otherwise.

        What cannot be scanned never could be.
        """
        image.scan_started_at = moment
        self._count_scan(moment)
        if image.scan_status is None and image.next_scan_description == UNSUPPORTED:
            image.end_scan(moment)
        image.scan_status = image.scan_status or "COMPLETE"
        if image.scan_status in ("COMPLETE", "ACTIVE"):
            image.report(moment)
        elif image.scan_status == "IN_PROGRESS":
            self._await_scan(repository, image, moment)

    def discover(self, repository_name: str, image: Image, *findings: Finding) -> None:
        """Let Inspector find vulnerabilities in an image that it scans, and say so at once."""
        moment, arn = self.now(), self.repository_arn(repository_name)
        with self._lock:
            image.findings = Findings((*image.findings.entries, *findings))
            image.report(moment)
            for finding in findings:
                self.events.send(inspector_finding_event(arn, image, finding, moment), moment)

    def finish_scans(self) -> None:
        """Complete every scan in progress now, however long it should have taken."""
        with self._lock:
            while self._in_progress:
                _, _, repository, image = heapq.heappop(self._in_progress)
                self._end_scan(repository, image, self.now())

    def completed_events(self) -> list[Shape]:
        """Return the events of scans that have arrived on EventBridge since the last call."""
        with self._lock:
            self.end_due_scans()
            return self.events.delivered(self.now())

    def end_due_scans(self) -> None:
        """Complete the scans whose time has come."""
        moment = self.now()
        while self._in_progress and self._in_progress[0][0] <= moment:
            due, _, repository, image = heapq.heappop(self._in_progress)
            self._end_scan(repository, image, due)

    def _count_scan(self, begun_at: datetime) -> None:
        if self.now() - begun_at < DAY:
            heapq.heappush(self._recent, begun_at)

    def _await_scan(self, repository: Repository, image: Image, begun_at: datetime) -> None:
        due = begun_at + self.scan_duration
        heapq.heappush(self._in_progress, (due, image.sequence, repository, image))

    def _end_scan(self, repository: Repository, image: Image, moment: datetime) -> None:
        if repository.images.get(image.digest) is not image:
            return
        image.end_scan(moment)
        arn = self.repository_arn(repository.name)
        if not self.is_enhanced:
            self.events.send(basic_scan_event(arn, image, moment), moment)
        elif image.scan_status == "COMPLETE":
            self.events.send(inspector_scan_event(arn, image, moment), moment)
