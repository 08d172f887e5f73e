"""``make bench-large``: 10,000 repositories with 1,000,000 images, scanned within ECR's quotas.

The application's own lister, planner and scanner run against a simulated registry, queue and
clock, day by day, until every image has had its scan. Printed are the API calls, the simulated
hours against the least that the quotas allow, and the peak of memory.

The registry refuses what ECR refuses: scans beyond 100,000 in any 24 hours, a second scan of an
image within 24 hours, and calls beyond a rate, which AWS does not publish and which is an
assumption here.
"""

from __future__ import annotations

import argparse
import heapq
import logging
import resource
import time
from array import array
from collections import Counter, deque
from datetime import UTC, datetime
from functools import cached_property
from itertools import count
from typing import TYPE_CHECKING, Any

from benchmarks.simulated_time import SimulatedTime, application_at
from chalicelib.ecr.images import Image
from chalicelib.ecr.last_scans import LastScan
from chalicelib.ecr.scan_records import NEVER, ScanRecord
from chalicelib.policy.due import Reason
from chalicelib.runtime import logs
from chalicelib.runtime.backoff import Throttled
from chalicelib.scanning.jobs import ScanJob, parse_job
from chalicelib.scanning.lister import start_listing
from chalicelib.scanning.planner import plan_scans
from chalicelib.scanning.registry_jobs import PlanJob
from chalicelib.scanning.requests import ListingRequest
from chalicelib.scanning.scanner import scan_repository
from chalicelib.services import Services
from chalicelib.settings.settings import Settings
from local.cloud.faults import TokenBucket

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from chalicelib.ecr.registries import RegistryAddress
    from chalicelib.runtime.backoff import Backoff

START = datetime(2026, 1, 1, tzinfo=UTC).timestamp()
DAY = 86_400.0
SCANS_A_DAY = 100_000
CALL_SECONDS = 0.05
FUNCTION_SECONDS = 900
BATCH_SIZE = 10


class SimulatedRegistry:
    """A registry with what the application asks of ECR, its quotas and its calls, counted."""

    region = "eu-west-1"

    def __init__(self, clock: SimulatedTime, repositories: int, images: int, rate: float) -> None:
        self.calls: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.scanned = 0
        self.last_scan_ended_at = 0.0
        self._clock = clock
        self._images = images
        self._names = [
            f"team-{number % 97:02}/repository-{number:05}" for number in range(repositories)
        ]
        self._numbers = {name: number for number, name in enumerate(self._names)}
        self._scanned_at = array("d", bytes(8 * repositories * images))
        self._recent: deque[float] = deque()
        self._bucket = TokenBucket(rate, rate, rate, clock.now)

    @property
    def unscanned(self) -> int:
        """How many images have had no scan."""
        return len(self._scanned_at) - self.scanned

    def repositories(self, _: Any = None) -> Iterator[str]:
        """DescribeRepositories, a thousand a call."""
        for number, name in enumerate(self._names):
            if number % 1_000 == 0:
                self._call("DescribeRepositories")
            yield name

    def is_enhanced(self) -> bool:
        """GetRegistryScanningConfiguration."""
        self._call("GetRegistryScanningConfiguration")
        return False

    def image_pages(self, repository: str, _: Backoff) -> Iterator[list[Image]]:
        """DescribeImages: the repository's images, all in one page."""
        self._call("DescribeImages")
        yield [self._image(number) for number in self.numbers(repository)]

    def numbers(self, repository: str) -> range:
        """The numbers of a repository's images."""
        first = self._numbers[repository] * self._images
        return range(first, first + self._images)

    def digest(self, number: int) -> str:
        """The digest of an image: its number at the end, and a beginning spread as a hash is."""
        spread = number * 0x9E3779B97F4A7C15 % 2**64
        return f"sha256:{spread:016x}{'0' * 32}{number:016x}"

    def start_scan(self, repository: str, digest: str) -> Reason | None:
        """StartImageScan, refused as ECR refuses it."""
        self._call("StartImageScan")
        if not self._bucket.take(self._clock.now):
            self.refused["throttled"] += 1
            raise Throttled
        number, now = int(digest[-16:], 16), self._clock.now
        while self._recent and now - self._recent[0] >= DAY:
            self._recent.popleft()
        if len(self._recent) >= SCANS_A_DAY:
            self.refused["registry's daily limit"] += 1
            return Reason.DAILY_LIMIT
        if self._scanned_at[number] and now - self._scanned_at[number] < DAY:
            self.refused["image's daily limit"] += 1
            return Reason.SCANNED_TODAY
        self.scanned += not self._scanned_at[number]
        self._scanned_at[number] = now
        self._recent.append(now)
        self.last_scan_ended_at = now
        return None

    def last_scan(self, repository: str, digest: str) -> LastScan:
        """DescribeImageScanFindings: when the image was last scanned."""
        self._call("DescribeImageScanFindings")
        scanned_at = self._scanned_at[int(digest[-16:], 16)]
        if not scanned_at:
            return LastScan("", "", None)
        return LastScan("COMPLETE", "", datetime.fromtimestamp(scanned_at, UTC))

    def _image(self, number: int) -> Image:
        return Image(
            self.digest(number),
            (f"v{number % self._images}",) if number % 3 else (),
            pushed_at=datetime.fromtimestamp(START - DAY * (1 + number % self._images), UTC),
        )

    def _call(self, operation: str) -> None:
        self.calls[operation] += 1
        self._clock.sleep(CALL_SECONDS)


class SimulatedQueue:
    """The jobs queue, which delivers each message when its delay is over."""

    def __init__(self, clock: SimulatedTime, calls: Counter[str]) -> None:
        self._clock = clock
        self._calls = calls
        self._messages: list[tuple[float, int, str]] = []
        self._numbers = count()
        self.sent = 0

    def send(
        self, jobs: Sequence[ScanJob | PlanJob], delay_seconds: int | Sequence[int] = 0
    ) -> None:
        """SendMessageBatch, ten jobs a call."""
        delays = [delay_seconds] * len(jobs) if isinstance(delay_seconds, int) else delay_seconds
        self._calls["SendMessageBatch"] += -(-len(jobs) // BATCH_SIZE)
        self.sent += len(jobs)
        for job, delay in zip(jobs, delays, strict=True):
            message = (self._clock.now + delay, next(self._numbers), job.to_json())
            heapq.heappush(self._messages, message)

    def receive(self) -> str | None:
        """The next message, once its time has come."""
        if not self._messages:
            return None
        due, _, body = heapq.heappop(self._messages)
        self._clock.now = max(self._clock.now, due)
        return body


class SimulatedRecords:
    """The records of scans: when each image was last known to be scanned."""

    def __init__(self, registry: SimulatedRegistry) -> None:
        self._registry = registry
        self._at = array("q", bytes(8 * (registry.scanned + registry.unscanned)))
        self._known = bytearray(len(self._at))

    def of_repository(self, place: str) -> dict[str, ScanRecord]:
        """Query, a megabyte a call."""
        self._registry.calls["Query"] += 1
        numbers = self._registry.numbers(place.split("/", 2)[2])
        return {self._registry.digest(n): self._record(n) for n in numbers if self._known[n]}

    def of_images(self, _: str, digests: Sequence[str]) -> dict[str, ScanRecord]:
        """BatchGetItem, a hundred a call."""
        self._registry.calls["BatchGetItem"] += -(-len(digests) // 100)
        numbers = {digest: int(digest[-16:], 16) for digest in digests}
        return {digest: self._record(n) for digest, n in numbers.items() if self._known[n]}

    def keep(self, _: str, records: Mapping[str, ScanRecord]) -> None:
        """BatchWriteItem, 25 a call."""
        self._registry.calls["BatchWriteItem"] += -(-len(records) // 25)
        for digest, record in records.items():
            number = int(digest[-16:], 16)
            self._at[number], self._known[number] = record.at, True

    def _record(self, number: int) -> ScanRecord:
        at = self._at[number]
        return ScanRecord(at, "COMPLETE") if at else NEVER


class SimulatedServices(Services):
    """The application's services, simulated."""

    def __init__(
        self, settings: Settings, registry: SimulatedRegistry, queue: SimulatedQueue
    ) -> None:
        super().__init__(settings)
        self._registry = registry
        self._queue = queue
        self.own_account = "123456789012"
        self.scan_records = SimulatedRecords(registry)  # type: ignore[assignment]

    def registry_of(self, address: RegistryAddress, *, once: bool = False) -> Any:
        """The one registry."""
        return self._registry

    @cached_property
    def jobs_queue(self) -> Any:
        """The queue."""
        return self._queue


def run_day(services: SimulatedServices, queue: SimulatedQueue, clock: SimulatedTime) -> None:
    """A listing and all the jobs that come of it."""
    start_listing(ListingRequest(), services)
    while body := queue.receive():
        job = parse_job(body)
        if isinstance(job, PlanJob):
            plan_scans(job, services, clock.deadline(FUNCTION_SECONDS), clock.sleep)
        elif isinstance(job, ScanJob):
            scan_repository(job, services, clock.deadline(FUNCTION_SECONDS), clock.sleep)


def main() -> None:
    """Run the simulation and print what it took."""
    options = _options()
    clock = SimulatedTime(START)
    total = options.repositories * options.images
    registry = SimulatedRegistry(clock, options.repositories, options.images, options.rate)
    queue = SimulatedQueue(clock, registry.calls)
    settings = Settings.from_environment(
        {
            "DAILY_SCAN_BUDGET": str(SCANS_A_DAY),
            "SCANS_PER_SECOND": str(options.pace),
            "ECR_IMAGES_DURATION_DELTA": "3m",
        }
    )
    services = SimulatedServices(settings, registry, queue)
    logs.logger.setLevel(logging.CRITICAL)
    before, began = _peak(), time.perf_counter()
    print(f"{options.repositories:,} repositories, {total:,} images; {options.pace} scans a second")
    with application_at(clock):
        for day in count():
            clock.now = max(clock.now, START + day * DAY)
            run_day(services, queue, clock)
            print(f"day {day + 1:>3}: {registry.scanned:>9,} images scanned", flush=True)
            if not registry.unscanned or day + 1 >= options.most_days:
                break
    hours = (registry.last_scan_ended_at - START) / 3600
    days, rest = divmod(total - 1, SCANS_A_DAY)
    least = days * 24 + (rest + 1) / options.pace / 3600
    print(f"\nsimulated hours to finish {hours:>12,.1f}")
    print(f"least that quotas allow   {least:>12,.1f}   ({hours / least:.3f} times)")
    print(f"never scanned             {registry.unscanned:>12,}")
    for operation, calls in sorted(registry.calls.items()):
        print(f"{operation:<34}{calls:>12,}")
    print(f"{'messages':<34}{queue.sent:>12,}")
    for why, refusals in sorted(registry.refused.items()):
        print(f"{'refused: ' + why:<34}{refusals:>12,}")
    print(f"peak memory {_peak():,.0f} MB, of which {before:,.0f} MB before the first listing")
    print(f"wall time   {time.perf_counter() - began:,.0f} s")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--repositories", type=int, default=10_000)
    parser.add_argument("--images", type=int, default=100, help="images a repository")
    parser.add_argument("--pace", type=int, default=10, help="SCANS_PER_SECOND")
    parser.add_argument("--rate", type=float, default=20, help="what the registry allows a second")
    parser.add_argument("--most-days", type=int, default=40)
    return parser.parse_args()


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
