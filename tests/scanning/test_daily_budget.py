"""No day has more scans than its budget, whatever is listed, requested, repeated or cut short."""

from collections import Counter
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from unittest.mock import patch

import pytest
from botocore.exceptions import ClientError
from hypothesis import given, settings
from hypothesis import strategies as st
from moto import mock_aws

from chalicelib.aws import clients
from chalicelib.aws.dynamodb import Table
from chalicelib.aws.scan_budgets import ScanBudgets
from chalicelib.ecr.scan_records import ScanRecord
from chalicelib.runtime.backoff import Throttled
from chalicelib.runtime.deadline import Deadline
from chalicelib.scanning import last_scans, lister, planner, reviews, scanner, sending
from chalicelib.scanning.jobs import parse_job
from chalicelib.scanning.lister import start_listing
from chalicelib.scanning.planner import plan_scans
from chalicelib.scanning.registry_jobs import PlanJob
from chalicelib.scanning.requests import ListingRequest
from chalicelib.scanning.scanner import scan_repository
from chalicelib.services import Services
from chalicelib.settings.settings import Settings
from local.ecr import LocalRegistry, local_ecr
from local.history import create_history_table

BEGIN = datetime(2026, 5, 1, 12, tzinfo=UTC).timestamp()
DAY, HOUR = 86_400, 3_600
BUDGET = 3


class World:
    """A registry with a daily budget, on a clock that stands still until it is told to go on.

    ``pending`` are the jobs in the queue, ``done`` those that were delivered, and ``started`` the
    moments at which scans were.
    """

    def __init__(self, registry, **variables):
        self.registry = registry
        self.now = BEGIN
        self.pending, self.done, self.started = [], [], []
        self.begin_scan = registry.begin_scan
        registry.begin_scan = self._begin
        self.services = Services(
            Settings.from_environment(
                {
                    "DAILY_SCAN_BUDGET": str(BUDGET),
                    "HISTORY_TABLE_NAME": "history",
                    "IMAGES_SCAN_JOBS_QUEUE_URL": "https://queue",
                    **variables,
                }
            )
        )
        self.services.clock = self.clock
        self.services.jobs_queue = self

    def clock(self):
        return self.now

    def utc(self, *_):
        return datetime.fromtimestamp(self.now, UTC)

    def send(self, jobs, delay_seconds=0):
        self.pending += [parse_job(job.to_json()) for job in jobs]

    def _begin(self, repository, image):
        self.started.append(self.now)
        self.begin_scan(repository, image)

    def push(self, repository, images=1):
        for _ in range(images):
            self.registry.add_image(repository, tags=("new",), pushed_at=self.utc())

    def list(self, **request):
        self.now += 1
        start_listing(ListingRequest(**request), self.services)

    def deliver(self, job, looks=None):
        """Deliver a job once its time has come; a plan may have time for so many looks only."""
        self.now = max(self.now, job.not_before)
        left = iter([100_000] * looks if looks else [])
        deadline = Deadline(lambda: next(left, 0)) if looks else Deadline.unlimited()
        self.done.append(job)
        carry_out = plan_scans if isinstance(job, PlanJob) else scan_repository
        carry_out(job, self.services, deadline, lambda _: None)

    def next(self, number=0, looks=None):
        if self.pending:
            job = self.pending.pop(number % len(self.pending))
            self.deliver(job, looks if isinstance(job, PlanJob) else None)

    def again(self, number):
        """Let a job come again that was delivered before."""
        if self.done:
            self.pending.append(self.done[number % len(self.done)])

    def stop(self, number):
        """Let a function be stopped before it sends a job; what it had to do comes again."""
        if self.pending:
            job = self.pending[number % len(self.pending)]
            stopped = patch.object(self, "send", side_effect=ConnectionError)
            with stopped, suppress(ConnectionError):
                self.deliver(job)

    def plan(self, looks=None):
        """Deliver the plans that wait, and not the scans that these send."""
        for job in [job for job in self.pending if isinstance(job, PlanJob)]:
            self.pending.remove(job)
            self.deliver(job, looks)

    def drain(self):
        while self.pending:
            self.next()

    @property
    def by_day(self):
        return Counter(int(moment // DAY) for moment in self.started)


@contextmanager
def world_of(**variables):
    """A world in which all parts of the application go by its clock."""
    clients.client.cache_clear()
    clients._own_session.cache_clear()
    registry = LocalRegistry()
    with mock_aws(), local_ecr(registry):
        create_history_table()
        world = World(registry, **variables)
        registry.now = world.utc
        time = SimpleNamespace(time=world.clock, sleep=lambda _: None, monotonic=world.clock)
        modules = (last_scans, lister, planner, scanner, sending)
        patches = [patch.object(module, "time", time) for module in modules]
        moment = SimpleNamespace(now=world.utc)
        patches += [patch.object(module, "datetime", moment) for module in (planner, reviews)]
        for each in patches:
            each.start()
        try:
            yield world
        finally:
            for each in patches:
                each.stop()
    clients.client.cache_clear()
    clients._own_session.cache_clear()


@pytest.fixture
def world():
    with world_of() as world:
        yield world


def test_a_request_for_some_repositories_has_what_the_listing_left(world):
    world.push("aa", 5)
    world.push("bb", 5)
    world.list()
    world.drain()
    for name in ("aa", "bb"):
        world.list(repositories=(name,))
        world.drain()
    assert len(world.started) == BUDGET


def test_scans_that_wait_for_their_time_are_spent(world):
    world.push("aa", 5)
    world.list()
    world.plan()
    for name in ("bb", "cc", "dd"):
        world.push(name)
    world.list()
    world.plan()
    world.drain()
    assert len(world.started) == BUDGET


def test_planning_that_goes_on_does_not_spend_again_what_the_rest_has_spent(world):
    world.push("zz", 3)
    world.list()
    world.drain()
    world.push("aa", 6)
    world.list()
    world.plan(looks=3 + 1 + 6)
    assert any(isinstance(job, PlanJob) for job in world.pending)
    world.drain()
    assert len(world.started) == BUDGET


def test_named_images_and_force_are_within_the_budget(world):
    world.push("aa", 5)
    world.list()
    world.drain()
    world.push("bb")
    world.list(images=("bb:new",), force=True)
    world.drain()
    assert len(world.started) == BUDGET


def planned(world):
    """The images whose scans wait in the queue."""
    return {(repository, digest) for repository, digest, _ in days(world)}


def days(world):
    """The same, each with the day from which its scan may start."""
    return {
        (job.repository, digest, job.not_before // DAY)
        for job in world.pending
        if not isinstance(job, PlanJob)
        for digest in job.image_digests
    }


def test_a_plan_that_comes_again_sends_what_it_sent_before_what_was_pushed_since(world):
    world.push("aa", BUDGET - 1)
    world.list()
    world.plan()
    sent = planned(world)
    world.pending.clear()
    world.push("aa", 5)
    for _ in range(3):
        world.again(0)
        world.plan()
        assert sent < planned(world)
        assert len(planned(world)) == BUDGET
    world.drain()
    assert len(world.started) == BUDGET


def test_a_plan_whose_jobs_were_not_sent_sends_them_when_it_comes_again(world):
    world.push("aa", 5)
    world.list()
    world.stop(0)
    world.drain()
    assert len(world.started) == BUDGET


def stale(world, repository, images):
    """Images that were scanned before, so that those which are pushed come first."""
    long_ago = world.utc() - timedelta(days=30)
    for _ in range(images):
        world.registry.add_image(repository, pushed_at=long_ago, scanned_at=long_ago)


@pytest.mark.parametrize("stopped", ["send", "_count"])
def test_what_comes_first_meanwhile_does_not_lose_what_was_reserved_and_not_sent(world, stopped):
    stale(world, "aa", BUDGET)
    world.list()
    [plan] = world.pending
    place = world if stopped == "send" else ScanBudgets
    with (
        patch.object(place, stopped, side_effect=ConnectionError),
        suppress(ConnectionError),
    ):
        world.deliver(plan)
    world.push("aa", BUDGET)
    world.drain()
    assert len(world.started) == BUDGET


@pytest.mark.parametrize(("first", "second"), [(2, None), (4, 0)])
def test_a_delivery_that_gets_further_than_another_or_less_far_loses_no_repository(first, second):
    """Five repositories; the deliveries have time for so many, and the first is not sent."""
    with world_of(DAILY_SCAN_BUDGET="50") as world:
        for number in range(5):
            stale(world, f"r{number}", 10)
        world.list()
        [plan] = world.pending
        world.pending.clear()
        listing, each = 4, 2 + 10
        with patch.object(world, "send", side_effect=ConnectionError), suppress(ConnectionError):
            world.deliver(plan, looks=listing + each * first)
        world.deliver(plan, looks=None if second is None else listing + each * second)
        world.drain()
        assert len(world.started) == 50


def test_what_two_plans_of_a_day_have_in_common_is_spent_once(world):
    world.push("aa", BUDGET - 1)
    world.list(repositories=("aa",))
    world.plan()
    stale(world, "bb", BUDGET)
    world.list()
    world.plan()
    world.drain()
    assert len(world.started) == BUDGET


def test_an_image_that_is_in_two_repositories_is_spent_twice(world):
    world.push("zz", BUDGET - 1)
    world.list()
    world.drain()
    names = ("aa", "bb", "cc")
    for name in names:
        world.registry.add_image(name, digest=f"sha256:{'1' * 64}", pushed_at=world.utc())
    for _ in range(2):
        world.list(repositories=names)
        world.drain()
    assert len(world.started) == BUDGET


def test_what_is_reserved_of_the_next_day_is_left_to_it_by_other_plans_of_this_day():
    with world_of(DAILY_SCAN_BUDGET="30", SCANS_PER_SECOND="1") as world:
        world.now = BEGIN + 12 * HOUR - 11
        world.push("aa", 30)
        world.list()
        world.plan()
        sent = days(world)
        world.list()
        world.plan()
        assert days(world) == sent
        world.drain()
        assert sum(world.by_day.values()) == 30
        # As much as is left of the next day, which has twenty reserved.
        world.push("bb", 30)
        world.list()
        world.drain()
        assert sum(world.by_day.values()) == 40


def test_what_was_scanned_today_and_is_due_again_takes_no_other_images_place():
    with world_of(DAILY_SCAN_BUDGET="4", ECR_IMAGES_DURATION_DELTA="6h") as world:
        stale(world, "aa", 2)
        world.list()
        world.plan()
        done = {digest: ScanRecord(int(world.now), "COMPLETE") for _, digest in planned(world)}
        world.pending.clear()
        world.services.scan_records.keep("123456789012/eu-west-1/aa", done)
        world.now += 7 * HOUR
        stale(world, "bb", 4)
        world.list()
        world.plan()
        assert sorted(repository for repository, _ in planned(world)) == ["bb", "bb"]


def test_a_second_listing_of_a_day_starts_what_the_first_one_left(world):
    world.push("aa", BUDGET - 1)
    world.list()
    world.drain()
    world.push("aa", 5)
    world.list()
    world.drain()
    assert len(world.started) == BUDGET


def test_the_next_day_has_a_budget_of_its_own(world):
    world.push("aa", 9)
    for _ in range(2):
        world.list()
        world.drain()
        world.now += DAY
    assert list(world.by_day.values()) == [BUDGET, BUDGET]


def test_scans_on_push_and_by_others_are_taken_from_the_budget_beside_those_that_wait(world):
    for _ in range(2):
        world.registry.add_image("aa", pushed_at=world.utc(), scanned_at=world.utc())
    world.push("aa", 1)
    world.list()
    world.plan()
    world.push("bb", 5)
    world.list(repositories=("bb",))
    world.drain()
    assert len(world.started) == BUDGET - 2


def on_push(world, repository, images):
    """Images that are scanned on push, as is remembered: not every last scan is looked up."""
    for _ in range(images):
        now = world.utc()
        image = world.registry.add_image(repository, pushed_at=now, scanned_at=now)
        done = {image.digest: ScanRecord(int(world.now), "COMPLETE")}
        world.services.scan_records.keep(f"123456789012/eu-west-1/{repository}", done)


@pytest.mark.parametrize("repositories", [("bb",), ("aa", "bb")])
@pytest.mark.parametrize("begun", [False, True])
def test_scans_on_push_are_taken_from_the_budget_beside_what_others_reserved(begun, repositories):
    with world_of(DAILY_SCAN_BUDGET="10") as world:
        stale(world, "aa", 5)
        world.list(repositories=("aa",))
        world.drain() if begun else world.plan()
        on_push(world, "bb", 4)
        stale(world, "bb", 10)
        world.list(repositories=repositories)
        world.drain()
        assert len(world.started) + 4 == 10


def test_scans_that_others_reserve_and_start_during_a_review_are_taken_once():
    with world_of(DAILY_SCAN_BUDGET="10") as world:
        stale(world, "aa", 4)
        stale(world, "bb", 10)
        world.list()
        world.list(repositories=("aa",))
        first = world.pending.pop(0)
        read_held = planner._Planning._read_held

        def read_before_the_other(planning):
            read_held(planning)
            if world.pending:
                world.drain()

        with patch.object(planner._Planning, "_read_held", read_before_the_other):
            world.deliver(first)
        world.drain()
        world.list()
        world.drain()
        assert len(world.started) == 10


def test_what_a_plan_puts_off_beyond_midnight_is_of_the_next_days_budget():
    with world_of(DAILY_SCAN_BUDGET="30", SCANS_PER_SECOND="1") as world:
        world.now = BEGIN + 12 * HOUR - 21
        world.push("aa", 70)
        world.list()
        world.drain()
        world.list()
        world.drain()
        assert [count for _, count in sorted(world.by_day.items())] == [20, 30]


@pytest.mark.parametrize("rate", [3, 7])
def test_a_time_line_goes_on_beyond_midnight_whatever_is_lost_in_rounding(rate):
    with world_of(DAILY_SCAN_BUDGET="1000", SCANS_PER_SECOND=str(rate)) as world:
        world.now = BEGIN + 12 * HOUR - 10
        for number in range(100):
            world.push(f"r{number:02}")
        world.list()
        world.plan()
        by_day = Counter(day for *_, day in days(world))
        assert [count for _, count in sorted(by_day.items())] == [9 * rate, 100 - 9 * rate]


def test_a_job_that_comes_a_day_late_takes_its_scans_from_that_days_budget(world):
    world.push("aa", 9)
    world.list()
    world.plan()
    late = list(world.pending)
    world.now += DAY
    for name in ("bb", "cc", "dd"):
        world.push(name)
    world.list()
    world.plan()
    world.drain()
    assert late[0] in world.done
    assert list(world.by_day.values()) == [BUDGET]


def test_a_job_that_comes_a_day_late_starts_what_that_day_has_room_for(world):
    world.push("aa", BUDGET)
    world.list()
    world.plan()
    world.now += DAY
    world.drain()
    assert len(world.started) == BUDGET


def test_a_scanner_stops_at_the_end_of_the_day_and_goes_on_within_the_next_ones_budget(world):
    world.push("aa", BUDGET)
    world.list()
    world.plan()
    world.now = BEGIN + 12 * HOUR - 1
    for job in [world.pending.pop() for _ in range(2)]:
        world.deliver(job)
    assert world.started == []
    world.now += 60
    world.drain()
    assert list(world.by_day.values()) == [BUDGET]


def failing(code):
    """A table whose items can be neither read nor written."""
    error = ClientError({"Error": {"Code": code}}, "BatchGetItem")
    return patch.object(Table, "batch_get", side_effect=error)


def test_a_plan_comes_again_where_the_table_does_not_answer(world):
    world.push("aa", 5)
    world.list()
    [plan] = world.pending
    with (
        patch.object(Table, "batch_get", side_effect=Throttled("slower")),
        pytest.raises(Throttled),
    ):
        world.deliver(plan)
    assert world.pending == [plan]
    world.drain()
    assert len(world.started) == BUDGET


def test_where_the_table_is_gone_scans_are_planned_as_without_one(world):
    world.push("aa", 5)
    world.list()
    with failing("ResourceNotFoundException"):
        world.plan()
    assert sum(len(job.image_digests) for job in world.pending) == BUDGET


STEPS = st.one_of(
    st.tuples(st.just("push"), st.sampled_from(["aa", "bb", "cc"]), st.integers(1, 4)),
    st.tuples(st.just("list")),
    st.tuples(st.just("request"), st.sampled_from(["aa", "bb", "cc"]), st.booleans()),
    st.tuples(st.just("deliver"), st.integers(0, 9), st.none() | st.integers(4, 12)),
    st.tuples(st.sampled_from(["again", "stop"]), st.integers(0, 9)),
    st.tuples(st.just("wait"), st.sampled_from([1, 7, 20])),
)


@given(st.integers(0, BUDGET - 2), st.lists(STEPS, min_size=4, max_size=14))
@settings(max_examples=20)
def test_no_day_has_more_scans_than_its_budget_whatever_comes_in_which_order(scanned, steps):
    """Scans on push count, here those that a plan sees beside one that is reserved."""
    with world_of() as world:
        world.push("aa")
        world.list(repositories=("aa",))
        world.plan()
        on_push(world, "bb", scanned)
        for repository in ("aa", "bb", "cc"):
            world.push(repository, 2)
        world.list()
        world.plan()
        for name, *how in steps:
            if name == "push":
                world.push(*how)
            elif name == "list":
                world.list()
            elif name == "request":
                world.list(repositories=(how[0],), force=how[1])
            elif name == "deliver":
                world.next(*how)
            elif name in ("again", "stop"):
                getattr(world, name)(*how)
            else:
                world.now += how[0] * HOUR
        world.drain()
        by_day = world.by_day + Counter({int(BEGIN // DAY): scanned})
        assert all(count <= BUDGET for count in by_day.values()), by_day
