"""What is published of a digest: to the subscribers of a topic, and to chat channels."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from chalicelib.fleet.formats.pages import as_email, email_subject, headline, summary
from chalicelib.settings.channels import ON_TOPIC, on_topic
from chalicelib.text.chat import announcement
from chalicelib.text.notifications import SMS_LENGTH, Message

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chalicelib.fleet.formats.pages import StoredReport
    from chalicelib.fleet.report import FleetReport

DIGEST_VERSION = "1"
"""The version of the message's JSON, which ``docs/schemas/digest-1.json`` describes."""


def digest_notification(report: FleetReport, stored: StoredReport) -> str:
    """What chat channels get: what the email begins with, and where the rest is."""
    title = f"{report.title}: {headline(report)}"
    return announcement(title, summary(report).splitlines(), report.title.lower(), stored.url)


def digest_message(
    report: FleetReport, stored: StoredReport, channels: Sequence[str] = ON_TOPIC
) -> Message:
    """What subscribers get: a text by email, a short one by SMS, and the totals as JSON."""
    subject = email_subject(report)
    email = as_email(report, stored)
    document = json.dumps(_document(report, stored), separators=(",", ":"))
    texts = {"default": document, "email": email, "sms": subject[:SMS_LENGTH]}
    attributes = {"report": "fleet", **_whose(report)}
    return Message(subject, json.dumps(texts), attributes, {"channels": on_topic(channels)})


def _whose(report: FleetReport) -> dict[str, str]:
    return {"owner": report.owner} if report.owner else {}


def _document(report: FleetReport, stored: StoredReport) -> dict[str, Any]:
    comparison = report.comparison
    return {
        "kind": "digest",
        "version": DIGEST_VERSION,
        "report": "fleet",
        **_whose(report),
        "generatedAt": report.generated_at.isoformat(),
        "totals": report.totals,
        "acceptedRiskCount": len(report.accepted),
        "expiredRiskCount": len(report.expired),
        "leftOut": report.left_out,
        "since": comparison and comparison.since.isoformat(),
        "new": comparison and len(comparison.new),
        "fixed": comparison and len(comparison.fixed),
        "overdue": report.overdue_count,
        "dueSoon": report.due_soon_count,
        "undated": report.undated,
        "meanDaysToFix": {
            severity: round(mean, 2)
            for severity, times in report.fixes.items()
            if (mean := times.mean_days) is not None
        },
        "repositories": len(report.looked_at),
        "notLookedAt": len(report.not_looked_at),
        "unknown": len(report.unknown),
        "lastKnown": len(report.last_known),
        "imagesNeverScanned": report.images_never_scanned,
        "scansFailed": report.scans_failed,
        "bucket": stored.bucket,
        "htmlKey": stored.html_key,
        "jsonKey": stored.json_key,
        "url": stored.url,
    }
