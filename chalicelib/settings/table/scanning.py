"""The settings of what is scanned: repositories, images, registries, workloads."""

from chalicelib.settings.kinds import (
    DURATION,
    EXTERNAL_ID,
    PATTERN,
    POSITIVE,
    REGIONS,
    ROLES,
    SCHEDULE,
    SWITCH,
)
from chalicelib.settings.rows import Setting, Values


class Scanning(Values):
    """What is scanned."""

    scan_rate = Setting(
        SCHEDULE,
        "SCAN_RATE",
        default="1 day",
        key="scanning.rate",
        parameter="ScanRate",
        label="Scan rate",
        description="How often the repositories are listed",
        by_deployment=True,
        used_at_start=True,
        example="rate(12 hours)",
    )
    images_duration = Setting(
        DURATION,
        "ECR_IMAGES_DURATION_DELTA",
        default="7d",
        key="scanning.duration",
        parameter="ImagesDuration",
        label="Expiry of a scan",
        description="How old a scan may grow until the image is scanned again; months are calendar"
        " months",
        example="36h",
    )
    repositories_filter = Setting(
        PATTERN,
        "REPOSITORIES_FILTER_REGEXP",
        default=".*",
        key="scanning.repositories-filter",
        parameter="RepositoriesFilter",
        label="Repositories filter",
        description="Repositories are scanned in whose name it is found, anywhere in it; ^ and $"
        " anchor it",
        example="^shop/",
    )
    scan_time_lookup = Setting(
        SWITCH,
        "SCAN_TIME_LOOKUP",
        default="false",
        key="scanning.scan-time-lookup",
        description="Accepted and ignored: when images were scanned is always known",
        example="true",
    )


class Images(Values):
    """Which images are scanned."""

    tag_pattern = Setting(
        PATTERN,
        "IMAGES_TAG_PATTERN",
        key="images.tag-pattern",
        description="Only images with a tag are scanned in which it is found",
        example="^v",
    )
    tagged_only = Setting(
        SWITCH,
        "IMAGES_TAGGED_ONLY",
        default="false",
        key="images.tagged-only",
        description="Whether only images with tags are scanned, their own or an index's",
        example="true",
    )
    newest = Setting(
        POSITIVE,
        "IMAGES_NEWEST",
        key="images.newest",
        description="Only so many images of a repository are scanned, those pushed last",
        example="5",
    )
    pushed_within = Setting(
        DURATION,
        "IMAGES_PUSHED_WITHIN",
        key="images.pushed-within",
        description="Only images pushed within this time are scanned",
        example="3m",
    )
    pulled_within = Setting(
        DURATION,
        "IMAGES_PULLED_WITHIN",
        key="images.pulled-within",
        description="Only images pulled or pushed within this time are scanned",
        example="2w",
    )
    resolve_indexes = Setting(
        SWITCH,
        "RESOLVE_IMAGE_INDEXES",
        default="true",
        key="images.resolve-indexes",
        parameter="ResolveImageIndexes",
        label="Read image indexes",
        description="Whether images of an index get its tags in plans, rules and reports",
        by_deployment=True,
        permissions=("ReadIndexes", "KeepRecords", "DeleteFromHistory"),
        example="false",
    )
    repository_tag_rules = Setting(
        SWITCH,
        "REPOSITORY_TAG_RULES",
        default="false",
        key="images.repository-tag-rules",
        parameter="RepositoryTagRules",
        label="Rules in repository tags",
        description="Whether ECR resource tags ecr-scan-reporter:… of repositories set their own"
        " rules",
        by_deployment=True,
        permissions=("ReadTagsOfAll", "ReadTagsOfOne"),
        example="true",
    )


class Registries(Values):
    """Other regions and accounts."""

    scanned_regions = Setting(
        REGIONS,
        "SCAN_REGIONS",
        key="registries.regions",
        parameter="ScanRegions",
        label="Regions",
        description="The regions whose registries are covered, in place of the functions' own",
        by_deployment=True,
        example="eu-west-1,us-east-1",
    )
    scan_accounts = Setting(
        ROLES,
        "SCAN_ROLES",
        key="registries.accounts",
        parameter="ScanRoles",
        label="Roles in other accounts",
        description="Roles in other accounts, one an account, whose registries are covered too",
        permissions=("AssumeScanRoles",),
        example="arn:aws:iam::222222222222:role/scan,arn:aws:iam::333333333333:role/path/scan",
    )
    scan_external_id = Setting(
        EXTERNAL_ID,
        "SCAN_ROLES_EXTERNAL_ID",
        key="registries.external-id",
        description="The external id that these roles ask for, where they have none of their own",
        example="scan-id",
    )


class ImagesInUse(Values):
    """Images in use."""

    ecs_discovery = Setting(
        SWITCH,
        "ECS_DISCOVERY_ENABLED",
        default="false",
        key="images-in-use.find",
        parameter="EcsDiscoveryEnabled",
        label="Find the images in use",
        description="Whether to find out which images ECS and Lambda use",
        by_deployment=True,
        permissions=(
            *("ListWorkloads", "ListTaskDefinitions", "ReadWorkloads", "AssumeDiscoveryRoles"),
            *("ReadCoverage", "PublishReports", "PutIntoHistory", "ReadUses"),
            *("UpdateHistory", "PublishToChat"),
        ),
        example="true",
    )
    ecs_discovery_task_definitions = Setting(
        SWITCH,
        "ECS_DISCOVERY_ALL_TASK_DEFINITIONS",
        default="false",
        key="images-in-use.all-task-definitions",
        parameter="EcsDiscoveryAllTaskDefinitions",
        label="All active task definitions",
        description="Whether every active task definition counts as in use",
        by_deployment=True,
        permissions=("ListTaskDefinitions",),
        example="true",
    )
    discovery_accounts = Setting(
        ROLES,
        "ECS_DISCOVERY_ROLES",
        key="images-in-use.accounts",
        parameter="EcsDiscoveryRoles",
        label="Roles to find images in use in other accounts",
        description="Roles in other accounts, one an account, whose ECS and Lambda are asked too",
        permissions=("AssumeDiscoveryRoles",),
        example="arn:aws:iam::444444444444:role/find",
    )
    discovery_external_id = Setting(
        EXTERNAL_ID,
        "ECS_DISCOVERY_ROLES_EXTERNAL_ID",
        key="images-in-use.external-id",
        description="The external id that these roles ask for, where they have none of their own",
        example="find-id",
    )
    only_in_use = Setting(
        SWITCH,
        "SCAN_IN_USE_ONLY",
        default="false",
        key="images-in-use.only",
        description="Whether only images in use are scanned; needs ECS_DISCOVERY_ENABLED=true",
        example="true",
    )
