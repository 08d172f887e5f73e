"""``make demo``: the whole application at work, on an embedded registry, without an AWS account.

Lister, SQS, scanner, ECR, scan events, notifier and SNS: the application's own functions are
called through Chalice's test client, and they call moto's services by real boto3 clients.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import boto3
from chalice.test import Client
from moto import mock_aws
from rich.console import Console
from rich.markup import escape
from rich.panel import Panel
from rich.progress import Progress
from rich.rule import Rule
from rich.table import Table

from local.ecr import local_ecr
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
}
MEDIA = {"email": "email", "sms": "sms", "default": "json"}
"""The texts of a message, and what the media are called that get them."""


@dataclass(frozen=True)
class Notification:
    """One published message, as SNS hands it to the subscribers of each protocol."""

    subject: str
    texts: dict[str, str]
    attributes: dict[str, str]


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

    def __init__(self, registry: LocalRegistry, queue_url: str, topic_arn: str) -> None:
        # Imported here because the application reads its settings when it is loaded.
        import app
        from chalicelib import logs

        self.logs = Collector()
        logs.logger.handlers = [self.logs]
        self._client = Client(app.app)
        self._registry = registry
        self._queue_url = queue_url
        self._topic_arn = topic_arn
        self._sqs = boto3.client("sqs")

    def list_repositories(self) -> int:
        """Let the schedule fire; returns how many jobs the lister sent."""
        listing = self._client.lambda_.invoke("list_repositories", self._schedule()).payload
        return int(listing["enqueued"])

    def scan_repositories(self) -> Iterator[str]:
        """Hand every message to the scanner, as the queue's trigger does; yields the bodies."""
        while messages := self._receive():
            for message in messages:
                event = self._client.events.generate_sqs_event([message["Body"]])
                self._client.lambda_.invoke("scan_images", event)
                self._sqs.delete_message(
                    QueueUrl=self._queue_url, ReceiptHandle=message["ReceiptHandle"]
                )
                yield message["Body"]

    def finish_scans(self) -> list[dict[str, Any]]:
        """Let ECR finish the scans; returns the events that it sends."""
        self._registry.finish_scans()
        return self._registry.completed_events()

    def notify(self, event: dict[str, Any]) -> None:
        """Hand an event to the notifier, as EventBridge does."""
        self._client.lambda_.invoke("notify", event)

    def notifications(self) -> list[Notification]:
        """Everything that was published."""
        from moto.sns.models import sns_backends

        account = self._topic_arn.split(":")[4]
        topic = sns_backends[account][REGION].topics[self._topic_arn]
        return [
            Notification(
                subject=str(subject),
                texts=json.loads(body),
                attributes={name: value["Value"] for name, value in (attributes or {}).items()},
            )
            for _, body, subject, attributes, _ in topic.sent_notifications
        ]

    def _receive(self) -> list[Any]:
        answer = self._sqs.receive_message(QueueUrl=self._queue_url, MaxNumberOfMessages=10)
        return list(answer.get("Messages", ()))

    def _schedule(self) -> dict[str, Any]:
        return self._client.events.generate_cw_event(
            "aws.events", "Scheduled Event", detail={}, resources=[], region=REGION
        )


@contextmanager
def demo() -> Iterator[Demo]:
    """The application on a seeded registry, a queue and a topic."""
    credentials = dict.fromkeys(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), "demo")
    environment = {**SETTINGS, **credentials, "AWS_DEFAULT_REGION": REGION}
    with patch.dict(os.environ, environment), mock_aws(), local_ecr() as registry:
        seed(registry)
        queue_url = boto3.client("sqs").create_queue(QueueName="ecr-scan-reporter-jobs")["QueueUrl"]
        topic_arn = boto3.client("sns").create_topic(Name="ecr-scan-reporter")["TopicArn"]
        os.environ["IMAGES_SCAN_JOBS_QUEUE_URL"] = queue_url
        os.environ["ECR_SNS_REPORT_TOPIC_ARN"] = topic_arn
        yield Demo(registry, queue_url, topic_arn)


def main() -> None:
    """Run the application once and print what it did and said."""
    console = Console(width=None if sys.stdout.isatty() else 120)
    with demo() as application, Progress(console=console, transient=True) as progress:
        enqueued = application.list_repositories()
        scanning = progress.add_task("Scanning repositories", total=enqueued)
        for _ in application.scan_repositories():
            progress.advance(scanning)
        events = application.finish_scans()
        for event in progress.track(events, description="Reporting scans"):
            application.notify(event)
        reviews, notifications = application.logs.reviews(), application.notifications()
    console.print(_reviews(reviews))
    console.print(f"{len(events)} scans ended; {len(notifications)} of them are reported.\n")
    for notification in notifications:
        _print_notification(console, notification)
    _print_media(console, notifications[0])
    _check(reviews, events, notifications)


def _reviews(reviews: list[dict[str, Any]]) -> Table:
    table = Table(title="What the scanner did", title_justify="left", show_footer=True)
    totals = {name: sum(review[name] for review in reviews) for name in _COUNTS}
    table.add_column("Repository", f"{len(reviews)} repositories")
    for name, title in _COUNTS.items():
        table.add_column(title, str(totals[name]), justify="right")
    table.add_column("Skipped, and why")
    for review in reviews:
        skipped = ", ".join(f"{count} {reason}" for reason, count in review["skipped"].items())
        table.add_row(review["repository"], *(str(review[name]) for name in _COUNTS), skipped)
    return table


_COUNTS = {"ImagesSeen": "Images", "ImagesDue": "Due", "ScansStarted": "Started"}


def _print_notification(console: Console, notification: Notification) -> None:
    text = escape(notification.texts["email"])
    console.print(Panel(text, title=escape(notification.subject), title_align="left"))


def _print_media(console: Console, notification: Notification) -> None:
    console.print(Rule("The first of them, as the subscribers of each medium get it"))
    for protocol, medium in MEDIA.items():
        text = notification.texts[protocol]
        if text.startswith("{"):
            text = json.dumps(json.loads(text), indent=2)
        console.print(Panel(escape(text), title=medium, title_align="left"))
    console.print(f"Attributes to filter by: {notification.attributes}", markup=False)


def _check(
    reviews: list[dict[str, Any]], events: list[dict[str, Any]], notifications: list[Notification]
) -> None:
    """Fail unless the application did what the demo claims to show."""
    started = sum(review["ScansStarted"] for review in reviews)
    statuses = {notification.attributes["scan-status"] for notification in notifications}
    if not started or started > len(events) or statuses != {"COMPLETE", "FAILED"}:
        sys.exit("the demo's registry was not scanned and reported as it should have been")


if __name__ == "__main__":
    main()
