"""Email, SMS and JSON, by the report topic: one message, of which each subscriber gets its text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.notifying.messages import message_of

if TYPE_CHECKING:
    from chalicelib.notifying.report import Report
    from chalicelib.services import Services


def deliver(report: Report, services: Services) -> None:
    """Publish the report. Source: SNS Publish."""
    services.report_topic.publish(message_of(report, services.settings.channels))
