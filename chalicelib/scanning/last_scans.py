"""When the images of a repository were last scanned: remembered, and asked for where it is not."""

from __future__ import annotations

import time
from functools import cached_property
from typing import TYPE_CHECKING

from chalicelib.aws.errors import AWS_ERRORS
from chalicelib.ecr.scan_records import DAY_SECONDS, NEVER, ScanRecord, begun, ended, looked_up
from chalicelib.runtime import logs
from chalicelib.runtime.backoff import Throttled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from chalicelib.aws.scan_records import ScanRecords
    from chalicelib.ecr.last_scans import LastScan
    from chalicelib.runtime.backoff import Backoff
    from chalicelib.scanning.jobs import ScanJob
    from chalicelib.services import Services

MOST_UNKEPT = 25
"""How many records are written at once; as many may be lost when a function is stopped."""


class LastScans:
    """What is known of the last scans of a repository's images, as far as it was read, by digest.

    Under basic scanning that is what the table holds. Without a table it is known only while this
    lives. What cannot be read is looked up, and what cannot be kept is looked up again another
    time: scans go on without the table. Under enhanced scanning Amazon Inspector tells it, and
    ``in_use`` says where it sees images run; ``in_use_unread`` is whether that could not be read.
    """

    def __init__(self, job: ScanJob, services: Services, backoff: Backoff) -> None:
        self.records: dict[str, ScanRecord] = {}
        self.in_use: dict[str, str] = {}
        self.in_use_unread = False
        self.look_ups = 0
        self._job = job
        self._services = services
        self._repository = job.repository
        self._registry = services.registry_of(job.address)
        self._backoff = backoff
        self._store = services.scan_records
        self._unkept: dict[str, ScanRecord] = {}

    def read(self) -> None:
        """Read what is known of the whole repository."""
        if self._job.scan_frequency is not None:
            self._read_coverage()
        else:
            self._read(lambda store: store.of_repository(self._place))

    def read_of(self, digests: Iterable[str]) -> None:
        """Read the records of these images."""
        digests = list(digests)
        self._read(lambda store: store.of_images(self._place, digests))

    def look_up(self, digest: str) -> ScanRecord:
        """Ask ECR for an image's last scan, and remember it.

        :raises DeadlineReached: when no time is left.
        """
        return self.note(
            digest, self._backoff.call(self._registry.last_scan, self._repository, digest)
        )

    def note(self, digest: str, scan: LastScan, *, within_a_day: bool = False) -> ScanRecord:
        """Remember what ECR said of an image's last scan when it was asked.

        ``within_a_day`` is whether it is known to have been less than a day ago.
        """
        self.look_ups += 1
        before, now = self.records.get(digest), _now()
        # What failed some time ago and may pass is so long ago that it is tried again at once.
        assumed_at = now - (0 if within_a_day else 2 * DAY_SECONDS)
        record = looked_up(before, now, *scan, assumed_at=assumed_at)
        if within_a_day and record == NEVER:
            record = begun(before, now - DAY_SECONDS)
        return self._note(digest, record)

    def started(self, digest: str) -> None:
        """Note that a scan has begun."""
        self._note(digest, begun(self.records.get(digest), _now()))

    def ended(self, digest: str, status: str) -> None:
        """Note that ECR answers a scan's start with an end."""
        self._note(digest, ended(self.records.get(digest), _now(), status))

    def keep(self) -> None:
        """Write what is not written yet. Does not wait: it is also what a function does last."""
        if self._store is None or not self._unkept:
            return
        try:
            self._store.keep(self._place, self._unkept)
        except (Throttled, *AWS_ERRORS) as error:
            logs.count("ScanRecordsNotKept", len(self._unkept))
            self._warn("records of scans not kept", error)
        else:
            self._unkept.clear()

    @cached_property
    def _place(self) -> str:
        """The repository, as the table knows it; asks for the function's own account, once."""
        return self._services.place_of(self._job.address, self._repository)

    def _read(self, read: Callable[[ScanRecords], Mapping[str, ScanRecord]]) -> None:
        if self._store is None:
            return
        try:
            self.records.update(self._backoff.call(read, self._store))
        except AWS_ERRORS as error:
            self._warn("records of scans not read", error)

    def _read_coverage(self) -> None:
        inspector = self._services.inspector_of(self._job.address)
        try:
            coverage = self._backoff.call(inspector.coverage, self._repository)
        except AWS_ERRORS as error:
            self._warn("coverage by Amazon Inspector not read", error)
            self.in_use_unread = True
            return
        self.records = {digest: each.record for digest, each in coverage.items() if each.record}
        self.in_use = {
            digest: each.where_in_use for digest, each in coverage.items() if each.where_in_use
        }

    def _note(self, digest: str, record: ScanRecord) -> ScanRecord:
        self.records[digest] = record
        self._unkept[digest] = record
        if len(self._unkept) % MOST_UNKEPT == 0:
            self.keep()
        return record

    def _warn(self, message: str, error: Exception) -> None:
        extra = {"repository": self._repository, "error": str(error)}
        logs.logger.warning(message, extra=extra)


def _now() -> int:
    return int(time.time())
