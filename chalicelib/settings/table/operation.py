"""The settings of how the functions run, and of what the deployment made for them."""

from chalicelib.settings.kinds import (
    BUCKET_NAME,
    BUDGET,
    LOG_LEVEL,
    POSITIVE,
    QUEUE_URL,
    SOURCE,
    TABLE_NAME,
    TOPIC_ARN,
)
from chalicelib.settings.rows import Setting, Values


class ConfigurationFile(Values):
    """The configuration file."""

    configuration = Setting(
        SOURCE,
        "CONFIGURATION",
        key="configuration",
        parameter="Configuration",
        label="Configuration file",
        description="Where the configuration file is; its settings hold where nothing else is set",
        by_deployment=True,
        permissions=("ReadConfigurationInS3", "ReadConfigurationInParameter"),
        example="ssm:/ecr-scan-reporter/configuration",
    )


class Pace(Values):
    """Pace."""

    daily_scan_budget = Setting(
        BUDGET,
        "DAILY_SCAN_BUDGET",
        key="pace.daily-scan-budget",
        parameter="DailyScanBudget",
        label="Daily budget of scans",
        description="The most scans a day in a registry and region, the most important first",
        by_deployment=True,
        example="50000",
    )
    scans_per_second = Setting(
        POSITIVE,
        "SCANS_PER_SECOND",
        key="pace.scans-per-second",
        description="The pace at which scans are started in a region, shared by the scanners that"
        " run at once; with a budget that of each plan, and 10 where nothing is given",
        example="20",
    )
    jobs_per_minute = Setting(
        POSITIVE,
        "JOBS_PER_MINUTE",
        default="1000",
        key="pace.jobs-per-minute",
        description="How fast the jobs of a listing reach the scanner, after the first 100",
        example="60",
    )


class Operation(Values):
    """Operation."""

    log_level = Setting(
        LOG_LEVEL,
        "LOG_LEVEL",
        default="INFO",
        key="operation.log-level",
        description="From which level on the functions log; what holds metrics is logged at any",
        used_at_start=True,
        example="DEBUG",
    )


class Resources(Values):
    """Set by the deployment."""

    jobs_queue_url = Setting(
        QUEUE_URL,
        "IMAGES_SCAN_JOBS_QUEUE_URL",
        description="The URL of the jobs queue",
        by_deployment=True,
        resource="JobsQueue",
        example="https://sqs.eu-west-1.amazonaws.com/123456789012/jobs",
    )
    report_topic_arn = Setting(
        TOPIC_ARN,
        "ECR_SNS_REPORT_TOPIC_ARN",
        description="The ARN of the report topic",
        by_deployment=True,
        resource="ReportTopic",
        condition="MakesReportTopic",
        otherwise="ReportTopicArn",
        example="arn:aws:sns:eu-west-1:123456789012:reports",
    )
    chat_topic_arn = Setting(
        TOPIC_ARN,
        "CHAT_SNS_TOPIC_ARN",
        description="The ARN of the chat topic, where NotifyByChat makes one",
        by_deployment=True,
        resource="ChatTopic",
        condition="HasChat",
        example="arn:aws:sns:eu-west-1:123456789012:chat",
    )
    history_table_name = Setting(
        TABLE_NAME,
        "HISTORY_TABLE_NAME",
        description="The name of the DynamoDB table of what was reported; without one every scan is"
        " reported",
        by_deployment=True,
        resource="HistoryTable",
        condition="MakesHistoryTable",
        otherwise="HistoryTableName",
        example="ecr-scan-reporter-history",
    )
    report_bucket_name = Setting(
        BUCKET_NAME,
        "REPORT_BUCKET_NAME",
        description="The name of the S3 bucket that the digest needs",
        by_deployment=True,
        resource="ReportBucket",
        condition="MakesReportBucket",
        otherwise="ReportBucketName",
        example="ecr-scan-reporter-reports",
    )
