"""AWS as the application's own boto3 clients see it, without a network and on a simulated clock.

Requests leave botocore as they would for AWS and the answers come back the same way, so that its
serializing, its retries and its errors are the real ones.
"""

import io
import json
import threading
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache, partial
from random import Random
from types import ModuleType
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import boto3
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ReadTimeoutError

from benchmarks.simulated_time import SimulatedTime
from chalicelib.aws.clients import ATTEMPTS, client_of
from chalicelib.ecr.registries import RegistryAddress, Role
from local.cloud.tagging import tagged_repositories
from local.ecr import EcrError, LocalRegistry
from tests.faults.dynamodb import ACCOUNT, Table
from tests.faults.faults import ANSWER_LOST, READ_TIMEOUT_SECONDS, Faults, Refusal

if TYPE_CHECKING:
    from collections.abc import Callable

Place = tuple[str, str]
"""An account and a region."""
REGION = "eu-west-1"
OWN: Place = ACCOUNT, REGION
OTHER_REGION, OTHER_ACCOUNT = "us-east-1", "222222222222"
ROLE = Role(f"arn:aws:iam::{OTHER_ACCOUNT}:role/scan")
QUEUE_URL = f"https://sqs.{REGION}.amazonaws.com/123456789012/jobs"
TOPIC_ARN = f"arn:aws:sns:{REGION}:123456789012:reports"
CHAT_TOPIC_ARN = f"arn:aws:sns:{REGION}:123456789012:chat"
OK = 200
READS = frozenset({"BatchGetItem", "Query"})
MOST_REPEATED = 200
"""How many messages and events may come again: where each job goes on in two, there is no end."""
VISIBILITY_SECONDS = 1800
MOST_RECEIVES = 5
"""As in the template: JobsQueue."""
EXPIRED_SECONDS = 6 * 86_400.0
"""After how long a scan may be due again, a function's own time included."""
UNSEEN_SECONDS = 60.0
"""How long ECR may not say of a scan that it was started."""


class Clock(SimulatedTime):
    """Simulated time; of the functions that run at once, one goes on while the others wait."""

    def utc(self) -> datetime:
        return datetime.fromtimestamp(self.now, UTC)


@dataclass(eq=False)
class Delivery:
    """A message or an event under way: how often it still comes, and why it failed so far."""

    body: Any
    visible_at: float
    times: int
    receives: int = 0
    succeeded: bool = False
    reasons: list[str] = field(default_factory=list)


@dataclass(eq=False)
class Invocation:
    """A function at work in a container: when its time is over, and after how many calls it stops.

    ``cut`` is whether it was stopped, ``notes_failed`` whether the history did not take a note,
    ``records_failed`` whether any call to the table failed, and ``reads_failed`` whether
    one did that reads what is remembered. ``frozen`` is whether it stood still for an hour, after
    which others have what it holds; ``forgets`` whether it works without a history, whose table it
    cannot reach.
    """

    function: str
    event: Any
    app: ModuleType
    began_at: float
    deadline: float
    calls_left: int | None
    ended_at: float | None = None
    cut: bool = False
    notes_failed: bool = False
    records_failed: bool = False
    reads_failed: bool = False
    interrupted: bool = False
    frozen: bool = False
    forgets: bool = False


@dataclass(eq=False)
class Attempt:
    """A StartImageScan: by which invocation, and whether this saw that a scan was started."""

    invocation: Invocation
    is_known: bool = False

    def rules_out(self, later: "Attempt") -> bool:
        """Whether a later attempt is one too many, since all could know of this one."""
        mine, other = self.invocation, later.invocation
        if not self.is_known:
            return False
        if mine is other:
            return True
        if other.began_at - mine.began_at >= EXPIRED_SECONDS or other.reads_failed:
            return False
        is_kept = not (mine.cut or mine.records_failed)
        ended = mine.ended_at
        return is_kept and ended is not None and ended + UNSEEN_SECONDS <= other.began_at


@dataclass(eq=False)
class Publication:
    """What a medium was told, by which invocation, and whether that was noted in the history.

    ``report`` is the JSON of the report, or what the medium has in its place. ``news`` are the keys
    of the news that it is of, where news is collected.
    """

    medium: str
    report: Any
    invocation: Invocation
    news: frozenset[str] = frozenset()
    answered: bool = False
    noted: bool = False

    @property
    def identities(self) -> frozenset[str]:
        """What it is of: the event's id, or the keys of the news."""
        return self.news or frozenset({str(self.invocation.event["id"])})

    @property
    def name(self) -> tuple[str, str]:
        """The repository and the digest that it is about; neither where it is about several."""
        if self.news:
            image = self.report if isinstance(self.report, dict) else {}
            return image.get("repository", ""), image.get("imageDigest", "")
        detail = self.invocation.event["detail"]
        return detail.get("repository-name", ""), detail.get("image-digest", "")

    @property
    def is_roundup(self) -> bool:
        """Whether it is of several images."""
        return isinstance(self.report, dict) and self.report.get("kind") == "roundup"

    @property
    def may_come_again(self) -> bool:
        """Whether nobody could know of it: its answer, its function or its note was lost."""
        invocation = self.invocation
        unnoted = not self.noted and (invocation.cut or invocation.notes_failed)
        return not self.answered or unnoted


class SimulatedAws:
    """ECR, SQS, SNS, DynamoDB, Security Hub and the tagging API, with the faults of a run."""

    def __init__(self, registries: Sequence[LocalRegistry], faults: Faults, clock: Clock) -> None:
        self.registries = {place_of(each): each for each in registries}
        self.faults = faults
        self.clock = clock
        self.messages: list[Delivery] = []
        self.dead_jobs: list[Delivery] = []
        self.events: list[Delivery] = []
        self.failed_events: list[Delivery] = []
        self.attempts: defaultdict[tuple[str, str], list[Attempt]] = defaultdict(list)
        self.published: list[Publication] = []
        self.collected: defaultdict[tuple[str, str], list[Invocation]] = defaultdict(list)
        self.imported: dict[str, Any] = {}
        self._repeated = 0
        self.table = Table(faults)
        self._invocations: dict[int, Invocation | None] = {}
        self.calls: Counter[str] = Counter()
        self.faulty: Counter[str] = Counter()
        self.before_call: Callable[[str], None] = lambda operation: None
        self.after_call: Callable[[], None] = lambda: None

    @property
    def invocation(self) -> Invocation | None:
        """The function under way in this thread."""
        return self._invocations.get(threading.get_ident())

    @invocation.setter
    def invocation(self, invocation: Invocation | None) -> None:
        self._invocations[threading.get_ident()] = invocation

    def client(
        self,
        container: int,
        service: str,
        region: str | None = None,
        role: Role | None = None,
        attempts: int = ATTEMPTS,
    ) -> Any:
        """The application's own client of a service in a container, whose requests come here."""
        _transport.aws = self
        return _client(container, service, region, role, attempts)

    def registry_at(self, address: RegistryAddress) -> LocalRegistry:
        """A registry, by its address as the application has it."""
        return self.registries[address.account or ACCOUNT, address.region or REGION]

    def handle(
        self, place: Place, service: str, operation: str, url: str, body: bytes
    ) -> AWSResponse:
        """Answer one HTTP request to a place, or raise what becomes of its connection."""
        self.calls[operation] += 1
        self.clock.sleep(self.faults.chance.uniform(0.01, 0.3))
        self.before_call(operation)
        fault = self.faults.of_call(service, operation, body, place)
        if fault is not None:
            self.faulty[fault.code if isinstance(fault, Refusal) else fault.__name__] += 1
            # Of the history and the news; the table's other updates are of no publication.
            is_note = any(part in body for part in (b'"image#', b'"news#', b'"news-senders"'))
            if service == "dynamodb" and is_note and self.invocation is not None:
                self.invocation.notes_failed = True
            if service == "dynamodb" and self.invocation is not None:
                self.invocation.records_failed = True
                self.invocation.reads_failed |= operation in READS
        starts = operation == "StartImageScan"
        attempt = self._attempt(self.registries[place], json.loads(body)) if starts else None
        try:
            if isinstance(fault, Refusal):
                return _refusal(service, url, fault)
            if fault is not None and fault not in ANSWER_LOST:
                raise fault(endpoint_url=url, error="unreachable")
            before = len(self.published)
            answer = self._answer(place, service, operation, url, body)
            if fault is not None:
                if fault is ReadTimeoutError:
                    self.clock.sleep(READ_TIMEOUT_SECONDS)
                raise fault(endpoint_url=url, error="closed")
            for publication in self.published[before:]:
                publication.answered = True
            if attempt is not None:
                attempt.is_known = answer.status_code == OK
            return answer
        finally:
            self.after_call()

    def _attempt(self, registry: LocalRegistry, request: dict[str, Any]) -> Attempt:
        assert self.invocation is not None
        attempt = Attempt(self.invocation)
        name = (request["repositoryName"], request["imageId"]["imageDigest"])
        repository = registry.repositories.get(name[0])
        if (
            repository is not None and name[1] in repository.images
        ):  # else it is as if never scanned
            self.attempts[name].append(attempt)
        return attempt

    def _answer(
        self, place: Place, service: str, operation: str, url: str, body: bytes
    ) -> AWSResponse:
        if service == "sns":
            return _xml(url, 200, self._publish(body))
        if service == "sts":
            return _xml(url, 200, _ASSUMED)
        request = json.loads(body or b"{}")
        if service == "dynamodb":
            return self._keep(operation, url, request)
        if service == "securityhub":
            return _json(url, 200, self._import_findings(request))
        if service == "sqs":
            return _json(url, 200, self._send_messages(request))
        if service == "resource-groups-tagging-api":
            return _json(url, 200, self._get_resources(self.registries[place], request))
        try:
            if "nextToken" in request and self.faults.happens(self.faults.tokens_expired):
                raise EcrError("InvalidParameterException", "Invalid token")
            return _json(url, 200, self.registries[place].answer(operation, request))
        except EcrError as error:
            return _refusal(service, url, Refusal(error.code, error.status, error.message))

    def _send_messages(self, request: dict[str, Any]) -> dict[str, Any]:
        """SendMessageBatch: some entries may be refused for no fault of the sender's."""
        answer: dict[str, Any] = {"Successful": [], "Failed": []}
        for entry in request["Entries"]:
            if self.faults.happens(self.faults.entries_refused):
                error = {"Id": entry["Id"], "SenderFault": False, "Code": "InternalError"}
                answer["Failed"].append(error)
                continue
            visible_at = self.clock.now + entry.get("DelaySeconds", 0)
            self.messages.append(Delivery(entry["MessageBody"], visible_at, self.times()))
            sent = {"Id": entry["Id"], "MessageId": entry["Id"], "MD5OfMessageBody": "unchecked"}
            answer["Successful"].append(sent)
        return answer

    def times(self) -> int:
        """How often a message or an event comes, although it was dealt with: up to three times."""
        if self.faults.calm or self._repeated >= MOST_REPEATED:
            return 1
        times = self.faults.chance.choice([1, 1, 2, 3])
        self._repeated += times > 1
        return times

    def _publish(self, body: bytes) -> str:
        form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
        if form["TopicArn"] == CHAT_TOPIC_ARN:
            self._tell("chat", json.loads(form["Message"]))
        else:
            self._tell("topic", json.loads(json.loads(form["Message"])["default"]))
        result = "<PublishResult><MessageId>1</MessageId></PublishResult>"
        return f"<PublishResponse>{result}</PublishResponse>"

    def _import_findings(self, request: dict[str, Any]) -> dict[str, Any]:
        """BatchImportFindings: what is there already is updated by what is later."""
        self._tell("security_hub", request["Findings"])
        for finding in request["Findings"]:
            known = self.imported.get(finding["Id"])
            if known is None or known["UpdatedAt"] < finding["UpdatedAt"]:
                self.imported[finding["Id"]] = finding
        return {"FailedCount": 0, "SuccessCount": len(request["Findings"])}

    def _tell(self, medium: str, report: Any) -> None:
        assert self.invocation is not None
        collected = self.invocation.function == "send_reports"
        news = self.table.news_under_way(medium) if collected else frozenset()
        self.published.append(Publication(medium, report, self.invocation, news))

    def _keep(self, operation: str, url: str, request: dict[str, Any]) -> AWSResponse:
        """The history's operations; what is noted of a publication is noted of it here too."""
        status, answer = self.table.answer(operation, request)
        values = request.get("ExpressionAttributeValues", {})
        noted = values.get(":channel", {}).get("SS", ())
        channel = request["Key"]["sk"]["S"] if ":yes" in values else ""
        for each in self.published if status == OK else ():
            if each.invocation is not self.invocation:
                continue
            starts = tuple(f"{identity} {each.medium} " for identity in each.identities)
            if any(text.startswith(starts) for text in noted) or each.medium == channel:
                each.noted = True
        if operation == "PutItem" and status == OK and self.invocation is not None:
            pk, _, channel = request["Item"]["pk"]["S"].partition("#")
            if pk == "news":
                self.collected[channel, request["Item"]["sk"]["S"]].append(self.invocation)
        return _json(url, status, answer)

    @staticmethod
    def _get_resources(registry: LocalRegistry, request: dict[str, Any]) -> dict[str, Any]:
        asked = {
            "resource_type_filters": request["ResourceTypeFilters"],
            "resources_per_page": request["ResourcesPerPage"],
            "pagination_token": request.get("PaginationToken"),
        }
        token, resources = tagged_repositories(registry, asked)
        found = [
            {
                "ResourceARN": resource.arn,
                "Tags": [{"Key": key, "Value": value} for key, value in resource.tags.items()],
            }
            for resource in resources
        ]
        return {"PaginationToken": token, "ResourceTagMappingList": found}


_ASSUMED = (
    "<AssumeRoleResponse><AssumeRoleResult><Credentials>"
    "<AccessKeyId>testing</AccessKeyId><SecretAccessKey>testing</SecretAccessKey>"
    "<SessionToken>testing</SessionToken><Expiration>9999-01-01T00:00:00Z</Expiration>"
    "</Credentials></AssumeRoleResult></AssumeRoleResponse>"
)


class _Transport:
    """Where the clients' requests go, since the clients outlive the runs."""

    aws: SimulatedAws

    def send(self, place: Place, request: Any, event_name: str, **_: Any) -> AWSResponse:
        _, service, operation = event_name.split(".")
        body = request.body or b""
        text = body if isinstance(body, bytes) else body.encode()
        return self.aws.handle(place, service, operation, request.url, text)


_transport = _Transport()


@cache
def _session(_container: int) -> Any:
    """A container's own session, whose requests for the credentials of roles come here too."""
    session = boto3.Session(
        aws_access_key_id="testing", aws_secret_access_key="testing", region_name=REGION
    )
    session.events.register("before-send.sts", partial(_transport.send, OWN))
    return session


_assumed: dict[tuple[int, Role], Any] = {}


@cache
def _client(
    container: int, service: str, region: str | None, role: Role | None, attempts: int
) -> Any:
    client = client_of(_session(container), service, region, role, attempts)
    place = role.account if role else ACCOUNT, region or REGION
    client.meta.events.register("before-send", partial(_transport.send, place))
    if role is not None:
        _assumed[container, role] = client._request_signer._credentials
    return client


def forget_credentials() -> None:
    """Let the credentials of all roles have expired."""
    for credentials in _assumed.values():
        credentials._refresh_using.__self__._cache.clear()
        credentials._frozen_credentials = None


class _Body(io.BytesIO):
    def stream(self, **_: Any) -> Any:
        yield self.read()


def _json(url: str, status: int, answer: dict[str, Any]) -> AWSResponse:
    headers = {"Content-Type": "application/x-amz-json-1.1"}
    return AWSResponse(url, status, headers, _Body(json.dumps(answer).encode()))


def _xml(url: str, status: int, answer: str) -> AWSResponse:
    return AWSResponse(url, status, {"Content-Type": "text/xml"}, _Body(answer.encode()))


def _refusal(service: str, url: str, refusal: Refusal) -> AWSResponse:
    if service in ("sns", "sts"):
        error = f"<Error><Code>{refusal.code}</Code><Message>{refusal.message}</Message></Error>"
        return _xml(url, refusal.status, f"<ErrorResponse>{error}</ErrorResponse>")
    return _json(url, refusal.status, {"__type": refusal.code, "message": refusal.message})


def pick(chance: Random, deliveries: list[Delivery], now: float) -> Delivery | None:
    """Any of those whose time has come: neither SQS nor EventBridge keeps an order."""
    visible = [delivery for delivery in deliveries if delivery.visible_at <= now]
    return chance.choice(visible) if visible else None


def place_of(registry: LocalRegistry) -> Place:
    """The account and the region of a registry."""
    return registry.account_id, registry.region


def discard(deliveries: list[Delivery], delivery: Delivery) -> None:
    """Remove a delivery, unless it came again meanwhile, as where a function stood still."""
    if delivery in deliveries:
        deliveries.remove(delivery)
