"""`chalice deploy` and `chalice delete`, run for real against a moto server."""

import json
from base64 import b64encode
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from chalicelib.settings.event_pattern import event_pattern
from chalicelib.settings.settings import Settings
from deployment.__main__ import refuse_outdated_python
from deployment.packages import Package
from deployment.permissions import ASSUME_SCAN_ROLES, FUNCTIONS
from local.history import KEYS
from tests.deployment.accounts import everything

# What moto's CloudFormation leaves out: policies of queues and topics, alarms, subscriptions.
pytestmark = pytest.mark.filterwarnings("ignore:Tried to parse AWS")

Client = Callable[[str], Any]
Run = Callable[..., str]
STACK = "ecr-scan-reporter-dev"
FAILED_EVENTS = f"arn:aws:sqs:eu-central-1:123456789012:{STACK}-failed-events"


def functions(client: Client) -> dict[str, Any]:
    listed = client("lambda").list_functions()["Functions"]
    return {function["FunctionName"]: function for function in listed}


def own_name(function: Any) -> str:
    """A function's name in the application."""
    name = str(function["FunctionName"])
    return "api_handler" if name == STACK else name.removeprefix(f"{STACK}-")


def variables(client: Client) -> dict[str, str]:
    found = [f["Environment"]["Variables"] for f in functions(client).values()]
    assert all(those == found[0] for those in found)
    return dict(found[0])


def test_makes_the_complete_application(client: Client, deploy: Callable[..., str]) -> None:
    deploy("CriticalThreshold=3", "ScanRate=rate(12 hours)", "DigestRate=rate(30 days)")

    there = everything(client)
    assert {kind: len(found) for kind, found in there.items()} == {
        "stacks": 1,
        "functions": len(FUNCTIONS),
        "triggers": 1,
        "rules": len(FUNCTIONS) - 2,
        "apis": 1,
        "queues": 3,
        "topics": 2,
        "roles": len(FUNCTIONS),
        "logs": len(FUNCTIONS),
        "dashboards": 0,
        "tables": 1,
        "buckets": 1,
    }
    given = variables(client)
    assert given["CRITICAL"] == "3"
    assert given["IMAGES_SCAN_JOBS_QUEUE_URL"].endswith(f"/{STACK}-jobs")
    assert given["ECR_SNS_REPORT_TOPIC_ARN"].endswith(f":{STACK}-reports")
    assert given["CHAT_SNS_TOPIC_ARN"] == ""
    assert [given["HISTORY_TABLE_NAME"]] == there["tables"] == [f"{STACK}-history"]
    assert [given["REPORT_BUCKET_NAME"]] == [bucket["Name"] for bucket in there["buckets"]]
    schedules = {rule.get("ScheduleExpression") for rule in there["rules"]}
    assert schedules > {None, "rate(12 hours)", "rate(30 days)"}
    [trigger] = there["triggers"]
    assert trigger["EventSourceArn"].endswith(f":{STACK}-jobs")
    assert trigger["ScalingConfig"] == {"MaximumConcurrency": 5}
    assert {log["logGroupName"] for log in there["logs"]} == {
        f"/aws/lambda/{function}" for function in functions(client)
    }
    for function in functions(client).values():
        role = function["Role"].rsplit("/", 1)[1]
        (policy,) = client("iam").list_role_policies(RoleName=role)["PolicyNames"]
        document = client("iam").get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]
        assert f"/aws/lambda/{function['FunctionName']}:*" in document
        assert function["Architectures"] == ["arm64"]


def test_turns_features_on_with_their_permissions(
    client: Client, deploy: Callable[..., str]
) -> None:
    roles = "arn:aws:iam::222222222222:role/scan,arn:aws:iam::333333333333:role/scan"
    deploy(
        "NotifyOnInspectorFindings=true",
        f"ScanRoles={roles}",
        "ScanRegions=us-east-1",
        "NotifyByChat=true",
        "Configuration=ssm:/ecr-scan-reporter/configuration",
    )

    settings = Settings.from_environment(variables(client))
    assert [role.arn for role in settings.scan_roles] == roles.split(",")
    assert settings.daily_scan_budget is None
    assert "chat" in settings.channels
    assert settings.require_chat_topic_arn().endswith(f":{STACK}-chat")
    assert str(settings.configuration) == "ssm:/ecr-scan-reporter/configuration"
    patterns = [rule.get("EventPattern") for rule in client("events").list_rules()["Rules"]]
    [pattern] = [json.loads(pattern) for pattern in patterns if pattern]
    assert pattern == event_pattern(settings)
    assert "Inspector2 Finding" in json.dumps(pattern)
    for function in functions(client).values():
        role = function["Role"].rsplit("/", 1)[1]
        names = client("iam").list_role_policies(RoleName=role)["PolicyNames"]
        documents = [client("iam").get_role_policy(RoleName=role, PolicyName=n) for n in names]
        text = str([answer["PolicyDocument"] for answer in documents])
        own = FUNCTIONS[own_name(function)]
        takes_roles = ASSUME_SCAN_ROLES.name in {permission.name for permission in own}
        assert all((arn in text) == takes_roles for arn in roles.split(","))
        assert ":parameter/ecr-scan-reporter/configuration" in text
        assert "ecs:ListClusters" not in text


def test_sets_what_chalice_cannot(
    client: Client, deploy: Callable[..., str], packaged: Package
) -> None:
    deploy()

    keeping = [each.name for each in packaged.functions if each.keeps_failed_invocations]
    assert {"list_repositories", "notify", "report_fleet"} <= set(keeping)
    for name in keeping:
        function = f"{STACK}-{name}"
        kept = client("lambda").get_function_event_invoke_config(FunctionName=function)
        assert kept["DestinationConfig"]["OnFailure"] == {"Destination": FAILED_EVENTS}
    looping = [each.name for each in packaged.functions if each.goes_on_by_itself]
    assert looping == ["scan_images"]
    for name in functions(client):
        loop = client("lambda").get_function_recursion_config(FunctionName=name)["RecursiveLoop"]
        assert loop == ("Allow" if name == f"{STACK}-scan_images" else "Terminate")
    started = [each.name for each in packaged.functions if each.keeps_undelivered_events]
    assert {"list_repositories", "notify", "report_fleet"} <= set(started)
    for name in started:
        [target] = client("events").list_targets_by_rule(Rule=f"{STACK}-{name}-event")["Targets"]
        assert target["DeadLetterConfig"] == {"Arn": FAILED_EVENTS}
    [api] = client("apigateway").get_rest_apis()["items"]
    [stage] = client("apigateway").get_stages(restApiId=api["id"])["item"]
    limits = stage["methodSettings"]["*/*"]
    assert (limits["throttlingRateLimit"], limits["throttlingBurstLimit"]) == (1, 5)


def test_ships_the_same_code_as_the_package(
    client: Client, deploy: Callable[..., str], project: Path, run: Run
) -> None:
    deploy()

    run("python", "-m", "deployment", "package", "dev", "out")
    digest = sha256((project / "out" / "deployment.zip").read_bytes()).digest()
    shipped = {function["CodeSha256"] for function in functions(client).values()}
    assert shipped == {b64encode(digest).decode()}


def test_says_what_is_next_and_keeps_parameters_when_deployed_again(
    client: Client, deploy: Callable[..., str]
) -> None:
    said = deploy("CriticalThreshold=3", "HighThreshold=4")
    for topic in ("reports", "alarms"):
        arn = f"arn:aws:sns:eu-central-1:123456789012:{STACK}-{topic}"
        assert f"WARNING: nobody gets the {topic}. Subscribe to {arn}" in said
    assert f"aws lambda invoke --function-name {STACK}-list_repositories" in said

    deploy("HighThreshold=5")
    assert (variables(client)["CRITICAL"], variables(client)["HIGH"]) == ("3", "5")
    assert len(functions(client)) == len(FUNCTIONS)


def test_names_parameters_that_are_gone_and_what_they_held(
    client: Client, deploy: Callable[..., str], project: Path, run: Run
) -> None:
    template = project / ".chalice" / "template.yaml"
    today = template.read_text()
    name = "TopicName: !Sub ${AWS::StackName}-reports\n"
    older = today.replace(name, f"{name}      Tags: [{{Key: newest, Value: !Ref ImagesNewest}}]\n")
    parameter = "\nParameters:\n  ImagesNewest: {Type: String, Default: ''}\n"
    template.write_text(older.replace("\nParameters:\n", parameter))
    run("python", "-m", "deployment", "resources", "dev", "ImagesNewest=5", "CriticalThreshold=3")
    template.write_text(today)
    said = run("python", "-m", "deployment", "resources", "dev")
    assert "keys of the configuration file: ImagesNewest=5\n" in said


def test_leaves_what_was_reported_and_goes_on_with_it(
    client: Client, deploy: Callable[..., str], run: Run
) -> None:
    before = everything(client)
    deploy("NotifyByChat=true")
    [bucket], [table] = everything(client)["buckets"], everything(client)["tables"]
    report, item = b"as of then", {"pk": {"S": "a"}, "sk": {"S": "b"}}
    client("s3").put_object(Bucket=bucket["Name"], Key="fleet-reports/html/a.html", Body=report)
    client("dynamodb").put_item(TableName=table, Item=item)

    said = run("python", "-m", "deployment", "delete", "dev")

    assert f"HistoryTableName={table}" in said
    assert f"ReportBucketName={bucket['Name']}" in said
    left = everything(client)
    # moto keeps buckets that hold something, and no table, whatever the deletion policy says.
    if table not in left.pop("tables"):
        client("dynamodb").create_table(TableName=table, **KEYS)
        client("dynamodb").put_item(TableName=table, Item=item)
    del before["tables"]
    assert left == {**before, "buckets": [bucket]}

    deploy()

    given = variables(client)
    assert given["HISTORY_TABLE_NAME"] == table
    assert given["REPORT_BUCKET_NAME"] == bucket["Name"]
    assert [each["Name"] for each in everything(client)["buckets"]] == [bucket["Name"]]
    assert everything(client)["tables"] == [table]


def test_keeps_the_accounts_names_out_of_the_tracked_configuration(
    client: Client, deploy: Callable[..., str], project: Path
) -> None:
    config = project / ".chalice" / "config.json"
    tracked = config.read_text()

    deploy()

    assert config.read_text() == tracked


def test_refuses_a_python_that_lambda_gives_up(packaged: Package) -> None:
    with pytest.raises(SystemExit, match="python2.7, the Python it runs on"):
        refuse_outdated_python(packaged, (2, 7))
    refuse_outdated_python(packaged, (3, 13))
