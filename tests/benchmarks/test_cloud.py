"""The local ECR and SQS of the benchmark, over HTTP and through real boto3."""

from contextlib import contextmanager

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from benchmarks.cloud import START, Cloud, World, repository_name
from benchmarks.http_server import TIME_HEADER, WAIT_HEADER, running

NAME = repository_name(0)


class Clients:
    """Clients of a cloud, whose calls arrive at ``now``."""

    def __init__(self, address):
        self.now = START.timestamp()
        self.queue_url = f"{address}/123456789012/jobs"
        self.session = boto3.Session()
        self.session.events.register("before-send", self._stamp)
        once = Config(retries={"total_max_attempts": 1})
        self.ecr = self.session.client("ecr", endpoint_url=address, config=once)
        self.sqs = self.session.client("sqs", endpoint_url=address, config=once)

    def _stamp(self, request, **_):
        request.headers[TIME_HEADER] = repr(self.now)

    def send(self, body, delay=0):
        self.sqs.send_message(QueueUrl=self.queue_url, MessageBody=body, DelaySeconds=delay)

    def receive(self, wait=0):
        answer = self.sqs.receive_message(QueueUrl=self.queue_url, WaitTimeSeconds=wait)
        self.waited = float(answer["ResponseMetadata"]["HTTPHeaders"][WAIT_HEADER.lower()])
        return [message["Body"] for message in answer.get("Messages", [])]


@contextmanager
def clients(*world, **limits):
    with running(World(*world, **limits)) as address:
        yield Clients(address)


def test_images_come_in_pages_of_a_thousand_with_three_tags_each():
    with clients(1, 1001, "mixed") as aws:
        pages = aws.ecr.get_paginator("describe_images").paginate(
            repositoryName=NAME, PaginationConfig={"PageSize": 1000}
        )
        details = [page["imageDetails"] for page in pages]
        assert [len(page) for page in details] == [1000, 1]
        assert {len(image["imageTags"]) for image in details[0]} == {3}
        with pytest.raises(ClientError, match="between 1 and 1000"):
            aws.ecr.describe_images(repositoryName=NAME, maxResults=1001)


def test_an_image_is_scanned_once_a_day_by_whatever_tag():
    with clients(1, 1, "stale") as aws:
        aws.ecr.start_image_scan(repositoryName=NAME, imageId={"imageTag": "0-0"})
        aws.now += 60
        with pytest.raises(ClientError, match="LimitExceededException"):
            aws.ecr.start_image_scan(repositoryName=NAME, imageId={"imageTag": "0-1"})
        aws.now += 24 * 3600
        aws.ecr.start_image_scan(repositoryName=NAME, imageId={"imageTag": "0-1"})


def test_a_scan_takes_its_time():
    with clients(1, 1, "stale", scan_seconds=30) as aws:
        aws.ecr.start_image_scan(repositoryName=NAME, imageId={"imageTag": "0-0"})
        for seconds, status in ((0, "PENDING"), (10, "IN_PROGRESS"), (21, "COMPLETE")):
            aws.now += seconds
            found = aws.ecr.describe_image_scan_findings(
                repositoryName=NAME, imageId={"imageTag": "0-0"}
            )
            assert found["imageScanStatus"]["status"] == status


def test_each_operation_is_throttled_by_itself_until_time_passes():
    with clients(1, 1, "fresh", rate=2, burst=3) as aws:
        for _ in range(3):
            aws.ecr.describe_images(repositoryName=NAME)
        with pytest.raises(ClientError, match="ThrottlingException"):
            aws.ecr.describe_images(repositoryName=NAME)
        aws.ecr.describe_repositories()
        aws.now += 0.5
        aws.ecr.describe_images(repositoryName=NAME)


def test_a_delayed_message_is_waited_for_and_comes_again_unless_it_is_deleted():
    with clients(1, 1, "fresh", visibility_seconds=100) as aws:
        aws.send("job", delay=15)
        assert aws.receive(wait=10) == []
        assert aws.receive(wait=20) == ["job"]
        assert aws.waited == 15
        assert aws.receive(wait=20) == []
        aws.now += 120
        assert aws.receive() == ["job"]


def test_the_least_calls_and_seconds_are_those_no_client_can_do_without():
    world = World(10, 1500, "mixed", rate=20, burst=20)
    assert world.due == 10_000
    assert world.least_calls == {
        "DescribeRepositories": 1,
        "DescribeImages": 20,
        "StartImageScan": 10_000,
    }
    assert world.least_seconds == (10_000 - 20) / 20


@pytest.mark.parametrize(("size", "billed"), [(1, 1), (65_536, 1), (65_537, 2)])
def test_a_request_is_billed_for_every_64_kilobytes(size, billed):
    cloud = Cloud(World(1, 1, "fresh"))
    cloud.answer("AmazonSQS.SendMessage", {"MessageBody": "x" * size}, 0)
    cloud.answer("AmazonSQS.ReceiveMessage", {}, -1)
    assert cloud.report()["sqs_billed"] == billed
