"""What the functions may do: each permission is written here once, each function lists its own.

The policy files of ``.chalice``, and the one policy that all functions have, are composed from this
by :mod:`deployment.policies`. The resources
and conditions that are named here are those of ``.chalice/template.yaml``.
"""

from dataclasses import replace
from typing import Any

from deployment.policies import Permission, Resource, only_if


def in_own_region_too(*permissions: Permission) -> tuple[Permission, ...]:
    """The permissions, in the stack's own region even where its registry is not covered."""
    return tuple(
        replace(each, resource=replace(each.resource, regions=_COVERED_AND_OWN))
        for each in permissions
    )


def _sub(text: str) -> dict[str, Any]:
    return {"Fn::Sub": text}


def _arn(resource: str) -> Resource:
    return Resource({"Fn::GetAtt": [resource, "Arn"]})


def _made_or_named(resource: str, made: dict[str, Any], named: str) -> dict[str, Any]:
    return {"Fn::If": [f"Makes{resource}", made, _sub(named)]}


def _all_in(parameter: str) -> Resource:
    return Resource({"Fn::Split": [",", {"Ref": parameter}]})


def _after(prefix: str, parameter: str) -> dict[str, Any]:
    # The prefix added makes sure that there is a part to select, whatever the parameter holds.
    split = {"Fn::Split": [prefix, _sub(f"${{{parameter}}}{prefix}")]}
    return {"Fn::Select": [1, split]}


def _regions(listed: dict[str, str]) -> dict[str, Any]:
    return {"Fn::If": ["HasScanRegions", {"Fn::Split": [",", listed]}, {"Ref": "AWS::Region"}]}


# The regions whose registries are covered, by default that of the stack. Events come from that one
# whether it is covered or not.
_COVERED = _regions({"Ref": "ScanRegions"})
_COVERED_AND_OWN = _regions(_sub("${AWS::Region},${ScanRegions}"))

# --- On what --------------------------------------------------------------------------------------

# For actions only that know no resource. Source: Service Authorization Reference.
_NO_RESOURCE = Resource("*", _COVERED)
# Which repositories and workloads there are is what the application finds out.
_REPOSITORIES = Resource(
    _sub("arn:${AWS::Partition}:ecr:*:${AWS::AccountId}:repository/*"), _COVERED
)
_WORKLOADS = Resource(
    [
        _sub("arn:${AWS::Partition}:ecs:*:${AWS::AccountId}:service/*"),
        _sub("arn:${AWS::Partition}:ecs:*:${AWS::AccountId}:task/*"),
        _sub("arn:${AWS::Partition}:lambda:*:${AWS::AccountId}:function:*"),
    ],
    _COVERED,
)
_SECURITY_HUB = Resource(
    _sub(
        "arn:${AWS::Partition}:securityhub:${AWS::Region}:${AWS::AccountId}"
        ":product/${AWS::AccountId}/default"
    )
)
_JOBS, _FAILED_EVENTS = _arn("JobsQueue"), _arn("FailedEventsQueue")
_REPORT_TOPIC = Resource(
    {"Fn::If": ["MakesReportTopic", {"Ref": "ReportTopic"}, {"Ref": "ReportTopicArn"}]}
)
_CHAT_TOPIC = Resource({"Ref": "ChatTopic"})
_HISTORY = Resource(
    _made_or_named(
        "HistoryTable",
        {"Fn::GetAtt": ["HistoryTable", "Arn"]},
        "arn:${AWS::Partition}:dynamodb:${AWS::Region}:${AWS::AccountId}:table/${HistoryTableName}",
    )
)


def _in_bucket(path: str = "") -> Resource:
    return Resource(
        _made_or_named(
            "ReportBucket",
            _sub(f"${{ReportBucket.Arn}}{path}"),
            f"arn:${{AWS::Partition}}:s3:::${{ReportBucketName}}{path}",
        )
    )


_BUCKET = _in_bucket()
_FLEET_REPORTS = _in_bucket("/fleet-reports/*")
_MARKS = _in_bucket("/fleet-reports/sent/*")
_FEEDS = _in_bucket("/fleet-reports/feeds/*")


def _object_of(parameter: str) -> Resource:
    path = {"Path": _after("s3://", parameter)}
    return Resource({"Fn::Sub": ["arn:${AWS::Partition}:s3:::${Path}", path]})


def _parameter_of(parameter: str) -> Resource:
    arn = "arn:${AWS::Partition}:ssm:${AWS::Region}:${AWS::AccountId}:parameter${Name}"
    return Resource({"Fn::Sub": [arn, {"Name": _after("ssm:", parameter)}]})


# --- Reading registries and scanning --------------------------------------------------------------

# Without names, ECR authorizes this against all repositories.
DESCRIBE_REPOSITORIES = Permission(
    "DescribeRepositories", ("ecr:DescribeRepositories",), _REPOSITORIES
)
# Whether Amazon Inspector scans a registry, and then which repositories it scans how often.
READ_SCANNING_OF_REGISTRY = Permission(
    "ReadScanningOfRegistry", ("ecr:GetRegistryScanningConfiguration",), _NO_RESOURCE
)
READ_SCANNING_OF_REPOSITORIES = Permission(
    "ReadScanningOfRepositories", ("ecr:BatchGetRepositoryScanningConfiguration",), _REPOSITORIES
)
READ_TAGS_OF_ALL = Permission(
    "ReadTagsOfAll", ("tag:GetResources",), _NO_RESOURCE, ("ReadsRepositoryTags",)
)
READ_TAGS_OF_ONE = Permission(
    "ReadTagsOfOne", ("ecr:ListTagsForResource",), _REPOSITORIES, ("ReadsRepositoryTags",)
)
READ_IMAGES = Permission("ReadImages", ("ecr:DescribeImages",), _REPOSITORIES)
READ_INDEXES = Permission(
    "ReadIndexes", ("ecr:BatchGetImage",), _REPOSITORIES, ("ResolvesImageIndexes",)
)
# With the findings comes when an image was scanned, which DescribeImages does not say.
READ_FINDINGS = Permission("ReadFindings", ("ecr:DescribeImageScanFindings",), _REPOSITORIES)
# Amazon Inspector says it of all images at once, where it scans.
READ_COVERAGE = Permission("ReadCoverage", ("inspector2:ListCoverage",), _NO_RESOURCE)
START_SCANS = Permission("StartScans", ("ecr:StartImageScan",), _REPOSITORIES)
ASSUME_SCAN_ROLES = Permission(
    "AssumeScanRoles", ("sts:AssumeRole",), _all_in("ScanRoles"), ("HasScanRoles",)
)

# --- Finding images in use ------------------------------------------------------------------------

LIST_WORKLOADS = Permission(
    "ListWorkloads",
    (
        "ecs:DescribeTaskDefinition",
        "ecs:ListClusters",
        "ecs:ListServices",
        "ecs:ListTasks",
        "lambda:ListFunctions",
    ),
    _NO_RESOURCE,
    ("FindsImagesInUse",),
)
LIST_TASK_DEFINITIONS = Permission(
    "ListTaskDefinitions",
    ("ecs:ListTaskDefinitions",),
    _NO_RESOURCE,
    ("FindsAllTaskDefinitions",),
)
READ_WORKLOADS = Permission(
    "ReadWorkloads",
    ("ecs:DescribeServices", "ecs:DescribeTasks", "lambda:GetFunction"),
    _WORKLOADS,
    ("FindsImagesInUse",),
)
ASSUME_DISCOVERY_ROLES = Permission(
    "AssumeDiscoveryRoles",
    ("sts:AssumeRole",),
    _all_in("EcsDiscoveryRoles"),
    ("AssumesDiscoveryRoles",),
)

# --- Jobs -----------------------------------------------------------------------------------------

SEND_JOBS = Permission("SendJobs", ("sqs:SendMessage",), _JOBS)
# Done by Lambda, for the function's trigger.
RECEIVE_JOBS = Permission(
    "ReceiveJobs", ("sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"), _JOBS
)

# --- Reporting ------------------------------------------------------------------------------------

# Reports of scans, digests, and warnings of images in use.
PUBLISH_REPORTS = Permission("PublishReports", ("sns:Publish",), _REPORT_TOPIC)
PUBLISH_TO_CHAT = Permission("PublishToChat", ("sns:Publish",), _CHAT_TOPIC, ("HasChat",))
PUBLISH_TO_OWNERS = Permission(
    "PublishToOwners", ("sns:Publish",), _all_in("OwnerTopics"), ("HasOwnerTopics",)
)
IMPORT_FINDINGS = Permission(
    "ImportFindings", ("securityhub:BatchImportFindings",), _SECURITY_HUB, ("HasSecurityHub",)
)
PUT_EVENTS = Permission(
    "PutEvents", ("events:PutEvents",), Resource({"Ref": "EventBusArn"}), ("HasEventBus",)
)
# When images were scanned, what indexes list, and which repositories have images in use.
QUERY_RECORDS = Permission("QueryRecords", ("dynamodb:Query",), _HISTORY)
KEEP_RECORDS = Permission("KeepRecords", ("dynamodb:BatchWriteItem",), _HISTORY)
READ_ITEMS = Permission("ReadItems", ("dynamodb:BatchGetItem",), _HISTORY)
# What was reported, and where images are in use: the scanner keeps that, and the notifier reads it.
PUT_INTO_HISTORY = Permission("PutIntoHistory", ("dynamodb:PutItem",), _HISTORY)
# Also which requests were answered, and what becomes of the jobs of listings on demand.
UPDATE_HISTORY = Permission("UpdateHistory", ("dynamodb:UpdateItem",), _HISTORY)
# What an index listed that was deleted.
DELETE_FROM_HISTORY = Permission("DeleteFromHistory", ("dynamodb:DeleteItem",), _HISTORY)
READ_USES = Permission("ReadUses", ("dynamodb:GetItem",), _HISTORY, ("FindsImagesInUse",))
READ_RISKS_IN_S3 = Permission(
    "ReadRisksInS3", ("s3:GetObject",), _object_of("AcceptedRisks"), ("ReadsRisksInS3",)
)
READ_RISKS_IN_PARAMETER = Permission(
    "ReadRisksInParameter",
    ("ssm:GetParameter",),
    _parameter_of("AcceptedRisks"),
    ("ReadsRisksInParameter",),
)
KEEP_FLEET_REPORTS = Permission("KeepFleetReports", ("s3:PutObject",), _FLEET_REPORTS)
READ_FLEET_REPORTS = Permission("ReadFleetReports", ("s3:GetObject",), _FLEET_REPORTS)
# The mark of a digest that could not be sent after all.
DELETE_MARKS = Permission("DeleteMarks", ("s3:DeleteObject",), _MARKS)
# Without it, S3 says "access denied" of an object that is not there. So it would under a condition
# on the prefix, for GetObject names none. Source: S3 API reference, GetObject.
LIST_REPORTS = Permission("ListReports", ("s3:ListBucket",), _BUCKET)

# CISA's catalogue and EPSS scores, which the digest may read as one of its own objects.
READ_FEEDS = Permission("ReadFeeds", ("s3:GetObject",), _FEEDS)
KEEP_FEEDS = Permission("KeepFeeds", ("s3:PutObject",), _FEEDS)

# --- What several functions need ------------------------------------------------------------------

READ_CONFIGURATION_IN_S3 = Permission(
    "ReadConfigurationInS3",
    ("s3:GetObject",),
    _object_of("Configuration"),
    ("ReadsConfigurationInS3",),
)
READ_CONFIGURATION_IN_PARAMETER = Permission(
    "ReadConfigurationInParameter",
    ("ssm:GetParameter",),
    _parameter_of("Configuration"),
    ("ReadsConfigurationInParameter",),
)
# Which of them there are, the configuration file says; each account says who may assume its own.
ASSUME_CONFIGURED_ROLES = Permission(
    "AssumeConfiguredRoles",
    ("sts:AssumeRole",),
    _all_in("ConfiguredRoles"),
    ("HasConfiguredRoles",),
)
# Done by Lambda, as failure destination.
KEEP_FAILED_EVENTS = Permission("KeepFailedEvents", ("sqs:SendMessage",), _FAILED_EVENTS)
# Queues, topics and bucket use the key with the rights of who sends, publishes, reads or writes.
USE_KEY = Permission(
    "UseKey", ("kms:Decrypt", "kms:GenerateDataKey"), Resource({"Ref": "KmsKeyArn"}), ("HasKmsKey",)
)


def write_logs(function: str) -> Permission:
    """Done by Lambda: a function's lines go to the log group that bears its name."""
    # Chalice names the function of the HTTP API as the application.
    name = "" if function == "api_handler" else f"-{function}"
    logs = "arn:${AWS::Partition}:logs:${AWS::Region}:${AWS::AccountId}:log-group:/aws/lambda/"
    streams = Resource(_sub(f"{logs}${{AWS::StackName}}{name}:*"))
    return Permission("WriteLogs", ("logs:CreateLogStream", "logs:PutLogEvents"), streams)


# --- The functions --------------------------------------------------------------------------------

_TO_LIST = (
    DESCRIBE_REPOSITORIES,
    READ_SCANNING_OF_REGISTRY,
    READ_SCANNING_OF_REPOSITORIES,
    READ_TAGS_OF_ALL,
    LIST_WORKLOADS,
    LIST_TASK_DEFINITIONS,
    READ_WORKLOADS,
    ASSUME_DISCOVERY_ROLES,
)
_TO_REVIEW = (
    READ_IMAGES,
    READ_INDEXES,
    READ_FINDINGS,
    QUERY_RECORDS,
    READ_ITEMS,
    KEEP_RECORDS,
    ASSUME_SCAN_ROLES,
    SEND_JOBS,
    # Warnings of what is amiss with them, and which of these were sent.
    *only_if("FindsImagesInUse", PUBLISH_REPORTS, PUBLISH_TO_CHAT),
    READ_USES,
)
_TO_LIST_AND_DRY_RUN = (*_TO_LIST, *_TO_REVIEW, READ_COVERAGE)
_TO_READ_RISKS = (READ_RISKS_IN_S3, READ_RISKS_IN_PARAMETER)

_OWN: dict[str, tuple[Permission, ...]] = {
    "list_repositories": (
        *_TO_LIST_AND_DRY_RUN,
        *only_if("FindsImagesInUse", UPDATE_HISTORY),
        KEEP_FAILED_EVENTS,
    ),
    "scan_images": (
        *_TO_REVIEW,
        START_SCANS,
        UPDATE_HISTORY,
        # Where Inspector scans there are jobs of repositories with images in use only.
        *only_if("FindsImagesInUse", READ_COVERAGE, PUT_INTO_HISTORY),
        RECEIVE_JOBS,
        *_TO_LIST,  # it makes the plan of the day, and goes on with listings
    ),
    "notify": (
        *in_own_region_too(
            READ_FINDINGS,
            READ_IMAGES,
            READ_INDEXES,
            READ_TAGS_OF_ONE,
        ),
        ASSUME_SCAN_ROLES,
        PUT_INTO_HISTORY,
        UPDATE_HISTORY,
        *only_if("ResolvesImageIndexes", DELETE_FROM_HISTORY),
        READ_ITEMS,
        QUERY_RECORDS,
        KEEP_RECORDS,
        *_TO_READ_RISKS,
        PUBLISH_REPORTS,
        PUBLISH_TO_CHAT,
        PUBLISH_TO_OWNERS,
        IMPORT_FINDINGS,
        PUT_EVENTS,
        *only_if("FetchesFeeds", READ_FEEDS, LIST_REPORTS),
        KEEP_FAILED_EVENTS,
    ),
    "send_reports": (
        QUERY_RECORDS,
        UPDATE_HISTORY,
        KEEP_RECORDS,
        PUBLISH_REPORTS,
        PUBLISH_TO_CHAT,
        PUBLISH_TO_OWNERS,
        # As refresh_feeds below.
        READ_CONFIGURATION_IN_S3,
        READ_CONFIGURATION_IN_PARAMETER,
    ),
    "report_fleet": (
        *only_if(
            "HasDigest",
            DESCRIBE_REPOSITORIES,
            READ_SCANNING_OF_REGISTRY,
            READ_TAGS_OF_ALL,
            READ_USES,
            READ_COVERAGE,
            READ_IMAGES,
            READ_INDEXES,
            READ_FINDINGS,
            QUERY_RECORDS,
            *only_if("ResolvesImageIndexes", KEEP_RECORDS),
            ASSUME_SCAN_ROLES,
            *_TO_READ_RISKS,
            READ_FLEET_REPORTS,
            KEEP_FLEET_REPORTS,
            DELETE_MARKS,
            LIST_REPORTS,
            PUBLISH_REPORTS,
            PUBLISH_TO_CHAT,
            PUBLISH_TO_OWNERS,
            PUT_EVENTS,
        ),
        KEEP_FAILED_EVENTS,
    ),
    "refresh_feeds": (
        *only_if("FetchesFeeds", READ_FEEDS, KEEP_FEEDS, LIST_REPORTS),
        KEEP_FAILED_EVENTS,
        # All that it needs of WITH_CONFIGURATION: it takes no role.
        READ_CONFIGURATION_IN_S3,
        READ_CONFIGURATION_IN_PARAMETER,
    ),
    "api_handler": (
        *_TO_LIST_AND_DRY_RUN,
        UPDATE_HISTORY,
        # What was found last, as the digest keeps it.
        *only_if("HasDigest", READ_FLEET_REPORTS, LIST_REPORTS),
    ),
}

FUNCTIONS: dict[str, tuple[Permission, ...]] = {
    function: (*own, USE_KEY, write_logs(function)) for function, own in _OWN.items()
}
"""What each function may do, by its name in ``.chalice/config.json``."""

WITH_CONFIGURATION: tuple[Permission, ...] = (
    READ_CONFIGURATION_IN_S3,
    READ_CONFIGURATION_IN_PARAMETER,
    ASSUME_CONFIGURED_ROLES,
)
"""What each function may do beside that where there is a configuration file outside the package.

It is the same for all that look into registries, and stands in the template once, as the resource
``ConfigurationPolicy``.
"""
