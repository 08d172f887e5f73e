"""The configuration file at work: read by the functions, once a container and when it changed."""

import json

import boto3
import pytest

from chalicelib.ecr.registries import RegistryAddress
from chalicelib.services import Services
from chalicelib.settings.configuration import parse_configuration
from chalicelib.settings.documents import DocumentError, DocumentNotRead
from chalicelib.settings.settings import Settings
from tests.events import scan_event

SOURCE = "s3://settings/reporter.yaml"
ROLE = "arn:aws:iam::222222222222:role/scan"


@pytest.fixture
def write(aws):
    """Put the configuration file where the application looks for it."""
    s3 = boto3.client("s3")
    location = {"LocationConstraint": "eu-west-1"}
    s3.create_bucket(Bucket="settings", CreateBucketConfiguration=location)
    return lambda text: s3.put_object(Bucket="settings", Key="reporter.yaml", Body=text.encode())


@pytest.fixture
def topic(aws):
    """The report topic, and the messages that reached it."""
    arn = boto3.client("sns").create_topic(Name="reports")["TopicArn"]
    inbox = boto3.client("sqs").create_queue(QueueName="inbox")["QueueUrl"]
    boto3.client("sns").subscribe(
        TopicArn=arn, Protocol="sqs", Endpoint="arn:aws:sqs:eu-west-1:123456789012:inbox"
    )

    def received():
        answer = boto3.client("sqs").receive_message(QueueUrl=inbox, MaxNumberOfMessages=10)
        return [json.loads(message["Body"]) for message in answer.get("Messages", [])]

    return arn, received


@pytest.fixture
def application(chalice_client, queue, topic, aws):
    for repository in ("shop/api", "payments/api"):
        aws.add_repository(repository)
    return chalice_client(
        CONFIGURATION=SOURCE,
        IMAGES_SCAN_JOBS_QUEUE_URL=queue.url,
        ECR_SNS_REPORT_TOPIC_ARN=topic[0],
    )


@pytest.fixture
def looked_at_every_time(monkeypatch):
    """As if five minutes went by between any two events."""
    monkeypatch.setattr("chalicelib.aws.documents.SECONDS_KEPT", 0)


def listed(application, queue):
    application.lambda_.invoke("list_repositories", {})
    return [job["repository"] for job in queue.receive_all()]


def test_a_function_does_what_the_file_says(write, application, queue, topic):
    write("scanning: {repositories-filter: ^shop/}\nreporting: {thresholds: {critical: 11}}")
    assert listed(application, queue) == ["shop/api"]

    def notified(repository, criticals):
        counts = {"finding-severity-counts": {"CRITICAL": criticals}}
        event = scan_event(**{"repository-name": repository, **counts})
        application.lambda_.invoke("notify", event)
        return len(topic[1]())

    assert notified("shop/api", 10) == 0
    assert notified("payments/api", 11) == 0
    assert notified("shop/api", 11) == 1


def test_it_is_read_once_a_container(write, application, queue):
    write("scanning: {repositories-filter: ^shop/}")
    assert listed(application, queue) == ["shop/api"]
    write("scanning: {repositories-filter: ^payments/}")
    assert listed(application, queue) == ["shop/api"]


def test_a_change_holds_from_the_next_look_on(write, application, queue, looked_at_every_time):
    write("scanning: {repositories-filter: ^shop/}")
    assert listed(application, queue) == ["shop/api"]
    write("scanning: {repositories-filter: ^payments/}")
    assert listed(application, queue) == ["payments/api"]


def test_one_that_becomes_wrong_changes_nothing_and_is_said_to_be(
    write, application, queue, looked_at_every_time, logged
):
    write("scanning: {repositories-filter: ^shop/}\nimages: {newest: 3}")
    listed(application, queue)
    write("scanning: {repositories-filter: ^payments/}\nimages: {newest: none}")
    wrong, counted, done = logged(application.lambda_.invoke, "list_repositories", {})
    assert [job["repository"] for job in queue.receive_all()] == ["shop/api"]
    assert (wrong["level"], wrong["message"]) == ("ERROR", "document not read")
    assert (counted["DocumentsNotRead"], done["JobsEnqueued"]) == (1, 1)
    assert wrong["error"].startswith(f"{SOURCE}, line 2: images.newest is 'none'; accepted: ")


def test_one_that_is_wrong_at_first_fails_loudly_and_does_nothing(write, application, queue):
    write("reporting: {mode: always}")
    for function, event in (("list_repositories", {}), ("notify", scan_event())):
        with pytest.raises(DocumentError, match=r"reporter.yaml, line 1: reporting.mode is 'alway"):
            application.lambda_.invoke(function, event)
    assert application.http.post("/scans").status_code == 500
    assert queue.receive_all() == []


def test_one_that_is_not_there_fails_loudly_until_it_is(write, application, queue):
    with pytest.raises(DocumentNotRead, match="reporter.yaml cannot be read: .*NoSuchKey"):
        application.lambda_.invoke("list_repositories", {})
    write("scanning: {repositories-filter: ^shop/}")
    assert listed(application, queue) == ["shop/api"]


def test_variables_win_and_the_log_says_which(
    write, chalice_client, queue, aws, logged, looked_at_every_time
):
    aws.add_repository("shop/api")
    application = chalice_client(
        CONFIGURATION=SOURCE,
        IMAGES_SCAN_JOBS_QUEUE_URL=queue.url,
        REPOSITORIES_FILTER_REGEXP="^shop/",
    )
    write("scanning: {repositories-filter: ^payments/}")
    read, _ = logged(listed, application, queue)
    assert read["message"] == "configuration read"
    assert read["overridden"] == ["REPOSITORIES_FILTER_REGEXP"]
    write("operation: {log-level: WARNING}")
    lines = [line["message"] for line in logged(listed, application, queue)]
    assert lines == ["repositories listed"], "the level is the file's by now; metrics go on"


def test_a_setting_that_lacks_another_is_logged_and_stops_what_uses_it(
    write, application, queue, topic, logged
):
    write("images-in-use: {only: true}")
    lines = logged(application.lambda_.invoke, "notify", scan_event())
    assert [line["message"] for line in lines[:3]] == [
        *("configuration read", "wrong setting", "WrongSettings")
    ]
    assert len(topic[1]()) == 1
    with pytest.raises(ValueError, match="SCAN_IN_USE_ONLY is 'true'; accepted: true only with"):
        application.lambda_.invoke("list_repositories", {})


class TestShipped:
    @pytest.fixture(autouse=True)
    def root(self, monkeypatch, tmp_path):
        monkeypatch.setattr("chalicelib.aws.documents.ROOT", tmp_path)
        return tmp_path

    def test_one_in_the_package_is_read_at_start(self, root, load_app):
        (root / "settings.yaml").write_text("images: {newest: 3}")
        app = load_app(CONFIGURATION="settings.yaml")
        assert app.services.settings.newest == 3

    def test_errors_in_it_are_not_deployed(self, root, load_app, monkeypatch):
        (root / "settings.yaml").write_text("images: {newest: 0}")
        monkeypatch.setenv("AWS_CHALICE_CLI_MODE", "true")
        with pytest.raises(DocumentError, match=r"settings.yaml, line 1: images.newest is '0'"):
            load_app(CONFIGURATION="settings.yaml")
        with pytest.raises(DocumentNotRead, match="other.yaml cannot be read: No such file"):
            load_app(CONFIGURATION="other.yaml")

    def test_errors_in_it_show_at_start(self, root, load_app, capsys):
        (root / "settings.yaml").write_text("images: {newest: 0}")
        assert load_app(CONFIGURATION="settings.yaml").app
        assert "settings.yaml, line 1: images.newest is '0'" in capsys.readouterr().out


def test_accounts_are_reached_by_the_roles_and_external_ids_of_the_file(
    write, looked_at_every_time, monkeypatch
):
    made = []
    services = Services(
        Settings.from_environment({"CONFIGURATION": SOURCE}),
        client=lambda *asked: made.append(asked) or boto3.client(asked[0]),
    )
    for external_id in ("first", "second"):
        write(f"registries: {{accounts: [{{role: '{ROLE}', external-id: {external_id}}}]}}")
        services.read_configuration()
        [own, other] = services.settings.registries
        assert (own, other) == (RegistryAddress(), RegistryAddress("222222222222"))
        services.registry_of(other)
        service, _, role = made[-1]
        assert (service, role.arn, role.external_id) == ("ecr", ROLE, external_id)


def test_hundreds_of_teams_have_room_for_their_rules():
    rules = "".join(
        f"- pattern: team-{team}/*\n  duration: 3d\n  thresholds: {{critical: 1, high: 5}}\n"
        for team in range(500)
    )
    settings = Settings.from_environment({}).configured(
        parse_configuration(f"repositories:\n{rules}", "c.yaml")
    )
    assert settings.rules_of("team-499/api").high == 5
