"""Listings that take long, fail in part, or have much to say."""

import json
import re
from collections import Counter
from itertools import count

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.aws.ecr import at_once
from chalicelib.aws.sqs import MOST_BYTES
from chalicelib.ecr.registries import RegistryAddress
from chalicelib.ecr.uses import ImagesInUse, ImageUse
from chalicelib.runtime.backoff import DeadlineReached
from chalicelib.runtime.deadline import Deadline
from chalicelib.scanning.jobs import parse_job
from chalicelib.scanning.lister import ListingIncomplete, continue_listing, list_jobs, start_listing
from chalicelib.scanning.registry_jobs import ListJob, PlanJob
from chalicelib.scanning.requests import ListingRequest, RequestError
from chalicelib.scanning.sending import MOST_ATTEMPTS
from chalicelib.services import Services
from chalicelib.settings.settings import Settings

HOME = RegistryAddress()


class Queue:
    """Keeps what is sent, as the messages that it would be."""

    def __init__(self):
        self.bodies, self.delays = [], []

    def send(self, jobs, delays=0):
        self.bodies += [job.to_json() for job in jobs]
        self.delays += delays if isinstance(delays, list) else [delays] * len(jobs)

    def take(self):
        jobs = [parse_job(body) for body in self.bodies]
        self.bodies.clear()
        return jobs


class Registry:
    """A registry with so many repositories; ``failures`` are what its next listings fail with."""

    region = "eu-west-1"

    def __init__(self, repositories):
        self.names = [f"team/{number:05}" for number in reversed(range(repositories))]
        self.failures = []
        self.listings = 0

    def repositories(self, call=at_once):
        self.listings += 1
        for start in range(0, len(self.names), 1000):
            yield from call(self._page, start)

    def _page(self, start):
        if self.failures:
            raise ClientError({"Error": {"Code": self.failures.pop()}}, "DescribeRepositories")
        return self.names[start : start + 1000]

    def is_enhanced(self):
        return False


class Fleet(Services):
    """Registries by address, and a queue."""

    def __init__(self, registries, **variables):
        roles = [
            f"arn:aws:iam::{address.account}:role/scan" for address in registries if address.account
        ]
        super().__init__(Settings.from_environment({"SCAN_ROLES": ",".join(roles), **variables}))
        self.by_address = registries
        self.jobs_queue = Queue()
        self.own_account = "999999999999"

    def registry_of(self, address, *, once=False):
        return self.by_address[address]


def accounts(number, repositories):
    """So many registries beside the function's own, each of another account."""
    addresses = [HOME, *(RegistryAddress(f"{n:012}") for n in range(1, number))]
    return {address: Registry(repositories) for address in addresses}


def looks(number):
    """Time for so many looks at the clock."""
    left = iter([10**6] * (number + 1))
    return Deadline(lambda: next(left, 0))


def no_sleep(_):
    return None


def list_all(fleet, runs):
    """Start a listing and go on with it until it is done; gives its jobs, and how many runs."""
    jobs, waiting, number = [], [None], 0
    while waiting:
        job, number = waiting.pop(), number + 1
        deadline = next(runs)
        if job is None:
            start_listing(ListingRequest(), fleet, deadline=deadline, sleep=no_sleep)
        else:
            continue_listing(job, fleet, deadline, no_sleep)
        sent = fleet.jobs_queue.take()
        waiting += [each for each in sent if isinstance(each, ListJob)]
        jobs += [each for each in sent if not isinstance(each, ListJob)]
    return jobs, number


def places(jobs):
    return Counter((job.address, job.repository) for job in jobs)


@pytest.mark.parametrize(("registries", "repositories"), [(1, 30_000), (104, 20)])
def test_a_listing_that_takes_longer_than_a_run_goes_on_and_loses_nothing(registries, repositories):
    fleet = Fleet(accounts(registries, repositories))
    # Each registry is listed again in the run that goes on with it, thirty calls at most.
    jobs, runs = list_all(fleet, iter(lambda: looks(45), None))
    assert runs > 1
    assert len(jobs) == registries * repositories
    assert set(places(jobs).values()) == {1}


@given(st.integers(1, 5), st.integers(0, 2_500), st.data())
def test_wherever_it_is_cut_each_repository_has_one_job(registries, repositories, data):
    fleet = Fleet(accounts(registries, repositories))
    runs = (looks(data.draw(st.integers(0, 8))) for _ in range(MOST_ATTEMPTS))
    jobs, _ = list_all(fleet, (next(runs, Deadline.unlimited()) for _ in count()))
    assert len(jobs) == registries * repositories
    assert set(places(jobs).values()) <= {1}


def test_jobs_of_a_later_run_start_after_those_of_the_first(monkeypatch):
    monkeypatch.setattr("chalicelib.scanning.sending.time.time", lambda: 1_000_000)
    fleet = Fleet(accounts(1, 3_000), JOBS_PER_MINUTE="600")
    start_listing(ListingRequest(), fleet, deadline=looks(3 + 3), sleep=no_sleep)
    *first, rest = fleet.jobs_queue.take()
    assert len(first) == 2_000
    fleet.jobs_queue.delays.clear()
    continue_listing(rest, fleet, Deadline.unlimited(), no_sleep)
    assert fleet.jobs_queue.delays == [(2_000 + n - 100) // 10 for n in range(1_000)]


def test_a_run_that_never_gets_anywhere_fails_in_the_end():
    fleet = Fleet(accounts(1, 10))
    job = ListJob(ListingRequest(), attempts=MOST_ATTEMPTS)
    with pytest.raises(ListingIncomplete, match="no progress in 11 deliveries"):
        continue_listing(job, fleet, looks(0), no_sleep)
    assert fleet.jobs_queue.take() == []


def test_a_registry_that_fails_is_tried_again_by_itself_and_costs_the_others_nothing():
    registries = accounts(3, 5)
    broken = RegistryAddress("000000000001")
    registries[broken].failures = ["AccessDeniedException"] * 2
    fleet = Fleet(registries)
    listing = start_listing(ListingRequest(), fleet, sleep=no_sleep)
    *jobs, rest = fleet.jobs_queue.take()
    assert {job.address for job in jobs} == set(registries) - {broken}
    assert (rest.address, rest.alone) == (broken, True)
    assert len(listing.failures) == 1
    assert listing.unkept == ()

    with pytest.raises(ClientError, match="AccessDenied"):
        continue_listing(rest, fleet, Deadline.unlimited(), no_sleep)
    continue_listing(rest, fleet, Deadline.unlimited(), no_sleep)
    assert places(fleet.jobs_queue.take()) == {
        (broken, name): 1 for name in registries[broken].names
    }
    assert registries[HOME].listings == 1


REFUSED = ClientError({"Error": {"Code": "AccessDeniedException"}}, "AnyCall")
BROKEN = RegistryAddress("000000000001")


class Tags:
    """The tags of a registry's repositories, which are none, or cannot be read."""

    def __init__(self, refused):
        self._refused = refused

    def rules(self, _):
        if self._refused:
            raise REFUSED
        return {}


def without_tags(registries, **variables):
    """Registries of which one does not let the tags of its repositories be read."""
    fleet = Fleet(registries, REPOSITORY_TAG_RULES="true", **variables)
    fleet.repository_tags_of = lambda address: Tags(address == BROKEN)
    return fleet


def without_frequencies(registries, broken=BROKEN, name="team/00000"):
    """Registries of which one does not say of a repository how Inspector scans it."""
    for address, registry in registries.items():
        registry.is_enhanced = lambda: True

        def frequencies(names, _, address=address):
            if address == broken and name in names:
                raise REFUSED
            return dict.fromkeys(names)

        registry.scan_frequencies = frequencies
    return Fleet(registries)


@pytest.mark.parametrize("broken", [without_tags, without_frequencies])
def test_a_registry_of_which_not_all_can_be_read_costs_the_others_nothing(broken):
    fleet = broken(accounts(4, 5))
    listing = start_listing(ListingRequest(), fleet, sleep=no_sleep)
    *jobs, rest = fleet.jobs_queue.take()
    assert places(jobs) == {
        (address, name): 1
        for address, registry in fleet.by_address.items()
        if address != BROKEN
        for name in registry.names
    }
    assert (rest.address, rest.after, rest.alone) == (BROKEN, "", True)
    [failure] = listing.failures
    assert failure.startswith("000000000001/own region: ")
    assert (listing.listed, listing.unkept) == (15, ())

    # By itself it is tried again, until it can be read.
    with pytest.raises(ClientError, match="AccessDenied"):
        continue_listing(rest, fleet, Deadline.unlimited(), no_sleep)
    fleet = Fleet(fleet.by_address)
    fleet.by_address[BROKEN].is_enhanced = lambda: False
    continue_listing(rest, fleet, Deadline.unlimited(), no_sleep)
    assert {job.address for job in fleet.jobs_queue.take()} == {BROKEN}


@pytest.mark.parametrize("broken", [without_tags, without_frequencies])
def test_a_list_shows_what_can_be_read_and_names_the_registry_that_cannot(broken):
    listing = list_jobs(ListingRequest(dry_run=True), broken(accounts(4, 5)), sleep=no_sleep)
    assert len(listing.jobs) == 15
    assert [failure.partition(":")[0] for failure in listing.failures] == [
        "000000000001/own region"
    ]


def test_within_a_budget_each_registry_is_planned_whatever_cannot_be_read_of_another():
    fleet = without_tags(accounts(4, 5), DAILY_SCAN_BUDGET="9")
    listing = start_listing(ListingRequest(), fleet, sleep=no_sleep)
    assert [job.address for job in fleet.jobs_queue.take()] == list(fleet.by_address)
    assert listing.failures == ()


@pytest.mark.parametrize("others", [0, 2])
def test_what_was_sent_of_a_registry_before_it_failed_is_not_sent_again(others):
    registries = accounts(1 + others, 2_500)
    fleet = without_frequencies(registries, HOME, "team/02100")
    listing = start_listing(ListingRequest(), fleet, sleep=no_sleep)
    *jobs, rest = fleet.jobs_queue.take()
    assert len(jobs) == 2_000 + others * 2_500
    assert (rest.address, rest.after, rest.alone) == (HOME, "team/01999", True)
    assert len(listing.failures) == 1
    assert listing.unkept == ()

    with pytest.raises(ClientError, match="AccessDenied"):
        continue_listing(rest, fleet, Deadline.unlimited(), no_sleep)
    registries[HOME].is_enhanced = lambda: False
    continue_listing(rest, fleet, Deadline.unlimited(), no_sleep)
    jobs += fleet.jobs_queue.take()
    assert len(places(jobs)) == len(jobs) == (1 + others) * 2_500


def test_a_registry_that_fails_while_a_listing_goes_on_fails_once():
    registries = accounts(2, 3)
    registries[HOME].failures = ["AccessDenied"] * 3
    fleet = Fleet(registries)
    request = ListingRequest(repositories=("team/00000", "team/00001", "team/00002"))
    job = ListJob(request, after="team/00000")
    listing = continue_listing(job, fleet, Deadline.unlimited(), no_sleep)
    *jobs, rest = fleet.jobs_queue.take()
    assert {job.address for job in jobs} == {RegistryAddress("000000000001")}
    assert (rest.address, rest.after, rest.alone) == (HOME, "team/00000", True)
    assert len(listing.failures) == registries[HOME].listings == 1


class TestAFilter:
    """It takes too long for the names of one registry, and for no other."""

    @pytest.fixture
    def fleet(self, monkeypatch):
        monkeypatch.setattr("chalicelib.runtime.patterns.MATCHING_SECONDS", 0.2)
        return Fleet(accounts(4, 3))

    FILTER = ListingRequest(repositories_filter=re.compile("^(a+)+$|team"))
    SLOW = "a" * 60 + "-"

    def test_is_refused_where_nothing_was_sent_yet(self, fleet):
        fleet.by_address[HOME].names.append(self.SLOW)
        with pytest.raises(RequestError, match="takes too long"):
            start_listing(self.FILTER, fleet)
        assert fleet.jobs_queue.take() == []

    def test_is_the_failure_of_a_later_registry_and_of_no_other(self, fleet):
        fleet.by_address[BROKEN].names.append(self.SLOW)
        listing = start_listing(self.FILTER, fleet)
        *jobs, rest = fleet.jobs_queue.take()
        assert {job.address for job in jobs} == set(fleet.by_address) - {BROKEN}
        assert (rest.address, rest.alone) == (BROKEN, True)
        [failure] = listing.failures
        assert "000000000001/own region: the repositories filter: " in failure

    def test_holds_up_no_other_registry_where_a_listing_goes_on(self, fleet):
        fleet.by_address[HOME].names.append(self.SLOW)
        continue_listing(ListJob(self.FILTER), fleet, Deadline.unlimited())
        *jobs, rest = fleet.jobs_queue.take()
        assert {job.address for job in jobs} == set(fleet.by_address) - {HOME}
        assert (rest.address, rest.alone) == (HOME, True)


@pytest.mark.parametrize("broken", [(0,), (2,), (1, 2)])
def test_a_registry_that_fails_before_time_runs_out_is_gone_through_once(broken):
    fleet = Fleet(accounts(3, 2))
    for number, registry in enumerate(fleet.by_address.values()):
        registry.failures = ["AccessDenied"] * (number in broken)
    request = ListingRequest(repositories=("team/00000",))
    start_listing(request, fleet, deadline=looks(3), sleep=no_sleep)
    waiting, jobs = fleet.jobs_queue.take(), []
    while waiting:
        job = waiting.pop()
        if isinstance(job, ListJob):
            continue_listing(job, fleet, Deadline.unlimited(), no_sleep)
            waiting += fleet.jobs_queue.take()
        else:
            jobs.append(job)
    assert places(jobs) == Counter((address, "team/00000") for address in fleet.by_address)


def test_throttling_is_waited_out():
    registries = accounts(2, 2_500)
    for registry in registries.values():
        registry.failures = ["ThrottlingException"] * 7
    fleet, pauses = Fleet(registries), []
    listing = start_listing(ListingRequest(), fleet, sleep=pauses.append)
    assert (listing.enqueued, listing.failures) == (5_000, ())
    assert len(pauses) == 14


class Endless:
    """Workloads that never end to be listed."""

    def images(self):
        while True:
            yield ImageUse("999999999999.dkr.ecr.eu-west-1.amazonaws.com/team/00001:1", "somewhere")


def test_finding_out_what_is_in_use_leaves_time_to_list(monkeypatch):
    fleet = Fleet(accounts(1, 1_500), ECS_DISCOVERY_ENABLED="true")
    monkeypatch.setattr(fleet, "workloads", lambda: iter([("ECS", Endless()), ("more", Endless())]))
    milliseconds = iter(range(100_000, 0, -10))
    with pytest.raises(ListingIncomplete) as failure:
        start_listing(ListingRequest(), fleet, deadline=Deadline(lambda: next(milliseconds)))
    jobs = fleet.jobs_queue.take()
    assert len(jobs) == 1_500
    assert next(milliseconds) > 100_000 // 4, "a quarter was kept in reserve"
    # What was found until then counts.
    assert [job.repository for job in jobs if job.images_in_use] == ["team/00001"]
    assert [each.partition(":")[0] for each in failure.value.listing.unkept] == ["ECS", "more"]


def test_without_an_answer_about_its_own_account_a_listing_goes_on(monkeypatch):
    def refused(_):
        raise ClientError({"Error": {"Code": "AccessDenied"}}, "GetCallerIdentity")

    fleet = Fleet(accounts(1, 3), ECS_DISCOVERY_ENABLED="true")
    monkeypatch.setattr(fleet, "named_place_of", refused)
    with pytest.raises(ListingIncomplete, match="images in use: .*AccessDenied"):
        start_listing(ListingRequest(), fleet)
    assert len(fleet.jobs_queue.take()) == 3


class Workload:
    """One that runs an image of a registry of the function's own account, or is refused."""

    def __init__(self, error=None):
        self.error = error

    def images(self):
        if self.error:
            raise ClientError({"Error": {"Code": self.error}}, "ListClusters")
        yield ImageUse("999999999999.dkr.ecr.eu-west-1.amazonaws.com/team/00001:1", "somewhere")


class TestWhatIsKeptOfImagesInUse:
    """Which repositories have some, so that of the others it can be said that they have none."""

    @pytest.fixture
    def fleet(self, history_table, monkeypatch):
        variables = {"ECS_DISCOVERY_ENABLED": "true", "HISTORY_TABLE_NAME": history_table}
        fleet = Fleet(accounts(2, 3), **variables)
        self.workloads = [("ECS", Workload())]
        monkeypatch.setattr(fleet, "workloads", lambda: iter(self.workloads))
        return fleet

    def kept(self, fleet):
        found = [fleet.image_uses.found(fleet.place_of(each)) for each in fleet.by_address]
        return [each and each.repositories for each in found]

    def test_those_of_each_registry_whatever_the_listing_is_for(self, fleet):
        start_listing(ListingRequest(repositories=("team/00002",)), fleet)
        with_some, without = self.kept(fleet)
        assert (with_some, without) == ({"team/00001"}, frozenset())

    def test_nothing_where_a_source_was_refused(self, fleet):
        self.workloads.append(("more", Workload("AccessDenied")))
        with pytest.raises(ListingIncomplete, match="AccessDenied"):
            start_listing(ListingRequest(), fleet)
        assert self.kept(fleet) == [None, None]

    def test_nothing_of_a_dry_run(self, fleet):
        start_listing(ListingRequest(dry_run=True), fleet)
        assert self.kept(fleet) == [None, None]

    def test_a_table_that_refuses_stops_no_listing(self, fleet, monkeypatch):
        def refuse(*_):
            raise ClientError({"Error": {"Code": "AccessDenied"}}, "BatchWriteItem")

        monkeypatch.setattr(fleet.image_uses, "keep_found", refuse)
        assert start_listing(ListingRequest(), fleet).enqueued == 6


def test_a_repository_with_much_in_use_holds_up_no_other(monkeypatch):
    uses = {f"build-{n}-0123456789abcdef": f"ECS task definition {n % 300}" for n in range(15_000)}
    fleet = Fleet(accounts(1, 30), ECS_DISCOVERY_ENABLED="true")
    found = ImagesInUse({HOME: {"team/00005": uses}})
    monkeypatch.setattr("chalicelib.scanning.walk.images_in_use", lambda *_: found)
    start_listing(ListingRequest(), fleet)
    bodies = list(fleet.jobs_queue.bodies)
    assert max(map(len, bodies)) < MOST_BYTES
    jobs = fleet.jobs_queue.take()
    assert {job.repository for job in jobs} == set(fleet.by_address[HOME].names)
    said = {name: where for job in jobs for name, where in job.images_in_use.items()}
    assert said == uses


@pytest.mark.parametrize("budget", [{}, {"DAILY_SCAN_BUDGET": "1000"}])
def test_a_request_that_names_thousands_of_repositories_fits_into_messages(budget):
    registry = Registry(0)
    registry.names = [f"{'long-name-' * 10}{number:05}" for number in range(5_000)]
    fleet = Fleet({HOME: registry}, **budget)
    request = ListingRequest(repositories=tuple(registry.names))
    start_listing(request, fleet, deadline=looks(5 + 2), sleep=no_sleep)
    assert max(map(len, fleet.jobs_queue.bodies)) < MOST_BYTES
    sent = fleet.jobs_queue.take()
    plans = [job for job in sent if isinstance(job, PlanJob)]
    assert sum(job.budget for job in plans) == (1_000 if budget else 0)
    rests = [job for job in sent if isinstance(job, ListJob)]
    jobs = [job for job in sent if job not in plans and job not in rests]
    for rest in rests:
        continue_listing(rest, fleet, Deadline.unlimited(), no_sleep)
    jobs += fleet.jobs_queue.take()
    planned = [name for plan in plans for name in plan.request.repositories]
    assert Counter([*planned, *(job.repository for job in jobs)]) == dict.fromkeys(
        registry.names, 1
    )


def test_the_answer_says_that_the_listing_goes_on():
    fleet = Fleet(accounts(1, 3_000))
    answer = start_listing(ListingRequest(), fleet, deadline=looks(3 + 2)).to_dict()
    assert (answer["matched"], answer["continued"]) == (1_000, True)
    assert len(json.dumps(answer)) < 100_000


def test_a_listing_of_a_registry_that_is_no_longer_covered_starts_over():
    fleet = Fleet(accounts(2, 3))
    gone = ListJob(ListingRequest(), RegistryAddress("000000000009"), after="team/00001")
    continue_listing(gone, fleet, Deadline.unlimited(), no_sleep)
    assert len(places(fleet.jobs_queue.take())) == 6


def test_a_list_that_there_is_no_time_for_says_how_far_it_came():
    fleet = Fleet(accounts(3, 1))
    listing = list_jobs(ListingRequest(), fleet, deadline=looks(5), sleep=no_sleep)
    assert 0 < len(listing.repositories) < 3
    assert [failure for failure in listing.failures if "there was no time left" in failure]


def test_a_list_for_a_plan_that_there_is_no_time_for_fails():
    fleet = Fleet(accounts(1, 1))
    with pytest.raises(DeadlineReached):
        list_jobs(ListingRequest(), fleet, accepted_before=True, deadline=looks(0))
