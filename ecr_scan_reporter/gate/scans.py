"""Scans that a pipeline needs: started where they are due, and awaited."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.aws.errors import AWS_ERRORS, is_refusal
from chalicelib.policy.due import Reason, inspected
from chalicelib.runtime.backoff import Backoff
from chalicelib.runtime.deadline import Deadline
from ecr_scan_reporter.gate.errors import wording_of
from ecr_scan_reporter.gate.steps import Start, Step, next_step, why_unknown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime

    from chalicelib.aws.ecr import Registry
    from chalicelib.ecr.last_scans import ScanFindings

FIRST_PAUSE_SECONDS = 3.0
LONGEST_PAUSE_SECONDS = 15.0

# Beyond the time-out, for what is asked once when it is over.
_GRACE_SECONDS = 60


@dataclass(frozen=True)
class Settled:
    """How an image's scan stands in the end; ``why_unknown`` is empty where all is known."""

    digest: str
    scan: ScanFindings | None
    why_unknown: str = ""


class Scans:
    """The scans of one repository's images, within one time-out for all of them.

    A scan of before ``stale_before`` is made anew. ``waiting`` is called before each pause, with
    the status of each image that is waited for.
    """

    def __init__(
        self,
        registry: Registry,
        repository: str,
        stale_before: datetime,
        timeout_seconds: float,
        waiting: Callable[[Mapping[str, str]], None] = lambda _: None,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._registry = registry
        self._repository = repository
        self._stale_before = stale_before
        self._waiting = waiting
        self._sleep = sleep
        self._clock = clock
        self._end = clock() + timeout_seconds
        self.backoff = Backoff(
            Deadline(lambda: int((self._end + _GRACE_SECONDS - clock()) * 1000)), sleep
        )
        self.started: list[str] = []

    def settle(self, digests: Iterable[str]) -> dict[str, Settled]:
        """Start the scans that are due, and await all of them; by digest.

        :raises ClientError: and others, when scans cannot be read.
        :raises RepositoryDeleted: when there is no such repository.
        :raises DeadlineReached: when ECR asks for a slower pace until the time is over.
        """
        starts: dict[str, Start] = {}
        settled: dict[str, Settled] = {}
        open_ones = list(dict.fromkeys(digests))
        pause = FIRST_PAUSE_SECONDS
        while True:
            looks = {digest: self._advanced(digest, starts) for digest in open_ones}
            pause_now = min(pause, self._end - self._clock())
            for digest, (step, scan) in looks.items():
                waited = step is Step.WAIT
                if not waited or pause_now <= 0:
                    known = step is Step.DONE
                    why = "" if known else why_unknown(scan, starts.get(digest), waited=waited)
                    settled[digest] = Settled(digest, scan, why)
            open_ones = [digest for digest in open_ones if digest not in settled]
            if not open_ones:
                return settled
            self._waiting({digest: _status(looks[digest][1]) for digest in open_ones})
            self._sleep(pause_now)
            pause = min(LONGEST_PAUSE_SECONDS, pause * 1.5)

    def _advanced(self, digest: str, starts: dict[str, Start]) -> tuple[Step, ScanFindings | None]:
        """The next step about an image once it was looked at and, if due, its scan was started."""
        call = self.backoff.call
        scan = self._registry.scan_findings(self._repository, digest, call)
        step = next_step(scan, starts.get(digest), self._stale_before)
        if step is Step.START:
            starts[digest] = start = self._started(digest)
            if start.refusal is None:
                return Step.WAIT, None
            step = next_step(scan, start, self._stale_before)
        return step, scan

    def _started(self, digest: str) -> Start:
        try:
            refusal: str | None = self.backoff.call(
                self._registry.start_scan, self._repository, digest
            )
        except AWS_ERRORS as error:
            return Start(wording_of(error))
        if refusal is Reason.CONTINUOUSLY_SCANNED:
            refusal = self._left_to_inspector()
        if refusal is None:
            self.started.append(digest)
        return Start(refusal)

    def _left_to_inspector(self) -> Reason:
        """Why Amazon Inspector is left to it: continuous, on push, or not covered at all."""
        try:
            frequencies = self._registry.scan_frequencies([self._repository])
        except AWS_ERRORS as error:
            if not is_refusal(error):
                raise
            return Reason.CONTINUOUSLY_SCANNED
        return inspected(None, frequencies.get(self._repository, ""))


def _status(scan: ScanFindings | None) -> str:
    return scan.status if scan and scan.status else "not seen yet"
