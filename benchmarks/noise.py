"""``make bench-noise``: how many messages a day 300 repositories with 30 images each lead to.

The application's own lister, scanner, notifier and sender run for 14 days on the local ECR, and on
a table in memory, by a simulated clock: with the settings as they come, and with those of the
original. Every image is scanned on the first day and a week later. On some days builds are pushed,
half of which have a new finding; before the second round 100 repositories share a base image with a
new vulnerability. Printed are the messages a day, and whether each new finding of a current image
was in one message.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
from rich.console import Console
from rich.table import Table as Printed

from benchmarks.memory import MemoryTable, QuickEcr
from benchmarks.native import Queue, simulated
from benchmarks.simulated_time import SimulatedTime
from chalicelib.aws.clients import client_of
from chalicelib.notifying.notify import notify
from chalicelib.notifying.send_reports import send_reports
from chalicelib.runtime.deadline import Deadline
from chalicelib.scanning.jobs import ScanJob
from chalicelib.scanning.lister import start_listing
from chalicelib.scanning.requests import ListingRequest
from chalicelib.scanning.scanner import scan_repository
from chalicelib.services import Services
from chalicelib.settings.settings import Settings
from local.ecr import Finding, Findings, LocalRegistry

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chalicelib.text.notifications import Message

START = datetime(2026, 3, 1, tzinfo=UTC)
DAY, MINUTE = 86_400, 60
PUSHED_ON = (2, 5, 9, 12)
FLAW_ON = 7
SETTINGS: dict[str, dict[str, str]] = {
    "as it comes": {},
    "every-scan, all": {"NOTIFY_MODE": "every-scan", "REPORT_IMAGES": "all"},
}
FLAW = Finding("CVE-2026-0001", "CRITICAL", "openssl", "3.0.11", fixed_in_version="3.0.14")


@dataclass(frozen=True)
class Fleet:
    """What is simulated."""

    repositories: int = 300
    images: int = 30
    affected: int = 100
    days: int = 14
    pushed_a_day: int = 10


@dataclass
class Days:
    """What came of it: messages by day, and what was new in current images, by how often told."""

    name: str
    fleet: Fleet
    messages: list[int] = field(default_factory=list)
    subjects: list[tuple[int, str]] = field(default_factory=list)
    expected: int = 0
    told_once: int = 0
    told_again: int = 0
    repositories_named: int = 0
    latest_seconds: float = 0.0

    @property
    def untold(self) -> int:
        """How many new findings of current images no message named."""
        return self.expected - self.told_once - self.told_again


def simulate(name: str, fleet: Fleet) -> Days:
    """Let the days go by with these settings."""
    clock = SimulatedTime(START.timestamp())
    registry = LocalRegistry(now=lambda: datetime.fromtimestamp(clock.now, UTC))
    with simulated(clock, registry):
        return _Simulation(name, fleet, clock, registry).run()


class _Simulation:
    def __init__(
        self, name: str, fleet: Fleet, clock: SimulatedTime, registry: LocalRegistry
    ) -> None:
        self._fleet = fleet
        self._clock = clock
        self._registry = registry
        self._days = Days(name, fleet)
        self._queue = Queue(clock)
        session = boto3.Session()
        settings = {
            "IMAGES_SCAN_JOBS_QUEUE_URL": "https://sqs.eu-west-1.amazonaws.com/123456789012/jobs",
            "ECR_SNS_REPORT_TOPIC_ARN": "arn:aws:sns:eu-west-1:123456789012:reports",
            "HISTORY_TABLE_NAME": "history",
            **SETTINGS[name],
        }
        clients: dict[str, Any] = {
            "dynamodb": MemoryTable(),
            "ecr": QuickEcr(registry, client_of(session, "ecr")),
        }
        self._services = Services(
            Settings.from_environment(settings),
            lambda service, *place: clients.get(service) or client_of(session, service, *place),
        )
        self._services.jobs_queue = self._queue  # type: ignore[assignment]
        self._services.clock = clock
        self._topic = _Topic(clock)
        self._services.report_topic = self._topic  # type: ignore[assignment]
        self._names = [f"team/service-{number:03}" for number in range(fleet.repositories)]
        self._new: dict[tuple[str, str], float] = {}

    def run(self) -> Days:
        self._populate()
        for day in range(self._fleet.days):
            self._clock.now = max(self._clock.now, START.timestamp() + day * DAY)
            if day == FLAW_ON:
                self._find_flaw()
            self._list()
            if day in PUSHED_ON:
                self._clock.now = START.timestamp() + day * DAY + DAY / 2
                self._push(day)
            self._settle()
        self._measure()
        return self._days

    def _populate(self) -> None:
        """Images that were never scanned; a fifth of a repository's findings are its own."""
        for number, name in enumerate(self._names):
            self._registry.add_repository(name, scan_on_push=True)
            for build in range(self._fleet.images):
                last = build == self._fleet.images - 1
                pushed_at = START - timedelta(days=self._fleet.images - build)
                tags = (f"1.{build}", *(["latest"] if last else []))
                self._registry.add_image(
                    name, tags=tags, pushed_at=pushed_at, findings=_found(number)
                )

    def _find_flaw(self) -> None:
        """From now on scans find a vulnerability in a base image that repositories share."""
        for name in self._names[: self._fleet.affected]:
            images = list(self._registry.repositories[name].images.values())
            for image in images:
                image.findings = Findings((*image.findings.entries, FLAW))
            self._new[name, FLAW.name] = self._clock.now

    def _push(self, day: int) -> None:
        """Push builds within some minutes; every other one has a finding that is new."""
        for number in range(self._fleet.pushed_a_day):
            names = self._names[self._fleet.affected :]
            name = names[(day * 17 + number * 7) % len(names)]
            repository = self._registry.repositories[name]
            before = repository.find(None, "latest")
            if before is None:
                raise LookupError(name)
            entries = before.findings.entries
            if number % 2:
                entries = (*entries, Finding(f"CVE-2026-1{day:02}{number:02}", "HIGH", "zlib", "1"))
                self._new[name, entries[-1].name] = self._clock.now
            self._clock.now += 20
            tags = (f"2.{day}", "latest")
            self._registry.push_image(name, tags=tags, findings=Findings(entries))
            self._deliver()

    def _list(self) -> None:
        """One listing, and the jobs that come of it, when their time has come."""
        start_listing(ListingRequest(), self._services)
        while (job := self._queue.next()) is not None:
            if not isinstance(job, ScanJob):
                raise TypeError(job)
            scan_repository(job, self._services, Deadline.unlimited(), self._clock.sleep)
            self._deliver()

    def _deliver(self) -> None:
        """Hand the events to the notifier that have come by now, and let the sender go on."""
        for event in self._registry.completed_events():
            notify(event, self._services, Deadline.unlimited())
            self._send()
        self._send()

    def _send(self) -> None:
        """The sender runs once a minute."""
        minute = int(self._clock.now // MINUTE)
        if minute > self._topic.minute:
            self._topic.minute = minute
            send_reports(self._services)

    def _settle(self) -> None:
        """Let an hour go by, minute by minute."""
        for _ in range(60):
            self._clock.now += MINUTE
            self._deliver()

    def _measure(self) -> None:
        messages, days = self._topic.messages, self._days
        by_day = Counter(int((at - START.timestamp()) // DAY) for at, _ in messages)
        days.messages = [by_day[day] for day in range(self._fleet.days)]
        is_few = len(messages) < 100
        days.subjects = [
            (int((at - START.timestamp()) // DAY), each.subject) for at, each in messages if is_few
        ]
        told: Counter[tuple[str, str]] = Counter()
        for at, message in messages:
            document = json.loads(json.loads(message.body)["default"])
            for repository, name in set(_new_findings(document)):
                told[repository, name] += 1
                if (repository, name) in self._new:
                    waited = at - self._new[repository, name]
                    days.latest_seconds = max(days.latest_seconds, waited)
        days.expected = len(self._new)
        days.told_once = sum(told[each] == 1 for each in self._new)
        days.told_again = sum(told[each] > 1 for each in self._new)
        days.repositories_named = len({name for name, found in told if found == FLAW.name})


class _Topic:
    """The report topic, which keeps what is published, and when."""

    def __init__(self, clock: SimulatedTime) -> None:
        self.messages: list[tuple[float, Message]] = []
        self.minute = 0
        self._clock = clock

    def publish(self, message: Message) -> str:
        """As :meth:`chalicelib.aws.sns.ReportTopic.publish`."""
        self.messages.append((self._clock.now, message))
        return str(len(self.messages))


def _found(number: int) -> Findings:
    """What is found in a repository's images: that of its base, and of its own."""
    base = number % 3
    severities = ("CRITICAL", "HIGH", "HIGH", "MEDIUM", "MEDIUM", "MEDIUM", "LOW", "LOW")
    of_base = [
        Finding(f"CVE-2025-{base}{each:03}", severity, f"lib{each}", "1")
        for each, severity in enumerate(severities)
    ]
    own = [Finding(f"CVE-2024-{number:03}{each}", "MEDIUM", f"own{each}", "1") for each in range(2)]
    return Findings((*of_base, *own))


def _new_findings(document: dict[str, Any]) -> list[tuple[str, str]]:
    """The repositories and vulnerabilities that a message says are new."""
    if document["kind"] == "scan-report":
        findings = document["findings"]
        return [(document["repository"], each["id"]) for each in findings if each["isNew"]]
    images = document["images"]
    return [
        (images[number]["repository"], each["id"])
        for each in document["vulnerabilities"]
        for number in each["images"]
    ]


def _title(fleet: Fleet) -> str:
    pushes = ", ".join(map(str, PUSHED_ON))
    return (
        f"{fleet.repositories} repositories of {fleet.images} images; pushes on days {pushes},"
        f" a new CVE in {fleet.affected} of them on day {FLAW_ON}"
    )


def printed(measured: Sequence[Days]) -> Printed:
    """A row for each settings."""
    table = Printed(
        *("settings", "messages on the days", "in all", "new findings of current images"),
        *("in one message", "in several", "in none", "repositories named of the new CVE"),
        title=_title(measured[0].fleet),
    )
    for days in measured:
        table.add_row(
            days.name,
            " ".join(f"{count:,}" for count in days.messages),
            f"{sum(days.messages):,}",
            *(f"{count:,}" for count in (days.expected, days.told_once, days.told_again)),
            *(f"{count:,}" for count in (days.untold, days.repositories_named)),
        )
    return table


def main() -> None:
    """Simulate and print."""
    parser = argparse.ArgumentParser(prog="make bench-noise", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the repositories")
    parser.add_argument("--only", choices=SETTINGS, help="these settings alone")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write what was measured")
    options = parser.parse_args()
    fleet = Fleet(repositories=30, images=6, affected=10, pushed_a_day=4)
    fleet = fleet if options.quick else Fleet()
    names = [options.only] if options.only else list(SETTINGS)
    measured = [simulate(name, fleet) for name in names]
    console = Console(width=None if Console().is_terminal else 200)
    console.print(printed(measured))
    for days in measured:
        for day, subject in days.subjects:
            console.print(f"{days.name}, day {day}: {subject}", markup=False)
    if options.json:
        options.json.write_text(json.dumps([asdict(each) for each in measured], indent=1) + "\n")


if __name__ == "__main__":
    main()
