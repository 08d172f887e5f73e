import re

import pytest

from chalicelib.ecr.registries import RegistryAddress, Role
from chalicelib.policy.durations import Duration
from chalicelib.policy.rules import Rules
from chalicelib.policy.thresholds import Thresholds
from chalicelib.settings.settings import SettingError, Settings
from chalicelib.settings.table import ROWS

QUEUE_URL = "https://sqs.eu-west-1.amazonaws.com/123456789012/some-jobs_2"
ROLE_ARN = "arn:aws:iam::111111111111:role/scan"
TOPIC_ARN = "arn:aws:sns:eu-west-1:123456789012:reports"


def test_without_variables_every_setting_has_its_default():
    settings = Settings.from_environment({})
    assert settings.scan_rate == "rate(1 day)"
    assert settings.repositories_filter.pattern == ".*"
    assert settings.images_duration == Duration.parse("7d")
    assert settings.thresholds == Thresholds(0, 0, 0, 0)
    assert settings.notify_on_scan_failure is True
    assert settings.scan_time_lookup is False
    assert settings.log_level == "INFO"
    assert settings.jobs_queue_url is None
    assert settings.report_topic_arn is None
    assert settings.rules == Rules(tagged_only=False)
    assert settings.registries == (RegistryAddress(None, None),)
    assert settings.resolve_indexes is True
    assert settings.daily_scan_budget is None
    assert settings.scans_per_second is None
    assert settings.jobs_per_minute == 1000
    switches = ("repository_tag_rules", "ecs_discovery", "in_use_only", "inspector_findings")
    assert not any(getattr(settings, switch) for switch in switches)


def test_every_variable_is_read():
    settings = Settings.from_environment(
        {
            "SCAN_RATE": "12 hours",
            "REPOSITORIES_FILTER_REGEXP": "^shop/",
            "ECR_IMAGES_DURATION_DELTA": "1m2w",
            "CRITICAL": "1",
            "HIGH": "2",
            "MEDIUM": "30",
            "LOW": "400",
            "NOTIFY_ON_SCAN_FAILURE": "false",
            "SCAN_TIME_LOOKUP": "true",
            "LOG_LEVEL": "DEBUG",
            "IMAGES_SCAN_JOBS_QUEUE_URL": QUEUE_URL,
            "ECR_SNS_REPORT_TOPIC_ARN": TOPIC_ARN,
            "IMAGES_TAG_PATTERN": "^v",
            "IMAGES_TAGGED_ONLY": "true",
            "IMAGES_NEWEST": "5",
            "IMAGES_PUSHED_WITHIN": "3m",
            "IMAGES_PULLED_WITHIN": "2w",
            "REPOSITORY_TAG_RULES": "true",
            "SCAN_REGIONS": "eu-west-1,us-gov-west-1",
            "SCAN_ROLES": f"{ROLE_ARN},arn:aws-cn:iam::222222222222:role/path/scan",
            "SCAN_ROLES_EXTERNAL_ID": "shared",
            "ECS_DISCOVERY_ENABLED": "true",
            "ECS_DISCOVERY_ALL_TASK_DEFINITIONS": "true",
            "ECS_DISCOVERY_ROLES": ROLE_ARN,
            "SCAN_IN_USE_ONLY": "true",
            "RESOLVE_IMAGE_INDEXES": "false",
            "NOTIFY_ON_INSPECTOR_FINDINGS": "true",
            "DAILY_SCAN_BUDGET": "50000",
            "SCANS_PER_SECOND": "20",
            "JOBS_PER_MINUTE": "60",
            "UNRELATED": "value",
        }
    )
    assert settings.rules == Rules(
        tag_pattern=re.compile("^v"),
        tagged_only=True,
        newest=5,
        pushed_within=Duration.parse("3m"),
        pulled_within=Duration.parse("2w"),
    )
    assert settings.repository_tag_rules is True
    assert settings.scan_roles == (
        Role(ROLE_ARN, "shared"),
        Role("arn:aws-cn:iam::222222222222:role/path/scan", "shared"),
    )
    assert settings.registries == tuple(
        RegistryAddress(account, region)
        for account in (None, "111111111111", "222222222222")
        for region in ("eu-west-1", "us-gov-west-1")
    )
    assert (settings.ecs_discovery, settings.ecs_discovery_task_definitions) == (True, True)
    assert settings.ecs_discovery_roles == (Role(ROLE_ARN),)
    assert (settings.in_use_only, settings.resolve_indexes) == (True, False)
    assert settings.inspector_findings is True
    assert settings.daily_scan_budget == 50_000
    assert (settings.scans_per_second, settings.jobs_per_minute) == (20, 60)
    assert settings.scan_rate == "rate(12 hours)"
    assert settings.repositories_filter.pattern == "^shop/"
    assert settings.images_duration == Duration.parse("1m2w")
    assert settings.thresholds == Thresholds(critical=1, high=2, medium=30, low=400)
    assert settings.notify_on_scan_failure is False
    assert settings.scan_time_lookup is True
    assert settings.log_level == "DEBUG"
    assert settings.require_jobs_queue_url() == QUEUE_URL
    assert settings.require_report_topic_arn() == TOPIC_ARN


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.variable)
def test_an_empty_value_sets_nothing(row):
    settings = Settings.from_environment({row.variable: ""})
    assert settings.check()
    assert getattr(settings, row.name) == row.parsed_default


WRONG_VALUES = {
    "REPOSITORY_THRESHOLDS": (
        "thresholds of repositories",
        ["x", "x:", ": HIGH=1", "x: HIGH", "x: HIGH=-1", "x: BAD=1", "x: HIGH=1 HIGH=2"],
    ),
    "KEV": ("a whole number", ["-1", "1.5", "x"]),
    "EPSS": ("a number from 0 to 1", ["1.1", "-0.5", "50 %", ".5"]),
    "FIXABLE_ONLY": ("true, false", ["yes"]),
    "IGNORE_UNFIXED": ("true, false", ["yes"]),
    "MINIMUM_SCORE": ("a number from 0 to 10", ["-1", "10.1", "nan", "1e1", "7,5"]),
    "NOTIFY_MODE": ("every-scan, changes, new-findings", ["always"]),
    "OWNER_TOPICS": ("topics of owners", ["x", "x=y", "=arn:aws:sns:eu-west-1:123456789012:x"]),
    "SLA": ("times to fix by severity", ["7d", "HIGH", "HIGH=0d", "high=7d", "HIGH=7d HIGH=8d"]),
    "EVENT_BUS_ARN": ("the ARN of an EventBridge event bus", ["default", "arn:aws:events:x"]),
    "REPORT_IMAGES": ("current, all", ["newest"]),
    "REPORT_WINDOW": ("minutes from 1m to 60m, or 0", ["5", "61m", "1h", "0m", "05m"]),
    "MESSAGES_A_DAY": ("a whole number, 1 or more", ["0", "-1", "many"]),
    "NOTIFY_BY_EMAIL": ("true, false", ["yes"]),
    "NOTIFY_BY_SMS": ("true, false", ["yes"]),
    "NOTIFY_BY_JSON": ("true, false", ["yes"]),
    "HISTORY_TABLE_NAME": ("the name of a DynamoDB table", ["x", "a/b"]),
    "NOTIFY_BY_CHAT": ("true, false", ["yes"]),
    "NOTIFY_BY_SECURITY_HUB": ("true, false", ["yes"]),
    "DIGEST": ("true, false", ["yes"]),
    "DIGEST_RATE": ("a rate", ["weekly"]),
    "FEEDS": ("true, false", ["yes"]),
    "KEV_ADDRESS": ("an address of the web", ["kev.json", "file:///kev.json", "https://a b"]),
    "EPSS_ADDRESS": ("an address of the web", ["epss.csv", "ftp://host/epss.csv"]),
    "REPORT_BUCKET_NAME": ("the name of an S3 bucket", ["x", "Bucket", "a/b"]),
    "ACCEPTED_RISKS": ("a file's path", ["/etc/passwd", "../x", "s3://x", "ssm:", "https://x/y"]),
    "CONFIGURATION": ("a file's path", ["s3://x", "https://x/y"]),
    "CHAT_SNS_TOPIC_ARN": ("an SNS topic ARN", ["x"]),
    "SCAN_RATE": ("a rate", ["daily", "0 days", "1 days", "cron(* * * * * *)", "cron(0)"]),
    "REPOSITORIES_FILTER_REGEXP": (
        "a Python regular expression",
        ["(", "[a", "*", "a{99999999999}"],
    ),
    "ECR_IMAGES_DURATION_DELTA": (
        "months, weeks, days and hours",
        ["0d", "0h", "7", "1d1m", "7d "],
    ),
    "CRITICAL": ("a whole number, 0 or more", ["-1", "1.0", "one", " 1", "1\n", "٣", "9" * 19]),
    "HIGH": ("a whole number, 0 or more", ["x"]),
    "MEDIUM": ("a whole number, 0 or more", ["x"]),
    "LOW": ("a whole number, 0 or more", ["x"]),
    "INFORMATIONAL": ("a whole number, 0 or more", ["x"]),
    "UNDEFINED": ("a whole number, 0 or more", ["x"]),
    "NOTIFY_ON_SCAN_FAILURE": ("true, false", ["yes", "1", "true "]),
    "SCAN_TIME_LOOKUP": ("true, false", ["no", "0", "True"]),
    "LOG_LEVEL": ("DEBUG, INFO, WARNING, ERROR", ["info", "TRACE"]),
    "IMAGES_SCAN_JOBS_QUEUE_URL": (
        "an SQS queue URL",
        ["jobs", "https://sqs.example/", f"{QUEUE_URL}.fifo", f"{QUEUE_URL}{'x' * 80}", " "],
    ),
    "ECR_SNS_REPORT_TOPIC_ARN": (
        "an SNS topic ARN",
        ["reports", "arn:aws:sqs:eu-west-1:123456789012:reports", TOPIC_ARN + "/x"],
    ),
    "IMAGES_TAG_PATTERN": ("a Python regular expression", ["("]),
    "IMAGES_TAGGED_ONLY": ("true, false", ["yes"]),
    "IMAGES_NEWEST": ("a whole number, 1 or more", ["0", "-1"]),
    "IMAGES_PUSHED_WITHIN": ("months, weeks, days and hours", ["7"]),
    "IMAGES_PULLED_WITHIN": ("months, weeks, days and hours", ["7"]),
    "REPOSITORY_TAG_RULES": ("true, false", ["yes"]),
    "SCAN_REGIONS": (
        "AWS regions, separated by commas",
        ["Ireland", "eu-west-1;eu-west-2", "eu-west-1, eu-west-2"],
    ),
    "SCAN_ROLES": (
        "ARNs of IAM roles of different accounts",
        ["role", "arn:aws:iam::1:role/x", f"{ROLE_ARN},{ROLE_ARN}-2"],
    ),
    "SCAN_ROLES_EXTERNAL_ID": ("2 to 1224 letters", ["x", "with space"]),
    "ECS_DISCOVERY_ENABLED": ("true, false", ["yes"]),
    "ECS_DISCOVERY_ALL_TASK_DEFINITIONS": ("true, false", ["yes"]),
    "ECS_DISCOVERY_ROLES": ("ARNs of IAM roles of different accounts", [ROLE_ARN + "\n\n?"]),
    "ECS_DISCOVERY_ROLES_EXTERNAL_ID": ("2 to 1224 letters", ["x"]),
    "SCAN_IN_USE_ONLY": ("true", ["yes", "true"]),
    "RESOLVE_IMAGE_INDEXES": ("true, false", ["yes"]),
    "NOTIFY_ON_INSPECTOR_FINDINGS": ("true, false", ["yes"]),
    "DAILY_SCAN_BUDGET": ("a whole number from 1 to 100000", ["0", "100001"]),
    "SCANS_PER_SECOND": ("a whole number, 1 or more", ["0", "0.5"]),
    "JOBS_PER_MINUTE": ("a whole number, 1 or more", ["0"]),
}


@pytest.mark.parametrize(
    ("variable", "value", "accepted"),
    [(name, value, accepted) for name, (accepted, bad) in WRONG_VALUES.items() for value in bad],
)
def test_a_wrong_value_is_an_error_that_names_variable_value_and_what_is_accepted(
    variable, value, accepted
):
    with pytest.raises(SettingError) as raised:
        Settings.from_environment({variable: value}).check()
    assert str(raised.value).startswith(f"{variable} is {value!r}; accepted: {accepted}")


def test_every_variable_is_tried_with_wrong_values():
    assert WRONG_VALUES.keys() == {row.variable for row in ROWS}


USED_AT_START = [row for row in ROWS if row.used_at_start]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.variable)
def test_a_wrong_setting_stops_what_uses_it_and_nothing_else(row):
    settings = Settings.from_environment({row.variable: WRONG_VALUES[row.variable][1][0]})
    for other in ROWS:
        if other is not row or row in USED_AT_START:
            assert getattr(settings, other.name) == other.parsed_default
    if row not in USED_AT_START:
        with pytest.raises(SettingError, match=f"^{row.variable} is "):
            getattr(settings, row.name)


def test_what_the_application_needs_to_start_falls_back():
    assert {row.variable for row in USED_AT_START} == {
        *("SCAN_RATE", "DIGEST_RATE", "NOTIFY_ON_INSPECTOR_FINDINGS", "LOG_LEVEL")
    }
    assert Settings.from_environment({"IMAGES_SCAN_JOBS_QUEUE_URL": "?"}).jobs_queue_name


def test_modes_that_need_a_history_are_refused_without_one():
    settings = Settings.from_environment({"NOTIFY_MODE": "changes"})
    with pytest.raises(SettingError, match="NOTIFY_MODE is 'changes'; accepted: every-scan with"):
        _ = settings.notify_mode
    with_history = {"NOTIFY_MODE": "changes", "HISTORY_TABLE_NAME": "reported"}
    assert Settings.from_environment(with_history).check().notify_mode == "changes"


def test_scanners_share_the_pace_unless_a_plan_lets_them_follow_one_another():
    def pace(**variables):
        return Settings.from_environment(variables).scanner_pace

    assert pace() is None
    assert pace(SCANS_PER_SECOND="10") == 2
    assert pace(SCANS_PER_SECOND="10", DAILY_SCAN_BUDGET="100") == 10


@pytest.mark.parametrize(
    ("variables", "mode", "images"),
    [
        ({}, "every-scan", "all"),
        ({"HISTORY_TABLE_NAME": "reported"}, "new-findings", "current"),
    ],
)
def test_what_is_reported_by_default_depends_on_whether_there_is_a_history(variables, mode, images):
    settings = Settings.from_environment(variables).check()
    assert (settings.notify_mode, settings.report_images) == (mode, images)


def test_current_images_alone_are_reported_only_where_there_is_a_history():
    with pytest.raises(SettingError, match="REPORT_IMAGES is 'current'; accepted: all without"):
        Settings.from_environment({"REPORT_IMAGES": "current"}).check()


def test_the_original_behaviour_is_two_settings():
    original = {
        "NOTIFY_MODE": "every-scan",
        "REPORT_IMAGES": "all",
        "HISTORY_TABLE_NAME": "reported",
    }
    settings = Settings.from_environment(original).check()
    assert (settings.notify_mode, settings.report_images) == ("every-scan", "all")
    assert not settings.collects_news


def test_security_hub_is_told_only_where_there_is_a_history():
    hub = {"NOTIFY_BY_SECURITY_HUB": "true"}
    with pytest.raises(SettingError, match="NOTIFY_BY_SECURITY_HUB is 'true'; accepted: true only"):
        Settings.from_environment(hub).check()
    assert Settings.from_environment({**hub, "HISTORY_TABLE_NAME": "reported"}).check()
