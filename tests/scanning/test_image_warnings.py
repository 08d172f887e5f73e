"""Warnings of images in use: sent once, and again only when they change."""

import json
from types import SimpleNamespace
from unittest.mock import Mock

import pytest

from chalicelib.aws.dynamodb import Table
from chalicelib.scanning.image_warnings import warn_of_images_out_of_reach, warn_of_missing_images
from chalicelib.scanning.jobs import ScanJob
from chalicelib.services import Services

JOB = ScanJob("shop/api")
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
