"""One run: a day of the whole application, with the faults that its seed brings about."""

import importlib
import logging
import random
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from types import ModuleType, SimpleNamespace
from typing import Any
from unittest.mock import patch

from chalicelib.aws.dynamodb import Table
from chalicelib.aws.ecr import TokenExpired
from chalicelib.aws.errors import AWS_ERRORS
from chalicelib.aws.security_hub import FindingsNotImported, SecurityHub
from chalicelib.aws.sqs import JobsQueue, NotSent
from chalicelib.notifying import deletions, scans
from chalicelib.notifying.delivery import NotDelivered
from chalicelib.policy.changes import NOTIFY_MODES
from chalicelib.runtime import logs
from chalicelib.runtime.backoff import Backoff, DeadlineReached, Throttled
from chalicelib.runtime.pace import Pace
from chalicelib.scanning import (
    last_scans,
    list_repositories,
    lister,
    planner,
    scan_images,
    scanner,
    starts,
)
from chalicelib.scanning.lister import ListingIncomplete
from chalicelib.scanning.requests import RequestError
from chalicelib.scanning.scanner import ScansNotStarted
from chalicelib.services import Services
from chalicelib.settings.settings import Settings
from local.ecr import Image, LocalRegistry, Repository
from local.environment import isolated_environment
from tests.doubles import InTurn
from tests.events import image_deleted
from tests.faults.dynamodb import ACCOUNT, NAME
from tests.faults.faults import Faults, Killed
from tests.faults.population import LARGE_REPOSITORY, Policy, Subject, any_digest, populate
from tests.faults.simulation import (
    CHAT_TOPIC_ARN,
    MOST_RECEIVES,
    QUEUE_URL,
    REGION,
    TOPIC_ARN,
    VISIBILITY_SECONDS,
    Clock,
    Delivery,
    Invocation,
    SimulatedAws,
    pick,
)

START = 1_767_225_600.0  # 2026-01-01, 00:00 UTC
TIME_LIMITS = {
    "list_repositories": 300.0,
    "scan_images": 300.0,
    "notify": 60.0,
    "send_reports": 60.0,
}
MOST_ATTEMPTS = 3
"""How often Lambda runs a function for one event. Source: Lambda, asynchronous invocation."""
EXPECTED = (
    *AWS_ERRORS,
    FindingsNotImported,
    NotDelivered,
    NotSent,
    DeadlineReached,
    ListingIncomplete,
    RequestError,
    ScansNotStarted,
    Throttled,
    TimeoutError,
    TokenExpired,
)
"""What a function may fail with: AWS, or a request for a repository that somebody has deleted.

Anything else is a mistake in its code.
"""
DAY_SECONDS, HOUR_SECONDS = 86_400.0, 3_600.0
NEWS_SECONDS = 600.0
"""How much time passes between sendings of news once nothing else happens."""
MOST_LISTINGS = 100
MOST_STEPS = 20_000


@dataclass
class Run:
    """A run under way and what is known of it."""

    seed: int
    aws: SimulatedAws
    app: ModuleType
    policy: Policy
    subjects: list[Subject] = field(default_factory=list)
    starts: Counter[tuple[str, str]] = field(default_factory=Counter)
    scan_events: list[dict[str, Any]] = field(default_factory=list)
    outcomes: Counter[str] = field(default_factory=Counter)
    mistakes: list[BaseException] = field(default_factory=list)
    without_history: set[tuple[str, str]] = field(default_factory=set)
    _running: list[Invocation] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.chance = self.aws.faults.chance
        self.registry = self.aws.registry
        self.clock = self.aws.clock
        self.began_at = self.clock.now
        self.aws.before_call = self._before_call
        self.aws.after_call = self._after_call

    @property
    def settings(self) -> Settings:
        """The application's settings in this run."""
        return self.app.settings

    def go(self) -> None:
        """List until a listing succeeds, then deliver until nothing is left to be delivered.

        Between the two, some of what was listed is deleted.
        """
        for _ in range(self.chance.choice([1, 1, 1, 2])):
            self._list()
        for _ in range(0 if self.aws.faults.calm else self.chance.choice([0, 0, 2, 5])):
            self._change_registry()
        self._deliver_all()

    def redrive(self) -> None:
        """What the runbook says to do once AWS is well again."""
        self.aws.faults.calm = True
        self.clock.sleep(DAY_SECONDS * self.chance.choice([0, 0, 1.5]))
        for message in self.aws.dead_jobs:
            self.aws.messages.append(Delivery(message.body, self.clock.now, 1))
        for event in self.aws.failed_events:
            self.aws.events.append(Delivery(event.body, self.clock.now, 1))
        self.aws.dead_jobs, self.aws.failed_events = [], []
        self._deliver_all()

    @property
    def takes_days(self) -> bool:
        """Whether so much time has passed that a scan which failed is tried again."""
        return self.clock.now - self.began_at > DAY_SECONDS

    def exists(self, subject: Subject) -> bool:
        """Whether nobody has deleted the image, or the index that it is part of."""
        repository = self.registry.repositories.get(subject.repository)
        images = repository.images if repository else {}
        return all(image.digest in images for image in (subject.image, subject.index) if image)

    # Lister

    def _list(self) -> None:
        """The schedule fires, and fires again an hour later after a listing that failed."""
        for _ in range(MOST_LISTINGS):
            for attempt in range(MOST_ATTEMPTS):
                self.clock.sleep(60.0 * attempt)
                if self._invoke("list_repositories", self._request()) is None:
                    return
            self.clock.sleep(60)
        raise AssertionError(f"{MOST_LISTINGS} listings failed")

    def _request(self) -> dict[str, Any]:
        """The schedule's event, or somebody's request that names every repository."""
        names = sorted(self.registry.repositories)
        return {"repositories": names} if self.chance.random() < 0.3 else SCHEDULE

    # Queue and event bus

    def _deliver_all(self) -> None:
        for _ in range(MOST_STEPS):
            self._collect_events()
            waiting = [*self.aws.messages, *self.aws.events]
            if not waiting:
                if self.registry.scans_in_progress:
                    self.clock.sleep(30)
                elif self.settings.collects_news and self.aws.table.news_waits:
                    self.clock.sleep(NEWS_SECONDS)
                    self._invoke("send_reports", SCHEDULE)
                else:
                    return
                continue
            now = max(self.clock.now, min(delivery.visible_at for delivery in waiting))
            self.clock.now = now
            self._deliver_any()
        raise AssertionError(f"after {MOST_STEPS} deliveries there is still something to deliver")

    def _collect_events(self) -> None:
        for event in self.registry.completed_events():
            if event["detail"]["repository-name"] == LARGE_REPOSITORY:
                continue
            self.scan_events.append(event)
            delay = self.chance.uniform(0, 600)
            self.aws.events.append(Delivery(event, self.clock.now + delay, self.aws.times()))

    def _deliver_message(self) -> bool:
        """One message to the scanner, as the queue's trigger does; to the dead letters at last."""
        message = pick(self.chance, self.aws.messages, self.clock.now)
        if message is None:
            return False
        message.receives += 1
        if message.receives > MOST_RECEIVES:
            self.aws.messages.remove(message)
            self.aws.dead_jobs.append(message)
            return True
        message.visible_at = self.clock.now + VISIBILITY_SECONDS
        failure = self._invoke("scan_images", {"Records": [{"body": message.body} | RECORD]})
        if failure is not None:
            message.reasons.append(failure)
            return True
        message.succeeded = True
        message.times -= 1
        if message.times:
            message.visible_at = self.clock.now + self.chance.uniform(0, 120)
        else:
            self.aws.messages.remove(message)
        return True

    def _deliver_event(self) -> bool:
        """One event to the notifier, again after failures; to the failed events at last."""
        event = pick(self.chance, self.aws.events, self.clock.now)
        if event is None:
            return False
        event.visible_at = self.clock.now + VISIBILITY_SECONDS
        failure = self._invoke("notify", event.body)
        event.visible_at = self.clock.now + 60 * (event.receives + 1)
        if failure is None:
            event.receives = 0
            event.times -= 1
        else:
            event.receives += 1
            event.reasons.append(failure)
        if event.receives == MOST_ATTEMPTS:
            self.aws.events.remove(event)
            self.aws.failed_events.append(event)
        elif event.times == 0:
            self.aws.events.remove(event)
        return True

    # Functions

    def _invoke(self, function: str, event: dict[str, Any]) -> str | None:
        """Run a function; returns why it failed, as Lambda logs it, or None."""
        faults = self.aws.faults
        limit = faults.seconds(TIME_LIMITS[function])
        if self._running:
            limit = min(limit, (self._running[-1].deadline - self.clock.now) / 2)
        now = self.clock.now
        invocation = Invocation(function, event, now, now + limit, faults.calls_until_killed())
        if faults.happens(faults.cold):
            self.app.services.__dict__.pop("own_account", None)
        self._running.append(invocation)
        self.aws.invocation = invocation
        context = SimpleNamespace(
            aws_request_id=f"request-{sum(self.outcomes.values())}",
            get_remaining_time_in_millis=lambda: self._milliseconds_left(invocation),
        )
        try:
            getattr(self.app, function)(event, context)
        except Killed as error:
            invocation.cut = True
            failure = str(error)
        except EXPECTED as error:
            failure = f"{type(error).__name__}: {error}"
        else:
            failure = None
        finally:
            invocation.ended_at = self.clock.now
            self._running.pop()
            self.aws.invocation = self._running[-1] if self._running else None
        if self.mistakes:
            raise self.mistakes[0]
        self.outcomes[f"{function} {(failure or 'done').partition(':')[0]}"] += 1
        return failure

    def _milliseconds_left(self, invocation: Invocation) -> int:
        return max(0, int((invocation.deadline - self.clock.now) * 1000))

    def sleep(self, seconds: float) -> None:
        """A function's pause, in which its time may run out."""
        self.clock.sleep(seconds)
        self._stop_if_out_of_time()

    def _before_call(self) -> None:
        self._stop_if_out_of_time()
        faults = self.aws.faults
        if faults.happens(faults.frozen):
            self._freeze()
        if faults.happens(faults.changes):
            self._change_registry()
        if not self._running[-1].interrupted and faults.happens(faults.at_once):
            self._deliver_at_once()

    def _after_call(self) -> None:
        """Stop the function with its call's effect done and the answer never seen."""
        invocation = self._running[-1]
        if invocation.calls_left is not None:
            invocation.calls_left -= 1
            if invocation.calls_left == 0:
                raise Killed("Runtime exited")
        self._stop_if_out_of_time()

    def _stop_if_out_of_time(self) -> None:
        if self._running and self.clock.now >= self._running[-1].deadline:
            raise Killed("Task timed out")

    def _freeze(self) -> None:
        """Let the functions under way stand still for an hour, their own time too."""
        self.clock.now += HOUR_SECONDS
        for invocation in self._running:
            invocation.deadline += HOUR_SECONDS
            invocation.frozen = True

    def _deliver_at_once(self) -> None:
        """Another function runs while this one waits for its answer, on the same clock."""
        for invocation in self._running:
            invocation.interrupted = True
        self._deliver_any()

    def _deliver_any(self) -> None:
        """What comes next: a job, an event, or the minute in which news is sent."""
        if self.settings.collects_news and self.chance.random() < 0.1:
            self._invoke("send_reports", SCHEDULE)
        elif self.chance.random() < 0.5:
            self._deliver_message() or self._deliver_event()
        else:
            self._deliver_event() or self._deliver_message()

    def move_tag(self, repository: Repository, image: Image) -> None:
        """A build: ``latest`` moves on to an image that has tags of its own."""
        moves = self.aws.faults.happens(self.aws.faults.tags_moved)
        if repository.name == LARGE_REPOSITORY:
            return
        if moves and image.tags and LATEST not in image.tags:
            repository.tag(image, LATEST)

    def _change_registry(self) -> None:
        """Someone deletes an image or a repository, or pushes an image."""
        names = sorted(self.registry.repositories)
        if not names:
            return
        name = self.chance.choice(names)
        images = list(self.registry.repositories[name].images)
        change = self.chance.choice(["push", "remove image", "remove image", "remove repository"])
        if change == "push":
            self.registry.add_image(name, digest=any_digest(self.chance), tags=("pushed",))
        elif change == "remove image" and images:
            digest = self.chance.choice(images)
            self.registry.remove_image(name, digest)
            event = image_deleted(digest, name, **{"image-tag": ""})
            event["id"] = f"deletion of {digest}"
            self.aws.events.append(Delivery(event, self.clock.now, self.aws.times()))
        elif name == LARGE_REPOSITORY:
            return
        elif change == "remove repository" and self.chance.random() < 0.2:
            del self.registry.repositories[name]


LATEST = "latest"
RECORD = {"eventSource": "aws:sqs", "receiptHandle": "handle"}
SCHEDULE = {
    "version": "0",
    "detail-type": "Scheduled Event",
    "source": "aws.events",
    "region": REGION,
    "resources": [],
    "detail": {},
}


THRESHOLDS = ("CRITICAL", "HIGH", "MEDIUM", "LOW")
SHIPPED = {
    "IMAGES_SCAN_JOBS_QUEUE_URL": QUEUE_URL,
    "ECR_SNS_REPORT_TOPIC_ARN": TOPIC_ARN,
    "HISTORY_TABLE_NAME": NAME,
}
"""What the deployment sets by itself; all else has its default."""


def _settings(chance: random.Random, policy: Policy, own_thresholds: bool) -> dict[str, str]:
    settings = {
        "IMAGES_SCAN_JOBS_QUEUE_URL": QUEUE_URL,
        "ECR_SNS_REPORT_TOPIC_ARN": TOPIC_ARN,
        "IMAGES_TAGGED_ONLY": str(policy.tagged_only).lower(),
        "REPOSITORY_TAG_RULES": str(own_thresholds).lower(),
        **{name: str(threshold) for name, threshold in policy.thresholds.items()},
    }
    if chance.random() < 0.6:
        settings["HISTORY_TABLE_NAME"] = NAME
        settings["NOTIFY_MODE"] = chance.choice(NOTIFY_MODES)
        settings |= chance.choice([{}, {"REPORT_IMAGES": "all"}, {"REPORT_IMAGES": "all"}])
        settings |= chance.choice([{}, {"REPORT_WINDOW": "0"}, {"REPORT_WINDOW": "15m"}])
        settings |= chance.choice([{}, {"MESSAGES_A_DAY": "2"}])
        if chance.random() < 0.4:
            settings["NOTIFY_BY_SECURITY_HUB"] = "true"
    if chance.random() < 0.5:
        settings |= {"NOTIFY_BY_CHAT": "true", "CHAT_SNS_TOPIC_ARN": CHAT_TOPIC_ARN}
    if chance.random() < 0.3:
        settings["DAILY_SCAN_BUDGET"] = "100000"
    if chance.random() < 0.3:
        settings["SCANS_PER_SECOND"] = str(chance.randint(1, 20))
    return settings


@contextmanager
def run_of(seed: int) -> Iterator[Run]:
    """The run of a seed, ready to go; what it patches stays so until the end."""
    chance = random.Random(seed)  # noqa: S311
    ships = chance.random() < 0.2
    clock = Clock(START + chance.uniform(0, 80_000))
    registry = LocalRegistry(now=clock.utc, region=REGION)
    policy = (
        Policy(dict.fromkeys(THRESHOLDS, 0), tagged_only=False)
        if ships
        else Policy(
            {name: chance.choice([0, 1, 3, 6]) for name in THRESHOLDS},
            tagged_only=chance.random() < 0.3,
        )
    )
    own_thresholds = chance.random() < 0.3
    own_thresholds = own_thresholds and not ships
    settings = SHIPPED if ships else _settings(chance, policy, own_thresholds)
    subjects = populate(registry, chance, policy, own_thresholds)
    aws = SimulatedAws(registry, Faults.of(chance), clock)
    if chance.random() < 0.5:
        aws.table.begin_long_ago()
    with ExitStack() as stack:
        stack.callback(random.setstate, random.getstate())
        random.seed(seed)
        app = _load_app(stack, settings)
        run = Run(seed, aws, app, policy, subjects)
        _simulate(stack, run)
        yield run


def _load_app(stack: ExitStack, settings: dict[str, str]) -> ModuleType:
    """The application as a starting function loads it, with these settings and no others."""
    stack.enter_context(isolated_environment(**settings))
    previous = sys.modules.pop("app", None)
    app = importlib.import_module("app")
    del sys.modules["app"]
    if previous is not None:
        sys.modules["app"] = previous
    return app


class Mistakes(logging.Handler):
    """Keeps the errors that are logged and not raised, such as a medium's, if they are mistakes."""

    def __init__(self, run: Run) -> None:
        super().__init__()
        self._found = run.mistakes
        self._without_history = run.without_history

    def emit(self, record: logging.LogRecord) -> None:
        if record.msg == "reported without a history":
            about = record.__dict__
            self._without_history.add((about["repository"], about["image_digest"]))
        error = record.exc_info[1] if record.exc_info else None
        if error is not None and not isinstance(error, EXPECTED):
            self._found.append(error)


def _simulate(stack: ExitStack, run: Run) -> None:
    clock, patches = run.clock, Patches(stack)
    services = Services(run.app.settings, run.aws.client)
    services.jobs_queue = JobsQueue(run.aws.client("sqs"), QUEUE_URL, run.sleep)
    hub = run.aws.client("securityhub")
    services.security_hub = SecurityHub(hub, ACCOUNT, run.sleep, clock)
    if services.table is not None:
        services.table = Table(run.aws.client("dynamodb"), NAME, clock, run.sleep)
    patches.set(run.app, "services", services)
    logs.logger.handlers = [Mistakes(run)]
    for module in (scans, deletions):
        patches.set(module, "Backoff", partial(Backoff, sleep=run.sleep))
    patches.set(importlib.import_module("botocore.endpoint"), "time", _time(run))
    patches.set(last_scans, "time", _time(run))
    is_large = LARGE_REPOSITORY in run.registry.repositories
    for module in (scanner, planner):
        patches.set(module, "time", _time(run))
        patches.set(module, "MOST_DIGESTS", 1000 if is_large else run.chance.choice([3, 1000]))
    for name in (
        "scanning.reviews",
        "scanning.planner",
        "notifying.assessment",
        "notifying.scope",
    ):
        patches.set(importlib.import_module(f"chalicelib.{name}"), "datetime", clock.datetime)
    patches.set(scan_images, "scan_repository", partial(scanner.scan_repository, sleep=run.sleep))
    patches.set(scan_images, "plan_scans", partial(planner.plan_scans, sleep=run.sleep))
    listing = {"start_listing": list_repositories, "continue_listing": scan_images}
    for name, module in listing.items():
        patches.set(module, name, partial(getattr(lister, name), sleep=run.sleep))
    patches.set(starts, "Pace", partial(Pace, clock=clock))
    patches.set(starts, "Threads", InTurn)
    page_size = run.chance.choice([100, 1000] if is_large else [3, 10, 1000])
    patches.set(importlib.import_module("chalicelib.aws.ecr"), "PAGE_SIZE", page_size)
    begin_scan = run.registry.begin_scan

    def count_start(repository: Repository, image: Image) -> None:
        run.starts[repository.name, image.digest] += 1
        begin_scan(repository, image)

    patches.set(run.registry, "begin_scan", count_start)
    end_scan = run.registry._end_scan

    def end_in_a_build(repository: Repository, image: Image, moment: datetime) -> None:
        run.move_tag(repository, image)
        end_scan(repository, image, moment)

    patches.set(run.registry, "_end_scan", end_in_a_build)


@dataclass
class Patches:
    stack: ExitStack

    def set(self, target: Any, name: str, value: Any) -> None:
        self.stack.enter_context(patch.object(target, name, value))


def _time(run: Run) -> SimpleNamespace:
    return SimpleNamespace(time=run.clock, monotonic=run.clock, sleep=run.sleep)
