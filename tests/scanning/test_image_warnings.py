"""Warnings of images in use: sent once, and again only when they change."""

import json
from contextlib import suppress
from dataclasses import replace
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
WEB = {"sha256:2": "ECS service shop/web"}


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
    warn_of_missing_images(JOB, GONE | WEB, services)
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
    warn_of_missing_images(JOB, GONE, services)
    warn_of_missing_images(some, GONE | WEB, services)
    warn_of_missing_images(some, WEB, services)
    warn_of_missing_images(JOB, GONE | WEB, services)
    assert services.report_topic.subjects == ["[ECR] 1 image in use is missing in shop/api"] * 2


def test_parts_of_a_job_warn_of_their_own_images_and_once(services):
    for _ in range(4):
        warn_of_missing_images(ScanJob("shop/api", part=1), GONE, services)
        warn_of_missing_images(ScanJob("shop/api", part=2), WEB, services)
    assert len(services.report_topic.subjects) == 2


def test_what_is_found_again_is_forgotten_once_all_images_in_use_are_known(services):
    for missing in (GONE, {}, GONE):
        warn_of_missing_images(ScanJob("shop/api", uses_incomplete=True), missing, services)
        warn_of_missing_images(JOB, missing, services)
    assert len(services.report_topic.subjects) == 2


@pytest.mark.parametrize("some", SOME)
def test_an_image_that_is_missing_again_is_warned_of_again_by_what_does_not_know_all(
    services, some
):
    some = replace(some, images_in_use=GONE | WEB)
    for missing in (GONE | WEB, WEB, WEB, GONE | WEB):
        warn_of_missing_images(some, missing, services)
    assert services.report_topic.subjects == [
        "[ECR] 2 images in use are missing in shop/api",
        "[ECR] 1 image in use is missing in shop/api",
    ]


def test_an_image_that_a_part_found_is_warned_of_once_all_are_known_and_it_is_missing(services):
    warn_of_missing_images(JOB, GONE, services)
    warn_of_missing_images(ScanJob("shop/api", part=1, images_in_use=GONE), {}, services)
    warn_of_missing_images(JOB, GONE, services)
    assert len(services.report_topic.subjects) == 2


def test_a_part_whose_images_were_never_missing_writes_nothing(services):
    warn_of_missing_images(ScanJob("shop/api", part=1, images_in_use=GONE), GONE, services)
    services.table.update = Mock()
    warn_of_missing_images(ScanJob("shop/api", part=2, images_in_use=WEB), {}, services)
    services.table.update.assert_not_called()


class TestAfterAnEarlierVersion:
    """It kept one fingerprint of all images that it warned of, which were these two."""

    @pytest.fixture(autouse=True)
    def _warned(self, services):
        fingerprint = sha256(b"sha256:1\nsha256:2").hexdigest()
        item = {"pk": "warning#images-in-use-missing", "sk": "own account, own region shop/api"}
        services.table.put({**item, "images": fingerprint}, 1000)

    @pytest.fixture
    def warn(self, services):
        def run(missing, complete):
            job = ScanJob("shop/api", uses_incomplete=not complete)
            warn_of_missing_images(job, missing, services)
            return len(services.report_topic.subjects)

        return run

    def test_nothing_is_warned_of_again_whatever_a_source_that_was_not_read_lacks(self, warn):
        for missing, complete in (
            (GONE, False),
            (GONE | WEB, True),
            (WEB, False),
            (GONE, False),
            (GONE | WEB, True),
        ):
            assert warn(missing, complete) == 0

    def test_what_comes_to_be_missing_is_warned_of_though_a_source_is_never_read(self, warn):
        assert warn(GONE, complete=False) == 0
        assert warn(GONE | {"sha256:3": "ECS service shop/jobs"}, complete=False) == 1

    def test_what_is_missing_beyond_it_is_warned_of_once_all_are_known(self, warn):
        more = GONE | WEB | {"sha256:3": "ECS service shop/jobs"}
        assert warn(more, complete=False) == 0
        assert warn({**more, "sha256:4": "ECS service shop/jobs"}, complete=True) == 1

    def test_what_was_found_and_is_missing_again_is_warned_of_again(self, warn):
        assert warn({}, complete=True) == 0
        assert warn(GONE | WEB, complete=True) == 1


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
