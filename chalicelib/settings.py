"""The application's settings: environment variables, parsed and checked once."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from chalicelib.durations import ACCEPTED_DURATIONS, Duration
from chalicelib.patterns import ACCEPTED_PATTERNS, parse_pattern
from chalicelib.schedules import ACCEPTED_SCHEDULES, schedule_expression
from chalicelib.thresholds import SEVERITIES, Thresholds

Value = TypeVar("Value")

DEFAULT_JOBS_QUEUE_NAME = "ecr-scan-reporter-jobs"

_A_QUEUE_URL = "an SQS queue URL"
_A_TOPIC_ARN = "an SNS topic ARN"
_LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
_COUNT = re.compile(r"\d{1,18}", re.ASCII)
_QUEUE_URL = re.compile(r"https?://[^/\s]+/(?:[^/\s]+/)*(?P<name>[A-Za-z0-9_-]{1,80})/?", re.ASCII)
_TOPIC_ARN = re.compile(r"arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[A-Za-z0-9_-]{1,256}", re.ASCII)


class SettingError(ValueError):
    """A setting that is missing or wrong: names the variable, its value and what is accepted."""

    def __init__(self, variable: str, value: str | None, accepted: str) -> None:
        found = "is not set" if value is None else f"is {value!r}"
        super().__init__(f"{variable} {found}; accepted: {accepted}")


@dataclass(frozen=True)
class Settings:
    """What an operator can set, in the form that the code uses."""

    scan_rate: str
    repositories_filter: re.Pattern[str]
    images_duration: Duration
    thresholds: Thresholds
    notify_on_scan_failure: bool
    scan_time_lookup: bool
    log_level: str
    jobs_queue_url: str | None
    report_topic_arn: str | None

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> "Settings":
        """Parse every variable, or its default where it is not set.

        The queue and the topic may be absent while the application is being packaged; see
        :meth:`require_jobs_queue_url` and :meth:`require_report_topic_arn`.

        :raises SettingError: for the first variable whose value is not accepted.
        """
        read = _Reader(environ)
        return cls(
            scan_rate=read("SCAN_RATE", schedule_expression, ACCEPTED_SCHEDULES, "1 day"),
            repositories_filter=read(
                "REPOSITORIES_FILTER_REGEXP", parse_pattern, ACCEPTED_PATTERNS, ".*"
            ),
            images_duration=read(
                "ECR_IMAGES_DURATION_DELTA", Duration.parse, ACCEPTED_DURATIONS, "7d"
            ),
            thresholds=Thresholds(
                **{
                    severity.lower(): read(severity, _count, "a whole number, 0 or more", "0")
                    for severity in SEVERITIES
                }
            ),
            notify_on_scan_failure=read("NOTIFY_ON_SCAN_FAILURE", _switch, "true, false", "true"),
            scan_time_lookup=read("SCAN_TIME_LOOKUP", _switch, "true, false", "false"),
            log_level=read("LOG_LEVEL", _one_of(*_LOG_LEVELS), ", ".join(_LOG_LEVELS), "INFO"),
            jobs_queue_url=read.optional(
                "IMAGES_SCAN_JOBS_QUEUE_URL", _matching(_QUEUE_URL), _A_QUEUE_URL
            ),
            report_topic_arn=read.optional(
                "ECR_SNS_REPORT_TOPIC_ARN", _matching(_TOPIC_ARN), _A_TOPIC_ARN
            ),
        )

    @property
    def jobs_queue_name(self) -> str:
        """The name at the end of the queue's URL, by which the scanner's trigger is deployed."""
        match = _QUEUE_URL.fullmatch(self.jobs_queue_url or "")
        return match["name"] if match else DEFAULT_JOBS_QUEUE_NAME

    @property
    def reported_scan_statuses(self) -> tuple[str, ...]:
        """The scan statuses of the events that the notifier acts on."""
        return ("COMPLETE", "FAILED") if self.notify_on_scan_failure else ("COMPLETE",)

    def require_jobs_queue_url(self) -> str:
        """The jobs queue's URL; :raises SettingError: when it is not set."""
        return _required("IMAGES_SCAN_JOBS_QUEUE_URL", self.jobs_queue_url, _A_QUEUE_URL)

    def require_report_topic_arn(self) -> str:
        """The report topic's ARN; :raises SettingError: when it is not set."""
        return _required("ECR_SNS_REPORT_TOPIC_ARN", self.report_topic_arn, _A_TOPIC_ARN)


class _Reader:
    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ

    def __call__(
        self, variable: str, parse: Callable[[str], Value], accepted: str, default: str
    ) -> Value:
        return self._parsed(variable, self._environ.get(variable, default), parse, accepted)

    def optional(self, variable: str, parse: Callable[[str], Value], accepted: str) -> Value | None:
        text = self._environ.get(variable)
        return None if text is None else self._parsed(variable, text, parse, accepted)

    @staticmethod
    def _parsed(variable: str, text: str, parse: Callable[[str], Value], accepted: str) -> Value:
        try:
            return parse(text)
        except ValueError as error:
            raise SettingError(variable, text, accepted) from error


def _required(variable: str, value: str | None, accepted: str) -> str:
    if value is None:
        raise SettingError(variable, value, accepted)
    return value


def _count(text: str) -> int:
    return int(_matching(_COUNT)(text))


def _switch(text: str) -> bool:
    return _one_of("true", "false")(text.lower()) == "true"


def _one_of(*accepted: str) -> Callable[[str], str]:
    return _matching(re.compile("|".join(accepted)))


def _matching(pattern: re.Pattern[str]) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if not pattern.fullmatch(text):
            raise ValueError(text)
        return text

    return parse
