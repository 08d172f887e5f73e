"""The application as it is deployed, through Chalice's test client and real boto3 calls."""

import json
import sys
from datetime import UTC, datetime, timedelta
from unittest.mock import ANY, Mock, call

import boto3
import pytest
from chalice.app import IAMAuthorizer

from chalicelib.notifying.events import EventError
from chalicelib.scanning.requests import RequestError
from chalicelib.settings.documents import DocumentError, DocumentNotRead
from chalicelib.settings.settings import SettingError
from chalicelib.settings.table import ROWS
from tests.events import scan_event

JSON = {"Content-Type": "application/json"}
STALE = datetime.now(UTC) - timedelta(days=30)


@pytest.fixture
def topic_arn(aws):
    arn = boto3.client("sns").create_topic(Name="reports")["TopicArn"]
    inbox = boto3.client("sqs").create_queue(QueueName="inbox")["QueueUrl"]
    inbox_arn = f"arn:aws:sqs:eu-west-1:123456789012:{inbox.rsplit('/', 1)[1]}"
    boto3.client("sns").subscribe(TopicArn=arn, Protocol="sqs", Endpoint=inbox_arn)
    return arn


@pytest.fixture
def application(chalice_client, queue, topic_arn):
    return chalice_client(IMAGES_SCAN_JOBS_QUEUE_URL=queue.url, ECR_SNS_REPORT_TOPIC_ARN=topic_arn)


@pytest.fixture
def bucket(aws):
    place = {"LocationConstraint": "eu-west-1"}
    boto3.client("s3").create_bucket(Bucket="reports", CreateBucketConfiguration=place)
    return "reports"


@pytest.fixture
def inbox(aws):
    """What a queue that is subscribed to the topic receives."""

    def receive():
        sqs = boto3.client("sqs")
        url = sqs.get_queue_url(QueueName="inbox")["QueueUrl"]
        messages = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
        return [json.loads(json.loads(message["Body"])["Message"]) for message in messages]

    return receive


def schedule(application, detail=None):
    return application.events.generate_cw_event(
        "aws.events", "Scheduled Event", detail=detail or {}, resources=[]
    )


def test_a_stale_image_is_listed_queued_scanned_and_reported(aws, application, queue, inbox):
    aws.add_image("shop/api", tags=("1", "latest"), scanned_at=STALE, findings={"HIGH": 2})
    aws.add_image("shop/api", tags=("fresh",), scanned_at=datetime.now(UTC))

    listing = application.lambda_.invoke("list_repositories", schedule(application)).payload
    assert listing["repositories"] == ["shop/api"]
    for job in queue.receive_all():
        event = application.events.generate_sqs_event([json.dumps(job)])
        application.lambda_.invoke("scan_images", event)
    aws.finish_scans()
    events = aws.completed_events()
    for event in events:
        application.lambda_.invoke("notify", event)

    [report] = inbox()
    assert len(events) == 1
    assert report["repository"] == "shop/api"
    assert report["imageTags"] == ["1", "latest"]
    assert aws.calls == {
        "DescribeRepositories": 1,
        "GetRegistryScanningConfiguration": 1,
        # The scanner's list of all, and the notifier's look at the image.
        "DescribeImages": 2,
        "StartImageScan": 1,
        # Each image's last scan, since no table remembers any, and the findings of the new one.
        "DescribeImageScanFindings": 3,
    }


class TestThreeWaysIn:
    """The schedule, a direct invocation and the HTTP door start the same listing."""

    OVERRIDES = {"repositoriesFilterRegexp": "^shop", "ecrImagesDurationDelta": "36h"}
    JOBS = [{"repository": "shop/api", "ecrImagesDurationDelta": "36h"}]

    @pytest.fixture(autouse=True)
    def _repositories(self, aws):
        aws.add_repository("shop/api")
        aws.add_repository("payments/api")

    def test_by_schedule(self, application, queue):
        event = schedule(application, self.OVERRIDES)
        application.lambda_.invoke("list_repositories", event)
        assert queue.receive_all() == self.JOBS

    def test_by_invocation(self, application, queue):
        application.lambda_.invoke("list_repositories", self.OVERRIDES)
        assert queue.receive_all() == self.JOBS

    def test_by_http(self, application, queue):
        body = json.dumps(self.OVERRIDES).encode()
        response = application.http.post("/scans", headers=JSON, body=body)
        assert response.status_code == 202
        assert response.json_body == {
            "dryRun": False,
            "listed": 2,
            "matched": 1,
            "enqueued": 1,
            "repositories": ["shop/api"],
            "failures": [],
            "id": None,
            "repeated": False,
            "warnings": [ANY],
        }
        assert queue.receive_all() == self.JOBS

    def test_by_http_without_a_body(self, application, queue):
        response = application.http.post("/scans")
        assert response.status_code == 202
        assert response.json_body["enqueued"] == 2

    def test_a_dry_run_says_what_would_be_sent_and_sends_nothing(self, application, queue):
        response = application.http.post("/scans", headers=JSON, body=b'{"dryRun": true}')
        assert response.status_code == 202
        assert response.json_body["repositories"] == ["payments/api", "shop/api"]
        assert response.json_body["enqueued"] == 0
        assert queue.receive_all() == []

    @pytest.mark.parametrize(
        ("body", "message"),
        [
            (b"{", "the body is not JSON"),
            (b'{"repository": "shop/api"}', "unknown: 'repository'; accepted: dryRun"),
            (b'{"dryRun": 1}', "dryRun is 1; accepted: true, false"),
            (b'{"repositoriesFilterRegexp": "("}', "'(' is not a Python regular expression"),
            (b'{"repositories": ["shop/none"]}', "there is no 'shop/none'"),
        ],
    )
    def test_a_wrong_request_is_answered_with_what_was_wrong(
        self, application, queue, body, message
    ):
        response = application.http.post("/scans", headers=JSON, body=body)
        assert response.status_code == 400
        assert message in response.json_body["Message"]
        assert b"Traceback" not in response.body
        assert queue.receive_all() == []

    def test_a_wrong_invocation_is_an_error_and_sends_nothing(self, application, queue):
        with pytest.raises(RequestError, match="unknown: 'dryrun'"):
            application.lambda_.invoke("list_repositories", {"dryrun": True})
        assert queue.receive_all() == []

    def test_a_queue_that_takes_no_job_is_said(self, application, queue):
        queue.client.delete_queue(QueueUrl=queue.url)
        response = application.http.post("/scans")
        assert (response.status_code, response.json_body["enqueued"]) == (207, 0)
        [failure] = response.json_body["failures"]
        assert "NonExistentQueue" in failure

    @pytest.fixture
    def broken(self, application, monkeypatch):
        def start_listing(*_):
            raise ZeroDivisionError("a mistake")

        monkeypatch.setattr("chalicelib.scanning.start_scans.start_listing", start_listing)

    @pytest.mark.usefixtures("broken")
    def test_a_failure_within_shows_no_stack_trace(self, application):
        response = application.http.post("/scans")
        assert response.status_code == 500
        assert response.json_body["Code"] == "InternalServerError"
        assert b"Traceback" not in response.body

    @pytest.mark.usefixtures("broken")
    def test_a_failure_within_is_logged_with_the_request(self, application, logged):
        [line] = logged(application.http.post, "/scans")
        assert "a mistake" in line["exception"]
        assert line["request_id"]


class TestWhatIsOff:
    """Functions whose feature is off do nothing, and say so."""

    @pytest.fixture
    def application(self, chalice_client):
        return chalice_client(DIGEST="false", FEEDS="false")

    @pytest.mark.parametrize(
        ("function", "said"),
        [("report_fleet", "digests are off"), ("refresh_feeds", "feeds are off")],
    )
    def test_does_nothing(self, aws, application, logged, function, said):
        [line] = logged(application.lambda_.invoke, function, schedule(application))
        assert line["message"] == said
        assert not aws.calls

    def test_answers_what_is_missing(self, application):
        response = application.http.get("/findings?vulnerability=CVE-2021-44228")
        assert (response.status_code, response.json_body["Code"]) == (404, "NotFoundError")
        assert "DIGEST" in response.json_body["Message"]


def test_a_filter_that_is_given_twice_in_an_address_is_refused(chalice_client):
    application = chalice_client(DIGEST="true")
    response = application.http.get("/findings?owner=payments&owner=shop")
    assert response.status_code == 400
    assert "'owner' is given 2 times" in response.json_body["Message"]


def test_feeds_that_do_not_answer_are_logged_by_name_and_counted(chalice_client, bucket, logged):
    closed = "http://127.0.0.1:9/feed"
    application = chalice_client(
        FEEDS="true", REPORT_BUCKET_NAME=bucket, KEV_ADDRESS=closed, EPSS_ADDRESS=closed
    )
    *_, summary = logged(application.lambda_.invoke, "refresh_feeds", schedule(application))
    assert summary["FeedsNotFetched"] == 2
    assert set(summary["feeds"]) == {"KEV", "EPSS"}


def test_a_message_that_is_no_job_fails_so_that_it_is_kept(application):
    event = application.events.generate_sqs_event(["not a job"])
    with pytest.raises(ValueError, match="not JSON"):
        application.lambda_.invoke("scan_images", event)


@pytest.mark.parametrize("key", ["detail", "account", "region"])
def test_an_event_that_lacks_a_key_is_a_clear_error(application, key):
    event = scan_event()
    del event[key]
    with pytest.raises(EventError, match=f"^{key} is missing$"):
        application.lambda_.invoke("notify", event)


def test_every_route_asks_for_iam(load_app):
    routes = load_app().app.routes
    authorizers = [entry.authorizer for methods in routes.values() for entry in methods.values()]
    assert [type(authorizer) for authorizer in authorizers] == [IAMAuthorizer] * 3


@pytest.mark.parametrize(
    "run",
    [
        lambda application: application.lambda_.invoke("list_repositories", {"dryRun": True}),
        lambda application: application.http.post("/scans", headers=JSON, body=b'{"dryRun": true}'),
    ],
)
def test_a_function_knows_its_account_by_its_own_arn(application, monkeypatch, run):
    services = sys.modules["app"].services
    asked = Mock(wraps=services._client)
    monkeypatch.setattr(services, "_client", asked)
    run(application)
    assert services.own_account == "123456789012"
    assert call("sts") not in asked.mock_calls


def test_log_lines_name_the_request(application, aws, capsys):
    from chalicelib.runtime import logs

    logs.configure("INFO")
    application.lambda_.invoke("list_repositories", {})
    application.http.post("/scans")
    ids = [json.loads(line)["request_id"] for line in capsys.readouterr().out.splitlines()]
    assert all(ids)
    assert len(set(ids)) == 2


def test_the_schedule_and_the_events_follow_the_settings(load_app):
    app = load_app(SCAN_RATE="12 hours", NOTIFY_ON_INSPECTOR_FINDINGS="true").app
    by_name = {source.name: source for source in app.event_sources}
    assert by_name["list_repositories"].schedule_expression == "rate(12 hours)"
    basic, *_, finding = by_name["notify"].event_pattern["$or"]
    assert finding["detail-type"] == ["Inspector2 Finding"]
    # A scan that failed is remembered, whether or not it is reported.
    assert basic["detail"] == {"scan-status": ["COMPLETE", "FAILED"]}
    assert by_name["scan_images"].batch_size == 1


def test_the_scanner_hangs_on_the_queue_of_the_settings(load_app):
    url = "https://sqs.eu-west-1.amazonaws.com/123456789012/other-jobs"
    by_name = {s.name: s for s in load_app(IMAGES_SCAN_JOBS_QUEUE_URL=url).app.event_sources}
    assert by_name["scan_images"].queue == "other-jobs"


class TestWrongSettings:
    """What is wrong is not deployed; where it is all the same, it stops what uses it alone."""

    @pytest.fixture
    def deploying(self, monkeypatch):
        """As Chalice's command line loads the application, to package or deploy it."""
        monkeypatch.setenv("AWS_CHALICE_CLI_MODE", "true")

    def test_one_is_not_deployed(self, load_app, deploying):
        with pytest.raises(SettingError, match="^CRITICAL is 'many'; accepted: a whole number"):
            load_app(CRITICAL="many")

    @pytest.mark.parametrize("row", ROWS, ids=lambda row: row.variable)
    def test_none_keeps_the_functions_from_starting(self, load_app, row, capsys):
        assert load_app(**{row.variable: "("}).app
        wrong, counted = map(json.loads, capsys.readouterr().out.splitlines())
        assert (wrong["level"], wrong["message"]) == ("ERROR", "wrong setting")
        assert wrong["error"].startswith(f"{row.variable} is '('; accepted: ")
        assert counted["WrongSettings"] == 1

    def test_a_wrong_filter_stops_the_lister_and_not_the_notifier(
        self, chalice_client, queue, topic_arn, inbox
    ):
        application = chalice_client(
            REPOSITORIES_FILTER_REGEXP="(",
            IMAGES_SCAN_JOBS_QUEUE_URL=queue.url,
            ECR_SNS_REPORT_TOPIC_ARN=topic_arn,
        )
        with pytest.raises(SettingError, match="REPOSITORIES_FILTER_REGEXP is '\\('"):
            application.lambda_.invoke("list_repositories", {})
        assert queue.receive_all() == []
        application.lambda_.invoke("notify", scan_event())
        assert len(inbox()) == 1

    @pytest.fixture
    def risks(self, monkeypatch, tmp_path):
        """A list of accepted risks with an error, which ships with the code."""
        monkeypatch.setattr("chalicelib.aws.documents.ROOT", tmp_path)
        (tmp_path / "risks.yaml").write_text("accepted:\n- {vulnerability: CVE-1, reson: typo}\n")

    def test_a_wrong_list_of_accepted_risks_is_not_deployed(self, load_app, deploying, risks):
        with pytest.raises(DocumentError, match="risks.yaml, line 2: .*reson"):
            load_app(ACCEPTED_RISKS="risks.yaml")
        with pytest.raises(DocumentNotRead, match="missing.yaml cannot be read"):
            load_app(ACCEPTED_RISKS="missing.yaml")

    def test_a_wrong_list_of_accepted_risks_shows_at_start(self, load_app, risks, capsys):
        assert load_app(ACCEPTED_RISKS="risks.yaml").app
        assert "risks.yaml, line 2: " in capsys.readouterr().out
