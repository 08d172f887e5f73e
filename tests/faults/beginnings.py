"""What a run begins with: its settings, its registry, and what is simulated for it."""

import importlib
import logging
import random
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from types import ModuleType, SimpleNamespace
from typing import Any
from unittest.mock import patch

from chalicelib.aws.dynamodb import Table
from chalicelib.aws.security_hub import SecurityHub
from chalicelib.aws.sqs import JobsQueue
from chalicelib.notifying import deletions, scans
from chalicelib.policy.changes import NOTIFY_MODES
from chalicelib.runtime import logs
from chalicelib.runtime.backoff import Backoff
from chalicelib.runtime.pace import Pace
from chalicelib.scanning import (
    last_scans,
    list_repositories,
    lister,
    planner,
    scan_images,
    scanner,
    sending,
    starts,
)
from chalicelib.services import Services
from local.ecr import Image, LocalRegistry, Repository
from local.environment import isolated_environment
from tests.doubles import InTurn
from tests.faults.dynamodb import ACCOUNT, NAME
from tests.faults.faults import Bound, Faults
from tests.faults.population import (
    LARGE_REPOSITORY,
    Policy,
    Subject,
    large_repository,
    populate,
)
from tests.faults.runs import EXPECTED, Run
from tests.faults.simulation import (
    CHAT_TOPIC_ARN,
    OTHER_ACCOUNT,
    OTHER_REGION,
    OWN,
    QUEUE_URL,
    REGION,
    ROLE,
    TOPIC_ARN,
    Clock,
    SimulatedAws,
    forget_credentials,
    place_of,
)

START = 1_767_225_600.0  # 2026-01-01, 00:00 UTC
BINDING = 0.2
"""In how many of the runs less may be scanned a day than what is due."""
SEVERAL, UNREADABLE = 0.3, 0.5
"""In how many of the runs other regions and accounts may be covered, and one of these not read."""
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
    if chance.random() < 0.15:
        settings["DAILY_SCAN_BUDGET"] = "100000"
    if chance.random() < 0.3:
        settings["SCANS_PER_SECOND"] = str(chance.randint(1, 20))
    return settings


def _less_than_due(subjects: list[Subject], chance: random.Random) -> int:
    """A budget that what is due needs three or four days for."""
    due = sum(subject.due for subject in subjects)
    return max(1, due // chance.choice([3, 4]))


def _unreadable(registry: LocalRegistry, chance: random.Random) -> Bound:
    """A registry of which ECR answers nothing well, or whose account's role nobody may assume."""
    if registry.account_id == OTHER_ACCOUNT and chance.random() < 0.5:
        return Bound("AssumeRole", OTHER_ACCOUNT)
    return Bound(place=place_of(registry))


@contextmanager
def run_of(seed: int) -> Iterator[Run]:
    """The run of a seed, ready to go; what it patches stays so until the end."""
    chance = random.Random(seed)  # noqa: S311
    ships = chance.random() < 0.2
    clock = Clock(START + chance.uniform(0, 80_000))
    regions, accounts = (REGION,), (ACCOUNT,)
    if chance.random() < SEVERAL:
        regions = chance.choice([regions, (REGION, OTHER_REGION)])
        accounts = chance.choice([accounts, (ACCOUNT, OTHER_ACCOUNT)])
    own, *others = (
        LocalRegistry(now=clock.utc, account_id=account, region=region)
        for account in accounts
        for region in regions
    )
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
    settings = dict(SHIPPED) if ships else _settings(chance, policy, own_thresholds)
    if len(regions) > 1:
        settings["SCAN_REGIONS"] = ",".join(regions)
    if len(accounts) > 1:
        settings["SCAN_ROLES"] = ROLE.arn
    subjects = large_repository(own, chance, policy)
    subjects += populate(own, chance, policy, own_thresholds)
    for registry in others:
        subjects += populate(registry, chance, policy, own_thresholds, most=2)
    if not ships and chance.random() < BINDING:
        settings["DAILY_SCAN_BUDGET"] = str(_less_than_due(subjects, chance))
    faults = Faults.of(chance)
    if others and chance.random() < UNREADABLE:
        faults.bound = _unreadable(chance.choice(others), chance)
    aws = SimulatedAws([own, *others], faults, clock)
    forget_credentials()
    if LARGE_REPOSITORY in own.repositories:
        aws.table.page_size = 100
    if chance.random() < 0.5:
        aws.table.begin_long_ago()
    with ExitStack() as stack:
        stack.callback(random.setstate, random.getstate())
        random.seed(seed)
        apps = [_load_app(stack, settings) for _ in range(2 if faults.in_threads else 1)]
        run = Run(seed, aws, apps, policy, subjects)
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
        self._run = run

    def emit(self, record: logging.LogRecord) -> None:
        if record.msg == "reported without a history":
            about = record.__dict__
            self._run.without_history.add((about["repository"], about["image_digest"]))
            assert self._run.aws.invocation is not None
            self._run.aws.invocation.forgets = True
        error = record.exc_info[1] if record.exc_info else None
        if error is not None and not isinstance(error, EXPECTED):
            self._run.mistakes.append(error)


def _simulate(stack: ExitStack, run: Run) -> None:
    clock, patches = run.clock, Patches(stack)
    for container, app in enumerate(run.apps):
        patches.set(app, "services", _services(run, app, container))
    logs.logger.handlers = [Mistakes(run)]
    for module in (scans, deletions):
        patches.set(module, "Backoff", partial(Backoff, sleep=run.sleep))
    patches.set(importlib.import_module("botocore.endpoint"), "time", _time(run))
    patches.set(last_scans, "time", _time(run))
    is_large = LARGE_REPOSITORY in run.aws.registries[OWN].repositories
    for module in (lister, planner, scanner, sending):
        patches.set(module, "time", _time(run))
    for module in (scanner, planner):
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
    for registry in run.registries:
        _watch(patches, run, registry)


def _services(run: Run, app: ModuleType, container: int) -> Services:
    client = partial(run.aws.client, container)
    services = Services(app.settings, client)
    services.jobs_queue = JobsQueue(client("sqs"), QUEUE_URL, run.sleep)
    services.security_hub = SecurityHub(client("securityhub"), ACCOUNT, run.sleep, run.clock)
    if services.table is not None:
        services.table = Table(client("dynamodb"), NAME, run.clock, run.sleep)
    return services


def _watch(patches: "Patches", run: Run, registry: LocalRegistry) -> None:
    """Count the scans that a registry starts, and let builds end with them."""
    begin_scan, end_scan = registry.begin_scan, registry._end_scan

    def count_start(repository: Repository, image: Image) -> None:
        run.started_at[repository.name, image.digest].append(run.clock.now)
        begin_scan(repository, image)

    def end_in_a_build(repository: Repository, image: Image, moment: datetime) -> None:
        run.move_tag(repository, image)
        end_scan(repository, image, moment)

    patches.set(registry, "begin_scan", count_start)
    patches.set(registry, "_end_scan", end_in_a_build)


@dataclass
class Patches:
    stack: ExitStack

    def set(self, target: Any, name: str, value: Any) -> None:
        self.stack.enter_context(patch.object(target, name, value))


def _time(run: Run) -> SimpleNamespace:
    return SimpleNamespace(time=run.clock, monotonic=run.clock, sleep=run.sleep)
