"""Warnings of images in use: sent once, and again only when they change."""

import json
from contextlib import suppress
from datetime import UTC, datetime
from hashlib import sha256
from types import SimpleNamespace
from unittest.mock import Mock

import pytest
from botocore.exceptions import EndpointConnectionError

from chalicelib.aws.dynamodb import Table
from chalicelib.ecr.uses import ImageUse
from chalicelib.runtime.deadline import Deadline
from chalicelib.scanning.image_warnings import warn_of_images_out_of_reach, warn_of_missing_images
from chalicelib.scanning.jobs import ScanJob, parse_job
from chalicelib.scanning.lister import ListingIncomplete, start_listing
from chalicelib.scanning.requests import ListingRequest
from chalicelib.scanning.scanner import scan_repository
from chalicelib.services import Services

JOB = ScanJob("shop/api")
HOST = ".dkr.ecr.eu-west-1.amazonaws.com/shop/api"
GONE = {"sha256:1": "ECS service shop/api"}


class Topic:
    def __init__(self):
        self.subjects = []
        self.fails = False

    def publish(self, message):
        if self.fails:
            raise ConnectionError("no answer")
        self.subjects.append(message.subject)


@pytest.fixture
def services(aws, settings, history_table):
    services = Services(settings(ECS_DISCOVERY_ENABLED="true", HISTORY_TABLE_NAME=history_table))
    services.report_topic = Topic()
    return services


def test_a_warning_is_sent_once(services):
    for _ in range(3):
        warn_of_missing_images(JOB, GONE, services)
        warn_of_images_out_of_reach(GONE, services)
    assert services.report_topic.subjects == [
        "[ECR] 1 image in use is missing in shop/api",
        "[ECR] 1 image in use is out of reach",
    ]


def test_a_chat_is_warned_too(services, settings):
    services.settings = settings(NOTIFY_BY_CHAT="true")
    services.chat_topic = SimpleNamespace(publish=Mock())
    warn_of_missing_images(JOB, GONE, services)
    [[told]] = [call.args for call in services.chat_topic.publish.call_args_list]
    assert "sha256:1 (in use by ECS service shop/api)" in json.dumps(told)


def test_a_warning_of_other_images_is_another_warning(services):
    warn_of_missing_images(JOB, GONE, services)
    warn_of_missing_images(JOB, {**GONE, "sha256:2": "ECS service shop/web"}, services)
    assert len(services.report_topic.subjects) == 2


def test_what_is_missing_again_is_warned_of_again(services):
    for missing in (GONE, {}, {}, GONE):
        warn_of_missing_images(JOB, missing, services)
    assert len(services.report_topic.subjects) == 2


def test_repositories_are_warned_of_each_by_itself(services):
    warn_of_missing_images(JOB, GONE, services)
    warn_of_missing_images(ScanJob("shop/web"), GONE, services)
    assert len(services.report_topic.subjects) == 2


SOME = [
    pytest.param(ScanJob("shop/api", uses_incomplete=True), id="a source that was not read"),
    pytest.param(ScanJob("shop/api", part=2), id="a part of a job"),
    pytest.param(ScanJob("shop/api", images=("1",)), id="a request for single images"),
    pytest.param(ScanJob("shop/api", image_digests=("sha256:3",)), id="the rest of a job"),
]


@pytest.mark.parametrize("some", SOME)
def test_what_does_not_know_all_images_in_use_forgets_none_that_is_missing(services, some):
    for _ in range(3):
        warn_of_missing_images(JOB, GONE, services)
        warn_of_missing_images(some, {}, services)
    assert len(services.report_topic.subjects) == 1


@pytest.mark.parametrize("some", SOME)
def test_an_image_that_comes_to_be_missing_is_warned_of_by_what_does_not_know_all(services, some):
    another = {"sha256:2": "ECS service shop/web"}
    warn_of_missing_images(JOB, GONE, services)
    warn_of_missing_images(some, GONE | another, services)
    warn_of_missing_images(some, another, services)
    warn_of_missing_images(JOB, GONE | another, services)
    assert services.report_topic.subjects == ["[ECR] 1 image in use is missing in shop/api"] * 2


def test_parts_of_a_job_warn_of_their_own_images_and_once(services):
    web = {"sha256:2": "ECS service shop/web"}
    for _ in range(4):
        warn_of_missing_images(ScanJob("shop/api", part=1), GONE, services)
        warn_of_missing_images(ScanJob("shop/api", part=2), web, services)
    assert len(services.report_topic.subjects) == 2


def test_what_is_found_again_is_forgotten_once_all_images_in_use_are_known(services):
    for missing in (GONE, {}, GONE):
        warn_of_missing_images(ScanJob("shop/api", uses_incomplete=True), missing, services)
        warn_of_missing_images(JOB, missing, services)
    assert len(services.report_topic.subjects) == 2


def test_what_an_earlier_version_warned_of_is_not_warned_of_again(services):
    fingerprint = sha256(b"sha256:1").hexdigest()
    item = {"pk": "warning#images-in-use-missing", "sk": "own account, own region shop/api"}
    services.table.put({**item, "images": fingerprint}, 1000)
    warn_of_missing_images(ScanJob("shop/api", uses_incomplete=True), GONE, services)
    warn_of_missing_images(JOB, GONE, services)
    assert services.report_topic.subjects == []


class TestASourceThatIsReadEveryOtherTime:
    @pytest.fixture
    def list_all(self, aws, services, settings, queue):
        """List, with functions that can be read or not; then carry out the jobs."""
        aws.add_image("shop/api", tags=("1",), scanned_at=datetime.now(UTC))
        variables = {"IMAGES_SCAN_JOBS_QUEUE_URL": queue.url, "ECS_DISCOVERY_ENABLED": "true"}
        table = services.settings.history_table_name
        services.settings = settings(HISTORY_TABLE_NAME=table, **variables)

        def run(account, readable):
            ecs = SimpleNamespace(images=lambda: iter([ImageUse(f"{account}{HOST}:2", "ECS")]))
            functions = [ImageUse(f"{account}{HOST}:3", "Lambda")]

            def read():
                if not readable:
                    raise EndpointConnectionError(endpoint_url="lambda")
                yield from functions

            services.workloads = lambda: [("ECS", ecs), ("Lambda", SimpleNamespace(images=read))]
            with suppress(ListingIncomplete):
                start_listing(ListingRequest(), services)
            for body in queue.receive_all():
                scan_repository(parse_job(json.dumps(body)), services, Deadline.unlimited())

        return run

    @pytest.mark.parametrize(
        ("account", "subject"),
        [
            ("123456789012", "[ECR] 2 images in use are missing in shop/api"),
            ("999999999999", "[ECR] 2 images in use are out of reach"),
        ],
    )
    def test_brings_one_warning(self, services, list_all, account, subject):
        for readable in (True, True, False, True, False, True):
            list_all(account, readable)
        assert services.report_topic.subjects == [subject]


def test_a_warning_that_could_not_be_sent_is_sent_the_next_time(services):
    services.report_topic.fails = True
    with pytest.raises(ConnectionError):
        warn_of_missing_images(JOB, GONE, services)
    services.report_topic.fails = False
    warn_of_missing_images(JOB, GONE, services)
    assert len(services.report_topic.subjects) == 1


def test_a_table_that_is_lost_silences_no_warning(services):
    services.table = Table(services.table._client, "lost")
    warn_of_missing_images(JOB, GONE, services)
    assert len(services.report_topic.subjects) == 1
