"""``make demo``: the whole application at work, on an embedded registry, without an AWS account.

Lister, SQS, scanner, ECR, scan events, notifier, DynamoDB, SNS, Security Hub and the digest in S3:
the application's own functions are called through Chalice's test client, and they call moto's
services by real boto3 clients.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
from chalice.test import Client
from moto import mock_aws
from rich.console import Console
from rich.progress import Progress

from local import show
from local.ecr import Findings, local_ecr
from local.environment import isolated_environment
from local.history import create_history_table
from local.seed import seed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local.ecr import LocalRegistry

REGION = "eu-west-1"
SETTINGS = {
    "ECR_IMAGES_DURATION_DELTA": "7d",
    "CRITICAL": "2",
    "HIGH": "15",
    "MEDIUM": "48",
    "LOW": "70",
    "NOTIFY_MODE": "new-findings",
    "NOTIFY_BY_CHAT": "true",
    "NOTIFY_BY_SECURITY_HUB": "true",
}
PAGE = Path("out/demo/fleet-report.html")
DIGEST_TIME = "2026-11-23T06:00:00Z"


@dataclass(frozen=True)
class Notification:
    """One published message, as SNS hands it to the subscribers of each protocol."""

    subject: str
    texts: dict[str, str]
    attributes: dict[str, str]

    @property
    def is_digest(self) -> bool:
        """Whether it is about all repositories."""
        return self.attributes.get("report") == "fleet"


class Collector(logging.Handler):
    """The summary lines of the application's log."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[dict[str, Any]] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the line, if it is a summary."""
        if isinstance(record.msg, dict):
            self.lines.append(record.msg)

    def reviews(self) -> list[dict[str, Any]]:
        """The scanner's summary lines, one a message."""
        return [line for line in self.lines if line["message"] == "repository reviewed"]


class Demo:
    """The application and the services around it."""

    def __init__(self, registry: LocalRegistry) -> None:
        # Imported here and anew, because the application reads its settings when it is loaded.
        sys.modules.pop("app", None)
        import app
        from chalicelib.runtime import logs

        self.logs = Collector()
        logs.logger.handlers = [self.logs]
        self.registry = registry
        self._client = Client(app.app)
        self._sqs = boto3.client("sqs")

    def list_repositories(self, **overrides: Any) -> int:
        """Let the schedule fire; returns how many jobs the lister sent."""
        event = self._schedule(overrides)
        return int(self._client.lambda_.invoke("list_repositories", event).payload["enqueued"])

    def scan_repositories(self) -> Iterator[str]:
        """Hand every message to the scanner, as the queue's trigger does; yields the bodies."""
        queue_url = os.environ["IMAGES_SCAN_JOBS_QUEUE_URL"]
        while messages := self._sqs.receive_message(QueueUrl=queue_url).get("Messages"):
            for message in messages:
                event = self._client.events.generate_sqs_event([message["Body"]])
                self._client.lambda_.invoke("scan_images", event)
                self._sqs.delete_message(QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"])
                yield message["Body"]

    def finish_scans(self) -> list[dict[str, Any]]:
        """Let ECR finish the scans; returns the events that it sends."""
        self.registry.finish_scans()
        return self.registry.completed_events()

    def notify(self, event: dict[str, Any]) -> None:
        """Hand an event to the notifier, as EventBridge does."""
        self._client.lambda_.invoke("notify", event)

    def push_build(self, repository: str, tags: tuple[str, ...]) -> None:
        """Push an image that takes over tags, without some findings and with others."""
        images = self.registry.repositories[repository].images
        before = next(image for image in images.values() if tags[0] in image.tags)
        flaws = {
            flaw
            for each in self.registry.repositories.values()
            for image in each.images.values()
            for flaw in image.findings.entries
            if flaw.severity == "CRITICAL"
        }
        new = sorted(flaws - set(before.findings.entries), key=lambda flaw: flaw.name)
        findings = (*before.findings.entries[4:], *new[:2])
        self.registry.add_image(repository, tags=tags, findings=Findings(findings))

    def send_digest(self) -> str:
        """Let the digest's schedule fire; returns the page that it links to."""
        event = self._schedule({}) | {"time": DIGEST_TIME}
        self._client.lambda_.invoke("report_fleet", event)
        bucket = boto3.client("s3")
        name = os.environ["REPORT_BUCKET_NAME"]
        kept = bucket.list_objects_v2(Bucket=name, Prefix="fleet-reports/html/")["Contents"]
        page: bytes = bucket.get_object(Bucket=name, Key=kept[0]["Key"])["Body"].read()
        return page.decode()

    def notifications(self) -> list[Notification]:
        """What was published to the report topic."""
        return [
            Notification(
                subject=str(subject),
                texts=json.loads(body),
                attributes={name: value["Value"] for name, value in (attributes or {}).items()},
            )
            for _, body, subject, attributes, _ in _published("ECR_SNS_REPORT_TOPIC_ARN")
        ]

    def chat_notifications(self) -> list[dict[str, Any]]:
        """What was published to the chat topic."""
        return [json.loads(body) for _, body, *_ in _published("CHAT_SNS_TOPIC_ARN")]

    def security_findings(self) -> list[dict[str, Any]]:
        """What was imported into Security Hub."""
        pages = boto3.client("securityhub").get_paginator("get_findings").paginate()
        return [dict(finding) for page in pages for finding in page["Findings"]]

    def _schedule(self, detail: dict[str, Any]) -> dict[str, Any]:
        event: dict[str, Any] = self._client.events.generate_cw_event(
            "aws.events", "Scheduled Event", detail=detail, resources=[], region=REGION
        )
        return event


def _published(topic: str) -> list[Any]:
    from moto.sns.models import sns_backends

    arn = os.environ[topic]
    return list(sns_backends[arn.split(":")[4]][REGION].topics[arn].sent_notifications)


@contextmanager
def demo() -> Iterator[Demo]:
    """The application on a seeded registry, with all that it is deployed with."""
    credentials = dict.fromkeys(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), "demo")
    environment = {**SETTINGS, **credentials, "AWS_DEFAULT_REGION": REGION}
    with isolated_environment(**environment), mock_aws(), local_ecr() as registry:
        seed(registry)
        os.environ.update(_resources())
        yield Demo(registry)


def _resources() -> dict[str, str]:
    """Make what the deployment makes; returns the variables that name it."""
    boto3.client("securityhub").enable_security_hub()
    boto3.client("s3").create_bucket(
        Bucket="reports", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
    )
    topics = boto3.client("sns")
    return {
        "IMAGES_SCAN_JOBS_QUEUE_URL": boto3.client("sqs").create_queue(QueueName="jobs")[
            "QueueUrl"
        ],
        "ECR_SNS_REPORT_TOPIC_ARN": topics.create_topic(Name="reports")["TopicArn"],
        "CHAT_SNS_TOPIC_ARN": topics.create_topic(Name="chat")["TopicArn"],
        "HISTORY_TABLE_NAME": create_history_table(),
        "REPORT_BUCKET_NAME": "reports",
    }


def main() -> None:
    """Run the application and print what it did and said."""
    console = Console(width=None if sys.stdout.isatty() else 120)
    with demo() as application, Progress(console=console, transient=True) as progress:
        scanning = progress.add_task("Scanning", total=application.list_repositories())
        for _ in application.scan_repositories():
            progress.advance(scanning)
        events = application.finish_scans()
        for event in progress.track(events, description="Reporting scans"):
            application.notify(event)
        reviews, told = application.logs.reviews(), application.notifications()

        for event in events:
            application.notify(event)
        repeated = len(application.notifications()) - len(told)

        before = json.loads(told[0].texts["default"])
        application.push_build(before["repository"], tuple(before["imageTags"]))
        application.list_repositories(repositories=[before["repository"]])
        list(application.scan_repositories())
        for event in application.finish_scans():
            application.notify(event)
        of_new_build = application.notifications()[len(told) + repeated :]
        page = application.send_digest()
        digests = [each for each in application.notifications() if each.is_digest]
        chat, findings = application.chat_notifications(), application.security_findings()
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text(page)

    console.print(show.reviews(reviews))
    console.print(f"{len(events)} scans ended; {len(told)} of them are reported.\n")
    for notification in told:
        console.print(show.email(notification))
    console.rule("Every event delivered a second time")
    console.print(f"{repeated} more messages\n")
    console.rule(
        f"A new build of {before['repository']} takes over the tags of the first: what is new"
    )
    for notification in of_new_build:
        console.print(*show.channels(notification))
    console.print(*show.chat(chat[-1]), *show.security_hub(findings))
    console.rule("The digest of all repositories")
    for notification in digests:
        console.print(show.email(notification))
    console.print(f"The page that it links to is in {PAGE}.")
    _check(reviews, events, told, repeated, of_new_build, digests)


def _check(
    reviews: list[dict[str, Any]],
    events: list[dict[str, Any]],
    told: list[Notification],
    repeated: int,
    of_new_build: list[Notification],
    digests: list[Notification],
) -> None:
    """Fail unless the application did what the demo claims to show."""
    started = sum(review["ScansStarted"] for review in reviews)
    statuses = {notification.attributes["scan-status"] for notification in told}
    if not started or started > len(events) or statuses != {"COMPLETE", "FAILED"}:
        sys.exit("the demo's registry was not scanned and reported as it should have been")
    if (repeated, len(of_new_build), len(digests)) != (0, 1, 1):
        sys.exit("the demo's messages were not sent once each")


if __name__ == "__main__":
    main()
