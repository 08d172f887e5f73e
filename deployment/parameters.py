"""The parameters of the template: those of settings, and those that shape resources alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from chalicelib.settings.kinds import BUCKET_NAME, TABLE_NAME, TOPIC_ARN
from chalicelib.settings.owner_topics import TOPIC_ARN_PATTERN
from chalicelib.settings.table import GROUPS, label_of, rows_of
from chalicelib.settings.table.operation import ConfigurationFile, Operation
from chalicelib.settings.table.reporting import Channels, Digest, Reporting

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from chalicelib.settings.rows import Setting

SECURITY = "Security"


@dataclass(frozen=True)
class Parameter:
    """A parameter: its name, its label, and what the template says of it."""

    name: str
    label: str
    spec: Mapping[str, Any]

    @property
    def description(self) -> str:
        """What it is for."""
        return str(self.spec["Description"])


_TEXT = {"Type": "String", "Default": ""}
_LOG_DAYS = "1 3 5 7 14 30 60 90 120 150 180 365 400 545 731 1096 1827 2192 2557 2922 3288 3653"
_ROLE = r"arn:aws[a-z-]*:iam::([0-9]{12}|\*):role/[A-Za-z0-9_+=.@/-]{1,576}"

_OF_RESOURCES: Mapping[str, Sequence[Parameter]] = {
    label_of(ConfigurationFile): (
        Parameter(
            "ConfiguredRoles",
            "Roles in the configuration file",
            {
                **_TEXT,
                "AllowedPattern": f"^({_ROLE}(,{_ROLE})*)?$",
                "ConstraintDescription": "ARNs of IAM roles with commas and no spaces between, in"
                " which * may stand for the account, or nothing",
                "Description": "Roles that the functions may assume beside ScanRoles and"
                " EcsDiscoveryRoles, for the accounts of the configuration file; * may stand for"
                " the account",
            },
        ),
    ),
    label_of(Reporting): (
        Parameter(
            "NotificationEmails",
            "Notification emails",
            {
                **_TEXT,
                "AllowedPattern": r"^$|^[^@,\s]+@[^@,\s]+(,[^@,\s]+@[^@,\s]+){0,4}$",
                "ConstraintDescription": "up to five email addresses, with commas and no spaces"
                " between",
                "Description": "Who gets reports; up to five email addresses with commas between",
            },
        ),
        Parameter(
            "ReportTopicArn",
            "Topic of your own",
            {
                **_TEXT,
                "AllowedPattern": f"^({TOPIC_ARN.pattern})?$",
                "ConstraintDescription": f"{TOPIC_ARN.accepted}, or nothing",
                "Description": "A topic that is there, which gets the reports; where nothing is"
                " given, one is made",
            },
        ),
    ),
    label_of(Channels): (
        Parameter(
            "OwnerTopics",
            "Topics of owners",
            {
                **_TEXT,
                "AllowedPattern": f"^({TOPIC_ARN_PATTERN}(,{TOPIC_ARN_PATTERN})*)?$",
                "ConstraintDescription": "ARNs of SNS topics with commas and no spaces between, or"
                " nothing",
                "Description": "Topics that the functions may publish to beside those of the stack,"
                " for OWNER_TOPICS",
            },
        ),
    ),
    label_of(Digest): (
        Parameter(
            "ReportRetentionDays",
            "Report retention",
            {
                "Type": "Number",
                "Default": 90,
                "MinValue": 8,
                "Description": "How many days the reports of the digests are kept",
            },
        ),
    ),
    SECURITY: (
        Parameter(
            "KmsKeyArn",
            "Customer key",
            {
                **_TEXT,
                "AllowedPattern": "^(arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+)?$",
                "ConstraintDescription": "the ARN of a KMS key, or nothing for keys managed by AWS",
                "Description": "A customer key for queues, topics, logs, table and bucket; its"
                " policy must let the services use it",
            },
        ),
        Parameter(
            "PermissionsBoundaryArn",
            "Permissions boundary",
            {
                **_TEXT,
                "AllowedPattern": "^(arn:aws[a-z-]*:iam::([0-9]{12}|aws):policy/.+)?$",
                "ConstraintDescription": "the ARN of a managed policy, or nothing",
                "Description": "A permissions boundary for the roles of the functions",
            },
        ),
        Parameter(
            "HttpApi",
            "HTTP API",
            {
                "Type": "String",
                "Default": "true",
                "AllowedValues": ["true", "false"],
                "Description": "Whether there is an HTTP API, with POST /scans and GET /scans/{id}",
            },
        ),
    ),
    label_of(Operation): (
        Parameter(
            "AlarmEmail",
            "Alarm email",
            {
                **_TEXT,
                "AllowedPattern": r"^([^@,\s]+@[^@,\s]+)?$",
                "ConstraintDescription": "an email address, or nothing",
                "Description": "Who gets the alarms",
            },
        ),
        Parameter(
            "LogRetentionDays",
            "Log retention",
            {
                "Type": "Number",
                "Default": 30,
                "AllowedValues": [int(days) for days in _LOG_DAYS.split()],
                "Description": "How many days the logs are kept",
            },
        ),
        Parameter(
            "ListingAlarmHours",
            "Alarm when nothing was listed",
            {
                **_TEXT,
                "AllowedPattern": "^([2-9]|[1-9][0-9]|1[0-5][0-9]|16[0-8])?$",
                "ConstraintDescription": "a whole number of hours from 2 to 168, or nothing",
                "Description": "After how many hours without a listing that succeeded there is an"
                " alarm: two periods of ScanRate. Where nothing is given, 48 with a ScanRate of a"
                " day, of 24, 12 or up to 9 hours or of up to 999 minutes, and no alarm with any"
                " other",
            },
        ),
        Parameter(
            "DashboardEnabled",
            "Dashboard",
            {
                "Type": "String",
                "Default": "false",
                "AllowedValues": ["true", "false"],
                "Description": "Whether there is a dashboard of all metrics, for $3 a month",
            },
        ),
        Parameter(
            "HistoryTableName",
            "Table of an earlier deployment",
            {
                **_TEXT,
                "AllowedPattern": f"^({TABLE_NAME.pattern})?$",
                "ConstraintDescription": f"{TABLE_NAME.accepted}, or nothing",
                "Description": "A table that is there, such as the one that an earlier deployment"
                " left; where nothing is given, one is made, and kept when the stack is deleted",
            },
        ),
        Parameter(
            "ReportBucketName",
            "Bucket of an earlier deployment",
            {
                **_TEXT,
                "AllowedPattern": f"^({BUCKET_NAME.pattern})?$",
                "ConstraintDescription": f"{BUCKET_NAME.accepted}, or nothing",
                "Description": "A bucket that is there, such as the one that an earlier deployment"
                " left; where nothing is given, one is made, and kept when the stack is deleted",
            },
        ),
        Parameter(
            "PythonRuntime",
            "Python runtime",
            {
                "Type": "String",
                "Default": "python3.13",
                "AllowedValues": ["python3.12", "python3.13", "python3.14"],
                "Description": "The Lambda runtime; what ships is pure Python and runs on each of"
                " them",
            },
        ),
    ),
}


def parameters_by_group() -> dict[str, list[Parameter]]:
    """Every parameter, under the label of its group, in the order in which they are shown."""
    of_settings = {
        label_of(group): [parameter_of(row) for row in rows_of(group) if row.parameter]
        for group in GROUPS
    }
    labels = [label for label, found in of_settings.items() if found or label in _OF_RESOURCES]
    labels += [label for label in _OF_RESOURCES if label not in labels]
    return {label: [*of_settings.get(label, ()), *_OF_RESOURCES.get(label, ())] for label in labels}


def parameter_of(row: Setting[Any]) -> Parameter:
    """The parameter of a setting.

    One that a configuration file may hold in its place has no default, so that the file counts.
    """
    kind, optional = row.kind, not (row.by_deployment and row.default)
    spec: dict[str, Any] = {"Type": "String", "Default": "" if optional else row.default}
    if kind.values:
        spec["AllowedValues"] = [*([""] if optional else []), *kind.values]
    elif kind.pattern:
        spec["AllowedPattern"] = f"^(?:{kind.pattern}){'?' if optional else ''}$"
        spec["ConstraintDescription"] = kind.accepted + (", or nothing" if optional else "")
    else:
        spec["MaxLength"] = kind.longest
    default = f" ({row.default} where nothing is given)" if optional and row.default else ""
    return Parameter(row.parameter, row.label, spec | {"Description": row.description + default})
