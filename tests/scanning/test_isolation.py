"""One broken thing costs that thing only, over real boto3 calls to the local AWS."""

import json
from datetime import UTC, datetime, timedelta

import boto3
import pytest

from chalicelib.policy.due import Reason
from chalicelib.runtime.deadline import Deadline
from chalicelib.scanning.failures import ScansNotStarted
from chalicelib.scanning.job_messages import JobError
from chalicelib.scanning.jobs import ScanJob, parse_job
from chalicelib.scanning.list_repositories import list_repositories
from chalicelib.scanning.lister import start_listing
from chalicelib.scanning.registry_jobs import PlanJob
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
        newer = {"version": 3, "repository": "shop/api", "novelty": [1, 2]}
        scan_images(json.dumps(newer), services(), Deadline.unlimited())
        assert queue.receive_all() == [newer]

    @pytest.mark.parametrize("version", [0, 1, 2])
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


class TestImages:
    def test_a_hundred_that_ecr_refuses_hide_none_behind_them(
        self, aws, services, queue, refuse, monkeypatch
    ):
        monkeypatch.setattr("chalicelib.scanning.scan_images.RETRY_DELAY_SECONDS", 0)
        bad, good = images(aws, "shop/api", 100), images(aws, "shop/api", 500)
        refuse("StartImageScan", lambda request: request["imageId"]["imageDigest"] in bad)

        scan_images(ScanJob("shop/api").to_json(), services(), Deadline.unlimited())
        assert started(aws) == set(good)

        # What failed is all that comes again, and is named in the end.
        [rest] = queue.receive_all()
        assert rest == {"repository": "shop/api", "imageDigests": bad}
        with pytest.raises(ScansNotStarted, match="100 scans not started") as failure:
            scan_images(json.dumps(rest), services(), Deadline.unlimited())
        assert all(digest in str(failure.value) for digest in bad)
        assert queue.receive_all() == []

    def test_one_that_ecr_refuses_costs_its_own_calls_only(
        self, aws, services, queue, refuse, monkeypatch
    ):
        monkeypatch.setattr("chalicelib.scanning.scan_images.RETRY_DELAY_SECONDS", 0)
        digests = images(aws, "shop/api", 200)
        refuse("StartImageScan", lambda request: request["imageId"]["imageDigest"] == digests[7])
        jobs = [ScanJob("shop/api").to_json()] * 5
        for _ in range(5):
            try:
                scan_images(jobs.pop(), services(), Deadline.unlimited())
            except ScansNotStarted:
                continue  # the queue delivers it again, five times at most
            jobs = [json.dumps(body) for body in queue.receive_all()] * 5
        # No table: each image is looked up once, and the one before each of its deliveries.
        assert aws.calls["DescribeImageScanFindings"] == 200 + 4
        assert aws.calls["StartImageScan"] == 199 + 5 * 3

    def test_a_job_redriven_after_days_starts_nothing_that_was_scanned_since(self, aws, services):
        fresh = aws.add_image("shop/api", scanned_at=datetime.now(UTC) - timedelta(days=2)).digest
        [stale] = images(aws, "shop/api", 1)
        job = ScanJob("shop/api", image_digests=(fresh, stale), not_before=1)
        scan_images(job.to_json(), services(), Deadline.unlimited())
        assert started(aws) == {stale}

    def test_a_start_whose_answer_is_lost_is_not_started_twice(self, aws, services, monkeypatch):
        [digest] = images(aws, "shop/api", 1)
        answer, lost = aws.answer, iter([True])

        def answered(operation, request):
            found = answer(operation, request)
            if operation == "StartImageScan" and next(lost, False):
                raise EcrError("ServerException", "lost on the way")
            return found

        monkeypatch.setattr(aws, "answer", answered)
        summary = scan(ScanJob("shop/api"), services())
        assert started(aws) == {digest}
        assert summary.skipped == {Reason.SCANNED_TODAY: 1}


class TestRepositories:
    """Twenty of them, and one that cannot be read: a disabled key, or a team's slow pattern."""

    @pytest.fixture(params=["key", "pattern"])
    def broken(self, request, aws, refuse, monkeypatch):
        for number in range(20):
            images(aws, f"shop/{number:02}", 1)
        if request.param == "key":
            aws.add_index("broken", tags=("x",), platforms=("linux/amd64",))
            refuse("BatchGetImage", lambda _: True, "KmsException")
            return "KmsException"
        monkeypatch.setattr("chalicelib.runtime.patterns.MATCHING_SECONDS", 0.2)
        aws.add_repository("broken", tags={"ecr-scan-reporter:tag-pattern": ".+.+.+.+.+.+.+@"})
        aws.add_image("broken", tags=("a" * 128,))
        return "takes too long"

    @pytest.fixture
    def planning(self, services, monkeypatch):
        monkeypatch.setattr("chalicelib.scanning.scan_images.RETRY_DELAY_SECONDS", 0)
        return services(
            DAILY_SCAN_BUDGET="100", REPOSITORY_TAG_RULES="true", SCANS_PER_SECOND="1000000"
        )

    def test_the_others_are_planned_and_that_alone_comes_again(self, broken, planning, queue):
        scan_images(PlanJob(ListingRequest()).to_json(), planning, Deadline.unlimited())
        *jobs, rest = sorted(queue.receive_all(), key=json.dumps, reverse=True)
        assert {job["repository"] for job in jobs} == {f"shop/{n:02}" for n in range(20)}
        assert rest["plan"]["only"] == ["broken"]
        assert rest["plan"]["budget"] == 80

        with pytest.raises(
            ScansNotStarted, match=f"1 repositories not planned: broken: .*{broken}"
        ):
            scan_images(json.dumps(rest), planning, Deadline.unlimited())
        assert queue.receive_all() == []

    def test_once_it_can_be_read_it_is_planned(self, broken, planning, queue, aws, monkeypatch):
        scan_images(PlanJob(ListingRequest()).to_json(), planning, Deadline.unlimited())
        [rest] = [job for job in queue.receive_all() if "plan" in job]
        monkeypatch.undo()
        aws.repositories["broken"].tags.clear()
        planned = Services(planning.settings)
        scan_images(json.dumps(rest), planned, Deadline.unlimited())
        assert {job["repository"] for job in queue.receive_all()} == {"broken"}

    @pytest.mark.parametrize("budget", [{}, {"DAILY_SCAN_BUDGET": "100"}])
    def test_a_dry_run_shows_the_others_and_says_which_it_could_not_read(
        self, broken, services, budget
    ):
        found = services(REPOSITORY_TAG_RULES="true", **budget)
        answer = list_repositories({"dryRun": True}, found)
        assert {row["repository"] for row in answer["images"]} == {
            f"shop/{n:02}" for n in range(20)
        }
        assert not answer["imagesComplete"]
        [failure] = answer["failures"]
        assert failure.startswith("broken: ")
        assert broken in failure
