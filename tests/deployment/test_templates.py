"""What the templates say, whatever stack is made of them."""

import ast
import json
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import hypothesis
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from moto.cloudformation.utils import yaml_tag_constructor

from chalicelib.runtime import logs
from chalicelib.settings.kinds import PATTERN
from chalicelib.settings.rows import Setting, SettingError
from chalicelib.settings.settings import Settings
from chalicelib.settings.table import ROWS
from deployment import permissions
from deployment.packages import PROJECT, Package, Template
from deployment.templates import (
    refuse_wrong,
    request_body,
    resources_template,
    serialized,
    without_what_people_read,
)
from local.history import KEYS
from tests.settings.test_table import nearly

# What the names of the functions end in, after that of the stack.
FUNCTIONS = (
    *("list_repositories", "scan_images", "notify", "send_reports", "report_fleet"),
    *("refresh_feeds", ""),
)
QUEUES = ("JobsQueue", "DeadJobsQueue", "FailedEventsQueue")
TOPICS = ("ReportTopic", "ChatTopic", "AlarmTopic")


OF_SETTINGS = pytest.mark.parametrize(
    "row", [row for row in ROWS if row.parameter], ids=lambda row: row.parameter
)


def accepts(spec: dict[str, Any], value: str) -> bool:
    """Whether CloudFormation takes the value for a parameter."""
    if "AllowedValues" in spec:
        return value in map(str, spec["AllowedValues"])
    pattern = spec.get("AllowedPattern", "(?s).*")
    return bool(re.fullmatch(pattern, value)) and len(value) <= spec.get("MaxLength", 4096)


def accepted_by(spec: dict[str, Any]) -> st.SearchStrategy[str]:
    """Values that CloudFormation takes for a parameter."""
    if "AllowedValues" in spec:
        return st.sampled_from(spec["AllowedValues"])
    if "AllowedPattern" in spec:
        return st.from_regex(re.compile(spec["AllowedPattern"], re.ASCII), fullmatch=True)
    return st.text(max_size=spec["MaxLength"])


@pytest.fixture(scope="session")
def resources(packaged: Package) -> Template:
    return resources_template(packaged)


def of_type(template: Template, kind: str) -> dict[str, dict[str, Any]]:
    found = template["Resources"].items()
    return {name: r["Properties"] for name, r in found if r["Type"] == kind}


def statements(template: Template, kind: str, attached_to: str, name: str) -> list[dict[str, Any]]:
    return [
        statement
        for policy in of_type(template, kind).values()
        if {"Ref": name} in policy[attached_to]
        for statement in policy["PolicyDocument"]["Statement"]
    ]


REPORT_TOPIC = {"Fn::If": ["MakesReportTopic", {"Ref": "ReportTopic"}, {"Ref": "ReportTopicArn"}]}


class TestParameters:
    def test_each_is_in_a_group_with_a_label_and_a_description(self, packaged: Package) -> None:
        interface = packaged.template["Metadata"]["AWS::CloudFormation::Interface"]
        grouped = [name for group in interface["ParameterGroups"] for name in group["Parameters"]]

        assert sorted(grouped) == sorted(packaged.template["Parameters"])
        assert sorted(interface["ParameterLabels"]) == sorted(packaged.template["Parameters"])
        assert all(spec["Description"] for spec in packaged.template["Parameters"].values())

    def test_each_has_a_default_that_it_accepts(self, packaged: Package) -> None:
        for spec in packaged.template["Parameters"].values():
            assert accepts(spec, str(spec["Default"]))

    @pytest.mark.parametrize(
        ("parameter", "value"),
        [
            ("NotificationEmails", "nobody"),
            ("NotificationEmails", "a@example.org, b@example.org"),
            ("NotificationEmails", ",".join(["a@example.org"] * 6)),
            ("AlarmEmail", "a@example.org,b@example.org"),
            ("ReportTopicArn", "reports"),
            ("KmsKeyArn", "alias/aws/sns"),
            ("PermissionsBoundaryArn", "developers"),
            ("ConfiguredRoles", "*"),
            ("ConfiguredRoles", "arn:aws:iam::*:role/*"),
            ("ConfiguredRoles", "arn:aws:iam::2222:role/scan"),
            # Those of settings, which the next tests try with anything.
            ("ScanRate", "rate(1 days)"),
            ("ScanRate", "cron(0)"),
            ("ImagesDuration", "0h"),
            ("ScanRegions", "eu-west-1, us-east-1"),
            ("ScanRoles", "arn:aws:iam::222222222222:role/*"),
            ("ScanRoles", "arn:aws:iam::222222222222:role/a,arn:aws:iam::222222222222:role/b"),
            ("AcceptedRisks", "s3://lists/${aws:username}"),
            ("AcceptedRisks", "s3://lists/s3://others/risks.yaml"),
            ("Configuration", "ssm:/lists/*"),
            ("Configuration", "ssm:configuration"),
        ],
    )
    def test_nonsense_is_refused(self, packaged: Package, parameter: str, value: str) -> None:
        assert not accepts(packaged.template["Parameters"][parameter], value)

    @pytest.mark.parametrize(
        ("parameter", "value"),
        [
            ("NotificationEmails", ",".join(["a@example.org"] * 5)),
            ("AlarmEmail", "a@example.org"),
            ("ReportTopicArn", "arn:aws:sns:eu-west-1:123456789012:security"),
            ("KmsKeyArn", "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab"),
            ("PermissionsBoundaryArn", "arn:aws:iam::123456789012:policy/team/developers"),
            ("ConfiguredRoles", "arn:aws:iam::*:role/scan,arn:aws:iam::222222222222:role/find"),
            ("ScanRate", "1 day"),
            ("ScanRate", "cron(0 6 ? * MON-FRI *)"),
            ("ScanRoles", "arn:aws:iam::222222222222:role/a,arn:aws-cn:iam::333333333333:role/b/c"),
            ("Configuration", "ssm:/ecr-scan-reporter/configuration"),
        ],
    )
    def test_sense_is_accepted(self, packaged: Package, parameter: str, value: str) -> None:
        assert accepts(packaged.template["Parameters"][parameter], value)

    @OF_SETTINGS
    @given(data=st.data())
    @hypothesis.settings(max_examples=20)
    def test_what_is_accepted_is_a_setting_that_the_functions_have(
        self, packaged: Package, row: Setting[Any], data: st.DataObject
    ) -> None:
        spec = packaged.template["Parameters"][row.parameter]
        text = data.draw(accepted_by(spec))
        settings = Settings.from_environment({row.variable: text})
        try:
            getattr(settings, row.name)
        except SettingError:
            # Whether a regular expression compiles, no other one can say. It stops what uses it.
            assert row.kind is PATTERN

    @OF_SETTINGS
    @given(data=st.data())
    @hypothesis.settings(max_examples=20)
    def test_what_the_functions_have_is_accepted(
        self, packaged: Package, row: Setting[Any], data: st.DataObject
    ) -> None:
        text = data.draw(nearly(row.kind, row.example))
        try:
            row.parse(text)
        except SettingError:
            return
        assert accepts(packaged.template["Parameters"][row.parameter], text)

    @OF_SETTINGS
    def test_what_a_configuration_file_may_hold_is_left_to_it_by_default(
        self, packaged: Package, row: Setting[Any]
    ) -> None:
        default = packaged.template["Parameters"][row.parameter]["Default"]
        assert default == (row.default if row.by_deployment else "")


class TestPermissions:
    def test_of_each_setting_are_those_that_its_parameter_turns_on(self, packaged: Package) -> None:
        conditions = packaged.template["Conditions"]
        given = [each for own in permissions.FUNCTIONS.values() for each in own]
        brought: dict[str, set[str]] = defaultdict(set)
        for permission in [*given, *permissions.WITH_CONFIGURATION]:
            for condition in permission.conditions:
                for parameter in parameters_of(condition, conditions):
                    brought[parameter].add(permission.name)
        assert {row.parameter: set(row.permissions) for row in ROWS if row.permissions} == {
            row.parameter: brought[row.parameter] for row in ROWS if row.parameter in brought
        }


def parameters_of(condition: str, conditions: dict[str, Any]) -> set[str]:
    """The parameters that a condition of the template is about, through others too."""
    text = json.dumps(conditions[condition])
    found = {first or second for first, second in re.findall(r'"Ref": "(\w+)"|\$\{(\w+)\}', text)}
    for other in re.findall(r'"Condition": "(\w+)"', text):
        found |= parameters_of(other, conditions)
    return found


class TestAccess:
    @pytest.mark.parametrize("queue", QUEUES)
    def test_queues_refuse_access_without_tls(self, plain: Template, queue: str) -> None:
        [refusal] = [
            statement
            for statement in statements(plain, "AWS::SQS::QueuePolicy", "Queues", queue)
            if statement["Effect"] == "Deny"
        ]
        assert refusal["Action"] == "sqs:*"
        assert refusal["Principal"] == "*"
        assert refusal["Resource"] == {"Fn::GetAtt": [queue, "Arn"]}
        assert refusal["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}

    @pytest.mark.parametrize("topic", TOPICS)
    def test_topics_refuse_messages_without_tls(self, plain: Template, topic: str) -> None:
        [refusal] = [
            statement
            for statement in statements(plain, "AWS::SNS::TopicPolicy", "Topics", topic)
            if statement["Effect"] == "Deny"
        ]
        assert refusal["Action"] == "sns:Publish"
        assert refusal["Principal"] == "*"
        assert refusal["Resource"] == {"Ref": topic}
        assert refusal["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}

    def test_only_services_with_a_source_are_let_in(self, plain: Template) -> None:
        allowed = [
            statement
            for kind in ("AWS::SQS::QueuePolicy", "AWS::SNS::TopicPolicy")
            for policy in of_type(plain, kind).values()
            for statement in policy["PolicyDocument"]["Statement"]
            if statement["Effect"] == "Allow"
        ]
        assert {statement["Principal"]["Service"] for statement in allowed} == {
            "cloudwatch.amazonaws.com",
            "events.amazonaws.com",
        }
        assert all(statement["Condition"]["ArnLike"]["aws:SourceArn"] for statement in allowed)

    def test_the_report_bucket_refuses_access_without_tls(self, plain: Template) -> None:
        [policy] = of_type(plain, "AWS::S3::BucketPolicy").values()
        assert policy["Bucket"] == {"Ref": "ReportBucket"}
        [refusal] = policy["PolicyDocument"]["Statement"]
        assert (refusal["Effect"], refusal["Principal"], refusal["Action"]) == ("Deny", "*", "s3:*")
        assert refusal["Resource"] == [
            {"Fn::GetAtt": ["ReportBucket", "Arn"]},
            {"Fn::Sub": "${ReportBucket.Arn}/*"},
        ]
        assert refusal["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}

    def test_the_chat_topic_is_made_with_its_policy_only_where_it_is_asked_for(
        self, plain: Template
    ) -> None:
        for name in ("ChatTopic", "ChatTopicPolicy"):
            assert plain["Resources"][name]["Condition"] == "HasChat"
        assert plain["Outputs"]["ChatTopicArn"]["Condition"] == "HasChat"

    def test_reports_go_to_email_subscribers_as_far_as_email_is_on(self, plain: Template) -> None:
        emails = [
            subscription
            for subscription in of_type(plain, "AWS::SNS::Subscription").values()
            if subscription["TopicArn"] == REPORT_TOPIC
        ]
        assert [subscription["Protocol"] for subscription in emails] == ["email"] * 5
        # The scope is that of message attributes where none is named.
        assert all(
            subscription["FilterPolicy"] == {"channels": ["email"]} for subscription in emails
        )
        assert not any("FilterPolicyScope" in subscription for subscription in emails)

    def test_alarms_go_to_an_address_of_their_own(self, plain: Template) -> None:
        emails = [
            subscription
            for subscription in of_type(plain, "AWS::SNS::Subscription").values()
            if subscription["TopicArn"] == {"Ref": "AlarmTopic"}
        ]
        [alarms] = emails
        assert alarms["Protocol"] == "email"
        assert alarms["Endpoint"] == {"Ref": "AlarmEmail"}
        assert "FilterPolicy" not in alarms

    def test_no_address_is_subscribed_twice(self, plain: Template) -> None:
        """Else AWS would send it two emails to confirm."""
        places = [
            json.dumps(subscription["Endpoint"])
            for subscription in of_type(plain, "AWS::SNS::Subscription").values()
        ]
        assert len(places) == len(set(places)) == 6

    def test_reports_go_to_a_topic_of_ones_own_where_one_is_given(self, plain: Template) -> None:
        for name in ("ReportTopic", "ReportTopicPolicy"):
            assert plain["Resources"][name]["Condition"] == "MakesReportTopic"
        assert plain["Outputs"]["ReportTopicArn"]["Value"] == REPORT_TOPIC

    def test_every_route_wants_a_signature_of_iam(self, plain: Template) -> None:
        body = plain["Resources"]["RestAPI"]["Properties"]["Body"]
        routes = [method for path in body["paths"].values() for method in path.values()]

        assert len(routes) == 3
        assert all(route["security"] == [{"sigv4": []}] for route in routes)
        assert body["securityDefinitions"]["sigv4"]["x-amazon-apigateway-authtype"] == "awsSigv4"

    def test_the_api_is_throttled(self, plain: Template) -> None:
        [settings] = plain["Resources"]["RestAPIapiStage"]["Properties"]["MethodSettings"]
        assert (settings["ResourcePath"], settings["HttpMethod"]) == ("/*", "*")
        assert (settings["ThrottlingRateLimit"], settings["ThrottlingBurstLimit"]) == (1, 5)


class TestFailures:
    def test_events_that_are_not_delivered_are_kept(self, plain: Template) -> None:
        queue = {"Fn::GetAtt": ["FailedEventsQueue", "Arn"]}
        targets = [
            target
            for rule in of_type(plain, "AWS::Events::Rule").values()
            for target in rule["Targets"]
        ]
        assert len(targets) == 5
        kept = {
            each["Id"]: each["DeadLetterConfig"] for each in targets if "DeadLetterConfig" in each
        }
        assert list(kept.values()) == [{"Arn": queue}] * 4
        # One minute's that is lost is made up for by the next.
        assert not any("SendReports" in target for target in kept)

    def test_events_that_lister_notifier_and_digest_cannot_handle_are_kept(
        self, plain: Template
    ) -> None:
        queue = {"Destination": {"Fn::GetAtt": ["FailedEventsQueue", "Arn"]}}
        configs = of_type(plain, "AWS::Lambda::EventInvokeConfig").values()
        kept = {
            config["FunctionName"]["Ref"]: config.get("DestinationConfig", {}).get("OnFailure")
            for config in configs
        }
        digests = {"RefreshFeeds": queue, "ReportFleet": queue, "SendReports": None}
        assert kept == {"ListRepositories": queue, "Notify": queue, **digests}

    def test_the_scanner_may_send_itself_what_it_has_no_time_for(self, plain: Template) -> None:
        assert plain["Resources"]["ScanImages"]["Properties"]["RecursiveLoop"] == "Allow"

    def test_what_is_kept_what_is_late_and_throttles_raise_alarms(self, plain: Template) -> None:
        alarms = of_type(plain, "AWS::CloudWatch::Alarm")
        assert {metric for alarm in alarms.values() for metric in _alarmed(alarm)} == {
            ("Invocations", "list_repositories"),
            ("Errors", "list_repositories"),
            ("Errors", "send_reports"),
            ("ApproximateAgeOfOldestMessage", "JobsQueue"),
            *(("Throttles", name) for name in FUNCTIONS),
            ("ApproximateNumberOfMessagesVisible", "DeadJobsQueue"),
            ("ApproximateNumberOfMessagesVisible", "FailedEventsQueue"),
        }
        assert all(alarm["AlarmActions"] == [{"Ref": "AlarmTopic"}] for alarm in alarms.values())


def _alarmed(alarm: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The metrics that an alarm watches, each with the function or queue that it is of."""
    metrics = [m["MetricStat"]["Metric"] for m in alarm.get("Metrics", []) if "MetricStat" in m]
    for metric in metrics or [alarm]:
        [dimension] = metric["Dimensions"]
        value = dimension["Value"]
        if "Fn::GetAtt" in value:
            yield metric["MetricName"], value["Fn::GetAtt"][0]
        else:
            yield metric["MetricName"], value.get("Fn::Sub", "").removeprefix("${AWS::StackName}-")


def test_logs_are_encrypted_with_the_customer_key(plain: Template) -> None:
    groups = of_type(plain, "AWS::Logs::LogGroup").values()
    with_key = {"Fn::If": ["HasKmsKey", {"Ref": "KmsKeyArn"}, {"Ref": "AWS::NoValue"}]}
    assert [group["KmsKeyId"] for group in groups] == [with_key] * 7


class TestReports:
    """Where it is kept what was reported."""

    @pytest.fixture
    def table(self, plain: Template) -> dict[str, Any]:
        [table] = of_type(plain, "AWS::DynamoDB::Table").values()
        return table

    @pytest.fixture
    def bucket(self, plain: Template) -> dict[str, Any]:
        [bucket] = of_type(plain, "AWS::S3::Bucket").values()
        return bucket

    def test_the_history_costs_what_is_used_and_forgets(self, table: dict[str, Any]) -> None:
        assert table["BillingMode"] == "PAY_PER_REQUEST"
        assert table["TimeToLiveSpecification"] == {"AttributeName": "expires_at", "Enabled": True}
        assert table["KeySchema"] == KEYS["KeySchema"]
        assert table["AttributeDefinitions"] == KEYS["AttributeDefinitions"]

    def test_the_history_can_be_restored(self, table: dict[str, Any]) -> None:
        recovery = table["PointInTimeRecoverySpecification"]
        assert recovery == {"PointInTimeRecoveryEnabled": True}

    def test_the_history_is_encrypted_with_the_customer_key(self, table: dict[str, Any]) -> None:
        with_key = {"SSEEnabled": True, "SSEType": "KMS", "KMSMasterKeyId": {"Ref": "KmsKeyArn"}}
        own = {"Ref": "AWS::NoValue"}
        assert table["SSESpecification"] == {"Fn::If": ["HasKmsKey", with_key, own]}

    def test_the_table_and_the_bucket_with_its_policy_alone_outlive_the_stack(
        self, plain: Template, resources: Template
    ) -> None:
        """But for those of a stack that could not be made."""
        policies = {"DeletionPolicy": "RetainExceptOnCreate", "UpdateReplacePolicy": "Retain"}
        for template in (plain, resources):
            for policy, value in policies.items():
                kept = {name for name, r in template["Resources"].items() if policy in r}
                assert kept == {"HistoryTable", "ReportBucket", "ReportBucketPolicy"}
                assert {template["Resources"][name][policy] for name in kept} == {value}

    def test_the_bucket_is_closed_to_the_public(self, bucket: dict[str, Any]) -> None:
        blocked = bucket["PublicAccessBlockConfiguration"]
        assert len(blocked) == 4
        assert set(blocked.values()) == {True}
        [ownership] = bucket["OwnershipControls"]["Rules"]
        assert ownership == {"ObjectOwnership": "BucketOwnerEnforced"}

    def test_reports_are_kept_for_as_long_as_is_asked(self, bucket: dict[str, Any]) -> None:
        [rule] = bucket["LifecycleConfiguration"]["Rules"]
        assert rule["Status"] == "Enabled"
        assert rule["ExpirationInDays"] == {"Ref": "ReportRetentionDays"}

    def test_reports_are_kept_until_the_digest_of_a_week_later(self, packaged: Package) -> None:
        assert packaged.template["Parameters"]["ReportRetentionDays"]["MinValue"] > 7


class TestDashboard:
    def test_is_made_only_where_it_is_asked_for(self, packaged: Package, plain: Template) -> None:
        assert plain["Resources"]["Dashboard"]["Condition"] == "HasDashboard"
        assert packaged.template["Parameters"]["DashboardEnabled"]["Default"] == "false"

    @pytest.fixture
    def widgets(self, plain: Template) -> list[dict[str, Any]]:
        [dashboard] = of_type(plain, "AWS::CloudWatch::Dashboard").values()
        widgets: list[dict[str, Any]] = json.loads(dashboard["DashboardBody"]["Fn::Sub"])["widgets"]
        for widget in widgets:
            widget["properties"]["metrics"] = _spelled_out(widget["properties"]["metrics"])
        return widgets

    def test_draws_errors_throttles_and_durations_of_every_function(
        self, widgets: list[dict[str, Any]]
    ) -> None:
        drawn = [m for w in widgets for m in w["properties"]["metrics"] if m[0] == "AWS/Lambda"]
        names = ["${AWS::StackName}" + (f"-{name}" if name else "") for name in FUNCTIONS]
        assert drawn == [
            ["AWS/Lambda", metric, "FunctionName", name]
            for metric in ("Errors", "Throttles", "Duration")
            for name in names
        ]

    def test_draws_no_widget_over_another(self, widgets: list[dict[str, Any]]) -> None:
        places = [(widget["x"], widget["y"]) for widget in widgets]
        assert len(set(places)) == len(places)
        assert {(widget["width"], widget["height"]) for widget in widgets} == {(8, 6)}
        assert all(x % 8 == 0 and x < 24 and y % 6 == 0 for x, y in places)

    def test_draws_every_metric_that_the_code_counts(self, widgets: list[dict[str, Any]]) -> None:
        drawn = json.dumps([widget["properties"]["metrics"] for widget in widgets])
        assert logs.METRICS_NAMESPACE in drawn
        assert metrics_counted(), "no metric was found in the code"
        assert [metric for metric in metrics_counted() if metric not in drawn] == []

    def test_draws_no_metric_that_nothing_counts(self, widgets: list[dict[str, Any]]) -> None:
        drawn = {
            metric[1]
            for widget in widgets
            for metric in widget["properties"]["metrics"]
            if metric[0] == logs.METRICS_NAMESPACE
        }
        assert drawn
        assert drawn <= metrics_counted()


def _spelled_out(metrics: list[list[Any]]) -> list[list[Any]]:
    """Metrics with what ``.`` and ``...`` stand for, that of the one before.

    Source: CloudWatch user guide, "Dashboard body structure and syntax".
    """
    spelled: list[list[Any]] = []
    for metric in metrics:
        before = spelled[-1] if spelled else []
        if metric[0] == "...":
            metric = before[: len(before) - len(metric) + 1] + metric[1:]
        spelled.append([before[i] if each == "." else each for i, each in enumerate(metric)])
    return spelled


def metrics_counted() -> set[str]:
    """The names that the code counts under."""
    modules = (PROJECT / "chalicelib").rglob("*.py")
    sources = [path.read_text() for path in modules if path.stem != "logs"]
    trees = [ast.parse(source) for source in sources if "logs." in source]
    return {name for tree in trees for node in ast.walk(tree) for name in _names_counted(node)}


def _names_counted(node: ast.AST) -> list[str]:
    """What a call of `logs.count` or a dictionary of metrics names."""
    if isinstance(node, ast.Call) and ast.unparse(node.func) == "logs.count":
        names = node.args[:1]
    else:
        names = node.keys if isinstance(node, ast.Dict) else []
    counted = [name.value for name in names if isinstance(name, ast.Constant)]
    return [name for name in counted if name[:1].isupper()]


def with_api(value: Any) -> Any:
    """A part of the packaged template as it is where there is an API."""
    if isinstance(value, list):
        return [with_api(item) for item in value]
    if not isinstance(value, dict):
        return value
    if value.get("Fn::If", [""])[0] == "HasHttpApi":
        return value["Fn::If"][1]
    return {name: with_api(item) for name, item in value.items()}


class TestResourcesOfChaliceDeploy:
    def test_are_all_but_what_chalice_makes(self, packaged: Package, resources: Template) -> None:
        left_out = packaged.template["Resources"].keys() - resources["Resources"].keys()
        assert left_out == {
            "APIHandler",
            "APIHandlerInvokePermission",
            "ListRepositories",
            "Notify",
            "RefreshFeeds",
            "ReportFleet",
            "RestAPI",
            "ScanImages",
            "SendReports",
        }

    def test_are_the_same_as_in_the_package(self, packaged: Package, resources: Template) -> None:
        for name, resource in resources["Resources"].items():
            packaged_one = packaged.template["Resources"][name]
            assert resource["Properties"] == with_api(packaged_one["Properties"])

    def test_fit_into_one_request_with_room_for_more(self, resources: Template) -> None:
        """CloudFormation takes 51,200 bytes. Source: its quotas."""
        assert len(request_body(resources)) <= 50_500

    def test_say_in_a_request_what_they_say_as_json(self, resources: Template) -> None:
        class Loader(yaml.SafeLoader):
            """YAML as CloudFormation reads it."""

        Loader.add_multi_constructor("", yaml_tag_constructor)
        parsed = yaml.load(request_body(resources), Loader)  # noqa: S506
        assert parsed == json.loads(serialized(without_what_people_read(resources)))

    def test_name_no_condition_that_is_not_there_and_have_none_that_nothing_names(
        self, resources: Template
    ) -> None:
        rest = {name: part for name, part in resources.items() if name != "Conditions"}
        text = serialized(rest) + serialized(resources["Conditions"])
        named = set(re.findall(r'"Fn::If":\["(\w+)"|"Condition":"(\w+)"', text))
        assert {first or second for first, second in named} == resources["Conditions"].keys()

    def test_have_no_parameter_that_only_the_package_has(
        self, packaged: Package, resources: Template
    ) -> None:
        gone = packaged.template["Parameters"].keys() - resources["Parameters"].keys()
        assert gone == {"HttpApi", "PythonRuntime"}


class TestCode:
    def test_is_small(self, code: Path) -> None:
        assert code.stat().st_size <= 1_500_000

    def test_runs_on_any_runtime(self, code: Path) -> None:
        """All is pure Python, or has a pure form beside it.

        MarkupSafe's compiled module is for one version of Python. Others pass it over and import
        ``_native`` in its place, which the compiled one replaces for speed.
        """
        names = ZipFile(code).namelist()
        assert "chalicelib/scanning/scanner.py" in names
        [compiled] = [name for name in names if name.endswith((".so", ".pyd", ".dylib"))]
        assert re.fullmatch(
            r"markupsafe/_speedups\.cpython-3\d+-aarch64-linux-gnu\.so", compiled
        ), compiled
        assert "markupsafe/_native.py" in names

    def test_makes_reports_from_what_is_in_it_alone(self, code: Path, tmp_path: Path) -> None:
        with ZipFile(code) as archive:
            archive.extractall(tmp_path)
        for native in tmp_path.glob("markupsafe/*.so"):
            native.unlink()
        script = f"""
import sys
from datetime import UTC, datetime
sys.path.insert(0, {str(tmp_path)!r})
from chalicelib.fleet.report import FleetReport
from chalicelib.fleet.formats import FORMS, rendered
print([form for form in FORMS if not rendered(form, FleetReport(datetime.now(UTC)))])
"""
        # Without the packages that are installed here.
        command = [sys.executable, "-I", "-S", "-c", script]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert done.stdout.strip() == "[]"

    def test_leaves_out_what_only_development_needs(self, code: Path) -> None:
        top = {name.split("/")[0] for name in ZipFile(code).namelist()}
        assert top.isdisjoint({"boto3", "botocore", "deployment", "local", "tests"})
        assert "ecr_scan_reporter" not in top


def test_values_are_checked_by_the_patterns_that_a_request_has_no_room_for(
    resources: Template,
) -> None:
    sent = without_what_people_read(resources)["Parameters"]
    assert not any("AllowedPattern" in spec for spec in sent.values())
    refuse_wrong(resources, {"ScanRate": "1 day", "ListingAlarmHours": "", "Unknown": "x"})
    with pytest.raises(ValueError, match=r"ScanRate is '1 days'; accepted: a rate \(1 day"):
        refuse_wrong(resources, {"ScanRate": "1 days"})
