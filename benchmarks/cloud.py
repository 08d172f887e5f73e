"""ECR, SQS and DynamoDB as the benchmark needs them: answers, limits, rates and what they bill.

ECR is the local registry that the tests use, with a bucket of tokens for each operation. That every
operation has such a bucket is documented
(https://docs.aws.amazon.com/AmazonECR/latest/userguide/common-errors.html), but for the operations
called here AWS publishes no rate (service-quotas.html lists those of pushing and pulling). So each
gets the rate that the guide takes for its example, 20 a second, with a burst of as many and not
of the 200 there: an assumption, and a parameter.
"""

from __future__ import annotations

import hashlib
import heapq
import uuid
from collections import Counter
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING, Any

from benchmarks.records import RecordsTable, records
from local.cloud.faults import EcrError
from local.cloud.registry import LocalRegistry

if TYPE_CHECKING:
    from collections.abc import Mapping

    from local.cloud.findings import Shape

START = datetime(2026, 1, 1, tzinfo=UTC)
FRESH, STALE, NEVER = START - timedelta(days=2), START - timedelta(days=10), None
STATES = {"fresh": (FRESH,), "stale": (STALE,), "mixed": (FRESH, STALE, NEVER)}
"""When the images were scanned last, in turns: with the default of 7 days two thirds of the mixed
ones are due."""

TAGS_A_DIGEST = 3
BILLED_BYTES = 65_536
"""A request of SQS is billed for every 64 KB of its messages that are begun."""

RATED_OPERATIONS = (
    "BatchGetImage",
    "DescribeImageScanFindings",
    "DescribeImages",
    "DescribeRepositories",
    "ListImages",
    "StartImageScan",
)
"""The operations of ECR that the benchmark's rate is for."""


@dataclass(frozen=True)
class World:
    """What there is to scan, and what the services allow: rates a second, durations in seconds.

    ``ecr_seconds`` is how long a call to ECR takes, an assumption, for AWS publishes no latencies;
    ``remembered`` is whether the application's table holds when each image was scanned, as it does
    from the first listing on.
    """

    repositories: int
    images: int
    state: str
    rate: float = 20
    burst: float = 20
    remembered: bool = True
    ecr_seconds: float = 0.05
    scan_seconds: float = 30
    visibility_seconds: float = 1800

    @property
    def total(self) -> int:
        """How many images there are."""
        return self.repositories * self.images

    @property
    def due(self) -> int:
        """How many of them are due for a scan."""
        scanned = STATES[self.state]
        each = (scanned[number % len(scanned)] for number in range(self.images))
        return self.repositories * sum(moment is not FRESH for moment in each)

    @property
    def least_calls(self) -> dict[str, int]:
        """The calls that no client can do without."""
        return {
            "DescribeRepositories": -(-self.repositories // 1000),
            "DescribeImages": self.repositories * -(-self.images // 1000),
            "StartImageScan": self.due,
        }

    @property
    def least_seconds(self) -> float:
        """The time that the rates allow at least, be the client as fast as it may."""
        return max(max(0.0, calls - self.burst) / self.rate for calls in self.least_calls.values())

    def to_dict(self) -> dict[str, Any]:
        """The members by name."""
        return asdict(self)


def repository_name(number: int) -> str:
    """The name of a repository, of those from 0 on."""
    return f"team-{number % 97:02}/repository-{number:05}"


class Cloud:
    """The services; every request comes with the simulated time at which it arrives."""

    def __init__(self, world: World) -> None:
        self._now = START.timestamp()
        self.registry = _registry(world, self._moment)
        for operation in RATED_OPERATIONS:
            self.registry.limit_rate(operation, world.rate, world.burst)
        self.queue = Queue(world.visibility_seconds)
        self.table = _table(self.registry) if world.remembered else RecordsTable()

    def answer(self, target: str, request: Shape, now: float) -> tuple[int, Shape]:
        """The HTTP status and the body of the answer to one request of the AWS JSON protocol."""
        service, _, operation = target.partition(".")
        if service == "Simulation":
            return 200, self.report()
        self._now = now
        try:
            if service == "AmazonSQS":
                return 200, self.queue.answer(operation, request, now)
            if service.startswith("DynamoDB"):
                return 200, self.table.answer(operation, request)
            return 200, self.registry.answer(operation, request)
        except EcrError as error:
            return error.status, {"__type": error.code, "message": error.message}

    def report(self) -> Shape:
        """What was asked of the services, what they refused, what they bill, what is left to do."""
        return {
            "calls": dict(self.registry.calls + self.queue.calls + self.table.calls),
            "refused": dict(self.registry.errors),
            "sqs_billed": self.queue.billed,
            "table_units": dict(self.table.units),
            "messages": self.queue.held,
            "scans_started": self.registry.scans_in_the_last_day(),
        }

    def _moment(self) -> datetime:
        return datetime.fromtimestamp(self._now, UTC)


class Queue:
    """A standard queue of SQS: delays, long polling, and messages that come again unless deleted.

    ``calls`` and ``billed``, the requests that are paid for, are less those that found no message:
    these go on all month, whoever works on the messages.

    A request that polls for a message which comes later is answered at once, and the answer says
    by ``SimulatedWaitSeconds``, which SQS does not have, how long it took.
    """

    def __init__(self, visibility_seconds: float) -> None:
        self.calls: Counter[str] = Counter()
        self.billed = 0
        self._visibility = visibility_seconds
        self._numbers = count()
        self._bodies: dict[str, str] = {}
        self._visible_at: list[tuple[float, str]] = []

    @property
    def held(self) -> int:
        """How many messages wait or are being worked on."""
        return len(self._bodies)

    def answer(self, operation: str, request: Shape, now: float) -> Shape:
        """Answer a request; :raises EcrError: for an operation that there is not."""
        self.calls[operation] += 1
        if operation == "SendMessage":
            self._bill([request["MessageBody"]])
            return self._send(request, now)
        if operation == "SendMessageBatch":
            entries: list[Shape] = request["Entries"]
            if not 1 <= len(entries) <= 10:
                raise EcrError("TooManyEntriesInBatchRequest", "A batch has one to ten entries.")
            self._bill([entry["MessageBody"] for entry in entries])
            return {
                "Successful": [{"Id": entry["Id"], **self._send(entry, now)} for entry in entries]
            }
        if operation == "ReceiveMessage":
            return self._receive(request.get("WaitTimeSeconds", 0), now)
        if operation == "DeleteMessage":
            self._bill([])
            self._bodies.pop(request["ReceiptHandle"], None)
            return {}
        raise EcrError("UnknownOperationException", f"The queue has no {operation}.")

    def _send(self, entry: Mapping[str, Any], now: float) -> Shape:
        identity = str(uuid.UUID(int=next(self._numbers)))
        self._bodies[identity] = entry["MessageBody"]
        heapq.heappush(self._visible_at, (now + entry.get("DelaySeconds", 0), identity))
        return {"MessageId": identity, "MD5OfMessageBody": _digest(entry["MessageBody"])}

    def _receive(self, wait: float, now: float) -> Shape:
        while self._visible_at and self._visible_at[0][0] <= now + wait:
            moment, identity = heapq.heappop(self._visible_at)
            if identity not in self._bodies:
                continue
            body = self._bodies[identity]
            received_at = max(now, moment)
            heapq.heappush(self._visible_at, (received_at + self._visibility, identity))
            self._bill([body])
            message = {"MessageId": identity, "ReceiptHandle": identity, "Body": body}
            message["MD5OfBody"] = _digest(body)
            return {"Messages": [message], "SimulatedWaitSeconds": received_at - now}
        self.calls["ReceiveMessage"] -= 1
        return {"SimulatedWaitSeconds": wait}

    def _bill(self, bodies: list[str]) -> None:
        size = sum(len(body.encode()) for body in bodies)
        self.billed += max(1, -(-size // BILLED_BYTES))


def _digest(body: str) -> str:
    return hashlib.md5(body.encode(), usedforsecurity=False).hexdigest()


def _table(registry: LocalRegistry) -> RecordsTable:
    """The table of an application that has seen all scans so far."""
    table = RecordsTable()
    for repository in registry.repositories.values():
        scans = {
            image.digest: int(image.scan_completed_at.timestamp()) if image.scan_completed_at else 0
            for image in repository.images.values()
        }
        for item in records(repository.name, scans):
            table.put(item)
    return table


def _registry(world: World, now: Any) -> LocalRegistry:
    registry = LocalRegistry(now=now)
    registry.scan_duration = timedelta(seconds=world.scan_seconds)
    scanned = STATES[world.state]
    for number in range(world.repositories):
        repository = repository_name(number)
        for image in range(world.images):
            registry.add_image(
                repository,
                tags=tuple(f"{image}-{tag}" for tag in range(TAGS_A_DIGEST)),
                pushed_at=START - timedelta(days=30),
                scanned_at=scanned[image % len(scanned)],
            )
    return registry
