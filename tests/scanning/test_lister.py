"""The lister, over real boto3 calls to the local ECR and SQS."""

import re

import pytest

from chalicelib.aws.sqs import JobsQueue
from chalicelib.policy.durations import Duration
from chalicelib.runtime.deadline import Deadline
from chalicelib.scanning.list_repositories import list_repositories
from chalicelib.scanning.lister import start_listing
from chalicelib.scanning.requests import ListingRequest, RequestError
from chalicelib.services import Services
from chalicelib.settings.settings import SettingError, Settings


@pytest.fixture
def services(settings, queue):
    return lambda **variables: Services(settings(IMAGES_SCAN_JOBS_QUEUE_URL=queue.url, **variables))


@pytest.fixture
def repositories(aws):
    for name in ("payments/api", "payments/web", "shop/api"):
        aws.add_repository(name)


@pytest.mark.usefixtures("repositories")
class TestSmallRegistry:
    def test_one_message_a_repository(self, services, queue):
        listing = start_listing(ListingRequest(), services())

        assert (listing.listed, listing.enqueued) == (3, 3)
        assert queue.receive_all() == [
            {"repository": "payments/api"},
            {"repository": "payments/web"},
            {"repository": "shop/api"},
        ]

    def test_only_those_that_match_the_settings_filter(self, services, queue):
        start_listing(ListingRequest(), services(REPOSITORIES_FILTER_REGEXP="api$"))
        assert queue.receive_all() == [{"repository": "payments/api"}, {"repository": "shop/api"}]

    def test_a_requests_filter_takes_the_place_of_the_settings(self, services, queue):
        request = ListingRequest(repositories_filter=re.compile("web"))
        start_listing(request, services(REPOSITORIES_FILTER_REGEXP="api$"))
        assert queue.receive_all() == [{"repository": "payments/web"}]

    def test_named_repositories_need_not_match_the_settings_filter(self, services, queue):
        request = ListingRequest(repositories=("payments/web", "shop/api"))
        start_listing(request, services(REPOSITORIES_FILTER_REGEXP="nothing"))
        assert queue.receive_all() == [{"repository": "payments/web"}, {"repository": "shop/api"}]

    def test_a_filter_narrows_named_repositories(self, services, queue):
        request = ListingRequest(("payments/web", "shop/api"), re.compile("shop"))
        start_listing(request, services())
        assert queue.receive_all() == [{"repository": "shop/api"}]

    def test_an_unknown_repository_is_refused_and_nothing_is_sent(self, services, queue):
        request = ListingRequest(repositories=("shop/api", "shop/none"))
        with pytest.raises(RequestError, match="there is no 'shop/none'"):
            start_listing(request, services())
        assert queue.receive_all() == []

    def test_a_filter_that_takes_too_long_is_refused(self, services, queue, aws, monkeypatch):
        monkeypatch.setattr("chalicelib.runtime.patterns.MATCHING_SECONDS", 0.05)
        aws.add_repository("a" * 200 + "-b")
        with pytest.raises(RequestError, match=r"the repositories filter: .*too long"):
            start_listing(ListingRequest(None, re.compile("(a+)+$")), services())
        assert queue.receive_all() == []

    def test_a_requests_duration_travels_with_the_jobs(self, services, queue):
        request = ListingRequest(("shop/api",), None, Duration.parse("1m"))
        start_listing(request, services())
        assert queue.receive_all() == [{"repository": "shop/api", "ecrImagesDurationDelta": "1m"}]

    def test_a_dry_run_sends_nothing_and_needs_no_queue(self):
        services = Services(Settings.from_environment({}))
        listing = start_listing(ListingRequest(dry_run=True), services)
        assert listing.to_dict() == {
            "dryRun": True,
            "listed": 3,
            "matched": 3,
            "enqueued": 0,
            "repositories": ["payments/api", "payments/web", "shop/api"],
            "failures": [],
        }

    def test_without_a_queue_the_error_names_the_setting(self):
        with pytest.raises(SettingError, match="IMAGES_SCAN_JOBS_QUEUE_URL is not set"):
            start_listing(ListingRequest(), Services(Settings.from_environment({})))

    def test_a_setting_that_changes_nothing_any_more_is_named(self, services, logged):
        [said, _] = logged(start_listing, ListingRequest(), services(SCAN_TIME_LOOKUP="true"))
        assert said["message"].startswith("SCAN_TIME_LOOKUP is ignored")

    def test_one_summary_line_with_counts(self, services, logged):
        [line] = logged(start_listing, ListingRequest(None, re.compile("shop")), services())
        counts = [
            line[name] for name in ("RepositoriesListed", "RepositoriesMatched", "JobsEnqueued")
        ]
        assert counts == [3, 1, 1]
        assert line["message"] == "repositories listed"


@pytest.mark.parametrize("regions", ["", "eu-west-1,us-east-1"])
def test_a_dry_run_that_takes_too_long_says_wherever_it_stopped_that_it_is_incomplete(
    aws, services, regions
):
    for name in ("payments/api", "shop/api"):
        aws.add_image(name)
    found = services(SCAN_REGIONS=regions)
    answers = []
    while not (answers and answers[-1]["imagesComplete"]):
        left = iter([100_000] * (len(answers) + 1))
        deadline = Deadline(lambda left=left: next(left, 0))
        answers.append(list_repositories({"dryRun": True}, found, deadline))
    *incomplete, complete = answers
    assert len(incomplete) > 5
    assert (incomplete[0]["matched"], incomplete[0]["images"]) == (0, [])
    assert "there was no time left" in incomplete[0]["failures"][0]
    assert (incomplete[-1]["matched"], incomplete[-1]["failures"]) == (2, [])
    assert len(incomplete[-1]["images"]) < len(complete["images"]) == 2


def test_an_empty_registry_is_success(services, queue):
    assert start_listing(ListingRequest(), services()).enqueued == 0
    assert queue.receive_all() == []


def test_repositories_are_listed_a_thousand_a_call(aws, services):
    for number in range(2_001):
        aws.add_repository(f"repository-{number}")

    assert len(start_listing(ListingRequest(dry_run=True), services()).jobs) == 2_001
    assert aws.calls == {"DescribeRepositories": 3, "GetRegistryScanningConfiguration": 1}


def test_jobs_are_sent_ten_a_call(aws, services, queue):
    for number in range(21):
        aws.add_repository(f"repository-{number}")
    shared, calls = services(), []
    shared.jobs_queue._client.meta.events.register(
        "before-call.sqs.SendMessageBatch", lambda **_: calls.append(1)
    )

    start_listing(ListingRequest(), shared)

    assert len(calls) == 3
    assert len(queue.receive_all()) == 21


def test_jobs_that_are_to_start_later_than_the_queue_delays_wait_for_their_time(
    aws, services, monkeypatch
):
    """SQS delays a message by 15 minutes at most; ten a minute are 400 in half an hour."""
    sent = []
    monkeypatch.setattr("chalicelib.scanning.sending.time.time", lambda: 1_000_000)

    def send(_, jobs, delays):
        sent.extend(zip(jobs, delays, strict=True))

    monkeypatch.setattr(JobsQueue, "send", send)
    for number in range(400):
        aws.add_repository(f"shop/{number:03}")

    start_listing(ListingRequest(), services(JOBS_PER_MINUTE="10"))

    delays = [delay for _, delay in sent]
    starts = [max(job.not_before - 1_000_000, delay) for job, delay in sent]
    assert max(delays) == 900
    assert starts[:102] == [0] * 101 + [6]
    assert starts[-1] == 299 * 6
    assert sum(job.not_before > 0 for job, _ in sent) == 149
