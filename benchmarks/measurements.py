"""One system at work on one cloud, measured, in a process of its own.

``python -m benchmarks.measurements SYSTEM WORLD ADDRESS`` prints a :class:`Measurement` as JSON.
The Lambda service's part is played here: a listing, then containers that poll the queue and hand
each message to their function.
"""

from __future__ import annotations

import json
import os
import random
import resource
import subprocess
import sys
import time
import traceback
from contextlib import redirect_stdout
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import boto3

from benchmarks import baseline
from benchmarks.cloud import START, World
from benchmarks.http_server import TIME_HEADER, WAIT_HEADER, report, running
from benchmarks.records import ACCOUNT
from benchmarks.simulated_time import SimulatedTime, application_at
from chalicelib.aws.clients import client_of
from chalicelib.aws.dynamodb import Table
from chalicelib.runtime import logs
from chalicelib.scanning.jobs import ScanJob, parse_job
from chalicelib.scanning.lister import start_listing
from chalicelib.scanning.requests import ListingRequest
from chalicelib.scanning.scanner import scan_repository
from chalicelib.services import Services
from chalicelib.settings.settings import Settings
from local.environment import isolated

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

PROJECT = Path(__file__).parent.parent
CONTAINERS = 5
"""How many scanners run at once: the application's ``maximum_concurrency``, given to both."""

SQS_SECONDS = 0.02
DYNAMODB_SECONDS = 0.01
"""How long a call to each takes: assumptions, as :attr:`World.ecr_seconds` is."""

_SECONDS = {"sqs": SQS_SECONDS, "dynamodb": DYNAMODB_SECONDS}

POLL_SECONDS = 1
POLL_SECONDS_WHILE_LISTING = 0.05
"""How long a poll waits for a message. Lambda's wait for 20 seconds and end as soon as one comes;
these end with the second in which it comes. Polls that find nothing are not counted."""


ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "none",
    "AWS_SECRET_ACCESS_KEY": "none",
    "AWS_DEFAULT_REGION": "eu-west-1",
}


@dataclass
class Measurement:
    """What a run took: simulated, measured and processor's seconds, and bytes.

    ``invocation_seconds`` and ``processor_seconds`` are those of all runs of functions together,
    the one simulated, the other of this machine's processor. The memory is that of the whole
    process (its resident set), in which all containers are.
    """

    system: str
    world: dict[str, Any]
    calls: dict[str, int] = field(default_factory=dict)
    refused: dict[str, int] = field(default_factory=dict)
    scans_started: int = 0
    sqs_billed: int = 0
    table_units: dict[str, float] = field(default_factory=dict)
    invocations: int = 0
    failed_invocations: int = 0
    longest_invocation: float = 0.0
    invocation_seconds: float = 0.0
    processor_seconds: float = 0.0
    simulated_seconds: float = 0.0
    wall_seconds: float = 0.0
    memory_before: int = 0
    memory_peak: int = 0


class System(Protocol):
    """What is measured."""

    def list_repositories(self) -> None:
        """Send the messages."""

    def container(self) -> Callable[[str], object]:
        """What a new container does with a message."""


class Application:
    """The application's own lister and scanner, with its default settings."""

    def __init__(self, clock: SimulatedTime, queue_url: str) -> None:
        self._clock = clock
        self._settings = Settings.from_environment(
            {"IMAGES_SCAN_JOBS_QUEUE_URL": queue_url, "HISTORY_TABLE_NAME": "history"}
        )
        functions = json.loads((PROJECT / ".chalice" / "config.json").read_text())
        self._timeout = functions["lambda_functions"]["scan_images"]["lambda_timeout"]

    def list_repositories(self) -> None:
        """The scheduled listing."""
        start_listing(ListingRequest(), self.services())

    def container(self) -> Callable[[str], object]:
        """The scanner, with clients of its own."""
        services = self.services()

        def scan(body: str) -> None:
            job = parse_job(body)
            if not isinstance(job, ScanJob):
                raise TypeError(body)
            scan_repository(job, services, self._clock.deadline(self._timeout), self._clock.sleep)

        return scan

    def services(self) -> Services:
        """The services of a new container."""
        services = Services(self._settings, partial(client_of, boto3.DEFAULT_SESSION))
        services.own_account = ACCOUNT
        name = self._settings.history_table_name or ""
        client = client_of(boto3.DEFAULT_SESSION, "dynamodb")
        services.table = Table(client, name, self._clock, self._clock.sleep)
        return services


class Baseline:
    """The usual approach."""

    def __init__(self, clock: SimulatedTime, queue_url: str) -> None:
        self._clock = clock
        self._queue_url = queue_url

    def list_repositories(self) -> None:
        """One message a call."""
        baseline.send_repositories(self._queue_url)

    def container(self) -> Callable[[str], object]:
        """Nothing is kept from one message to the next."""
        return self._scan

    def _scan(self, repository: str) -> None:
        now = datetime.fromtimestamp(self._clock.now, UTC)
        baseline.scan_repository(repository, now, self._clock.sleep)


SYSTEMS: Mapping[str, Callable[[SimulatedTime, str], System]] = {
    "application": Application,
    "baseline": Baseline,
}


class _LambdaService:
    def __init__(self, system: System, clock: SimulatedTime, address: str) -> None:
        self._system = system
        self._clock = clock
        self._address = address
        self._queue_url = queue_url(address)
        self._listing = True
        self._ended_at = clock.now
        self._failures = 0
        self._seconds: list[float] = []
        self._processor_seconds = 0.0

    def run(self, measured: Measurement) -> None:
        began = self._clock.now
        self._clock.run(self._list, *[self._container] * CONTAINERS)
        measured.invocations = len(self._seconds)
        measured.failed_invocations = self._failures
        measured.longest_invocation = max(self._seconds)
        measured.invocation_seconds = sum(self._seconds)
        measured.processor_seconds = self._processor_seconds
        measured.simulated_seconds = self._ended_at - began

    def _list(self) -> None:
        self._invoke(self._system.list_repositories)
        self._listing = False

    def _container(self) -> None:
        """Poll as Lambda does, until there is nothing left to wait for."""
        sqs = boto3.client("sqs")
        handle = self._system.container()
        while True:
            answer: Any = sqs.receive_message(
                QueueUrl=self._queue_url,
                MaxNumberOfMessages=1,
                WaitTimeSeconds=0 if self._listing else POLL_SECONDS,
            )
            if self._listing and "Messages" not in answer:
                self._clock.sleep(POLL_SECONDS_WHILE_LISTING)
            headers = answer["ResponseMetadata"]["HTTPHeaders"]
            self._clock.sleep(float(headers[WAIT_HEADER.lower()]))
            for message in answer.get("Messages", ()):
                if self._invoke(partial(handle, message["Body"])):
                    receipt = message["ReceiptHandle"]
                    sqs.delete_message(QueueUrl=self._queue_url, ReceiptHandle=receipt)
            waiting = answer.get("Messages") or self._listing or report(self._address)["messages"]
            if not waiting:
                return

    def _invoke(self, function: Callable[[], object]) -> bool:
        began, processor_began = self._clock.now, time.thread_time()
        try:
            function()
        except Exception:
            # As on Lambda: what failed is logged, and its message comes again.
            traceback.print_exc()
            self._failures += 1
            return False
        finally:
            self._processor_seconds += time.thread_time() - processor_began
            self._ended_at = max(self._ended_at, self._clock.now)
            self._seconds.append(self._clock.now - began)
        return True


def measure(system: str, world: World) -> Measurement:
    """Measure a system, both it and the cloud in processes of their own."""
    # The one variable that may be given, to compare.
    retries = {name: os.environ[name] for name in ("AWS_RETRY_MODE",) if name in os.environ}
    with running(world) as address:
        command = [sys.executable, "-m", "benchmarks.measurements", system]
        done = subprocess.run(  # noqa: S603
            [*command, json.dumps(world.to_dict()), address],
            cwd=PROJECT,
            env=isolated(os.environ) | ENVIRONMENT | retries | {"AWS_ENDPOINT_URL": address},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
    return Measurement(**json.loads(done.stdout))


def queue_url(address: str) -> str:
    """The URL of the cloud's one queue."""
    return f"{address}/123456789012/jobs"


def connect(clock: SimulatedTime, ecr_seconds: float) -> None:
    """Let boto3's calls take simulated time, and tell the cloud when they arrive."""

    def travel(request: Any, event_name: str, **_: Any) -> None:
        clock.sleep(_SECONDS.get(event_name.split(".")[1], ecr_seconds))
        request.headers[TIME_HEADER] = repr(clock.now)

    boto3.setup_default_session()
    assert boto3.DEFAULT_SESSION is not None  # noqa: S101
    boto3.DEFAULT_SESSION.events.register("before-send", travel)


def run(system: str, world: World, address: str) -> Measurement:
    """Let a system work on the cloud at this address, in this process."""
    random.seed(world.total)
    clock = SimulatedTime(START.timestamp())

    connect(clock, world.ecr_seconds)
    measured = Measurement(system, world.to_dict(), memory_before=_memory())
    began = time.perf_counter()
    with application_at(clock):
        _LambdaService(SYSTEMS[system](clock, queue_url(address)), clock, address).run(measured)
    measured.wall_seconds = time.perf_counter() - began
    measured.memory_peak = _memory()
    told = report(address)
    measured.calls, measured.refused = told["calls"], told["refused"]
    measured.sqs_billed, measured.scans_started = told["sqs_billed"], told["scans_started"]
    measured.table_units = told["table_units"]
    return measured


def _memory() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main() -> None:
    """Measure what the arguments name; what the functions log goes nowhere."""
    system, world, address = sys.argv[1:]
    if system == "baseline":
        os.environ.setdefault("AWS_RETRY_MODE", "legacy")
    with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere):
        logs.configure("INFO")
        measured = run(system, World(**json.loads(world)), address)
    print(json.dumps(asdict(measured)))


if __name__ == "__main__":
    main()
