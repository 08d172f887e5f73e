"""What goes wrong in a run, all of it drawn from the run's seed."""

from dataclasses import dataclass, field
from random import Random

from botocore.exceptions import (
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    ReadTimeoutError,
)

NEVER_ARRIVED = (EndpointConnectionError, ConnectTimeoutError)
ANSWER_LOST = (ReadTimeoutError, ConnectionClosedError)

READ_TIMEOUT_SECONDS = 10.0


class Killed(BaseException):
    """The function was stopped from outside, as at its time-out: no code of it can catch this."""


@dataclass(frozen=True)
class Refusal:
    """An error answer: the code as the service spells it, and the HTTP status."""

    code: str
    status: int
    message: str = "An error that was asked for."


SERVER_ERRORS = {
    "ecr": Refusal("ServerException", 500),
    "sqs": Refusal("InternalFailure", 500),
    "sns": Refusal("InternalError", 500),
    "dynamodb": Refusal("InternalServerError", 500),
    "securityhub": Refusal("InternalException", 500),
    "sts": Refusal("InternalFailure", 500),
    "resource-groups-tagging-api": Refusal("InternalServiceException", 500),
}
# Sources: StartImageScan and SendMessageBatch, common errors; SNS Publish, errors; DynamoDB,
# "Error handling"; BatchImportFindings, common errors.
THROTTLING = {
    "ecr": Refusal("ThrottlingException", 400),
    "sqs": Refusal("RequestThrottled", 403),
    "sns": Refusal("Throttled", 429),
    "dynamodb": Refusal("ThrottlingException", 400),
    "securityhub": Refusal("TooManyRequestsException", 429),
    "sts": Refusal("Throttling", 400),
    "resource-groups-tagging-api": Refusal("ThrottledException", 400),
}
OTHER_THROTTLING = {
    "dynamodb": (
        Refusal("ProvisionedThroughputExceededException", 400),
        Refusal("RequestLimitExceeded", 400),
    ),
}
UNAVAILABLE = Refusal("ServiceUnavailable", 503)


@dataclass
class Outage:
    """A stretch of calls during which one operation, or a whole service, never answers well."""

    name: str
    first_call: int
    last_call: int

    def holds(self, service: str, operation: str, call: int) -> bool:
        """Whether it befalls a call."""
        return self.name in (service, operation) and self.first_call <= call <= self.last_call


@dataclass(frozen=True)
class Bound:
    """What never answers well: ECR's operations of one repository or registry, or one role.

    An empty operation is each of ECR; ``text`` is part of the requests.
    """

    operation: str = ""
    text: str = ""
    place: tuple[str, str] | None = None

    def holds(self, service: str, operation: str, body: bytes, place: tuple[str, str]) -> bool:
        """Whether it befalls a call."""
        is_asked = operation == self.operation or (not self.operation and service == "ecr")
        return is_asked and self.text.encode() in body and self.place in (None, place)


ACCESS_DENIED = Refusal("AccessDenied", 403)


@dataclass
class Faults:
    """How often what goes wrong; ``calm`` ends all of it."""

    chance: Random
    throttled: float = 0.3
    server_errors: float = 0.05
    dropped: float = 0.05
    entries_refused: float = 0.05
    tokens_expired: float = 0.02
    keys_unread: float = 0.1
    changes: float = 0.02
    tags_moved: float = 0.4
    at_once: float = 0.02
    in_threads: float = 0.0
    little_time: float = 0.3
    killed: float = 0.25
    frozen: float = 0.0
    cold: float = 0.2
    calm: bool = False
    outages: list[Outage] = field(default_factory=list)
    calls: int = 0
    bound: Bound | None = None

    @classmethod
    def of(cls, chance: Random) -> "Faults":
        """Throttling of 30 % throughout; of the rest more in some runs than in others."""
        faults = cls(chance, server_errors=chance.choice([0, 0.05, 0.2]))
        faults.dropped = chance.choice([0, 0.05, 0.2])
        faults.entries_refused = chance.choice([0.05, 0.05, 0.5])
        faults.keys_unread = chance.choice([0.1, 0.1, 0.5])
        faults.frozen = chance.choice([0, 0, 0, 0.002])
        faults.in_threads = chance.choice([0, 0, 0.2])
        if chance.random() < 0.3:
            name = chance.choice([f"team-{n % 2}/service-{n}" for n in range(4)])
            faults.bound = Bound(chance.choice(OF_REPOSITORIES), f'"{name}"')
        for _ in range(chance.randint(0, 3)):
            start = chance.randrange(200)
            name = chance.choice(OPERATIONS if chance.random() < 0.8 else SERVICES)
            faults.outages.append(Outage(name, start, start + chance.randrange(60)))
        return faults

    def happens(self, probability: float) -> bool:
        return not self.calm and self.chance.random() < probability

    def of_call(
        self, service: str, operation: str, body: bytes, place: tuple[str, str]
    ) -> Refusal | type[Exception] | None:
        """The fault that befalls a call: an error answer, or what becomes of the connection."""
        self.calls += 1
        if self.calm:
            return None
        errors = (SERVER_ERRORS[service], UNAVAILABLE)
        if self.bound and self.bound.holds(service, operation, body, place):
            return ACCESS_DENIED if operation == "AssumeRole" else errors[0]
        if any(outage.holds(service, operation, self.calls) for outage in self.outages):
            return self.chance.choice([*errors, THROTTLING[service], *NEVER_ARRIVED])
        if self.happens(self.throttled):
            return self.chance.choice([THROTTLING[service], *OTHER_THROTTLING.get(service, ())])
        if self.happens(self.server_errors):
            return self.chance.choice(errors)
        if self.happens(self.dropped):
            return self.chance.choice([*NEVER_ARRIVED, *ANSWER_LOST])
        return None

    def seconds(self, limit: float) -> float:
        """How long a function may run: its time limit, or less."""
        return self.chance.uniform(0.2, 30) if self.happens(self.little_time) else limit

    def calls_until_killed(self) -> int | None:
        """After how many calls a function is stopped at once, None for one that is not."""
        return self.chance.randint(1, 40) if self.happens(self.killed) else None


OF_REPOSITORIES = (
    "BatchGetImage",
    "DescribeImageScanFindings",
    "DescribeImages",
    "StartImageScan",
)
SERVICES = ("dynamodb", "ecr", "sns", "sqs", "sts")
OPERATIONS = (
    "AssumeRole",
    "BatchGetImage",
    "BatchGetItem",
    "BatchImportFindings",
    "DescribeImageScanFindings",
    "DescribeImages",
    "DescribeRepositories",
    "GetRegistryScanningConfiguration",
    "GetResources",
    "ListTagsForResource",
    "Publish",
    "PutItem",
    "Query",
    "SendMessageBatch",
    "StartImageScan",
    "UpdateItem",
)
