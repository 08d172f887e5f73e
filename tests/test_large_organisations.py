"""Several accounts and regions, kinds of scanning, images in use and a budget, through the app.

The application's own functions, over real boto3 calls to moto and to local registries.
"""

import json
import re
from datetime import UTC, datetime, timedelta

import boto3
import pytest
from botocore.exceptions import ClientError
from chalice.test import Client
from moto import mock_aws

from chalicelib.aws import clients
from chalicelib.aws.ecs import EcsWorkloads
from chalicelib.scanning.lister import ListingIncomplete
from local.ecr import Findings, LocalRegistry, ScanningRule, local_ecr
from local.history import create_history_table
from tests.events import inspector_finding, inspector_scan

OTHER_ACCOUNT = "222222222222"
ROLE_ARN = f"arn:aws:iam::{OTHER_ACCOUNT}:role/scan"
HOST = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"
NOW = datetime.now(UTC)
STALE = NOW - timedelta(days=8)
FRESH = NOW - timedelta(days=2)
INDEX = "application/vnd.oci.image.index.v1+json"


class Organisation:
    """The application, its queue and topic, and three registries around it."""

    def __init__(self, load_app, own, region, other):
        self.own, self.region, self.other = own, region, other
        self._load_app = load_app
        self._sqs = boto3.client("sqs")
        self.jobs_url = self._sqs.create_queue(QueueName="jobs")["QueueUrl"]
        self._inbox_url = self._sqs.create_queue(QueueName="inbox")["QueueUrl"]
        self.topic_arn = boto3.client("sns").create_topic(Name="reports")["TopicArn"]
        boto3.client("sns").subscribe(
            TopicArn=self.topic_arn,
            Protocol="sqs",
            Endpoint="arn:aws:sqs:eu-west-1:123456789012:inbox",
        )
        self.client = None

    def configure(self, **variables):
        app = self._load_app(
            IMAGES_SCAN_JOBS_QUEUE_URL=self.jobs_url,
            ECR_SNS_REPORT_TOPIC_ARN=self.topic_arn,
            **variables,
        ).app
        self.client = Client(app)
        return self

    def list(self, **overrides):
        payload = self.client.lambda_.invoke("list_repositories", overrides).payload
        return json.loads(json.dumps(payload))

    def jobs(self):
        return self._receive(self.jobs_url)

    def scan(self):
        """Hand every message to the scanner until none is left; gives all of them."""
        done = []
        while jobs := self.jobs():
            for job in jobs:
                self.scan_job(job)
            done += jobs
        return done

    def scan_job(self, job):
        event = self.client.events.generate_sqs_event([json.dumps(job)])
        self.client.lambda_.invoke("scan_images", event)

    def notify(self, event):
        self.client.lambda_.invoke("notify", event)

    def inbox(self):
        return [json.loads(message["Message"]) for message in self._receive(self._inbox_url)]

    def _receive(self, url):
        bodies = []
        while messages := self._sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get(
            "Messages"
        ):
            for message in messages:
                bodies.append(json.loads(message["Body"]))
                self._sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return bodies


@pytest.fixture
def organisation(load_app):
    own = LocalRegistry()
    region = LocalRegistry(region="us-east-1")
    other = LocalRegistry(account_id=OTHER_ACCOUNT)
    clients.client.cache_clear()
    clients._own_session.cache_clear()
    with mock_aws(), local_ecr(own, region, other):
        yield Organisation(load_app, own, region, other)
    clients.client.cache_clear()
    clients._own_session.cache_clear()


@pytest.fixture
def history_table_of_the_organisation(organisation):
    create_history_table()


def reasons(answer):
    """The rule that decided, by the first tag or the digest of each image of a dry run."""
    return {
        (row["imageTags"] or [row["imageDigest"]])[0]: row["reason"] for row in answer["images"]
    }


class TestSeveralRegistries:
    @pytest.fixture(autouse=True)
    def _images(self, organisation):
        for registry in (organisation.own, organisation.region, organisation.other):
            registry.add_image("shop/api", scanned_at=STALE, findings={"CRITICAL": 1})

    def test_jobs_name_the_registry_and_the_region_and_each_is_scanned(self, organisation):
        organisation.configure(SCAN_REGIONS="eu-west-1,us-east-1", SCAN_ROLES=ROLE_ARN)
        listing = organisation.list()
        jobs = organisation.scan()

        # The other account has no registry in us-east-1 but moto's own, which is empty.
        assert listing["enqueued"] == 3
        assert {(job.get("registry"), job["region"]) for job in jobs} == {
            (None, "eu-west-1"),
            (None, "us-east-1"),
            (OTHER_ACCOUNT, "eu-west-1"),
        }
        for registry in (organisation.own, organisation.region, organisation.other):
            assert registry.calls["StartImageScan"] == 1

    def test_the_report_says_which_account_and_region(self, organisation):
        organisation.configure(SCAN_REGIONS="eu-west-1,us-east-1", SCAN_ROLES=ROLE_ARN)
        organisation.list()
        organisation.scan()
        for registry in (organisation.own, organisation.region, organisation.other):
            registry.finish_scans()
            for event in registry.completed_events():
                organisation.notify(event)
        assert {(report["account"], report["region"]) for report in organisation.inbox()} == {
            ("123456789012", "eu-west-1"),
            ("123456789012", "us-east-1"),
            (OTHER_ACCOUNT, "eu-west-1"),
        }

    def test_one_registry_that_fails_does_not_hold_up_the_others(self, organisation, monkeypatch):
        organisation.configure(SCAN_REGIONS="eu-west-1,us-east-1")
        monkeypatch.setattr("chalicelib.scanning.sending.RETRY_DELAY_SECONDS", 0)
        organisation.region.fail_next("DescribeRepositories", "AccessDeniedException")
        [failure] = organisation.list()["failures"]
        assert re.match("own account/us-east-1: .*AccessDenied", failure)
        [job, rest] = organisation.jobs()
        assert job["region"] == "eu-west-1"

        # It goes on as a job of its own.
        organisation.scan_job(rest)
        [job] = organisation.jobs()
        assert job["region"] == "us-east-1"

    def test_off_they_cost_no_call(self, organisation):
        organisation.configure().list()
        organisation.scan()
        assert organisation.own.calls == {
            "DescribeRepositories": 1,
            "GetRegistryScanningConfiguration": 1,
            "DescribeImages": 1,
            # No table remembers when the image was scanned.
            "DescribeImageScanFindings": 1,
            "StartImageScan": 1,
        }
        assert not organisation.region.calls
        assert not organisation.other.calls


class TestEnhancedScanning:
    @pytest.fixture(autouse=True)
    def _enhanced(self, organisation):
        own = organisation.own
        own.scan_type = "ENHANCED"
        own.scanning_rules = [
            ScanningRule("CONTINUOUS_SCAN", ("shop/*",)),
            ScanningRule("SCAN_ON_PUSH", ("batch/*",)),
        ]
        own.add_image("shop/api", tags=("continuous",), scanned_at=STALE)
        own.add_image(
            "shop/api", tags=("expired",), scanned_at=STALE, scan_status="SCAN_ELIGIBILITY_EXPIRED"
        )
        own.add_image("batch/job", tags=("pushed",), scanned_at=STALE)
        own.add_image("lab/trial", tags=("uncovered",))

    def test_no_scan_is_started_and_no_job_is_sent(self, organisation):
        listing = organisation.configure().list()
        assert (listing["matched"], listing["enqueued"]) == (3, 0)
        assert organisation.own.calls["StartImageScan"] == 0
        assert organisation.own.calls["BatchGetRepositoryScanningConfiguration"] == 1

    def test_the_plan_says_how_inspector_scans_each(self, organisation):
        answer = organisation.configure().list(dryRun=True)
        assert not any(row["due"] for row in answer["images"])
        assert reasons(answer) == {
            "continuous": "continuously scanned by Amazon Inspector",
            "expired": "no longer scanned by Amazon Inspector",
            "pushed": "scanned on push by Amazon Inspector",
            "uncovered": "not covered by Amazon Inspector's filters",
        }

    def test_repositories_are_asked_for_twenty_five_a_call(self, organisation):
        for number in range(48):
            organisation.own.add_repository(f"r{number:02}")
        organisation.configure().list(dryRun=True)
        assert organisation.own.calls["BatchGetRepositoryScanningConfiguration"] == 3

    def test_without_permission_to_ask_scans_are_started_and_refused(self, organisation):
        organisation.own.fail_next("GetRegistryScanningConfiguration", "AccessDeniedException")
        assert organisation.configure().list()["enqueued"] == 3

    def test_a_registry_switched_since_it_was_listed_fails_no_job(self, organisation):
        organisation.own.scan_type = "BASIC"
        organisation.configure().list()
        organisation.own.scan_type = "ENHANCED"
        organisation.scan()
        # Of the four, what Inspector scans by itself is not started; one has had no scan.
        assert organisation.own.errors == {"ValidationException": 3, "ScanNotFoundException": 1}

    def test_an_inspector_scan_is_weighed_by_the_same_thresholds(self, organisation):
        organisation.configure(CRITICAL="7", HIGH="100")
        organisation.notify(inspector_scan())
        [report] = organisation.inbox()
        assert report["repository"] == "shop/api"
        assert report["crossed"] == ["CRITICAL"]
        assert report["findingSeverityCounts"] == {"CRITICAL": 7, "HIGH": 61}

    @pytest.mark.parametrize(
        "status",
        [
            "SCAN_ELIGIBILITY_EXPIRED",
            "UNSUPPORTED_IMAGE",
            "FINDINGS_UNAVAILABLE",
            "IMAGE_SIZE_EXCEEDED",
            "IMAGE_ARCHIVED",
        ],
    )
    def test_a_status_without_findings_is_no_report(self, organisation, status):
        organisation.configure()
        organisation.notify(inspector_scan(**{"scan-status": status}))
        assert organisation.inbox() == []

    def test_a_finding_is_weighed_with_all_that_its_image_has(self, organisation):
        image = organisation.own.add_image(
            "shop/api", scanned_at=FRESH, findings={"HIGH": 3, "LOW": 1}
        )
        organisation.configure(HIGH="3", LOW="5", NOTIFY_ON_INSPECTOR_FINDINGS="true")
        organisation.notify(inspector_finding("LOW", image.digest))
        assert organisation.inbox() == []
        organisation.notify(inspector_finding("HIGH", image.digest))
        [report] = organisation.inbox()
        assert report["findingSeverityCounts"] == {"HIGH": 3, "LOW": 1}

    def test_findings_are_only_asked_for_where_wanted(self, load_app):
        def detail_types(**variables):
            [notify] = [s for s in load_app(**variables).app.event_sources if s.name == "notify"]
            return [name for rule in notify.event_pattern["$or"] for name in rule["detail-type"]]

        assert detail_types() == ["ECR Image Scan", "Inspector2 Scan", "ECR Image Action"]
        assert "Inspector2 Finding" in detail_types(NOTIFY_ON_INSPECTOR_FINDINGS="true")


class TestRepositoryTags:
    @pytest.fixture(autouse=True)
    def _repositories(self, organisation):
        own = organisation.own
        for name, rules in {
            "plain": {},
            "skipped": {"skip": "true"},
            "often": {"duration": "1d"},
            "newest": {"newest": "1"},
            "mistaken": {"duration": "daily", "tagged-only": "true"},
        }.items():
            tags = {f"ecr-scan-reporter:{rule}": text for rule, text in rules.items()}
            own.add_repository(name, tags=tags | {"team": "shop"})
            own.add_image(name, tags=("old",), pushed_at=STALE, scanned_at=STALE)
            own.add_image(name, tags=("new",), pushed_at=FRESH, scanned_at=FRESH)

    def test_a_repositorys_tags_set_its_own_rules(self, organisation):
        organisation.configure(REPOSITORY_TAG_RULES="true")
        answer = organisation.list(dryRun=True)
        found = {
            (row["repository"], row["imageTags"][0]): row["reason"] for row in answer["images"]
        }
        assert found == {
            ("plain", "old"): "scan expired",
            ("plain", "new"): "scan fresh",
            ("skipped", "old"): "skipped by repository tag",
            ("skipped", "new"): "skipped by repository tag",
            ("often", "old"): "scan expired",
            ("often", "new"): "scan expired",
            ("newest", "old"): "not among the newest",
            ("newest", "new"): "scan fresh",
            ("mistaken", "old"): "scan expired",
            ("mistaken", "new"): "scan fresh",
        }

    def test_a_skipped_repository_has_no_job_unless_a_request_names_it(self, organisation):
        organisation.configure(REPOSITORY_TAG_RULES="true").list()
        assert "skipped" not in {job["repository"] for job in organisation.scan()}
        organisation.list(repositories=["skipped"])
        assert [job["repository"] for job in organisation.scan()] == ["skipped"]

    def test_a_requests_duration_wins_over_the_tag(self, organisation):
        organisation.configure(REPOSITORY_TAG_RULES="true")
        answer = organisation.list(dryRun=True, repositories=["often"], ecrImagesDurationDelta="1m")
        assert not any(row["due"] for row in answer["images"])

    def test_a_hundred_repositories_a_call_and_none_when_off(self, organisation):
        for number in range(100):
            organisation.own.add_repository(f"r{number}", tags={"team": "shop"})
        organisation.configure().list()
        assert organisation.own.calls["GetResources"] == 0
        organisation.configure(REPOSITORY_TAG_RULES="true").list()
        assert organisation.own.calls["GetResources"] == 2

    def test_a_teams_threshold_holds_for_its_reports(self, organisation):
        repository = organisation.own.repositories["plain"]
        repository.tags["ecr-scan-reporter:critical"] = "8"
        event = inspector_scan(repository="plain")
        organisation.configure(HIGH="100").notify(event)
        assert len(organisation.inbox()) == 1
        organisation.configure(REPOSITORY_TAG_RULES="true", HIGH="100").notify(event)
        assert organisation.inbox() == []

    def test_without_an_answer_about_the_tags_the_event_comes_again(self, organisation):
        organisation.own.repositories["plain"].tags["ecr-scan-reporter:critical"] = "1"
        organisation.configure(REPOSITORY_TAG_RULES="true", CRITICAL="100", HIGH="100")
        organisation.own.fail_next("ListTagsForResource", "ServerException", times=3)
        event = inspector_scan(repository="plain")
        with pytest.raises(Exception, match="ServerException"):
            organisation.notify(event)
        organisation.notify(event)
        assert len(organisation.inbox()) == 1

    def test_throttled_look_ups_of_the_tags_are_waited_out(self, organisation, monkeypatch):
        monkeypatch.setattr("chalicelib.runtime.backoff._pause", lambda attempt: 0.0)
        organisation.own.repositories["plain"].tags["ecr-scan-reporter:critical"] = "1"
        organisation.configure(REPOSITORY_TAG_RULES="true", CRITICAL="100", HIGH="100")
        organisation.own.fail_next("ListTagsForResource", "ThrottlingException", times=9)
        organisation.notify(inspector_scan(repository="plain"))
        assert len(organisation.inbox()) == 1

    @pytest.mark.parametrize("code", ["AccessDeniedException", "RepositoryNotFoundException"])
    def test_tags_that_cannot_be_read_leave_the_settings_thresholds(self, organisation, code):
        organisation.configure(REPOSITORY_TAG_RULES="true")
        organisation.own.fail_next("ListTagsForResource", code)
        organisation.notify(inspector_scan(repository="plain"))
        assert len(organisation.inbox()) == 1


class TestImagesInUse:
    @pytest.fixture(autouse=True)
    def _workloads(self, organisation):
        own = organisation.own
        own.add_image("shop/api", tags=("running",), scanned_at=STALE)
        own.add_image("shop/api", tags=("idle",), scanned_at=STALE)
        own.add_image("shop/idle", tags=("idle",), scanned_at=STALE)
        self.ecs = boto3.client("ecs")
        self.ecs.create_cluster(clusterName="shop")

    def run(self, family, image):
        definition = {"name": "main", "image": image, "memory": 64}
        self.ecs.register_task_definition(family=family, containerDefinitions=[definition])
        self.ecs.create_service(cluster="shop", serviceName=family, taskDefinition=family)

    def test_only_what_runs_is_scanned_one_job_a_repository(self, organisation):
        self.run("api", f"{HOST}/shop/api:running")
        self.run("api-too", f"{HOST}/shop/api:running")
        organisation.configure(ECS_DISCOVERY_ENABLED="true", SCAN_IN_USE_ONLY="true").list()
        [job] = organisation.scan()
        assert list(job["imagesInUse"]) == ["running"]
        assert organisation.own.calls["StartImageScan"] == 1

    def test_beside_all_repositories_what_runs_is_selected_whatever_the_rules(self, organisation):
        self.run("api", f"{HOST}/shop/api:running")
        organisation.configure(ECS_DISCOVERY_ENABLED="true", IMAGES_TAG_PATTERN="^v")
        assert {
            row["imageTags"][0]: row["due"]
            for row in organisation.list(dryRun=True)["images"]
            if row["repository"] == "shop/api"
        } == {"running": True, "idle": False}

    @pytest.mark.usefixtures("history_table_of_the_organisation")
    @pytest.mark.parametrize("budget", [{}, {"DAILY_SCAN_BUDGET": "100"}])
    def test_a_report_says_which_workloads_run_the_image(self, organisation, budget):
        own = organisation.own
        own.repositories["shop/api"].find(None, "running").findings = Findings.of({"HIGH": 1})
        own.repositories["shop/idle"].find(None, "idle").findings = Findings.of({"HIGH": 1})
        self.run("api", f"{HOST}/shop/api:running")
        at_once = {"REPORT_WINDOW": "0", "REPORT_IMAGES": "all"}
        organisation.configure(
            ECS_DISCOVERY_ENABLED="true", HISTORY_TABLE_NAME="history", **at_once, **budget
        )
        organisation.list()
        organisation.scan()
        own.finish_scans()
        for event in own.completed_events():
            organisation.notify(event)
        assert {report["repository"]: report["inUseBy"] for report in organisation.inbox()} == {
            "shop/api": ["ECS service api in shop"],
            "shop/idle": [],
        }

    def test_an_image_that_is_gone_is_a_warning(self, organisation):
        self.run("api", f"{HOST}/shop/api:deleted")
        self.run("gone", f"{HOST}/shop/gone:1")
        organisation.configure(ECS_DISCOVERY_ENABLED="true")
        plan = organisation.list(dryRun=True)
        assert reasons(plan)["deleted"] == "in use but missing"
        assert organisation.inbox() == []

        organisation.list()
        organisation.scan()
        warnings = organisation.inbox()
        assert {warning["warning"] for warning in warnings} == {"images-in-use-missing"}
        assert sorted(image["image"] for w in warnings for image in w["images"]) == [
            "shop/api deleted",
            "shop/gone 1",
        ]
        assert warnings[0]["images"][0]["where"].startswith("ECS service ")

    def test_an_image_of_a_registry_out_of_reach_is_a_warning(self, organisation):
        uri = "333333333333.dkr.ecr.eu-west-1.amazonaws.com/theirs:1"
        self.run("theirs", uri)
        organisation.configure(ECS_DISCOVERY_ENABLED="true").list()
        [warning] = organisation.inbox()
        assert warning["warning"] == "images-in-use-out-of-reach"
        assert warning["images"] == [{"image": uri, "where": "ECS service theirs in shop"}]

    def test_a_source_that_fails_is_reported_and_the_rest_goes_on(self, organisation, monkeypatch):
        def denied(_):
            raise ClientError({"Error": {"Code": "AccessDeniedException"}}, "ListClusters")

        monkeypatch.setattr(EcsWorkloads, "images", denied)
        organisation.configure(ECS_DISCOVERY_ENABLED="true")
        with pytest.raises(
            ListingIncomplete, match="ECS in own account/own region: .*AccessDenied"
        ):
            organisation.list()
        assert {job["repository"] for job in organisation.jobs()} == {"shop/api", "shop/idle"}

    def test_discovery_reaches_other_accounts_by_role(self, organisation, monkeypatch):
        seen = []
        monkeypatch.setattr(
            EcsWorkloads,
            "images",
            lambda workloads: iter(
                seen.append(workloads._client.list_clusters()["clusterArns"]) or ()
            ),
        )
        organisation.configure(ECS_DISCOVERY_ENABLED="true", ECS_DISCOVERY_ROLES=ROLE_ARN).list()
        assert [len(clusters) for clusters in seen] == [1, 0]


class TestMultiArchitecture:
    @pytest.fixture(autouse=True)
    def _index(self, organisation):
        own = organisation.own
        self.arm = own.add_image("shop/api", scanned_at=STALE, findings={"CRITICAL": 1})
        self.amd = own.add_image("shop/api", scanned_at=STALE, findings={"CRITICAL": 1})
        own.add_image(
            "shop/api",
            tags=("1.0", "latest"),
            media_type=INDEX,
            children=(self.amd.digest, self.arm.digest),
        )
        own.add_image("shop/api", tags=("single",), scanned_at=STALE)

    def test_the_plan_shows_the_index_with_its_children(self, organisation):
        rows = organisation.configure().list(dryRun=True)["images"]
        assert [(row["imageTags"], row.get("indexTags"), row["reason"]) for row in rows] == [
            (["1.0", "latest"], None, "manifest list"),
            ([], ["1.0", "latest"], "scan expired"),
            ([], ["1.0", "latest"], "scan expired"),
            (["single"], None, "scan expired"),
        ]

    def test_children_are_scanned_once_and_reported_with_the_tags_of_the_index(self, organisation):
        organisation.configure().list()
        organisation.scan()
        assert organisation.own.calls["StartImageScan"] == 3
        # No table remembers what the index lists.
        assert organisation.own.calls["BatchGetImage"] == 1
        organisation.own.finish_scans()
        for event in organisation.own.completed_events():
            organisation.notify(event)
        reports = organisation.inbox()
        assert [report["imageTags"] for report in reports] == [["1.0", "latest"]] * 2
        assert organisation.own.calls["BatchGetImage"] == 3

    def test_the_plan_goes_without_indexes_that_may_not_be_read(self, organisation):
        organisation.own.fail_next("BatchGetImage", "AccessDeniedException")
        rows = organisation.configure().list(dryRun=True)["images"]
        assert not any("indexTags" in row for row in rows)

    def test_indexes_that_cannot_be_read_now_fail_the_job_so_that_no_child_is_skipped(
        self, organisation
    ):
        organisation.configure(IMAGES_TAGGED_ONLY="true").list()
        organisation.own.fail_next("BatchGetImage", "ServerException", times=3)
        [job] = organisation.jobs()
        with pytest.raises(ClientError, match="ServerException"):
            organisation.scan_job(job)
        organisation.scan_job(job)
        assert organisation.own.calls["StartImageScan"] == 3

    def test_an_index_in_use_makes_its_children_be_in_use(self, organisation):
        ecs = boto3.client("ecs")
        ecs.create_cluster(clusterName="shop")
        definition = {"name": "main", "image": f"{HOST}/shop/api:1.0", "memory": 64}
        ecs.register_task_definition(family="api", containerDefinitions=[definition])
        ecs.create_service(cluster="shop", serviceName="api", taskDefinition="api")
        organisation.configure(ECS_DISCOVERY_ENABLED="true", SCAN_IN_USE_ONLY="true").list()
        organisation.scan()
        started = {
            image.digest
            for image in organisation.own.repositories["shop/api"].images.values()
            if image.scan_status == "IN_PROGRESS"
        }
        assert started == {self.arm.digest, self.amd.digest}

    def test_children_of_a_tagged_index_are_not_untagged(self, organisation):
        answer = organisation.configure(IMAGES_TAGGED_ONLY="true").list(dryRun=True)
        assert sum(row["due"] for row in answer["images"]) == 3

    def test_without_permission_to_read_indexes_the_report_goes_without_their_tags(
        self, organisation
    ):
        organisation.configure()
        organisation.own.fail_next("BatchGetImage", "AccessDeniedException")
        organisation.notify(inspector_scan(**{"image-digest": self.amd.digest, "image-tags": []}))
        [report] = organisation.inbox()
        assert report["imageTags"] == []

    def test_throttled_look_ups_of_the_tags_of_an_index_are_waited_out(
        self, organisation, monkeypatch
    ):
        monkeypatch.setattr("chalicelib.runtime.backoff._pause", lambda attempt: 0.0)
        organisation.configure()
        organisation.own.fail_next("DescribeImages", "ThrottlingException", times=9)
        organisation.own.fail_next("BatchGetImage", "ThrottlingException", times=9)
        organisation.notify(inspector_scan(**{"image-digest": self.amd.digest, "image-tags": []}))
        [report] = organisation.inbox()
        assert report["imageTags"] != []

    def test_tags_of_an_index_that_cannot_be_read_now_are_not_guessed(self, organisation):
        organisation.configure()
        organisation.own.fail_next("BatchGetImage", "ServerException", times=3)
        event = inspector_scan(**{"image-digest": self.amd.digest, "image-tags": []})
        with pytest.raises(Exception, match="ServerException"):
            organisation.notify(event)
        assert organisation.inbox() == []


class TestDailyBudget:
    @pytest.fixture(autouse=True)
    def _images(self, organisation):
        own = organisation.own
        for name in ("aa", "bb", "cc"):
            own.add_image(name, tags=("old",), pushed_at=STALE, scanned_at=NOW - timedelta(days=30))
            own.add_image(name, tags=("new",), pushed_at=FRESH, scanned_at=STALE)
        own.add_image("aa", tags=("today",), pushed_at=STALE, scanned_at=NOW)

    def started(self, organisation):
        return sorted(
            (name, *image.tags)
            for name, repository in organisation.own.repositories.items()
            for image in repository.images.values()
            if image.scan_status == "IN_PROGRESS"
        )

    def test_the_newest_tagged_come_first_and_scans_of_today_count(self, organisation):
        organisation.configure(DAILY_SCAN_BUDGET="4")
        assert organisation.list()["enqueued"] == 1
        organisation.scan()
        # One of the four was spent on the image scanned today.
        assert self.started(organisation) == [("aa", "new"), ("bb", "new"), ("cc", "new")]

    def test_the_rest_follows_where_the_budget_allows(self, organisation):
        organisation.configure(DAILY_SCAN_BUDGET="100").list()
        organisation.scan()
        assert len(self.started(organisation)) == 6

    def test_a_repository_that_was_named_and_is_deleted_before_the_plan_holds_up_no_other(
        self, organisation
    ):
        organisation.configure(DAILY_SCAN_BUDGET="10").list(repositories=["aa", "bb"])
        del organisation.own.repositories["aa"]
        organisation.scan()
        assert organisation.own.calls["StartImageScan"] == 2

    def test_the_plan_says_what_is_beyond_the_budget(self, organisation):
        rows = organisation.configure(DAILY_SCAN_BUDGET="4").list(dryRun=True)["images"]
        beyond = [row for row in rows if row["reason"] == "beyond today's budget"]
        assert [row["imageTags"] for row in beyond] == [["old"]] * 3
        assert sum(row["due"] for row in rows) == 3

    def test_the_summary_says_what_is_left_for_another_day(self, organisation, capsys):
        organisation.configure(DAILY_SCAN_BUDGET="4").list()
        organisation.scan()
        lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        [planned] = [line for line in lines if line["message"] == "scans planned"]
        assert (planned["ScansPlanned"], planned["ScansDeferred"]) == (3, 3)
        assert planned["tomorrow"] == "3 of 6 scans are left for another day"

    def test_an_image_in_use_comes_before_all_others(self, organisation):
        ecs = boto3.client("ecs")
        ecs.create_cluster(clusterName="shop")
        definition = {"name": "main", "image": f"{HOST}/cc:old", "memory": 64}
        ecs.register_task_definition(family="c", containerDefinitions=[definition])
        ecs.create_service(cluster="shop", serviceName="c", taskDefinition="c")
        organisation.configure(DAILY_SCAN_BUDGET="2", ECS_DISCOVERY_ENABLED="true").list()
        organisation.scan()
        assert self.started(organisation) == [("cc", "old")]

    def test_when_the_registrys_own_limit_is_reached_the_rest_waits(self, organisation, capsys):
        organisation.own.scans_per_day = 3
        organisation.configure(REPOSITORIES_FILTER_REGEXP="aa|bb").list()
        organisation.scan()
        lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        skipped = [line["skipped"] for line in lines if line["message"] == "repository reviewed"]
        assert {"daily limit of the registry reached": 2} in skipped


def test_off_discovery_tags_and_budget_ask_nothing_of_other_services(organisation):
    organisation.own.add_image("shop/api", scanned_at=FRESH)
    organisation.configure().list()
    organisation.scan()
    assert set(organisation.own.calls) == {
        "DescribeRepositories",
        "GetRegistryScanningConfiguration",
        "DescribeImages",
        "DescribeImageScanFindings",
    }
