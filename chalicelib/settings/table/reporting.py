"""The settings of what is reported, and how."""

from chalicelib.settings.kinds import (
    COUNT,
    DUE_TIMES,
    EVENT_BUS,
    NOTIFY_MODE,
    OWNER_TOPICS,
    POSITIVE,
    PROBABILITY,
    REPORT_IMAGES,
    REPOSITORY_THRESHOLDS,
    SCHEDULE,
    SCORE,
    SOURCE,
    SWITCH,
    WINDOW,
)
from chalicelib.settings.rows import Setting, Values

_ON = "Whether {} get reports"


class Reporting(Values):
    """What is reported."""

    critical = Setting(
        COUNT,
        "CRITICAL",
        default="0",
        key="reporting.thresholds.critical",
        parameter="CriticalThreshold",
        label="Threshold of critical findings",
        description="From how many critical findings on a scan is reported; 0 and 1 both mean any",
        example="1",
    )
    high = Setting(
        COUNT,
        "HIGH",
        default="0",
        key="reporting.thresholds.high",
        parameter="HighThreshold",
        label="Threshold of high findings",
        description="From how many high findings on a scan is reported; 0 and 1 both mean any",
        example="2",
    )
    medium = Setting(
        COUNT,
        "MEDIUM",
        default="0",
        key="reporting.thresholds.medium",
        parameter="MediumThreshold",
        label="Threshold of medium findings",
        description="From how many medium findings on a scan is reported; 0 and 1 both mean any",
        example="3",
    )
    low = Setting(
        COUNT,
        "LOW",
        default="0",
        key="reporting.thresholds.low",
        parameter="LowThreshold",
        label="Threshold of low findings",
        description="From how many low findings on a scan is reported; 0 and 1 both mean any",
        example="4",
    )
    informational = Setting(
        COUNT,
        "INFORMATIONAL",
        key="reporting.thresholds.informational",
        description="From how many informational findings on a scan is reported; without it such"
        " findings are shown and are no reason for a report",
        example="5",
    )
    undefined = Setting(
        COUNT,
        "UNDEFINED",
        key="reporting.thresholds.undefined",
        description="From how many findings of undefined severity on a scan is reported; without it"
        " such findings are shown and are no reason for a report",
        example="6",
    )
    kev = Setting(
        COUNT,
        "KEV",
        key="reporting.thresholds.kev",
        description="From how many findings on that are known to be exploited (KEV) a scan is"
        " reported, whatever their severity; needs FEEDS",
        example="1",
    )
    epss = Setting(
        PROBABILITY,
        "EPSS",
        key="reporting.thresholds.epss",
        description="From which EPSS probability on, as FEEDS or else Amazon Inspector has it, a"
        " finding has its scan reported, whatever its severity",
        example="0.5",
    )
    repository_rules = Setting(
        REPOSITORY_THRESHOLDS,
        "REPOSITORY_THRESHOLDS",
        key="repositories",
        description="Thresholds of repositories by a pattern of their names; the first match"
        " counts. A configuration file can hold other rules of theirs too",
        example="payments/*: CRITICAL=1 HIGH=5; sandbox/*: CRITICAL=20",
    )
    fixable_only = Setting(
        SWITCH,
        "FIXABLE_ONLY",
        default="false",
        key="reporting.fixable-only",
        description="Whether the thresholds pass over findings that are known to have no fix",
        example="true",
    )
    ignore_unfixed = Setting(
        SWITCH,
        "IGNORE_UNFIXED",
        default="false",
        key="reporting.ignore-unfixed",
        description="Whether findings that are known to have no fix are left out of reports, and"
        " counted as such",
        example="true",
    )
    minimum_score = Setting(
        SCORE,
        "MINIMUM_SCORE",
        default="0",
        key="reporting.minimum-score",
        description="From which CVSS score on findings count; those without a score always do",
        example="7.5",
    )
    event_bus = Setting(
        EVENT_BUS,
        "EVENT_BUS_ARN",
        key="reporting.event-bus",
        parameter="EventBusArn",
        label="Event bus of findings",
        description="ARN of the EventBridge bus for events of findings",
        by_deployment=True,
        permissions=("PutEvents",),
        example="arn:aws:events:eu-west-1:123456789012:event-bus/findings",
    )
    sla = Setting(
        DUE_TIMES,
        "SLA",
        key="reporting.sla",
        description="How long findings of each severity may be open before they are overdue;"
        " repositories of the configuration file may have other times",
        example="CRITICAL=7d HIGH=30d",
    )
    accepted_risks = Setting(
        SOURCE,
        "ACCEPTED_RISKS",
        key="reporting.accepted-risks",
        parameter="AcceptedRisks",
        label="List of accepted risks",
        description="Where the list of accepted risks is",
        by_deployment=True,
        permissions=("ReadRisksInS3", "ReadRisksInParameter"),
        example="ssm:/lists/accepted-risks",
    )
    wanted_mode = Setting(
        NOTIFY_MODE,
        "NOTIFY_MODE",
        key="reporting.mode",
        parameter="NotifyMode",
        label="After which scans",
        description="Whether people are notified after every scan, when findings changed, or of new"
        " findings only, as they are with the history's table where nothing is given; without it"
        " they are after every scan",
        example="changes",
    )
    wanted_images = Setting(
        REPORT_IMAGES,
        "REPORT_IMAGES",
        key="reporting.images",
        parameter="ReportImages",
        label="Of which images",
        description="Whether people are notified of current images, which are the newest and those"
        " in use, or of all; of current ones with the history's table where nothing is given",
        example="all",
    )
    window = Setting(
        WINDOW,
        "REPORT_WINDOW",
        default="5m",
        key="reporting.window",
        description="For how long news is collected, to be reported together; 0 reports each scan"
        " at once, as without the history's table and after every scan",
        example="15m",
    )
    messages_a_day = Setting(
        POSITIVE,
        "MESSAGES_A_DAY",
        default="20",
        key="reporting.messages-a-day",
        description="From how many messages a day on the rest waits for the next day, critical"
        " findings in running images excepted",
        example="5",
    )
    owner_topics = Setting(
        OWNER_TOPICS,
        "OWNER_TOPICS",
        key="owners",
        description="Topics of owners' own, for reports and for chat, beside those of all; the"
        " deployment's parameter OwnerTopics lets the functions publish to them",
        example="payments=arn:aws:sns:eu-west-1:123456789012:payments",
    )
    notify_on_scan_failure = Setting(
        SWITCH,
        "NOTIFY_ON_SCAN_FAILURE",
        default="true",
        key="reporting.failed-scans",
        description="Whether a failed scan is reported",
        example="false",
    )
    inspector_findings = Setting(
        SWITCH,
        "NOTIFY_ON_INSPECTOR_FINDINGS",
        default="false",
        key="reporting.inspector-findings",
        parameter="NotifyOnInspectorFindings",
        label="Report findings of Amazon Inspector",
        description="Whether new findings of Amazon Inspector are weighed as they come",
        by_deployment=True,
        used_at_start=True,
        example="true",
    )


class Channels(Values):
    """By which channels."""

    by_email = Setting(
        SWITCH,
        "NOTIFY_BY_EMAIL",
        default="true",
        key="channels.email",
        description=_ON.format("email subscribers of the report topic"),
        example="false",
    )
    by_sms = Setting(
        SWITCH,
        "NOTIFY_BY_SMS",
        default="true",
        key="channels.sms",
        description=_ON.format("SMS subscribers of the report topic that filter by channel"),
        example="false",
    )
    by_json = Setting(
        SWITCH,
        "NOTIFY_BY_JSON",
        default="true",
        key="channels.json",
        description=_ON.format(
            "machines that are subscribed to the report topic and filter by channel"
        ),
        example="false",
    )
    by_chat = Setting(
        SWITCH,
        "NOTIFY_BY_CHAT",
        default="false",
        key="channels.chat",
        parameter="NotifyByChat",
        label="Chat channels",
        description="Whether there is a topic for Amazon Q Developer in chat applications",
        by_deployment=True,
        permissions=("PublishToChat",),
        example="true",
    )
    by_security_hub = Setting(
        SWITCH,
        "NOTIFY_BY_SECURITY_HUB",
        default="false",
        key="channels.security-hub",
        parameter="NotifyBySecurityHub",
        label="AWS Security Hub",
        description="Whether findings are imported into AWS Security Hub, which has to be enabled",
        by_deployment=True,
        permissions=("ImportFindings",),
        example="true",
    )


class Digest(Values):
    """The digest."""

    digest = Setting(
        SWITCH,
        "DIGEST",
        default="true",
        key="digest.send",
        parameter="Digest",
        label="Send digests",
        description="Whether a digest of all open findings is sent",
        by_deployment=True,
        permissions=(
            *("DescribeRepositories", "ReadImages", "ReadIndexes", "ReadFindings"),
            *("QueryRecords", "KeepRecords", "ReadCoverage", "ReadScanningOfRegistry"),
            *("AssumeScanRoles", "ReadRisksInS3", "ReadRisksInParameter"),
            *("KeepFleetReports", "DeleteMarks", "ListReports", "PublishReports"),
            *("ReadFleetReports", "ReadTagsOfAll", "ReadUses", "PutEvents", "PublishToChat"),
            "PublishToOwners",
        ),
        example="false",
    )
    digest_rate = Setting(
        SCHEDULE,
        "DIGEST_RATE",
        default="7 days",
        key="digest.rate",
        parameter="DigestRate",
        label="Digest rate",
        description="How often the digest is sent",
        by_deployment=True,
        used_at_start=True,
        example="rate(1 day)",
    )
