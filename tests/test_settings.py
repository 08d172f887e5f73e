import dataclasses

import pytest

from chalicelib.durations import Duration
from chalicelib.settings import SettingError, Settings
from chalicelib.thresholds import Thresholds

QUEUE_URL = "https://sqs.eu-west-1.amazonaws.com/123456789012/some-jobs_2"
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
            "SCAN_TIME_LOOKUP": "True",
            "LOG_LEVEL": "DEBUG",
            "IMAGES_SCAN_JOBS_QUEUE_URL": QUEUE_URL,
            "ECR_SNS_REPORT_TOPIC_ARN": TOPIC_ARN,
            "UNRELATED": "value",
        }
    )
    assert settings.scan_rate == "rate(12 hours)"
    assert settings.repositories_filter.pattern == "^shop/"
    assert settings.images_duration == Duration.parse("1m2w")
    assert settings.thresholds == Thresholds(critical=1, high=2, medium=30, low=400)
    assert settings.notify_on_scan_failure is False
    assert settings.scan_time_lookup is True
    assert settings.log_level == "DEBUG"
    assert settings.require_jobs_queue_url() == QUEUE_URL
    assert settings.require_report_topic_arn() == TOPIC_ARN


WRONG_VALUES = {
    "SCAN_RATE": ("a rate", ["", "daily", "0 days", "cron(* * * * * *)"]),
    "REPOSITORIES_FILTER_REGEXP": (
        "a Python regular expression",
        ["(", "[a", "*", "a{99999999999}"],
    ),
    "ECR_IMAGES_DURATION_DELTA": ("months, weeks, days and hours", ["", "0d", "7", "1d1m", "7d "]),
    "CRITICAL": ("a whole number, 0 or more", ["", "-1", "1.0", "one", " 1", "1\n", "٣", "9" * 19]),
    "HIGH": ("a whole number, 0 or more", ["x"]),
    "MEDIUM": ("a whole number, 0 or more", ["x"]),
    "LOW": ("a whole number, 0 or more", ["x"]),
    "NOTIFY_ON_SCAN_FAILURE": ("true, false", ["", "yes", "1", "true "]),
    "SCAN_TIME_LOOKUP": ("true, false", ["", "no", "0"]),
    "LOG_LEVEL": ("DEBUG, INFO, WARNING, ERROR", ["", "info", "TRACE"]),
    "IMAGES_SCAN_JOBS_QUEUE_URL": (
        "an SQS queue URL",
        ["", "jobs", "https://sqs.example/", f"{QUEUE_URL}.fifo", f"{QUEUE_URL}{'x' * 80}", " "],
    ),
    "ECR_SNS_REPORT_TOPIC_ARN": (
        "an SNS topic ARN",
        ["", "reports", "arn:aws:sqs:eu-west-1:123456789012:reports", TOPIC_ARN + "/x"],
    ),
}


@pytest.mark.parametrize(
    ("variable", "value", "accepted"),
    [(name, value, accepted) for name, (accepted, bad) in WRONG_VALUES.items() for value in bad],
)
def test_a_wrong_value_is_an_error_that_names_variable_value_and_what_is_accepted(
    variable, value, accepted
):
    with pytest.raises(SettingError) as raised:
        Settings.from_environment({variable: value})
    assert str(raised.value).startswith(f"{variable} is {value!r}; accepted: {accepted}")


def test_every_variable_is_tried_with_wrong_values():
    assert len(WRONG_VALUES) == len(dataclasses.fields(Settings)) + len(
        dataclasses.fields(Thresholds)
    ) - len(["thresholds"])


@pytest.mark.parametrize(
    ("require", "variable"),
    [
        (Settings.require_jobs_queue_url, "IMAGES_SCAN_JOBS_QUEUE_URL"),
        (Settings.require_report_topic_arn, "ECR_SNS_REPORT_TOPIC_ARN"),
    ],
)
def test_queue_and_topic_are_missed_only_where_they_are_needed(require, variable):
    with pytest.raises(SettingError, match=f"^{variable} is not set; accepted: an S"):
        require(Settings.from_environment({}))


@pytest.mark.parametrize(
    ("url", "name"),
    [
        (QUEUE_URL, "some-jobs_2"),
        (f"{QUEUE_URL}/", "some-jobs_2"),
        ("http://localhost:4566/jobs", "jobs"),
        (None, "ecr-scan-reporter-jobs"),
    ],
)
def test_the_trigger_of_the_scanner_is_the_queue_of_the_url(url, name):
    variables = {} if url is None else {"IMAGES_SCAN_JOBS_QUEUE_URL": url}
    assert Settings.from_environment(variables).jobs_queue_name == name


@pytest.mark.parametrize(
    "arn",
    [
        "arn:aws-cn:sns:cn-north-1:123456789012:reports",
        "arn:aws-us-gov:sns:us-gov-west-1:123456789012:reports",
    ],
)
def test_topics_of_every_partition_are_accepted(arn):
    settings = Settings.from_environment({"ECR_SNS_REPORT_TOPIC_ARN": arn})
    assert settings.report_topic_arn == arn


@pytest.mark.parametrize(
    ("value", "statuses"), [("true", ("COMPLETE", "FAILED")), ("false", ("COMPLETE",))]
)
def test_failed_scans_are_reported_unless_switched_off(value, statuses):
    settings = Settings.from_environment({"NOTIFY_ON_SCAN_FAILURE": value})
    assert settings.reported_scan_statuses == statuses


def test_settings_do_not_change():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Settings.from_environment({}).log_level = "DEBUG"
