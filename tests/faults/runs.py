"""One run: a day of the whole application, with the faults that its seed brings about."""

import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from math import ceil
from types import ModuleType, SimpleNamespace
from typing import Any

from chalicelib.aws.ecr import TokenExpired
from chalicelib.aws.errors import AWS_ERRORS
from chalicelib.aws.security_hub import FindingsNotImported
from chalicelib.aws.sqs import NotSent
from chalicelib.notifying.delivery import NotDelivered
from chalicelib.runtime.backoff import DeadlineReached, Throttled
from chalicelib.scanning.jobs import parse_job
from chalicelib.scanning.lister import ListingIncomplete
from chalicelib.scanning.registry_jobs import ListJob, PlanJob
from chalicelib.scanning.requests import RequestError
from chalicelib.scanning.scanner import ScansNotStarted
from chalicelib.settings.settings import Settings
from local.ecr import Image, Repository
from tests.events import image_deleted
from tests.faults.faults import Killed
from tests.faults.population import LARGE_REPOSITORY, Policy, Subject, any_digest
from tests.faults.simulation import (
    ACCOUNT,
    MOST_RECEIVES,
    REGION,
    VISIBILITY_SECONDS,
    Delivery,
    Invocation,
    SimulatedAws,
    discard,
    forget_credentials,
    pick,
)

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
IN_PROGRESS = "IN_PROGRESS"
NEWS_SECONDS = 600.0
"""How much time passes between sendings of news once nothing else happens."""
LATE_DAYS = 9
"""After how many days what was kept is sent again at the latest: scans have expired by then."""
MOST_LISTINGS = 100
MOST_STEPS = 20_000


@dataclass(frozen=True)
class Day:
    """A day of a budget, of whose plans none failed: what was started on it, and what waits."""

    started: frozenset[tuple[str, str]]
    waiting: tuple[Subject, ...]


@dataclass
class Run:
    """A run under way and what is known of it.

    ``apps`` is the application as each container has loaded it; the second one starts where two
    have the same to do at once, each in a thread.
    """

    seed: int
    aws: SimulatedAws
    apps: Sequence[ModuleType]
    policy: Policy
    subjects: list[Subject] = field(default_factory=list)
    started_at: defaultdict[tuple[str, str], list[float]] = field(
        default_factory=lambda: defaultdict(list)
    )
    scan_events: list[dict[str, Any]] = field(default_factory=list)
    outcomes: Counter[str] = field(default_factory=Counter)
    mistakes: list[BaseException] = field(default_factory=list)
    without_history: set[tuple[str, str]] = field(default_factory=set)
    days: list[Day] = field(default_factory=list)
    pushed: int = 0
    is_over: bool = False
    _under_way: int = 0
    _plan_failed: bool = False
    _started_before: frozenset[tuple[str, str]] = frozenset()
    _stacks: dict[int, list[Invocation]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.chance = self.aws.faults.chance
        self.registries = tuple(self.aws.registries.values())
        self.clock = self.aws.clock
        self.began_at = self.clock.now
        self.aws.before_call = self._before_call
        self.aws.after_call = self._after_call

    @property
    def settings(self) -> Settings:
        """The application's settings in this run."""
        return self.apps[0].settings

    @property
    def _running(self) -> list[Invocation]:
        """The functions under way in this thread, of which all but the last wait for an answer."""
        return self._stacks.setdefault(threading.get_ident(), [])

    def go(self) -> None:
        """List until a listing succeeds, then deliver until nothing is left to be delivered.

        Between the two, some of what was listed is deleted.
        """
        self._under_way = sum(each.image.scan_status == IN_PROGRESS for each in self.subjects)
        for _ in range(self.chance.choice([1, 1, 1, 2])):
            self._list()
        for _ in range(0 if self.aws.faults.calm else self.chance.choice([0, 0, 2, 5])):
            self._change_registry()
        if self.budget is not None:
            self._list(self._some_repositories())
        self._deliver_all()
        if self.budget is not None:
            self._end_day()

    def redrive(self) -> None:
        """What the runbook says to do once AWS is well again, be it much later.

        By then the schedule has fired again, and jobs are of what was scanned meanwhile.
        What a budget leaves for another day has as many days as it needs, and one more for what
        was scanned of this day's budget.
        """
        self.aws.faults.calm = True
        days = self.chance.choice(
            [0, 0, 1.5] if self.budget is not None else [0, 0, 1.5, LATE_DAYS]
        )
        self.clock.sleep(DAY_SECONDS * days)
        if days == LATE_DAYS:
            self._list()
            self._deliver_all()
        for message in self.aws.dead_jobs:
            self.aws.messages.append(Delivery(message.body, self.clock.now, 1))
        for event in self.aws.failed_events:
            self.aws.events.append(Delivery(event.body, self.clock.now, 1))
        self.aws.dead_jobs, self.aws.failed_events = [], []
        self._deliver_all()
        if self.budget is not None:
            left = len(self.waiting()) + self.pushed
            self._spend_budget(ceil(left / self.budget) + 1)
        self.is_over = True

    @property
    def budget(self) -> int | None:
        """How many scans a day may have, where that is less than it might have.

        Due is what was so at first or became so, and scans that were under way are of the day too.
        """
        budget = self.settings.daily_scan_budget
        due = sum(subject.due for subject in self.subjects) + self.pushed + self._under_way
        binds = budget is not None and budget < due
        return budget if binds else None

    def waiting(self) -> list[Subject]:
        """The images that are due and there, and neither started nor kept."""
        return [
            subject
            for subject in self.subjects
            if subject.due
            and self.exists(subject)
            and subject.name not in self.started_at
            and not any(self._is_for(message, subject) for message in self.aws.dead_jobs)
        ]

    def _is_for(self, message: Delivery, subject: Subject) -> bool:
        """Whether a dead job, which never went well, would have started the image's scan."""
        if message.succeeded:
            return False
        job = parse_job(message.body)
        registry = self.aws.registry_at(job.address)
        if isinstance(job, ListJob) and not job.alone and registry is not subject.registry:
            covered = [self.aws.registry_at(address) for address in self.settings.registries]
            return covered.index(registry) < covered.index(subject.registry)
        if registry is not subject.registry:
            return False
        if isinstance(job, ListJob):
            return subject.repository > job.after
        if isinstance(job, PlanJob):
            only = not job.only or subject.repository in job.only
            return only and subject.repository > job.after
        return job.repository == subject.repository and (
            not job.image_digests or subject.image.digest in job.image_digests
        )

    def _spend_budget(self, days: int) -> None:
        """List on the days after, twice on each, as long as something is left.

        Before that somebody asks for some repositories.
        """
        for _ in range(days):
            if not self.waiting():
                return
            self.clock.sleep(DAY_SECONDS)
            for request in (self._some_repositories(), None, None):
                self._list(request)
                self._deliver_all()
            self._end_day()

    def _end_day(self) -> None:
        """Look at what was done today, unless jobs of a plan were lost, which comes again later."""
        started = frozenset(self.started_at)
        if not self._plan_failed:
            self.days.append(Day(started - self._started_before, tuple(self.waiting())))
        self._started_before, self._plan_failed = started, False

    def exists(self, subject: Subject) -> bool:
        """Whether nobody has deleted the image, or the index that it is part of."""
        repository = subject.registry.repositories.get(subject.repository)
        images = repository.images if repository else {}
        return all(image.digest in images for image in (subject.image, subject.index) if image)

    # Lister

    def _list(self, request: dict[str, Any] | None = None) -> None:
        """The schedule fires, and fires again an hour later after a listing that failed.

        Or somebody asks for what a ``request`` says.
        """
        for _ in range(MOST_LISTINGS):
            for attempt in range(MOST_ATTEMPTS):
                self.clock.sleep(60.0 * attempt)
                if self._invoke("list_repositories", request or self._request()) is None:
                    return
            self.clock.sleep(60)
        raise AssertionError(f"{MOST_LISTINGS} listings failed")

    def _request(self) -> dict[str, Any]:
        """The schedule's event, or somebody's request that names every repository."""
        names = sorted({name for each in self.registries for name in each.repositories})
        return {"repositories": names} if self.chance.random() < 0.3 else SCHEDULE

    def _some_repositories(self) -> dict[str, Any]:
        """Somebody's request for one of the repositories, if there is any."""
        names = sorted({name for each in self.registries for name in each.repositories})
        return {"repositoriesFilterRegexp": f"^{self.chance.choice(names or ['-'])}$"}

    # Queue and event bus

    def _deliver_all(self) -> None:
        for _ in range(MOST_STEPS):
            self._collect_events()
            waiting = [*self.aws.messages, *self.aws.events]
            if not waiting:
                if any(registry.scans_in_progress for registry in self.registries):
                    self.clock.sleep(30)
                elif self.settings.collects_news and self.aws.table.news_waits:
                    self.clock.sleep(NEWS_SECONDS)
                    self._invoke("send_reports", SCHEDULE)
                else:
                    return
                continue
            now = max(self.clock.now, min(delivery.visible_at for delivery in waiting))
            self.clock.now = now
            if self.chance.random() >= self.aws.faults.in_threads or self.aws.faults.calm:
                self._deliver_any()
            else:
                self._deliver_in_threads()
        raise AssertionError(f"after {MOST_STEPS} deliveries there is still something to deliver")

    def _collect_events(self) -> None:
        for event in (each for one in self.registries for each in one.completed_events()):
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
        self._end_job(message, self._receive(message, self._invoke))
        return True

    def _receive(self, message: Delivery, invoke: Callable[..., str | None]) -> str | None:
        """Give a job to the scanner; returns why it failed."""
        message.receives += 1
        if message.receives > MOST_RECEIVES:
            discard(self.aws.messages, message)
            self.aws.dead_jobs.append(message)
            return NOT_DELIVERED
        message.visible_at = self.clock.now + VISIBILITY_SECONDS
        return invoke("scan_images", {"Records": [{"body": message.body} | RECORD]})

    def _end_job(self, message: Delivery, failure: str | None) -> None:
        if failure == NOT_DELIVERED:
            return
        if failure is not None:
            message.reasons.append(failure)
            self._plan_failed |= message.body.startswith('{"plan"')
            return
        message.succeeded = True
        message.times -= 1
        if message.times:
            message.visible_at = self.clock.now + self.chance.uniform(0, 120)
        else:
            discard(self.aws.messages, message)

    def _deliver_event(self) -> bool:
        """One event to the notifier, again after failures; to the failed events at last."""
        event = pick(self.chance, self.aws.events, self.clock.now)
        if event is None:
            return False
        event.visible_at = self.clock.now + VISIBILITY_SECONDS
        self._end_event(event, self._invoke("notify", event.body))
        return True

    def _end_event(self, event: Delivery, failure: str | None) -> None:
        event.visible_at = self.clock.now + 60 * (event.receives + 1)
        if failure is None:
            event.receives = 0
            event.times -= 1
        else:
            event.receives += 1
            event.reasons.append(failure)
        if event.receives == MOST_ATTEMPTS:
            discard(self.aws.events, event)
            self.aws.failed_events.append(event)
        elif event.times == 0:
            discard(self.aws.events, event)

    def _deliver_in_threads(self) -> None:
        """The same job or event to two containers at once, whose calls alternate.

        It has gone well where it did in one of them.
        """
        event = pick(self.chance, self.aws.events, self.clock.now)
        if event is not None and self.chance.random() < 0.5:
            event.visible_at = self.clock.now + VISIBILITY_SECONDS
            self._end_event(event, self._in_threads(partial(self._invoke, "notify", event.body)))
        elif message := pick(self.chance, self.aws.messages, self.clock.now):
            failure = self._receive(
                message, lambda *job: self._in_threads(partial(self._invoke, *job))
            )
            self._end_job(message, failure)
        else:
            self._deliver_any()

    def _in_threads(self, invoke: Callable[..., str | None]) -> str | None:
        failures: list[str | None] = []
        self.clock.run(*(partial(_collect, failures, invoke, app) for app in self.apps))
        return None if None in failures else failures[-1]

    # Functions

    def _invoke(
        self, function: str, event: dict[str, Any], app: ModuleType | None = None
    ) -> str | None:
        """Run a function in a container; returns why it failed, as Lambda logs it, or None.

        The container is that of the function which waits in this thread, or else the first.
        """
        faults = self.aws.faults
        limit = faults.seconds(TIME_LIMITS[function])
        if self._running:
            limit = min(limit, (self._running[-1].deadline - self.clock.now) / 2)
        now = self.clock.now
        running = self._running
        app = app or (running[-1].app if running else self.apps[0])
        killed_after = faults.calls_until_killed()
        invocation = Invocation(function, event, app, now, now + limit, killed_after)
        if faults.happens(faults.cold):
            forget_credentials()
        self._running.append(invocation)
        self.aws.invocation = invocation
        context = SimpleNamespace(
            aws_request_id=f"request-{sum(self.outcomes.values())}",
            invoked_function_arn=f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{function}",
            get_remaining_time_in_millis=lambda: self._milliseconds_left(invocation),
        )
        try:
            getattr(app, function)(event, context)
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

    def _before_call(self, operation: str) -> None:
        self._stop_if_out_of_time()
        faults = self.aws.faults
        if faults.happens(faults.frozen):
            self._freeze()
        if faults.happens(faults.changes):
            self._change_registry()
        # While botocore asks for a role's credentials it lets nobody else in the process do so.
        may_wait = operation != "AssumeRole" and not self._running[-1].interrupted
        if may_wait and faults.happens(faults.at_once):
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
        """Let the functions of this thread stand still for an hour, their own time too."""
        self.clock.sleep(HOUR_SECONDS)
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
        registry = self.chance.choice(self.registries)
        names = sorted(registry.repositories)
        if not names:
            return
        name = self.chance.choice(names)
        images = list(registry.repositories[name].images)
        change = self.chance.choice(["push", "remove image", "remove image", "remove repository"])
        if change == "push":
            self.pushed += 1
            registry.add_image(name, digest=any_digest(self.chance), tags=("pushed",))
        elif change == "remove image" and images:
            digest = self.chance.choice(images)
            registry.remove_image(name, digest)
            event = image_deleted(digest, name, **{"image-tag": ""})
            event |= {"account": registry.account_id, "region": registry.region}
            event["id"] = f"deletion of {digest}"
            self.aws.events.append(Delivery(event, self.clock.now, self.aws.times()))
        elif name == LARGE_REPOSITORY:
            return
        elif change == "remove repository" and self.chance.random() < 0.2:
            del registry.repositories[name]


def _collect(failures: list[Any], invoke: Callable[..., Any], app: ModuleType) -> None:
    failures.append(invoke(app=app))


LATEST = "latest"
NOT_DELIVERED = "Received too often"
RECORD = {"eventSource": "aws:sqs", "receiptHandle": "handle"}
SCHEDULE = {
    "version": "0",
    "detail-type": "Scheduled Event",
    "source": "aws.events",
    "region": REGION,
    "resources": [],
    "detail": {},
}
