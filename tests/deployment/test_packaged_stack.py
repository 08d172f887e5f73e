"""The packaged application, created as a stack on moto."""

import json
from collections.abc import Callable
from typing import Any

import boto3
import pytest

from chalicelib.settings.event_pattern import event_pattern
from chalicelib.settings.settings import Settings
from chalicelib.settings.table import ROWS
from deployment.packages import Package
from tests.deployment.conftest import STACK

# What moto's CloudFormation leaves out: policies of queues and topics, alarms, subscriptions.
pytestmark = pytest.mark.filterwarnings("ignore:Tried to parse AWS")

CreateStack = Callable[..., dict[str, str]]
KEY = "arn:aws:kms:eu-west-1:123456789012:key/4d2c8a0e-0000-4000-8000-000000000000"
BOUNDARY = "arn:aws:iam::123456789012:policy/developers"


def functions() -> dict[str, Any]:
    listed = boto3.client("lambda").list_functions()["Functions"]
    return {function["FunctionName"]: function for function in listed}


def queue_attributes(url: str) -> dict[str, str]:
    sqs = boto3.client("sqs")
    attributes: dict[str, str] = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])[
        "Attributes"
    ]
    return attributes


def topic_key(arn: str) -> str | None:
    key: str | None = (
        boto3.client("sns").get_topic_attributes(TopicArn=arn)["Attributes"].get("KmsMasterKeyId")
    )
    return key


def bucket_encryption(bucket: str) -> dict[str, str]:
    answer = boto3.client("s3").get_bucket_encryption(Bucket=bucket)
    [rule] = answer["ServerSideEncryptionConfiguration"]["Rules"]
    encryption: dict[str, str] = rule["ApplyServerSideEncryptionByDefault"]
    return encryption


def test_makes_every_function_with_its_trigger(create_stack: CreateStack) -> None:
    create_stack()

    assert functions().keys() == {
        "reporter",
        "reporter-list_repositories",
        "reporter-notify",
        "reporter-refresh_feeds",
        "reporter-report_fleet",
        "reporter-scan_images",
        "reporter-send_reports",
    }
    [mapping] = boto3.client("lambda").list_event_source_mappings()["EventSourceMappings"]
    assert mapping["FunctionArn"] == functions()["reporter-scan_images"]["FunctionArn"]
    assert mapping["EventSourceArn"].endswith(":reporter-jobs")
    assert mapping["BatchSize"] == 1
    assert mapping["ScalingConfig"] == {"MaximumConcurrency": 5}
    events = boto3.client("events")
    targets = {
        events.list_targets_by_rule(Rule=rule["Name"])["Targets"][0]["Arn"].split(":")[-1]
        for rule in events.list_rules()["Rules"]
    }
    assert targets == {
        "reporter-list_repositories",
        "reporter-notify",
        "reporter-refresh_feeds",
        "reporter-report_fleet",
        "reporter-send_reports",
    }


PARAMETERS = {row.parameter: (row.variable, row.example) for row in ROWS if row.parameter}
BY_THE_STACK = {row.variable for row in ROWS if row.resource}
# What is set on the resources, or is said by which of them there are.
NOT_FOR_THE_FUNCTIONS = {
    "AlarmEmail",
    "ConfiguredRoles",
    "NotificationEmails",
    "OwnerTopics",
    "ReportTopicArn",
    "ReportRetentionDays",
    "KmsKeyArn",
    "PermissionsBoundaryArn",
    "HttpApi",
    "LogRetentionDays",
    "PythonRuntime",
    "ListingAlarmHours",
    "DashboardEnabled",
}
# Which are there already, in place of those that the stack makes.
NAMES_OF_RESOURCES = {"HistoryTableName", "ReportBucketName"}


def variables() -> dict[str, str]:
    """The environment variables, which are the same for every function."""
    found = [function["Environment"]["Variables"] for function in functions().values()]
    assert all(those == found[0] for those in found)
    # moto keeps numbers as numbers.
    return {name: str(value) for name, value in found[0].items()}


def test_gives_every_setting_to_the_functions(create_stack: CreateStack) -> None:
    create_stack(**{parameter: value for parameter, (_, value) in PARAMETERS.items()})

    given = variables()
    wanted = dict(PARAMETERS.values())
    assert {name: given[name] for name in given.keys() - BY_THE_STACK} == wanted
    assert Settings.from_environment(given).errors() == []


def test_reports_to_a_topic_of_ones_own(create_stack: CreateStack) -> None:
    own = boto3.client("sns").create_topic(Name="security")["TopicArn"]
    outputs = create_stack(ReportTopicArn=own)

    assert outputs["ReportTopicArn"] == variables()["ECR_SNS_REPORT_TOPIC_ARN"] == own
    topics = {topic["TopicArn"] for topic in boto3.client("sns").list_topics()["Topics"]}
    assert topics == {own, outputs["AlarmTopicArn"]}
    role = functions()["reporter-notify"]["Role"].rpartition("/")[2]
    [policy] = boto3.client("iam").list_role_policies(RoleName=role)["PolicyNames"]
    document = boto3.client("iam").get_role_policy(RoleName=role, PolicyName=policy)
    assert f"'Resource': '{own}'" in document["PolicyDocument"]


@pytest.mark.parametrize(
    ("parameters", "next_step"),
    [
        ({}, "Nobody gets reports yet"),
        ({"NotificationEmails": "a@example.org"}, "Confirm the subscription"),
        ({"ReportTopicArn": "arn:aws:sns:eu-west-1:123456789012:own"}, "See that somebody is"),
    ],
)
def test_says_what_is_next(
    create_stack: CreateStack, parameters: dict[str, str], next_step: str
) -> None:
    assert create_stack(**parameters)["Next"].startswith(next_step)


def test_every_parameter_is_a_setting_or_shapes_the_resources(packaged: Package) -> None:
    shaping = NOT_FOR_THE_FUNCTIONS | NAMES_OF_RESOURCES
    assert packaged.template["Parameters"].keys() == PARAMETERS.keys() | shaping


def test_parameters_that_are_not_given_leave_every_setting_at_its_default(
    create_stack: CreateStack,
) -> None:
    create_stack()

    settings = Settings.from_environment(variables())
    for row in ROWS:
        if not row.resource:
            assert getattr(settings, row.name) == row.parsed_default, row.variable


@pytest.mark.parametrize("findings", ["true", "false"])
def test_starts_the_notifier_by_the_events_that_it_acts_on(
    create_stack: CreateStack, findings: str
) -> None:
    create_stack(NotifyOnInspectorFindings=findings)

    rules = boto3.client("events").list_rules()["Rules"]
    [pattern] = [json.loads(rule["EventPattern"]) for rule in rules if rule.get("EventPattern")]
    assert pattern == event_pattern(Settings.from_environment(variables()))


def schedules() -> dict[str, tuple[str, str]]:
    """When each function that is scheduled starts, and whether it does."""
    events = boto3.client("events")
    found = {}
    for rule in events.list_rules()["Rules"]:
        if "ScheduleExpression" in rule:
            [target] = events.list_targets_by_rule(Rule=rule["Name"])["Targets"]
            function = target["Arn"].rpartition(":")[2].removeprefix("reporter-")
            found[function] = rule["ScheduleExpression"], rule["State"]
    return found


def test_schedules_lister_and_digest_by_their_rates(create_stack: CreateStack) -> None:
    create_stack(ScanRate="cron(0 6 * * ? *)", DigestRate="1 day")

    assert schedules() == {
        "list_repositories": ("cron(0 6 * * ? *)", "ENABLED"),
        "refresh_feeds": ("rate(1 day)", "DISABLED"),
        "report_fleet": ("rate(1 day)", "ENABLED"),
        "send_reports": ("rate(1 minute)", "ENABLED"),
    }


def test_fetches_feeds_once_a_day_where_that_is_wanted(create_stack: CreateStack) -> None:
    create_stack(Feeds="true")

    assert schedules()["refresh_feeds"] == ("rate(1 day)", "ENABLED")


def test_starts_no_digest_where_none_is_wanted(create_stack: CreateStack) -> None:
    create_stack(Digest="false")

    assert schedules() == {
        "list_repositories": ("rate(1 day)", "ENABLED"),
        "refresh_feeds": ("rate(1 day)", "DISABLED"),
        "report_fleet": ("rate(7 days)", "DISABLED"),
        "send_reports": ("rate(1 minute)", "ENABLED"),
    }


def test_tells_the_functions_what_the_stack_made_for_them(create_stack: CreateStack) -> None:
    outputs = create_stack(NotifyByChat="true")

    [table] = boto3.client("dynamodb").list_tables()["TableNames"]
    given = variables()
    assert {name: given[name] for name in BY_THE_STACK} == {
        "IMAGES_SCAN_JOBS_QUEUE_URL": outputs["JobsQueueUrl"],
        "ECR_SNS_REPORT_TOPIC_ARN": outputs["ReportTopicArn"],
        "CHAT_SNS_TOPIC_ARN": outputs["ChatTopicArn"],
        "HISTORY_TABLE_NAME": table,
        "REPORT_BUCKET_NAME": outputs["ReportBucketName"],
    }
    assert table == "reporter-history"


def test_uses_a_table_and_a_bucket_that_are_there(create_stack: CreateStack) -> None:
    boto3.client("s3").create_bucket(
        Bucket="earlier", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
    )
    outputs = create_stack(HistoryTableName="earlier-history", ReportBucketName="earlier")

    assert boto3.client("dynamodb").list_tables()["TableNames"] == []
    buckets = [bucket["Name"] for bucket in boto3.client("s3").list_buckets()["Buckets"]]
    assert [name for name in buckets if name.startswith("reporter")] == []
    given = variables()
    assert given["HISTORY_TABLE_NAME"] == outputs["HistoryTableName"] == "earlier-history"
    assert given["REPORT_BUCKET_NAME"] == outputs["ReportBucketName"] == "earlier"


def test_makes_a_dashboard_only_where_it_is_asked_for(create_stack: CreateStack) -> None:
    create_stack()
    assert boto3.client("cloudwatch").list_dashboards()["DashboardEntries"] == []


def test_makes_the_chat_topic_only_where_it_is_asked_for(create_stack: CreateStack) -> None:
    outputs = create_stack()

    assert "ChatTopicArn" not in outputs
    assert variables()["CHAT_SNS_TOPIC_ARN"] == ""
    topics = boto3.client("sns").list_topics()["Topics"]
    assert {topic["TopicArn"].rpartition(":")[2] for topic in topics} == {
        "reporter-alarms",
        "reporter-reports",
    }


def test_gives_the_digest_the_time_and_memory_of_a_large_fleet(create_stack: CreateStack) -> None:
    create_stack()

    digest = functions()["reporter-report_fleet"]
    assert (digest["Timeout"], digest["MemorySize"]) == (900, 1024)


def test_runs_on_the_runtime_that_is_asked_for(create_stack: CreateStack) -> None:
    create_stack(PythonRuntime="python3.14")

    assert {function["Runtime"] for function in functions().values()} == {"python3.14"}


def test_keeps_the_logs_of_every_function_for_as_long_as_is_asked(
    create_stack: CreateStack,
) -> None:
    create_stack(LogRetentionDays="7")

    groups = boto3.client("logs").describe_log_groups()["logGroups"]
    assert {group["logGroupName"] for group in groups} == {f"/aws/lambda/{f}" for f in functions()}
    assert {group["retentionInDays"] for group in groups} == {7}


def test_makes_no_http_api_where_none_is_wanted(create_stack: CreateStack) -> None:
    outputs = create_stack(HttpApi="false")

    assert boto3.client("apigateway").get_rest_apis()["items"] == []
    assert "reporter" not in functions()
    assert "EndpointURL" not in outputs
    roles = boto3.client("iam").list_roles()["Roles"]
    assert len(roles) == len(functions()) == 6


def test_encrypts_with_keys_of_aws_by_default(create_stack: CreateStack) -> None:
    outputs = create_stack()

    for queue in ("JobsQueueUrl", "DeadJobsQueueUrl", "FailedEventsQueueUrl"):
        assert queue_attributes(outputs[queue])["SqsManagedSseEnabled"] == "true"
    assert topic_key(outputs["ReportTopicArn"]) == "alias/aws/sns"
    assert topic_key(outputs["AlarmTopicArn"]) is None, "CloudWatch may not use that key"
    assert bucket_encryption(outputs["ReportBucketName"]) == {"SSEAlgorithm": "AES256"}


def test_encrypts_with_the_customer_key_where_one_is_given(create_stack: CreateStack) -> None:
    outputs = create_stack(KmsKeyArn=KEY, NotifyByChat="true")

    for queue in ("JobsQueueUrl", "DeadJobsQueueUrl", "FailedEventsQueueUrl"):
        assert queue_attributes(outputs[queue])["KmsMasterKeyId"] == KEY
    for topic in ("ReportTopicArn", "ChatTopicArn", "AlarmTopicArn"):
        assert topic_key(outputs[topic]) == KEY
    encryption = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": KEY}
    assert bucket_encryption(outputs["ReportBucketName"]) == encryption


def test_moves_a_job_that_fails_five_times_to_the_dead_letter_queue(
    create_stack: CreateStack,
) -> None:
    outputs = create_stack()

    attributes = queue_attributes(outputs["JobsQueueUrl"])
    dead = queue_attributes(outputs["DeadJobsQueueUrl"])
    assert '"maxReceiveCount": 5' in attributes["RedrivePolicy"]
    assert dead["QueueArn"] in attributes["RedrivePolicy"]
    assert int(dead["MessageRetentionPeriod"]) == 14 * 24 * 60 * 60
    timeout = functions()["reporter-scan_images"]["Timeout"]
    assert int(attributes["VisibilityTimeout"]) >= 6 * timeout


def test_bounds_the_permissions_of_every_role(create_stack: CreateStack) -> None:
    create_stack(PermissionsBoundaryArn=BOUNDARY)

    iam = boto3.client("iam")
    roles = [iam.get_role(RoleName=role["RoleName"])["Role"] for role in iam.list_roles()["Roles"]]
    assert len(roles) == 7
    assert {role["PermissionsBoundary"]["PermissionsBoundaryArn"] for role in roles} == {BOUNDARY}


def test_leaves_nothing_behind_but_what_was_reported(create_stack: CreateStack) -> None:
    create_stack(NotifyByChat="true")

    boto3.client("cloudformation").delete_stack(StackName=STACK)

    assert functions() == {}
    assert "QueueUrls" not in boto3.client("sqs").list_queues()
    assert boto3.client("sns").list_topics()["Topics"] == []
    assert boto3.client("iam").list_roles()["Roles"] == []
