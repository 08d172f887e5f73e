"""The planner, over real boto3 calls to the local ECR and SQS."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from botocore.exceptions import ClientError

from chalicelib.ecr.scan_records import ScanRecord
from chalicelib.ecr.uses import ImageUse
from chalicelib.runtime.deadline import Deadline
from chalicelib.scanning.jobs import ScanJob, parse_job
from chalicelib.scanning.planner import plan_scans
from chalicelib.scanning.registry_jobs import PlanJob
from chalicelib.scanning.requests import ListingRequest
from chalicelib.scanning.scanner import MOST_ATTEMPTS, ScansNotStarted, scan_repository
from chalicelib.services import Services

STALE = datetime.now(UTC) - timedelta(days=8)


@pytest.fixture
def services(settings, queue):
    variables = {"DAILY_SCAN_BUDGET": "100", "SCANS_PER_SECOND": "2"}
    return lambda **others: Services(
        settings(IMAGES_SCAN_JOBS_QUEUE_URL=queue.url, **(variables | others))
    )


@pytest.fixture
def sent(monkeypatch):
    """Every job that is sent, with its delay; nothing waits in a queue."""
    jobs = []

    def send(self, messages, delay_seconds=0):
        delays = delay_seconds if isinstance(delay_seconds, list) else [delay_seconds] * 999
        jobs.extend(
            (parse_job(job.to_json()), delay) for job, delay in zip(messages, delays, strict=False)
        )

    monkeypatch.setattr("chalicelib.aws.sqs.JobsQueue.send", send)
    return jobs


LISTING = 3
"""As often as listing looks at the clock: for each call, and before the repositories come."""


def looks_at(images, repositories=1):
    """As often as planning looks at the clock: once to list images, once to look each up."""
    return LISTING + (1 + images) * repositories


def plan(services, job=None, looks=None):
    """Plan with time for so many looks at the clock."""
    left = iter([100_000] * (looks + 1)) if looks is not None else None
    deadline = Deadline.unlimited() if left is None else Deadline(lambda: next(left, 0))
    return plan_scans(job or PlanJob(ListingRequest()), services, deadline, lambda _: None)


def images(aws, repository, count):
    for number in range(count):
        aws.add_image(
            repository,
            tags=(f"v{number}",),
            pushed_at=STALE + timedelta(minutes=number),
            scanned_at=STALE,
        )


def test_jobs_lie_on_a_time_line_at_the_pace_of_the_region(aws, services, sent):
    images(aws, "aa", 11)
    images(aws, "bb", 21)
    plan(services())
    # The newest of each repository first, then the rest: 1 + 1, and 10 + 20 at two a second.
    starts = [job.not_before - sent[0][0].not_before for job, _ in sent]
    assert sorted((job.repository, len(job.image_digests)) for job, _ in sent[:2]) == [
        ("aa", 1),
        ("bb", 1),
    ]
    assert sorted(len(job.image_digests) for job, _ in sent[2:]) == [10, 20]
    assert starts[:2] == [0, 0]
    assert starts[2] == 1
    assert starts[3] in (6, 11)


def test_a_job_carries_a_thousand_digests_at_most(aws, services, sent):
    images(aws, "aa", 2_501)
    plan(services(DAILY_SCAN_BUDGET="100000"))
    assert [len(job.image_digests) for job, _ in sent] == [1, 1_000, 1_000, 500]
    assert max(delay for _, delay in sent) <= 900
    assert max(len(job.to_json()) for job, _ in sent) < 256 * 1024


def test_what_time_does_not_suffice_for_goes_on_after_the_last_repository(aws, services, sent):
    for name in ("aa", "bb", "cc", "dd"):
        images(aws, name, 3)
    summary = plan(services(DAILY_SCAN_BUDGET="8"), looks=looks_at(3, repositories=2))
    *jobs, (rest, _) = sent

    assert summary.re_enqueued
    # Half of the repositories were reviewed, so half of the budget is theirs.
    assert sum(len(job.image_digests) for job, _ in jobs) == 4
    assert (rest.after, rest.budget) == ("bb", 4)
    assert rest.not_before >= jobs[-1][0].not_before

    sent.clear()
    assert not plan(services(DAILY_SCAN_BUDGET="8"), rest).re_enqueued
    assert {job.repository for job, _ in sent} == {"cc", "dd"}
    assert sum(len(job.image_digests) for job, _ in sent) == 4


def test_no_image_is_lost_or_planned_twice_whenever_time_runs_out(aws, services, sent):
    for number in range(12):
        images(aws, f"r{number:02}", 2)
    jobs, planned = [PlanJob(ListingRequest())], []
    for repositories in (1, 0, 3, 2, 1, 99):
        plan(services(), jobs.pop(), looks_at(2, repositories))
        jobs = [job for job, _ in sent if isinstance(job, PlanJob)]
        planned += [d for job, _ in sent if isinstance(job, ScanJob) for d in job.image_digests]
        sent.clear()
    assert jobs == []
    assert len(planned) == len(set(planned)) == 24


@pytest.fixture
def remembering(services, history_table):
    return lambda **others: services(HISTORY_TABLE_NAME=history_table, **others)


def known(services, images, record=None):
    """Let it be known of images of a repository when they were scanned, or a record of each."""
    records = {
        image.digest: record
        or ScanRecord(int(image.scan_completed_at.timestamp()), image.scan_status)
        for image in images
    }
    services.scan_records.keep("123456789012/eu-west-1/aa", records)


def test_looking_up_what_is_not_known_is_progress_where_it_is_kept(aws, remembering, sent):
    images(aws, "aa", 20)
    jobs = [PlanJob(ListingRequest(), attempts=MOST_ATTEMPTS)]
    for _ in range(4):
        # Listing and query take two looks.
        plan(remembering(), jobs.pop(), looks=LISTING + 2 + 6)
        jobs = [job for job, _ in sent if isinstance(job, PlanJob)]
        planned = [d for job, _ in sent if isinstance(job, ScanJob) for d in job.image_digests]
        sent.clear()
    assert jobs == []
    assert len(planned) == 20
    assert aws.calls["DescribeImageScanFindings"] == 20


def test_a_budget_goes_to_the_oldest_scans_and_to_images_without_any_before(aws, remembering, sent):
    ages = [1, 9, 400, 30, 8, None]
    for days in ages:
        scanned_at = None if days is None else datetime.now(UTC) - timedelta(days=days)
        aws.add_image("aa", pushed_at=STALE, scanned_at=scanned_at)
    plan(remembering(DAILY_SCAN_BUDGET="3"))
    digests = list(aws.repositories["aa"].images)
    [(job, _)] = sent
    assert job.image_digests == tuple(digests[number] for number in (5, 2, 3))


def test_what_fails_again_and_again_takes_no_other_images_place(aws, remembering, sent):
    """Fifty images that always fail beside fifty that do not, with a budget for forty."""
    failing = [aws.add_image("aa", tags=(f"f{n}",), scanned_at=STALE) for n in range(50)]
    others = [aws.add_image("aa", tags=(f"o{n}",), scanned_at=STALE) for n in range(50)]
    long_ago = int(STALE.timestamp()) - 10**7
    known(remembering(), failing, ScanRecord(long_ago, "FAILED", "ScanError", failures=9))
    known(remembering(), others)
    plan(remembering(DAILY_SCAN_BUDGET="40"))
    planned = {digest for job, _ in sent for digest in job.image_digests}
    assert len(planned) == 40
    assert planned <= {image.digest for image in others}


@pytest.mark.parametrize("started", [True, False])
def test_what_was_started_or_scanned_on_push_today_is_taken_from_the_budget(
    aws, remembering, sent, started
):
    today = [aws.add_image("aa", scanned_at=datetime.now(UTC)) for _ in range(3)]
    stale = [aws.add_image("aa", scanned_at=STALE) for _ in range(9)]
    now = int(datetime.now(UTC).timestamp())
    known(remembering(), today, ScanRecord(now, "COMPLETE", started=started))
    known(remembering(), stale)
    summary = plan(remembering(DAILY_SCAN_BUDGET="5"))
    assert (summary.scanned_today, summary.planned) == (3, 2)


def test_what_cannot_be_chosen_any_more_is_not_looked_up(aws, remembering, sent):
    for number in range(20):
        aws.add_image("aa", pushed_at=STALE + timedelta(minutes=number))
    summary = plan(remembering(DAILY_SCAN_BUDGET="5"))
    assert (summary.planned, summary.deferred) == (5, 15)
    assert aws.calls["DescribeImageScanFindings"] == 5


def test_an_image_that_cannot_be_looked_up_holds_up_no_other(aws, remembering, sent):
    images(aws, "aa", 3)
    aws.fail_next("DescribeImageScanFindings", "ServerException", times=5)
    plan(remembering(DAILY_SCAN_BUDGET="2"))
    planned = [digest for job, _ in sent for digest in job.image_digests]
    digests = list(aws.repositories["aa"].images)
    # It comes last, and is looked up again before its scan is started.
    assert set(planned) == set(digests[1:])


def test_a_plan_without_progress_fails_in_the_end(aws, services, sent):
    images(aws, "aa", 1)
    with pytest.raises(ScansNotStarted, match="plan of own account/own region: no progress"):
        plan(services(), PlanJob(ListingRequest(), attempts=MOST_ATTEMPTS), looks=0)


def test_a_repository_that_is_gone_holds_up_nothing(aws, services, sent):
    images(aws, "aa", 1)
    images(aws, "bb", 1)
    aws.fail_next("DescribeImages", "RepositoryNotFoundException")
    assert plan(services()).planned == 1


class Source:
    """A source of images in use, which answers, or does not."""

    def __init__(self, *repositories, failing=False):
        self.repositories, self.failing = repositories, failing

    def images(self):
        if self.failing:
            raise ClientError({"Error": {"Code": "AccessDeniedException"}}, "ListClusters")
        for repository in self.repositories:
            uri = f"123456789012.dkr.ecr.eu-west-1.amazonaws.com/{repository}:v0"
            yield ImageUse(uri, "ECS service x")


class TestASourceOfImagesInUseThatFails:
    @pytest.fixture(params=["false", "true"])
    def in_use_only(self, request):
        return request.param

    @pytest.fixture
    def planning(self, aws, services, in_use_only):
        """Three repositories of two images each, and two sources, the second of which fails."""
        for name in ("aa", "bb", "cc"):
            images(aws, name, 2)
        planning = services(ECS_DISCOVERY_ENABLED="true", SCAN_IN_USE_ONLY=in_use_only)
        planning.sources = [Source("bb"), Source("aa", "bb", failing=True)]
        named = ("ECS in one", "ECS in two")
        planning.workloads = lambda: iter(list(zip(named, planning.sources, strict=True)))
        return planning

    def fails(self, planning, job=None):
        """Plan, which is to fail for that source; gives the jobs of what is left."""
        with pytest.raises(
            ScansNotStarted, match="not all images in use known: ECS in two: .*Acc"
        ) as e:
            plan(planning, job)
        return [parse_job(job.to_json()) for job in e.value.rest]

    def planned(self, sent):
        found = sorted(job.repository for job, _ in sent for _ in job.image_digests)
        sent.clear()
        return found

    def test_holds_up_nothing_that_is_known(self, planning, sent, in_use_only):
        self.fails(planning)
        everything = ["aa", "aa", "bb", "bb", "cc", "cc"]
        assert self.planned(sent) == (["bb"] if in_use_only == "true" else everything)

    def test_is_asked_again_by_a_job_that_plans_nothing_twice(self, planning, sent, in_use_only):
        [rest] = self.fails(planning)
        spent = len(self.planned(sent))
        assert rest.budget == 100 - spent
        # As often as the queue delivers it; then it is a dead letter, and names the source.
        for _ in range(5):
            assert self.fails(planning, rest) == []
            assert self.planned(sent) == []
        planning.sources[1].failing = False
        plan(planning, rest)
        assert self.planned(sent) == (["aa"] if in_use_only == "true" else [])

    def carry_out(self, planning, sent, looks=None):
        """Plan until nothing is left, the source answering from the second job on."""
        jobs, planned = [(PlanJob(ListingRequest()), looks)], []
        while jobs:
            try:
                plan(planning, *jobs.pop())
            except ScansNotStarted as failure:
                jobs += [(parse_job(rest.to_json()), None) for rest in failure.rest]
            jobs += [(job, None) for job, _ in sent if isinstance(job, PlanJob)]
            planned += [d for job, _ in sent if isinstance(job, ScanJob) for d in job.image_digests]
            sent.clear()
            planning.sources[1].failing = False
        return planned

    @pytest.mark.parametrize("looks", range(4, 28, 3))
    def test_is_asked_again_by_what_there_was_no_time_for(self, planning, sent, in_use_only, looks):
        planned = self.carry_out(planning, sent, looks)
        assert len(planned) == len(set(planned)) == (2 if in_use_only == "true" else 6)

    def test_is_asked_again_beside_a_repository_that_cannot_be_read(
        self, aws, planning, sent, in_use_only
    ):
        aws.fail_next("DescribeImages", "KmsException")
        planned = self.carry_out(planning, sent)
        assert len(planned) == len(set(planned)) == (2 if in_use_only == "true" else 6)

    def test_is_asked_again_by_one_job_where_a_repository_could_not_be_read_either(
        self, aws, planning, sent, in_use_only
    ):
        aws.fail_next("DescribeImages", "KmsException")
        unread, once_known = self.fails(planning)
        self.planned(sent)
        plan(planning, unread)
        assert self.planned(sent) == (["bb"] if in_use_only == "true" else ["aa", "aa"])
        assert self.fails(planning, once_known) == []

    def test_where_nothing_else_is_known_is_the_failure_of_the_same_job(
        self, planning, sent, in_use_only
    ):
        planning.sources[0].repositories = ()
        rest = self.fails(planning)
        assert bool(rest) == bool(self.planned(sent)) == (in_use_only == "false")

    def test_leaves_to_the_next_listing_what_is_too_long_for_a_message(
        self, planning, sent, in_use_only, monkeypatch
    ):
        monkeypatch.setattr("chalicelib.scanning.planner.LONGEST_JOB", 30)
        [rest] = self.fails(planning)
        assert rest.without == ()
        self.planned(sent)
        planning.sources[1].failing = False
        plan(planning, rest)
        assert self.planned(sent) == []


def test_a_job_before_its_time_goes_back_to_the_queue(aws, services, sent):
    images(aws, "aa", 1)
    soon = int(datetime.now(UTC).timestamp()) + 2_000
    job = ScanJob("aa", image_digests=("sha256:1",), not_before=soon)
    assert scan_repository(job, services(), Deadline.unlimited()).re_enqueued
    assert sent == [(job, 900)]
    assert aws.calls == {}


def test_a_scanner_keeps_the_pace(aws, services):
    images(aws, "aa", 6)
    pauses = []
    scan_repository(ScanJob("aa"), services(), Deadline.unlimited(), pauses.append)
    assert len(pauses) == 4
    assert pauses == sorted(pauses)
    assert pauses[0] == pytest.approx(0.5, abs=0.2)


def test_planned_scans_wait_for_the_registrys_limit_to_move_on(aws, services, sent):
    images(aws, "aa", 3)
    aws.scans_per_day = 1
    digests = tuple(aws.repositories["aa"].images)
    job = ScanJob("aa", image_digests=digests, not_before=1)
    assert scan_repository(job, services(), Deadline.unlimited(), lambda _: None).started == 1
    [(rest, delay)] = sent
    assert (rest.image_digests, rest.attempts, delay) == (digests[1:], 1, 900)

    sent.clear()
    late = ScanJob("aa", image_digests=digests[1:], not_before=1, attempts=MOST_ATTEMPTS)
    summary = scan_repository(late, services(), Deadline.unlimited(), lambda _: None)
    assert sent == []
    assert summary.skipped == {"daily limit of the registry reached": 2}


def test_a_message_that_is_no_plan_is_refused():
    with pytest.raises(ValueError, match="request: unknown: 'x'"):
        parse_job(json.dumps({"plan": {"request": {"x": 1}}}))
