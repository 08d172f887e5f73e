"""The notifier with a topic, a history and Security Hub, all of them local."""

import boto3
import pytest

from chalicelib.services import Services
from tests.notifying.repository_scans import Scans

BOTH = {
    "HISTORY_TABLE_NAME": "history",
    "NOTIFY_MODE": "new-findings",
    "REPORT_IMAGES": "all",
    "REPORT_WINDOW": "0",
}


@pytest.fixture
def topic_arn(aws, queue):
    """A topic whose messages arrive in the queue."""
    arn = boto3.client("sns").create_topic(Name="reports")["TopicArn"]
    boto3.client("sns").subscribe(
        TopicArn=arn, Protocol="sqs", Endpoint="arn:aws:sqs:eu-west-1:123456789012:jobs"
    )
    return arn


@pytest.fixture
def scans(aws, topic_arn, settings, queue, history_table):
    def make(**variables):
        variables = {**BOTH, **variables}
        return Scans(
            aws, Services(settings(ECR_SNS_REPORT_TOPIC_ARN=topic_arn, **variables)), queue
        )

    return make


@pytest.fixture
def hub():
    """Security Hub's findings, by vulnerability and whether they are archived."""
    client = boto3.client("securityhub")
    client.enable_security_hub()

    def findings():
        found = client.get_findings()["Findings"]
        return {finding["Vulnerabilities"][0]["Id"]: finding["RecordState"] for finding in found}

    return findings
