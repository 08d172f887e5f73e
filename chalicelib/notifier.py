"""The notifier: tells subscribers of a scan that crosses a threshold or failed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib import logs
from chalicelib.event_context import (
    is_of_note,
    is_reported,
    thresholds_of,
    with_current_counts,
    with_index_tags,
)
from chalicelib.messages import report

if TYPE_CHECKING:
    from chalicelib.messages import Message
    from chalicelib.scan_events import ScanResult
    from chalicelib.services import Services


def report_scan(result: ScanResult, services: Services) -> Message | None:
    """Publish a report of the scan, if there is anything to report; returns what was published."""
    message = None
    if is_reported(result, services.settings):
        thresholds = thresholds_of(result, services)
        result = with_current_counts(result, services)
        if is_of_note(result, thresholds):
            message = report(with_index_tags(result, thresholds, services), thresholds)
    if message is not None:
        services.report_topic.publish(message)
        severity = message.attributes.get("severity", result.status)
        logs.count("NotificationsSent", 1, Severity=severity)
    logs.summary(
        "scan reported" if message else "nothing to report",
        {"ScansFailed": int(result.failed)},
        repository=result.repository,
        image_digest=result.image_digest,
        scan_status=result.status,
        severity_counts=dict(result.severity_counts),
    )
    return message
