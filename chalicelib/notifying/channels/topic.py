"""Email, SMS and JSON, by the report topic: one message, of which each subscriber gets its text."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from chalicelib.notifying.messages import message_of
from chalicelib.notifying.roundups import message_of_roundup
from chalicelib.text.notifications import Message

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chalicelib.aws.sns import ReportTopic
    from chalicelib.notifying.report import Report
    from chalicelib.policy.roundups import Roundup
    from chalicelib.services import Services


def deliver(report: Report, services: Services) -> None:
    """Publish the report. Source: SNS Publish."""
    services.report_topic.publish(message_of(report, services.settings.channels))


def content_of_report(report: Report, services: Services) -> dict[str, Any]:
    """The message about a report, to be published later."""
    return asdict(message_of(report, services.settings.channels))


def content_of_roundup(roundup: Roundup, services: Services) -> dict[str, Any]:
    """The message about several images."""
    return asdict(message_of_roundup(roundup, services.settings.channels))


def publish(content: Mapping[str, Any], services: Services) -> None:
    """Publish a message. Source: SNS Publish."""
    publish_to(services.report_topic, content)


def publish_to(topic: ReportTopic, content: Mapping[str, Any]) -> None:
    """Publish a message to a topic. Source: SNS Publish."""
    topic.publish(Message(**content))
