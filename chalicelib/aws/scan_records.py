"""The records of scans in the table: when each image of a repository was last scanned."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from chalicelib.aws.dynamodb import DAY, ConditionFailed
from chalicelib.ecr.scan_records import LONGEST_DESCRIPTION, ScanRecord
from chalicelib.ecr.scan_statuses import kind_of
from chalicelib.policy.due import LONGEST_WAIT_DAYS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from chalicelib.aws.dynamodb import Table
    from chalicelib.policy.durations import Duration

_ATTRIBUTES = ("sk", "at", "status", "description", "failures", "started")
_SPARE_DAYS = 30
_MOST_DAYS = 400


class ScanRecords:
    """The records, by the place of a repository: its account, region and name.

    A record is kept for longer than it decides anything: the duration, or the longest wait after a
    failure, and a month. One that ends while its image is still there costs a look-up.
    """

    def __init__(self, table: Table, duration: Duration) -> None:
        self._table = table
        now = datetime.now(UTC)
        days = min((now - duration.before(now)).days, _MOST_DAYS)
        self._seconds = (max(days, LONGEST_WAIT_DAYS) + _SPARE_DAYS) * DAY

    def of_repository(self, place: str) -> dict[str, ScanRecord]:
        """Every record of a repository, by image digest; some 5,000 a call."""
        items = self._table.query(_key(place), attributes=_ATTRIBUTES)
        return {item["sk"]: _record(item) for item in items}

    def of_images(self, place: str, digests: Iterable[str]) -> dict[str, ScanRecord]:
        """The records of these images of a repository, by image digest; a hundred a call."""
        items = self._table.batch_get([(_key(place), digest) for digest in digests])
        return {item["sk"]: _record(item) for item in items}

    def keep(self, place: str, records: Mapping[str, ScanRecord]) -> None:
        """Write records in place of those that are there; 25 a call.

        A scan may have ended since it began: what is noted of its end by now stays.
        """
        ends = self._ends(place, [digest for digest, record in records.items() if record.started])
        items = [
            {"pk": _key(place), "sk": digest, **_attributes(record)}
            for digest, record in records.items()
            if not (record.started and ends.get(digest, -1) >= record.at)
        ]
        self._table.batch_write(items, self._seconds)

    def _ends(self, place: str, digests: Iterable[str]) -> dict[str, int]:
        """When the last scans of images ended, as it is just now, of those that have."""
        keys = [(_key(place), digest) for digest in digests]
        items = self._table.batch_get(keys, consistent=True)
        return {item["sk"]: _record(item).at for item in items if not _record(item).started}

    def note_end(self, place: str, digest: str, at: int, status: str, description: str) -> None:
        """Note that a scan ended, unless a later one is noted, as where an event comes late.

        A repeated call adds nothing. Source: UpdateItem.
        """
        failed = kind_of(status, description).may_pass
        values: dict[str, Any] = {
            "at": at,
            "status": status,
            "description": description[:LONGEST_DESCRIPTION],
            "none": 0,
        }
        failures = "if_not_exists(#failures, :none) + :one" if failed else ":none"
        if failed:
            values["one"] = 1
        try:
            self._table.update(
                _key(place),
                digest,
                "SET #at = :at, #status = :status, #description = :description,"
                f" #failures = {failures} REMOVE #started",
                self._seconds,
                # A scan may end in the second in which it began.
                condition="attribute_not_exists(#at) OR #at < :at"
                " OR (#at = :at AND attribute_exists(#started))",
                values=values,
            )
        except ConditionFailed:
            return


def _key(place: str) -> str:
    return f"scans#{place}"


def _attributes(record: ScanRecord) -> dict[str, Any]:
    """The record without what has its default."""
    optional = {
        "status": record.status,
        "description": record.description,
        "failures": record.failures,
        "started": record.started,
    }
    return {"at": record.at, **{name: value for name, value in optional.items() if value}}


def _record(item: Mapping[str, Any]) -> ScanRecord:
    return ScanRecord(
        item.get("at", 0),
        item.get("status", ""),
        item.get("description", ""),
        item.get("failures", 0),
        item.get("started", False),
    )
