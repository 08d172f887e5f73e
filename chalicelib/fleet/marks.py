"""Digests that are sent once, and the last one that was: by marks in the bucket."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby, islice
from typing import TYPE_CHECKING

from chalicelib.fleet.kept_reports import read_report

if TYPE_CHECKING:
    from collections.abc import Callable

    from chalicelib.aws.s3 import ReportBucket
    from chalicelib.fleet.digest_keys import DigestKeys
    from chalicelib.fleet.report import FleetReport

MOST_TRIED = 5
"""The most digests, from the last one that was sent back, whose reports are tried to be read."""

_SENDING, _SENT = "sending", "sent"


class DigestUnclear(Exception):
    """Another run began to send the digest and did not say that it had: says what to do."""


@dataclass(frozen=True)
class Mark:
    """Says that a digest is being sent, and then that it was: of several runs one sends it."""

    key: str
    bucket: ReportBucket

    def is_sent(self) -> bool:
        """Whether the digest was sent.

        :raises DigestUnclear: when another run is sending it, or was stopped while it did.
        """
        mark = self.bucket.get(self.key)
        if mark == _SENDING:
            raise DigestUnclear(
                f"another run is sending this digest, or was stopped while it did; if it did not "
                f"arrive, delete s3://{self.bucket.name}/{self.key} and send the event again"
            )
        return mark is not None

    def send(self, publish: Callable[[], None]) -> None:
        """Publish the digest, unless another run has begun to.

        The mark is made before, so that no two runs publish it, and taken back when publishing
        fails.

        :raises DigestUnclear: when another run has.
        """
        if not self.bucket.create(self.key, _SENDING):
            raise DigestUnclear(f"another run is sending the digest of {self.key}")
        try:
            publish()
        except Exception:
            self.bucket.delete(self.key)
            raise
        self.bucket.put(self.key, _SENT, "text/plain; charset=utf-8")


def last_sent(keys: DigestKeys, bucket: ReportBucket) -> FleetReport | None:
    """The report of the last digest that was sent: a run that sent nothing is no baseline."""
    marks = reversed(bucket.keys_before(keys.marks, f"{keys.marks}{keys.time}"))
    times = (keys.time_of(mark) for mark in marks if bucket.get(mark) == _SENT)
    different = (time for time, _ in groupby(times))
    reports = (read_report(keys.json_of(time), bucket) for time in islice(different, MOST_TRIED))
    return next((report for report in reports if report is not None), None)
