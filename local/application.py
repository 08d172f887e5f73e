"""The whole application on an embedded cloud: its functions, and the services around them.

The application's own functions are called through Chalice's test client, and they call moto's
services by real boto3 clients.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import boto3
from chalice.local import LambdaContext
from chalice.test import Client
from moto import mock_aws

from local.ecr import Findings, LocalRegistry, local_ecr
from local.environment import isolated_environment
from local.history import create_history_table
from local.seed import seed, seed_inspected

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local.ecr import Finding

REGION = "eu-west-1"
INSPECTED_REGION = "eu-central-1"
"""Where Amazon Inspector scans: a registry, which is a region's, has one way of scanning."""

SETTINGS = {
    "SCAN_REGIONS": f"{REGION},{INSPECTED_REGION}",
    "ECR_IMAGES_DURATION_DELTA": "1d",
    "NOTIFY_BY_CHAT": "true",
    "NOTIFY_BY_SECURITY_HUB": "true",
}
DIGEST_TIME = "2026-11-23T06:00:00Z"


MOVING_TAGS = ("main", "latest", "prod")
"""The tags that the next build takes over."""


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
    """The application and the services around it; ``registry`` is the first of its registries."""

    def __init__(self, *registries: LocalRegistry) -> None:
        # Imported here and anew, because the application reads its settings when it is loaded.
        sys.modules.pop("app", None)
        import app
        from chalicelib.runtime import logs

        self.logs = Collector()
        logs.logger.handlers = [self.logs]
        self.registry = registries[0]
        self._registries = registries
        self._client = Client(app.app)
        self._minutes = 0
        app.services.clock = lambda: time.time() + 60 * self._minutes
        self._sqs = boto3.client("sqs")

    @property
    def repositories(self) -> int:
        """How many repositories there are."""
        return sum(len(registry.repositories) for registry in self._registries)

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
        for registry in self._registries:
            registry.finish_scans()
        return [event for registry in self._registries for event in registry.completed_events()]

    def notify(self, event: dict[str, Any]) -> None:
        """Hand an event to the notifier, as EventBridge does."""
        self._client.lambda_.invoke("notify", event)

    def send_reports(self, minutes: int = 0) -> None:
        """Let the schedule of the sender fire so many minutes later."""
        self._minutes += minutes
        self._client.lambda_.invoke("send_reports", self._schedule({}))

    def push_builds(self, flaw: Finding) -> list[str]:
        """Push a build of each service that takes over tags, with a new flaw; returns which."""
        pushed = []
        for registry in self._registries:
            for name, repository in registry.repositories.items():
                before = repository.find(None, "latest")
                if before is None or before.is_index or not before.findings.entries:
                    continue
                findings = Findings((*before.findings.entries[4:], flaw))
                tags = tuple(tag for tag in before.tags if tag in MOVING_TAGS)
                registry.push_image(name, tags=tags, findings=findings)
                pushed.append(name)
        return pushed

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
    """The application on seeded registries, with all that it is deployed with."""
    # In place of the test client's 3 seconds, which a busy machine needs for less.
    unhurried = partial(LambdaContext, max_runtime_ms=300_000)
    with embedded_cloud() as registries, patch("chalice.test.LambdaContext", unhurried):
        yield Demo(*registries)


@contextmanager
def embedded_cloud() -> Iterator[tuple[LocalRegistry, ...]]:
    """Seeded registries, and all that the application is deployed with, in the environment too.

    One is that of the application's own region under basic scanning, the other one enhanced.
    """
    credentials = dict.fromkeys(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), "demo")
    environment = {**SETTINGS, **credentials, "AWS_DEFAULT_REGION": REGION}
    inspected = LocalRegistry(region=INSPECTED_REGION)
    with isolated_environment(**environment), mock_aws(), local_ecr(None, inspected) as registry:
        seed(registry)
        seed_inspected(inspected)
        os.environ.update(_resources())
        yield registry, inspected


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
