"""``make bench-native``: weeks of 1,000 images under basic scanning as AWS does it today.

The application's own lister, planner, scanner and notifier run day by day on the local ECR, and on
moto's DynamoDB, by a simulated clock. Images are rebuilt and scanned on push, some of the scans'
events are lost, and once the table loses what it holds. Printed are the scans that were started,
the calls that ECR refused, the look-ups of single images, and how old a scan has become at most.
"""

from __future__ import annotations

import argparse
import heapq
import json
import os
import random
from contextlib import contextmanager, redirect_stdout
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count, repeat
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
from moto import mock_aws
from rich.console import Console
from rich.table import Table as Printed

from benchmarks.simulated_time import SimulatedTime, application_at
from chalicelib.aws.clients import client_of
from chalicelib.aws.dynamodb import Table
from chalicelib.notifying.notify import notify
from chalicelib.runtime import logs
from chalicelib.runtime.deadline import Deadline
from chalicelib.scanning.jobs import AnyJob, ScanJob, parse_job
from chalicelib.scanning.lister import start_listing
from chalicelib.scanning.planner import plan_scans
from chalicelib.scanning.registry_jobs import PlanJob
from chalicelib.scanning.requests import ListingRequest
from chalicelib.scanning.scanner import scan_repository
from chalicelib.services import Services
from chalicelib.settings.settings import Settings
from local.ecr import LocalRegistry, local_ecr
from local.environment import isolated_environment
from local.history import create_history_table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

START = datetime(2026, 3, 1, tzinfo=UTC)
DAY = timedelta(days=1)
DURATION = timedelta(days=7)
FIRST_WEEK = 7
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "local",
    "AWS_SECRET_ACCESS_KEY": "local",
    "AWS_DEFAULT_REGION": "eu-west-1",
}


@dataclass(frozen=True)
class Fleet:
    """What is simulated: how many images and days, what is lost, and the budget, if there is one.

    ``rebuilds`` are the images a day that are pushed, scanned on push, and take another's place.
    The table is emptied before the listing of day ``wiped_on``; never where that is 0.
    """

    lost: float = 0.0
    budget_factor: float = 0.0
    images: int = 1_000
    repositories: int = 20
    days: int = 60
    rebuilds: int = 10
    wiped_on: int = 0

    @property
    def needed_a_day(self) -> float:
        """The scans a day that keep every image fresh, those on push among them."""
        return self.images / DURATION.days + self.rebuilds

    @property
    def budget(self) -> int | None:
        """The daily budget; None where there is none."""
        return round(self.budget_factor * self.needed_a_day) or None


@dataclass
class Weeks:
    """What came of it; ages, of the last completed scan, are taken just before a listing."""

    fleet: Fleet
    starts: int = 0
    on_push: int = 0
    refused: int = 0
    look_ups: int = 0
    look_ups_in_first_week: int = 0
    look_ups_after_wipe: int = 0
    oldest_seconds: float = 0.0
    calls: dict[str, int] = field(default_factory=dict)

    @property
    def scans_a_duration(self) -> float:
        """Scans, those on push among them, for each image and duration."""
        return (self.starts + self.on_push) * DURATION.days / (self.fleet.images * self.fleet.days)

    @property
    def look_ups_a_week(self) -> float:
        """Look-ups of an image in a week, after the first one and but for the day of the wipe."""
        weeks = (self.fleet.days - FIRST_WEEK) / 7
        later = self.look_ups - self.look_ups_in_first_week - self.look_ups_after_wipe
        return later / weeks / self.fleet.images

    @property
    def oldest_days(self) -> float:
        """The oldest a scan became, in days."""
        return self.oldest_seconds / DAY.total_seconds()


@contextmanager
def simulated(clock: SimulatedTime, registry: LocalRegistry) -> Iterator[None]:
    """Let the application run on the registry by the clock, and print nothing."""
    with (
        isolated_environment(**ENVIRONMENT),
        mock_aws(),
        local_ecr(registry),
        application_at(clock),
        Path(os.devnull).open("w") as nowhere,
        redirect_stdout(nowhere),
    ):
        logs.configure("ERROR")
        yield


def simulate(fleet: Fleet, seed: int = 1) -> Weeks:
    """Let the days go by."""
    clock = SimulatedTime(START.timestamp())
    registry = LocalRegistry(now=lambda: datetime.fromtimestamp(clock.now, UTC))
    registry.events.lost = fleet.lost
    registry.events.chance.seed(seed)
    with simulated(clock, registry):
        return _Simulation(fleet, clock, registry, random.Random(seed)).run()  # noqa: S311


class _Simulation:
    def __init__(
        self, fleet: Fleet, clock: SimulatedTime, registry: LocalRegistry, chance: random.Random
    ) -> None:
        self._fleet = fleet
        self._clock = clock
        self._registry = registry
        self._chance = chance
        self._weeks = Weeks(fleet)
        self._session = boto3.Session()
        self._queue = Queue(clock)
        self._table_name = create_history_table(self._session)
        self._names = [f"team/service-{number:02}" for number in range(fleet.repositories)]

    def run(self) -> Weeks:
        self._populate()
        for day in range(self._fleet.days):
            if day and day == self._fleet.wiped_on:
                self._wipe()
            before = self._look_ups
            self._list()
            if day < FIRST_WEEK:
                self._weeks.look_ups_in_first_week += self._look_ups - before
            elif day == self._fleet.wiped_on:
                self._weeks.look_ups_after_wipe += self._look_ups - before
            for _ in range(self._fleet.rebuilds):
                self._until(START + day * DAY + self._moment())
                self._rebuild()
            self._until(START + (day + 1) * DAY)
            self._measure()
        self._weeks.look_ups = self._look_ups
        self._weeks.refused = self._registry.errors["LimitExceededException"]
        self._weeks.starts = self._registry.calls["StartImageScan"] - self._weeks.refused
        self._weeks.calls = dict(self._registry.calls)
        return self._weeks

    @property
    def _look_ups(self) -> int:
        return self._registry.calls["DescribeImageScanFindings"]

    def _populate(self) -> None:
        """Images of a registry that scans on push, pushed in the week before."""
        for name in self._names:
            self._registry.add_repository(name, scan_on_push=True)
        for number in range(self._fleet.images):
            pushed_at = START - self._chance.random() * DURATION
            name = self._names[number % len(self._names)]
            self._registry.add_image(name, tags=(f"b{number}",), scanned_at=pushed_at)

    def _list(self) -> None:
        """One listing, and the jobs that come of it, when their time has come."""
        services = self._services()
        start_listing(ListingRequest(), services)
        while (job := self._queue.next()) is not None:
            if isinstance(job, PlanJob):
                plan_scans(job, services, Deadline.unlimited(), self._clock.sleep)
            elif isinstance(job, ScanJob):
                scan_repository(job, services, Deadline.unlimited(), self._clock.sleep)
            self._deliver(services)

    def _deliver(self, services: Services) -> None:
        """Hand the events to the notifier that have come by now."""
        for event in self._registry.completed_events():
            notify(event, services, Deadline.unlimited())

    def _rebuild(self) -> None:
        """Push an image, which is scanned on push, in the place of the oldest of its repository."""
        name = self._chance.choice(self._names)
        oldest = next(iter(self._registry.repositories[name].images))
        self._registry.push_image(name, tags=(f"t{self._clock.now}",))
        self._registry.remove_image(name, oldest)
        self._weeks.on_push += 1

    def _until(self, moment: datetime) -> None:
        self._clock.now = max(self._clock.now, moment.timestamp())
        self._deliver(self._services())

    def _moment(self) -> timedelta:
        """A time of the day after the listing, later than the ones before."""
        passed = self._clock.now % DAY.total_seconds()
        left = DAY.total_seconds() - passed
        return timedelta(
            seconds=passed + self._chance.random() * left * 2 / (self._fleet.rebuilds + 1)
        )

    def _measure(self) -> None:
        for repository in self._registry.repositories.values():
            for image in repository.images.values():
                scanned_at = image.scan_completed_at or image.pushed_at
                age = self._clock.now - scanned_at.timestamp()
                self._weeks.oldest_seconds = max(self._weeks.oldest_seconds, age)

    def _wipe(self) -> None:
        client = self._session.client("dynamodb")
        client.delete_table(TableName=self._table_name)
        create_history_table(self._session)

    def _services(self) -> Services:
        settings = {
            "IMAGES_SCAN_JOBS_QUEUE_URL": "https://sqs.eu-west-1.amazonaws.com/123456789012/jobs",
            "ECR_SNS_REPORT_TOPIC_ARN": "arn:aws:sns:eu-west-1:123456789012:reports",
        }
        if self._fleet.budget:
            settings["DAILY_SCAN_BUDGET"] = str(self._fleet.budget)
        services = Services(
            Settings.from_environment(settings), lambda *place: client_of(self._session, *place)
        )
        services.jobs_queue = self._queue  # type: ignore[assignment]
        services.table = Table(self._session.client("dynamodb"), self._table_name, self._clock)
        return services


class Queue:
    """The jobs queue, whose messages come when their delay is over by the simulated clock."""

    def __init__(self, clock: SimulatedTime) -> None:
        self._clock = clock
        self._waiting: list[tuple[float, int, str]] = []
        self._numbers = count()

    def send(self, jobs: Sequence[AnyJob], delay_seconds: int | Sequence[int] = 0) -> None:
        """As :meth:`chalicelib.aws.sqs.JobsQueue.send`."""
        delays = repeat(delay_seconds) if isinstance(delay_seconds, int) else delay_seconds
        for job, delay in zip(jobs, delays, strict=False):
            message = (self._clock.now + delay, next(self._numbers), job.to_json())
            heapq.heappush(self._waiting, message)

    def next(self) -> AnyJob | None:
        """The job that comes next, once its time has come; None when there is none left."""
        if not self._waiting:
            return None
        moment, _, body = heapq.heappop(self._waiting)
        self._clock.now = max(self._clock.now, moment)
        return parse_job(body)


def printed(measured: Sequence[Weeks]) -> Printed:
    """A row a fleet."""
    table = Printed(
        *("events lost", "budget", "scans an image and duration", "of these on push", "refused"),
        *("look-ups an image and week", "look-ups in the first week", "after the wipe"),
        "oldest scan, days",
        title="Basic scanning, the duration 7 days, a listing a day",
    )
    for weeks in measured:
        fleet = weeks.fleet
        table.add_row(
            f"{fleet.lost:.0%}",
            str(fleet.budget or "none"),
            f"{weeks.scans_a_duration:.3f}",
            f"{weeks.on_push:,} of {weeks.starts + weeks.on_push:,}",
            f"{weeks.refused:,}",
            f"{weeks.look_ups_a_week:.4f}",
            f"{weeks.look_ups_in_first_week:,}",
            f"{weeks.look_ups_after_wipe:,}",
            f"{weeks.oldest_days:.2f}",
        )
    return table


def main() -> None:
    """Simulate and print."""
    parser = argparse.ArgumentParser(prog="make bench-native", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the images, a month")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write what was measured")
    options = parser.parse_args()
    size: Any = {"wiped_on": 30}
    if options.quick:
        size = {"images": 100, "repositories": 4, "days": 30, "rebuilds": 1, "wiped_on": 15}
    measured = [
        simulate(Fleet(lost, factor, **size)) for factor in (0.0, 1.4) for lost in (0.0, 0.1)
    ]
    Console(width=None if Console().is_terminal else 200).print(printed(measured))
    if options.json:
        options.json.write_text(json.dumps([asdict(each) for each in measured], indent=1) + "\n")


if __name__ == "__main__":
    main()
