"""One broken thing costs that thing only, over real boto3 calls to the local AWS."""

import json
from datetime import UTC, datetime, timedelta

import boto3
import pytest

from chalicelib.runtime.deadline import Deadline
from chalicelib.scanning.jobs import JobError, ScanJob, parse_job
from chalicelib.scanning.lister import start_listing
from chalicelib.scanning.requests import ListingRequest
from chalicelib.scanning.scan_images import scan_images
from chalicelib.scanning.scanner import scan_repository
from chalicelib.services import Services
from local.ecr import EcrError

STALE = datetime.now(UTC) - timedelta(days=8)
GONE_TOPIC = "arn:aws:sns:eu-west-1:123456789012:deleted"
IN_USE = {"1": "ECS service x in c", "gone": "ECS service y in c"}


@pytest.fixture
def services(settings, queue):
    return lambda **others: Services(settings(IMAGES_SCAN_JOBS_QUEUE_URL=queue.url, **others))


@pytest.fixture
def refuse(aws, monkeypatch):
    """Let ECR answer requests of an operation with an error, as far as a test says."""
    answer = aws.answer

    def refusing(refused, which, code="ServerException"):
        def answered(operation, request):
            if operation == refused and which(request):
                aws.calls[operation] += 1
                raise EcrError(code, "internal")
            return answer(operation, request)

        monkeypatch.setattr(aws, "answer", answered)

    return refusing


def started(aws):
    return {
        image.digest
        for repository in aws.repositories.values()
        for image in repository.images.values()
        if image.scan_status == "IN_PROGRESS"
    }


def scan(job, services):
    return scan_repository(job, services, Deadline.unlimited(), lambda _: None)


def images(aws, repository, count):
    return [aws.add_image(repository, scanned_at=STALE).digest for _ in range(count)]


class TestRepositoryTags:
    def test_an_empty_value_is_no_rule_and_its_repository_is_scanned(self, aws, services, queue):
        aws.add_repository("shop/api", tags={"ecr-scan-reporter:skip": ""})
        images(aws, "shop/api", 1)
        start_listing(ListingRequest(), services(REPOSITORY_TAG_RULES="true"))
        [body] = queue.receive_all()
        assert scan(parse_job(json.dumps(body)), services()).started == 1


class TestJobs:
    def test_one_of_a_newer_version_goes_back_to_the_queue_as_it_is(
        self, services, queue, monkeypatch
    ):
        monkeypatch.setattr("chalicelib.scanning.scan_images.LONGEST_DELAY_SECONDS", 0)
        newer = {"version": 2, "repository": "shop/api", "novelty": [1, 2]}
        scan_images(json.dumps(newer), services(), Deadline.unlimited())
        assert queue.receive_all() == [newer]

    @pytest.mark.parametrize("version", [0, 1])
    def test_one_of_this_version_with_an_unknown_key_is_an_error(self, services, version):
        job = json.dumps({"version": version, "repository": "shop/api", "novelty": 1})
        with pytest.raises(JobError, match="unknown: 'novelty'"):
            scan_images(job, services(), Deadline.unlimited())


class TestSideWork:
    def test_a_warning_that_cannot_be_published_stops_no_listing(self, aws, services, queue):
        ecs = boto3.client("ecs")
        ecs.create_cluster(clusterName="c")
        uri = "999999999999.dkr.ecr.eu-west-1.amazonaws.com/far:1"
        definition = {"name": "a", "image": uri, "memory": 1}
        ecs.register_task_definition(family="f", containerDefinitions=[definition])
        for number in range(20):
            images(aws, f"shop/{number}", 1)
        found = services(
            ECS_DISCOVERY_ENABLED="true",
            ECS_DISCOVERY_ALL_TASK_DEFINITIONS="true",
            ECR_SNS_REPORT_TOPIC_ARN=GONE_TOPIC,
        )
        start_listing(ListingRequest(), found)
        assert len(queue.receive_all()) == 20

    @pytest.mark.parametrize(
        "broken",
        [
            {"ECR_SNS_REPORT_TOPIC_ARN": GONE_TOPIC},
            {"ECR_SNS_REPORT_TOPIC_ARN": "no ARN at all"},
            {"NOTIFY_BY_EMAIL": "perhaps"},
            {"HISTORY_TABLE_NAME": "not-there"},
        ],
    )
    def test_nothing_of_it_that_fails_stops_a_scan(self, aws, services, broken, logged):
        [digest] = images(aws, "shop/api", 1)
        aws.repositories["shop/api"].tag(aws.repositories["shop/api"].images[digest], "1")
        job = ScanJob("shop/api", images_in_use=IN_USE)
        lines = logged(scan, job, services(ECS_DISCOVERY_ENABLED="true", **broken))
        assert started(aws) == {digest}
        assert any(line["message"] == "SideWorkFailed" for line in lines)
