"""The scanner, over real boto3 calls to the local ECR and SQS."""

import json
import random
import time
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.aws.ecr import TokenExpired
from chalicelib.aws.sqs import NotSent
from chalicelib.ecr.scan_records import ScanRecord
from chalicelib.policy.due import Reason
from chalicelib.policy.durations import Duration
from chalicelib.runtime.deadline import Deadline
from chalicelib.runtime.pace import Pace
from chalicelib.scanning.jobs import ScanJob
from chalicelib.scanning.plans import plan_images
from chalicelib.scanning.scanner import (
    MOST_ATTEMPTS,
    RETRY_DELAY_SECONDS,
    ScansNotStarted,
    scan_repository,
)
from chalicelib.scanning.starts import ScanStarts
from chalicelib.services import Services
from local.ecr import LocalRegistry
from tests.doubles import EcrClient, Messages, Records, Stopped

REPOSITORY = "payments/api"
NOW = datetime.now(UTC)
STALE = NOW - timedelta(days=8)
FRESH = NOW - timedelta(days=6)


@pytest.fixture
def services(settings, queue, history_table):
    defaults = {"IMAGES_SCAN_JOBS_QUEUE_URL": queue.url, "HISTORY_TABLE_NAME": history_table}
    return lambda **variables: Services(settings(**(defaults | variables)))


@pytest.fixture
def known(services):
    """Let it be known of images when they were scanned, or let a record be known of each."""

    def keep(images, record=None):
        records = {
            image.digest: record
            or ScanRecord(int(image.scan_completed_at.timestamp()), image.scan_status)
            for image in images
        }
        services().scan_records.keep(f"123456789012/eu-west-1/{REPOSITORY}", records)

    return keep


@pytest.fixture
def scan(services):
    def run(job=None, deadline=None, **variables):
        job = job or ScanJob(REPOSITORY)
        return scan_repository(
            job, services(**variables), deadline or Deadline.unlimited(), lambda _: None
        )

    return run


def plan(services):
    return list(plan_images([ScanJob(REPOSITORY)], services, Deadline.unlimited()))


class Calls:
    """A function's remaining time that ends after a number of looks at it."""

    def __init__(self, allowed):
        self.left = allowed + 1  # the first look is Deadline's own, for what it keeps in reserve

    def __call__(self):
        self.left -= 1
        return 300_000 if self.left >= 0 else 0


def time_for(calls):
    return Deadline(Calls(calls))


def started(registry):
    return [
        image.digest
        for repository in registry.repositories.values()
        for image in repository.images.values()
        if image.scan_status == "IN_PROGRESS"
    ]


def test_starts_the_scan_of_every_image_that_is_stale_or_was_never_scanned(aws, scan):
    aws.add_image(REPOSITORY, tags=("stale",), scanned_at=STALE)
    aws.add_image(REPOSITORY, tags=("never",))
    aws.add_image(REPOSITORY, tags=("fresh",), scanned_at=FRESH)

    summary = scan()

    assert (summary.images, summary.due, summary.started) == (3, 2, 2)
    assert summary.skipped == {Reason.SCAN_FRESH: 1}
    assert aws.calls["StartImageScan"] == 2


def test_a_jobs_own_duration_takes_the_place_of_the_settings(aws, scan):
    aws.add_image(REPOSITORY, scanned_at=FRESH)

    assert scan(ScanJob(REPOSITORY, Duration.parse("1d"))).started == 1


def test_once_their_scans_are_known_5000_images_are_reviewed_in_5_calls(aws, scan, known):
    known([aws.add_image(REPOSITORY, scanned_at=FRESH) for _ in range(5_000)])

    summary = scan()

    assert summary.images == 5_000
    assert aws.calls == {"DescribeImages": 5}


def test_an_image_of_whose_scans_nothing_is_known_is_looked_up_once(aws, scan):
    aws.add_image(REPOSITORY, tags=("stale",), scanned_at=STALE)
    aws.add_image(REPOSITORY, tags=("never",))
    aws.add_image(REPOSITORY, tags=("fresh",), scanned_at=FRESH)

    assert [scan().started, scan().started] == [2, 0]
    assert aws.calls["DescribeImageScanFindings"] == 3


def test_without_a_table_they_are_looked_up_each_time_and_no_fresh_image_is_started(aws, scan):
    aws.add_image(REPOSITORY, tags=("stale",), scanned_at=STALE)
    aws.add_image(REPOSITORY, tags=("fresh",), scanned_at=FRESH)

    assert [scan(HISTORY_TABLE_NAME="").started for _ in range(2)] == [1, 0]
    assert aws.calls["DescribeImageScanFindings"] == 4


@pytest.mark.parametrize("operation", ["Query", "BatchWriteItem"])
def test_a_table_that_does_not_answer_costs_look_ups_and_nothing_else(aws, scan, operation):
    aws.add_image(REPOSITORY, tags=("stale",), scanned_at=STALE)
    aws.add_image(REPOSITORY, tags=("fresh",), scanned_at=FRESH)

    summary = scan(HISTORY_TABLE_NAME="missing")

    assert (summary.started, summary.skipped) == (1, {Reason.SCAN_FRESH: 1})


def test_without_inspectors_answer_a_repository_is_reviewed_by_its_scan_frequency(
    aws, scan, logged
):
    aws.add_image(REPOSITORY, scanned_at=STALE)
    aws.fail_next("ListCoverage", "AccessDeniedException")
    summaries = []
    job = ScanJob(REPOSITORY, scan_frequency="SCAN_ON_PUSH")
    warning, *_ = logged(lambda: summaries.append(scan(job)))
    assert warning["message"] == "coverage by Amazon Inspector not read"
    assert [summary.skipped for summary in summaries] == [{Reason.SCANNED_ON_PUSH: 1}]


def test_a_scan_that_was_not_noted_is_looked_up_when_it_is_refused(aws, scan, known):
    """As when a function was stopped between starting scans and writing so, or others scan too."""
    image = aws.add_image(REPOSITORY, scanned_at=STALE)
    known([image])
    image.scan_started_at = NOW
    image.end_scan(NOW)

    assert scan().skipped == {Reason.SCANNED_TODAY: 1}
    assert scan().skipped == {Reason.SCAN_FRESH: 1}
    assert aws.calls["StartImageScan"] == 1


def test_a_start_that_is_refused_though_ecr_knows_of_no_scan_is_not_tried_at_once_again(aws, scan):
    aws.add_image(REPOSITORY)
    aws.fail_next("StartImageScan", "LimitExceededException")

    assert scan().skipped == {Reason.SCANNED_TODAY: 1}
    # It may be that the scan is not to be seen yet; the next review asks again.
    assert scan().started == 1


def test_an_image_that_ecr_does_not_support_is_not_tried_again(aws, scan):
    aws.add_image(REPOSITORY)
    aws.fail_next("StartImageScan", "UnsupportedImageTypeException")

    assert [scan().skipped, scan().skipped] == [{Reason.UNSUPPORTED: 1}] * 2
    assert aws.calls["StartImageScan"] == 1


def test_attestations_are_not_scanned_wherever_their_index_is_listed(aws, scan, monkeypatch):
    monkeypatch.setattr("chalicelib.aws.ecr.PAGE_SIZE", 2)
    aws.add_index(REPOSITORY, tags=("latest",), platforms=("linux/amd64", "linux/arm64"))

    summary = scan()

    assert summary.started == 2
    assert summary.skipped == {Reason.NOT_AN_IMAGE: 2, Reason.MANIFEST_LIST: 1}
    assert aws.calls["DescribeImages"] == 3


def test_a_digest_with_many_tags_is_scanned_once(aws, scan):
    aws.add_image(REPOSITORY, tags=("1", "1.2", "1.2.3", "latest"), scanned_at=STALE)

    assert scan().started == 1
    assert aws.calls["StartImageScan"] == 1


def test_a_message_that_comes_twice_starts_nothing_twice(aws, scan):
    for _ in range(5):
        aws.add_image(REPOSITORY, scanned_at=STALE)

    first, second = scan(), scan()

    assert (first.started, second.started) == (5, 0)
    assert second.skipped == {Reason.SCAN_RUNNING: 5}
    assert aws.calls["StartImageScan"] == 5


def test_a_scan_that_fails_before_the_job_is_done_is_known_to_have_failed(
    aws, scan, known, services, monkeypatch
):
    """Records of starts are written together; the event of a scan's end may be faster."""
    image = aws.add_image(REPOSITORY, scanned_at=STALE)
    known([image])
    place, soon = f"123456789012/eu-west-1/{REPOSITORY}", int(time.time()) + 20
    start = ScanStarts.run

    def run(self, *of):
        start(self, *of)
        services().scan_records.note_end(place, image.digest, soon, "FAILED", "ScanError")

    monkeypatch.setattr(ScanStarts, "run", run)
    scan()
    [record] = services().scan_records.of_repository(place).values()
    assert record == ScanRecord(soon, "FAILED", "ScanError", failures=1)


def test_a_re_enqueued_job_that_comes_twice_starts_nothing_twice(aws, scan):
    digest = aws.add_image(REPOSITORY, scanned_at=STALE).digest
    rest = ScanJob(REPOSITORY, image_digests=(digest,))

    assert scan(rest).started == 1
    assert scan(rest).skipped == {Reason.SCAN_RUNNING: 1}
    assert aws.calls["DescribeImages"] == 0


def test_a_job_that_waited_for_long_starts_no_image_that_was_scanned_meanwhile(aws, scan, known):
    image = aws.add_image(REPOSITORY, scanned_at=FRESH)
    known([image])

    summary = scan(ScanJob(REPOSITORY, image_digests=(image.digest,)))

    assert (summary.started, summary.skipped) == (0, {Reason.SCAN_FRESH: 1})


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("LimitExceededException", Reason.SCANNED_TODAY),
        ("ImageNotFoundException", Reason.DELETED),
        ("UnsupportedImageTypeException", Reason.UNSUPPORTED),
        ("ImageArchivedException", Reason.ARCHIVED),
    ],
)
def test_an_image_that_ecr_refuses_is_skipped_and_the_others_start(aws, scan, code, reason):
    for _ in range(3):
        aws.add_image(REPOSITORY, scanned_at=STALE)
    aws.fail_next("StartImageScan", code)

    summary = scan()

    assert (summary.started, summary.skipped) == (2, {reason: 1})


def test_a_repository_that_is_gone_ends_the_job_well(scan, aws):
    assert scan(ScanJob("deleted/since")).images == 0


def test_a_repository_that_goes_while_its_scans_start_ends_the_job_well(aws, scan):
    for _ in range(3):
        aws.add_image(REPOSITORY, scanned_at=STALE)
    aws.fail_next("StartImageScan", "RepositoryNotFoundException")

    summary = scan()

    assert (summary.started, summary.skipped) == (0, {Reason.DELETED: 3})


def test_any_other_error_fails_the_message_after_the_other_images_started(aws, scan):
    digests = [aws.add_image(REPOSITORY, scanned_at=STALE).digest for _ in range(3)]
    aws.fail_next("StartImageScan", "ValidationException")

    with pytest.raises(ScansNotStarted, match=f"1 scans not started: {digests[0]}.*Validation"):
        scan()

    assert len(started(aws)) == 2


def test_a_job_that_may_start_no_scan_gives_up_at_once(aws, scan):
    for _ in range(150):
        aws.add_image(REPOSITORY, scanned_at=STALE)
    aws.fail_next("StartImageScan", "AccessDeniedException", times=1000)

    with pytest.raises(ScansNotStarted, match="1 scans not started: .*; 149 more were not tried"):
        scan()

    assert aws.calls["StartImageScan"] == 1


@pytest.fixture
def own_pace(monkeypatch, calls_in_turn):
    """Let the scanner find its own pace."""
    monkeypatch.setattr(
        "chalicelib.scanning.starts.Pace", lambda most=None: Pace(most, calls_in_turn)
    )


@pytest.mark.usefixtures("own_pace")
def test_throttling_is_waited_out_longer_and_longer(aws, services):
    aws.add_image(REPOSITORY, scanned_at=STALE)
    aws.fail_next("StartImageScan", "ThrottlingException", times=7)
    pauses = []

    summary = scan_repository(ScanJob(REPOSITORY), services(), Deadline.unlimited(), pauses.append)

    assert summary.started == 1
    assert aws.calls["StartImageScan"] == 8, "botocore repeats none by itself"
    assert len(pauses) == 7
    assert pauses == sorted(pauses)
    assert pauses[0] == pytest.approx(0.1)
    assert pauses[-1] > 1


@pytest.mark.usefixtures("own_pace")
def test_throttling_that_outlasts_the_time_hands_the_rest_on(aws, services, queue):
    digest = aws.add_image(REPOSITORY, scanned_at=STALE).digest
    aws.fail_next("StartImageScan", "ThrottlingException", times=10_000)
    remaining = [300_000]

    def sleep(seconds):
        remaining[0] -= int(seconds * 1000)

    summary = scan_repository(
        ScanJob(REPOSITORY), services(), Deadline(lambda: remaining[0]), sleep
    )

    assert summary.re_enqueued
    assert remaining[0] >= 30_000, "the reserve for handing on was spent on waiting"
    assert queue.receive_all() == [{"repository": REPOSITORY, "imageDigests": [digest]}]


def test_what_is_left_when_time_runs_out_goes_back_to_the_queue(aws, scan, queue, known):
    known([aws.add_image(REPOSITORY, scanned_at=STALE) for _ in range(2_100)])

    # Three calls read images, one the records of their scans.
    summary = scan(deadline=time_for(3 + 1 + 400))

    rest = queue.receive_all()
    assert summary.re_enqueued
    assert summary.started == 400
    assert sorted(len(part["imageDigests"]) for part in rest) == [700, 1000]


def test_a_job_without_time_for_anything_is_re_enqueued_whole_and_delayed(aws, scan, queue):
    aws.add_image(REPOSITORY, scanned_at=STALE)
    job = ScanJob(REPOSITORY, Duration.parse("3d"))

    scan(job, time_for(0))

    assert queue.receive_all() == []
    attributes = queue.client.get_queue_attributes(
        QueueUrl=queue.url, AttributeNames=["ApproximateNumberOfMessagesDelayed"]
    )["Attributes"]
    assert attributes == {"ApproximateNumberOfMessagesDelayed": "1"}
    assert RETRY_DELAY_SECONDS > 0


def test_a_job_that_makes_no_progress_again_and_again_fails(scan, aws):
    aws.add_image(REPOSITORY, scanned_at=STALE)

    with pytest.raises(ScansNotStarted, match="no progress in 11 deliveries"):
        scan(ScanJob(REPOSITORY, attempts=MOST_ATTEMPTS), time_for(0))


def test_a_job_without_progress_is_re_enqueued_until_then(scan, aws):
    aws.add_image(REPOSITORY, scanned_at=STALE)

    assert scan(ScanJob(REPOSITORY, attempts=MOST_ATTEMPTS - 1), time_for(0)).re_enqueued


def test_trying_a_scan_that_fails_again_is_no_progress(aws, scan, queue):
    digest = aws.add_image(REPOSITORY, scanned_at=STALE).digest
    aws.fail_next("StartImageScan", "ValidationException")
    job = ScanJob(REPOSITORY, image_digests=(digest, digest), attempts=MOST_ATTEMPTS)

    with pytest.raises(ScansNotStarted, match="no progress in 11 deliveries"):
        scan(job, time_for(1 + 2))


def test_images_that_failed_are_re_enqueued_with_the_rest(aws, scan, queue):
    digests = [aws.add_image(REPOSITORY, scanned_at=STALE).digest for _ in range(3)]
    aws.fail_next("StartImageScan", "ValidationException")

    # Each image is looked up first.
    scan(deadline=time_for(1 + 1 + 2 * 2))

    [rest] = queue.receive_all()
    assert rest["imageDigests"] == [digests[2], digests[0]]


def test_a_rest_that_the_queue_does_not_take_fails_the_message(aws, scan, queue):
    aws.add_image(REPOSITORY, scanned_at=STALE)
    queue.client.delete_queue(QueueUrl=queue.url)

    with pytest.raises(NotSent, match="NonExistentQueue"):
        scan(deadline=time_for(1))


@pytest.mark.parametrize("remembered", [False, True])
@pytest.mark.parametrize("interrupted", [False, True])
@given(st.integers(0), st.integers(1, 40))
def test_no_image_is_lost_or_started_twice_whenever_time_runs_out(
    settings, monkeypatch, interrupted, remembered, seed, images
):
    """However often the function is cut, throttled or stopped, due images start exactly once."""
    monkeypatch.setattr("chalicelib.aws.ecr.PAGE_SIZE", 15)
    chance = random.Random(seed)  # noqa: S311
    registry, messages = LocalRegistry(), Messages([ScanJob(REPOSITORY)])
    clients = {"ecr": EcrClient(registry), "sqs": messages}
    services = Services(settings(), lambda service, *_: clients[service])
    services.own_account = "123456789012"
    services.scan_records = Records(clients["ecr"]) if remembered else None
    for _ in range(images):
        registry.add_image(REPOSITORY, scanned_at=chance.choice([STALE, FRESH, None]))
    due = [row.image.digest for row in plan(services) if row.decision.due]
    if remembered:
        services.scan_records.records.clear()

    while messages.jobs:
        job = messages.jobs.pop(0)
        operation = chance.choice(["DescribeImages", "DescribeImageScanFindings", "StartImageScan"])
        registry.fail_next(operation, "ThrottlingException", chance.randint(0, 2))
        clients["ecr"].stops_after = chance.choice([None, *range(1, 9)]) if interrupted else None
        try:
            scan_repository(job, services, time_for(chance.randint(1, 9)), lambda _: None)
        except (Stopped, ScansNotStarted):
            messages.jobs.append(job)  # as SQS does once its visibility timeout is over

    assert started(registry) == due
    # A start of which nothing was kept is refused when it is tried again.
    unseen = {"LimitExceededException"} if interrupted else set()
    assert registry.errors.keys() <= {"ThrottlingException", "ScanNotFoundException", *unseen}


def test_a_token_that_expires_in_mid_walk_fails_the_message(aws, scan, known):
    known([aws.add_image(REPOSITORY, scanned_at=FRESH) for _ in range(1_500)])

    class SecondPageExpires(Deadline):
        looks = 0

        def allows(self, seconds=0):
            self.looks += 1
            if self.looks == 2:
                aws.fail_next("DescribeImages", "InvalidParameterException")
            return True

    with pytest.raises(TokenExpired):
        scan(deadline=SecondPageExpires(lambda: 300_000))


def test_a_look_up_that_fails_fails_the_message_after_the_others_started(aws, scan):
    for _ in range(3):
        aws.add_image(REPOSITORY, scanned_at=STALE)
    aws.fail_next("DescribeImageScanFindings", "ValidationException")

    with pytest.raises(ScansNotStarted, match="1 scans not started"):
        scan()

    assert len(started(aws)) == 2


def test_a_throttled_look_up_is_waited_out(aws, scan):
    aws.add_image(REPOSITORY, scanned_at=STALE)
    aws.fail_next("DescribeImageScanFindings", "ThrottlingException", times=7)

    assert scan().started == 1


class TestFailures:
    @pytest.mark.parametrize(
        ("days", "failures", "starts"), [(1.1, 1, 1), (1.1, 2, 0), (2.1, 2, 1), (29, 9, 0)]
    )
    def test_are_tried_again_after_longer_and_longer(
        self, aws, scan, days, failures, starts, known
    ):
        image = aws.add_image(REPOSITORY, scan_status="FAILED")
        ended_at = NOW - timedelta(days=days)
        known([image], ScanRecord(int(ended_at.timestamp()), "FAILED", "ScanError", failures))

        assert scan().started == starts

    def test_of_an_image_that_cannot_be_scanned_are_not_repeated(self, aws, scan, services):
        aws.add_image(REPOSITORY, unsupported=True, scanned_at=STALE)

        assert scan().skipped == {Reason.UNSUPPORTED: 1}
        [row] = plan(services())
        assert row.to_dict()["scanStatusDescription"].startswith("UnsupportedImageError")

    def test_that_ecr_tells_no_time_of_are_tried_at_once(self, aws, scan):
        aws.add_image(REPOSITORY, scan_status="FAILED", scanned_at=STALE)

        assert scan().started == 1


def test_the_plan_looks_up_what_is_not_known_and_keeps_it(aws, services):
    for scanned_at in (FRESH, STALE, None):
        aws.add_image(REPOSITORY, scanned_at=scanned_at)

    for _ in range(2):
        assert [row.decision.reason for row in plan(services())] == [
            Reason.SCAN_FRESH,
            Reason.SCAN_EXPIRED,
            Reason.NEVER_SCANNED,
        ]
    assert aws.calls["DescribeImageScanFindings"] == 3


def test_the_plan_says_so_where_a_look_up_fails(aws, services):
    aws.add_image(REPOSITORY, scanned_at=STALE)
    aws.fail_next("DescribeImageScanFindings", "ServerException", times=5)

    [row] = plan(services())

    assert (row.decision.due, row.decision.reason) == (True, Reason.NOT_LOOKED_UP)


def test_the_plan_starts_nothing(aws, services):
    aws.add_image(REPOSITORY, tags=("stale",), scanned_at=STALE)
    aws.add_image(REPOSITORY, tags=("fresh",), scanned_at=FRESH)

    rows = plan(services())

    assert [(row.image.tags, row.decision.due) for row in rows] == [
        (("stale",), True),
        (("fresh",), False),
    ]
    assert aws.calls == {"DescribeImages": 1, "DescribeImageScanFindings": 2}


def test_the_summary_line_carries_counts_repository_and_metrics(aws, scan, logged):
    aws.add_image(REPOSITORY, scanned_at=STALE)
    aws.add_image(REPOSITORY, scanned_at=FRESH)

    lines = logged(scan)

    [review] = [line for line in lines if line["message"] == "repository reviewed"]
    assert review["repository"] == REPOSITORY
    assert (review["ImagesSeen"], review["ImagesDue"], review["ScansStarted"]) == (2, 1, 1)
    assert review["skipped"] == {"scan fresh": 1}
    [skipped] = [line for line in lines if line["message"] == "ImagesSkipped"]
    assert (skipped["ImagesSkipped"], skipped["Reason"]) == (1, "scan fresh")
    assert json.dumps(review["_aws"]["CloudWatchMetrics"][0]["Dimensions"]) == "[[]]"
