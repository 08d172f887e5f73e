"""The application's settings: environment variables, parsed and checked once."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from chalicelib.ecr.registries import (
    ACCEPTED_EXTERNAL_IDS,
    ACCEPTED_REGIONS,
    ACCEPTED_ROLES,
    RegistryAddress,
    Role,
    parse_external_id,
    parse_regions,
    parse_role_arns,
)
from chalicelib.ecr.severities import SEVERITIES
from chalicelib.policy.budget import BUDGETED_SCANS_PER_SECOND, MOST_SCANS_A_DAY
from chalicelib.policy.changes import EVERY_SCAN, NOTIFY_MODES
from chalicelib.policy.durations import ACCEPTED_DURATIONS, Duration
from chalicelib.policy.finding_filters import FindingFilters
from chalicelib.policy.rules import Rules
from chalicelib.policy.thresholds import REPORTED_BY_DEFAULT, RepositoryThresholds, Thresholds
from chalicelib.runtime.pace import SCANNERS_AT_ONCE
from chalicelib.runtime.patterns import ACCEPTED_PATTERNS, parse_pattern
from chalicelib.settings.channels import CHANNELS, ON_BY_DEFAULT
from chalicelib.settings.repository_thresholds import (
    ACCEPTED_REPOSITORY_THRESHOLDS,
    parse_repository_thresholds,
)
from chalicelib.settings.schedules import ACCEPTED_SCHEDULES, schedule_expression
from chalicelib.settings.sources import ACCEPTED_SOURCES, BUCKET_NAME, Source, parse_source
from chalicelib.settings.values import (
    ACCEPTED_COUNTS,
    ACCEPTED_POSITIVES,
    ACCEPTED_SCORES,
    ACCEPTED_SWITCHES,
    parse_count,
    parse_positive,
    parse_score,
    parse_switch,
)

Value = TypeVar("Value")

DEFAULT_JOBS_QUEUE_NAME = "ecr-scan-reporter-jobs"

_A_BUDGET = f"a whole number from 1 to {MOST_SCANS_A_DAY}"
_A_BUCKET_NAME = "the name of an S3 bucket"
_A_TABLE_NAME = "the name of a DynamoDB table"
_A_QUEUE_URL = "an SQS queue URL"
_A_TOPIC_ARN = "an SNS topic ARN"
_LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
_QUEUE_URL = re.compile(r"https?://[^/\s]+/(?:[^/\s]+/)*(?P<name>[A-Za-z0-9_-]{1,80})/?", re.ASCII)
_TABLE_NAME = re.compile(r"[A-Za-z0-9_.-]{3,255}", re.ASCII)
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
    rules: Rules
    repository_tag_rules: bool
    scan_regions: tuple[str | None, ...]
    scan_roles: tuple[Role, ...]
    ecs_discovery: bool
    ecs_discovery_task_definitions: bool
    ecs_discovery_roles: tuple[Role, ...]
    in_use_only: bool
    resolve_indexes: bool
    inspector_findings: bool
    daily_scan_budget: int | None
    scans_per_second: int | None
    jobs_per_minute: int
    repository_thresholds: tuple[RepositoryThresholds, ...]
    finding_filters: FindingFilters
    notify_mode: str
    channels: tuple[str, ...]
    history_table_name: str | None
    chat_topic_arn: str | None
    digest: bool
    digest_rate: str
    report_bucket_name: str | None
    accepted_risks: Source | None

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
                **{severity.lower(): read.threshold(severity) for severity in SEVERITIES}
            ),
            notify_on_scan_failure=read(
                "NOTIFY_ON_SCAN_FAILURE", parse_switch, ACCEPTED_SWITCHES, "true"
            ),
            scan_time_lookup=read("SCAN_TIME_LOOKUP", parse_switch, ACCEPTED_SWITCHES, "false"),
            log_level=read("LOG_LEVEL", _one_of(*_LOG_LEVELS), ", ".join(_LOG_LEVELS), "INFO"),
            jobs_queue_url=read.optional(
                "IMAGES_SCAN_JOBS_QUEUE_URL", _matching(_QUEUE_URL), _A_QUEUE_URL
            ),
            report_topic_arn=read.optional(
                "ECR_SNS_REPORT_TOPIC_ARN", _matching(_TOPIC_ARN), _A_TOPIC_ARN
            ),
            rules=_rules(read),
            repository_tag_rules=read.switch("REPOSITORY_TAG_RULES", "false"),
            scan_regions=read("SCAN_REGIONS", parse_regions, ACCEPTED_REGIONS, "") or (None,),
            scan_roles=_roles(read, "SCAN_ROLES"),
            ecs_discovery=read.switch("ECS_DISCOVERY_ENABLED", "false"),
            ecs_discovery_task_definitions=read.switch(
                "ECS_DISCOVERY_ALL_TASK_DEFINITIONS", "false"
            ),
            ecs_discovery_roles=_roles(read, "ECS_DISCOVERY_ROLES"),
            in_use_only=_in_use_only(read),
            resolve_indexes=read.switch("RESOLVE_IMAGE_INDEXES", "true"),
            inspector_findings=read.switch("NOTIFY_ON_INSPECTOR_FINDINGS", "false"),
            daily_scan_budget=read.optional("DAILY_SCAN_BUDGET", _budget, _A_BUDGET),
            scans_per_second=read.optional("SCANS_PER_SECOND", parse_positive, ACCEPTED_POSITIVES),
            jobs_per_minute=read("JOBS_PER_MINUTE", parse_positive, ACCEPTED_POSITIVES, "1000"),
            repository_thresholds=read(
                "REPOSITORY_THRESHOLDS",
                parse_repository_thresholds,
                ACCEPTED_REPOSITORY_THRESHOLDS,
                "",
            ),
            finding_filters=FindingFilters(
                fixable_only=read.switch("FIXABLE_ONLY", "false"),
                ignore_unfixed=read.switch("IGNORE_UNFIXED", "false"),
                minimum_score=read("MINIMUM_SCORE", parse_score, ACCEPTED_SCORES, "0"),
            ),
            notify_mode=_notify_mode(read),
            channels=tuple(name for name in CHANNELS if _is_on(name, read)),
            history_table_name=read.optional(
                "HISTORY_TABLE_NAME", _matching(_TABLE_NAME), _A_TABLE_NAME
            ),
            digest=read.switch("DIGEST", "true"),
            digest_rate=read("DIGEST_RATE", schedule_expression, ACCEPTED_SCHEDULES, "7 days"),
            report_bucket_name=read.optional(
                "REPORT_BUCKET_NAME", _matching(BUCKET_NAME), _A_BUCKET_NAME
            ),
            accepted_risks=read.optional("ACCEPTED_RISKS", parse_source, ACCEPTED_SOURCES),
            chat_topic_arn=read.optional("CHAT_SNS_TOPIC_ARN", _matching(_TOPIC_ARN), _A_TOPIC_ARN),
        )

    @property
    def pace(self) -> int | None:
        """How many scans may start a second in a registry; None where nothing limits that."""
        if self.scans_per_second is None and self.daily_scan_budget is not None:
            return BUDGETED_SCANS_PER_SECOND
        return self.scans_per_second

    @property
    def scanner_pace(self) -> float | None:
        """How many scans one scanner may start a second; None where nothing limits that.

        With a budget one job follows another on a time line; without one, several scanners share
        the pace.
        """
        if self.pace is None or self.daily_scan_budget is not None:
            return self.pace
        return self.pace / SCANNERS_AT_ONCE

    @property
    def registries(self) -> tuple[RegistryAddress, ...]:
        """The registries to review: the own account's and each role's, in each region."""
        accounts = (None, *(role.account for role in self.scan_roles))
        return tuple(
            RegistryAddress(account, region) for account in accounts for region in self.scan_regions
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

    def require_chat_topic_arn(self) -> str:
        """The chat topic's ARN; :raises SettingError: when it is not set."""
        return _required("CHAT_SNS_TOPIC_ARN", self.chat_topic_arn, _A_TOPIC_ARN)

    def require_report_bucket_name(self) -> str:
        """The report bucket's name; :raises SettingError: when it is not set."""
        return _required("REPORT_BUCKET_NAME", self.report_bucket_name, _A_BUCKET_NAME)

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
        """None where there is no text: a deployment sets every variable, some to nothing."""
        text = self._environ.get(variable, "")
        return self._parsed(variable, text, parse, accepted) if text else None

    def threshold(self, severity: str) -> int | None:
        if severity in REPORTED_BY_DEFAULT:
            return self(severity, parse_count, ACCEPTED_COUNTS, "0")
        return self.optional(severity, parse_count, ACCEPTED_COUNTS)

    def switch(self, variable: str, default: str) -> bool:
        return self(variable, parse_switch, ACCEPTED_SWITCHES, default)

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


def _rules(read: _Reader) -> Rules:
    return Rules(
        tag_pattern=read.optional("IMAGES_TAG_PATTERN", parse_pattern, ACCEPTED_PATTERNS),
        tagged_only=read.switch("IMAGES_TAGGED_ONLY", "false"),
        newest=read.optional("IMAGES_NEWEST", parse_positive, ACCEPTED_POSITIVES),
        pushed_within=read.optional("IMAGES_PUSHED_WITHIN", Duration.parse, ACCEPTED_DURATIONS),
        pulled_within=read.optional("IMAGES_PULLED_WITHIN", Duration.parse, ACCEPTED_DURATIONS),
    )


def _is_on(channel: str, read: _Reader) -> bool:
    default = "true" if channel in ON_BY_DEFAULT else "false"
    return read.switch(f"NOTIFY_BY_{channel.upper()}", default)


def _notify_mode(read: _Reader) -> str:
    """Refused without a history where that would be needed to tell what is new."""
    accepted = ", ".join(NOTIFY_MODES)
    mode = read("NOTIFY_MODE", _one_of(*NOTIFY_MODES), accepted, EVERY_SCAN)
    has_history = read.optional("HISTORY_TABLE_NAME", str, _A_TABLE_NAME) is not None
    if mode != EVERY_SCAN and not has_history:
        raise SettingError("NOTIFY_MODE", mode, f"{EVERY_SCAN} without a HISTORY_TABLE_NAME")
    return mode


def _in_use_only(read: _Reader) -> bool:
    """Refused without discovery, for then nothing would be known to be in use."""
    in_use_only = read.switch("SCAN_IN_USE_ONLY", "false")
    if in_use_only and not read.switch("ECS_DISCOVERY_ENABLED", "false"):
        raise SettingError("SCAN_IN_USE_ONLY", "true", "true only with ECS_DISCOVERY_ENABLED=true")
    return in_use_only


def _roles(read: _Reader, variable: str) -> tuple[Role, ...]:
    arns = read(variable, parse_role_arns, ACCEPTED_ROLES, "")
    external_id = read.optional(f"{variable}_EXTERNAL_ID", parse_external_id, ACCEPTED_EXTERNAL_IDS)
    return tuple(Role(arn, external_id) for arn in arns)


def _budget(text: str) -> int:
    budget = parse_positive(text)
    if budget > MOST_SCANS_A_DAY:
        raise ValueError(text)
    return budget


def _one_of(*accepted: str) -> Callable[[str], str]:
    return _matching(re.compile("|".join(accepted)))


def _matching(pattern: re.Pattern[str]) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if not pattern.fullmatch(text):
            raise ValueError(text)
        return text

    return parse
