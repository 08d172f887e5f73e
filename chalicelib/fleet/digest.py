"""The digest: a fleet report at a scheduled time, kept in S3 and sent once to the report topic."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from chalicelib.ecr.findings import counts_of
from chalicelib.fleet.collecting import gather_fleet
from chalicelib.fleet.comparison import compare
from chalicelib.fleet.feeds import with_feeds
from chalicelib.fleet.finding_lines import keep_lines
from chalicelib.fleet.formats.html_page import as_html
from chalicelib.fleet.formats.json_form import to_json
from chalicelib.fleet.formats.json_reader import ReportError, from_json
from chalicelib.fleet.formats.pages import StoredReport, as_email, email_subject, headline, summary
from chalicelib.fleet.overdue_events import put_overdue
from chalicelib.runtime import logs
from chalicelib.runtime.backoff import Backoff
from chalicelib.settings.channels import CHAT, ON_TOPIC, on_topic
from chalicelib.text.chat import announcement
from chalicelib.text.notifications import SMS_LENGTH, Message

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from chalicelib.aws.s3 import ReportBucket
    from chalicelib.fleet.report import FleetReport
    from chalicelib.runtime.deadline import Deadline
    from chalicelib.services import Services

PREFIX = "fleet-reports/"
MARKS = f"{PREFIX}sent/"

DIGEST_VERSION = "1"
"""The version of the message's JSON, which ``docs/schemas/digest-1.json`` describes."""

MOST_TRIED = 5
"""The most digests, from the last one that was sent back, whose reports are tried to be read."""

URL_HOURS = 12
"""For how long the link in the email is signed; Lambda's credentials may end before."""

_SENDING, _SENT = "sending", "sent"


class DigestUnclear(Exception):
    """Another run began to send the digest and did not say that it had: says what to do."""


@dataclass(frozen=True)
class DigestKeys:
    """Where the report of a scheduled time is kept, and the mark that its digest was sent.

    Keys of a kind sort by time.
    """

    scheduled: datetime

    @property
    def html(self) -> str:
        """The page."""
        return f"{PREFIX}html/{self.time}.html"

    @property
    def json(self) -> str:
        """The report that the next one is compared with, once it was sent."""
        return f"{PREFIX}json/{self.time}.json"

    @property
    def mark(self) -> str:
        """Holds ``sending`` or ``sent``."""
        return f"{MARKS}{self.time}.txt"

    @property
    def time(self) -> str:
        """The time in keys."""
        return self.scheduled.astimezone(UTC).strftime("%Y-%m-%dT%H-%M-%SZ")


def scheduled_time(event: Mapping[str, Any]) -> datetime:
    """The time that a scheduled event is for; now, where it names none.

    The same event, delivered again, has the same time. Source: EventBridge user guide, "Scheduled
    Event".
    """
    try:
        moment = datetime.fromisoformat(event["time"])
    except (KeyError, TypeError, ValueError):
        return datetime.now(UTC)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def send_digest(
    scheduled: datetime, services: Services, bucket: ReportBucket, deadline: Deadline
) -> bool:
    """Gather, keep and publish the digest of a scheduled time; says whether this run sent it.

    A run that was cut short goes on with the report that it kept. The mark is made before the
    digest is published, so that no two runs publish it, and taken back when publishing fails.

    Calls, beside those of :func:`chalicelib.fleet.collecting.gather_fleet`
    (ecr:DescribeRepositories, ecr:DescribeImages, ecr:BatchGetImage,
    ecr:DescribeImageScanFindings; sts:GetCallerIdentity needs no permission): on
    ``fleet-reports/*`` of the bucket s3:GetObject, s3:PutObject and s3:DeleteObject (of
    ``fleet-reports/sent/*``); on the bucket s3:ListBucket; sns:Publish. The link works as far as
    the function itself may s3:GetObject. A bucket with a customer key needs kms:GenerateDataKey and
    kms:Decrypt. A list of accepted risks is read by s3:GetObject or ssm:GetParameter, as the
    notifier reads it.

    :raises DigestUnclear: when another run is sending the digest, or was stopped while it did.
    """
    keys = DigestKeys(scheduled)
    if _is_sent(keys, bucket):
        return False
    report = _kept(keys, bucket) or _keep(_gather(keys, services, bucket, deadline), keys, bucket)
    message = digest_message(report, _stored(keys, bucket), services.settings.channels)
    if services.event_bus is not None:
        put_overdue(report, services.event_bus, Backoff(deadline))
    if not bucket.create(keys.mark, _SENDING):
        raise DigestUnclear(f"another run is sending the digest of {scheduled.isoformat()}")
    try:
        services.report_topic.publish(message)
    except Exception:
        bucket.delete(keys.mark)
        raise
    if CHAT in services.settings.channels:
        _announce(report, _stored(keys, bucket), services)
    bucket.put(keys.mark, _SENT, "text/plain; charset=utf-8")
    _log(report, keys)
    return True


def _announce(report: FleetReport, stored: StoredReport, services: Services) -> None:
    """Tell the chat channels; the others have the digest, whatever becomes of that."""
    try:
        services.chat_topic.publish(digest_notification(report, stored))
    except Exception as error:
        logs.logger.error("not delivered", extra={"channel": CHAT, "error": str(error)})
        logs.count("NotificationsFailed", 1, Channel=CHAT)


def digest_notification(report: FleetReport, stored: StoredReport) -> str:
    """What chat channels get: what the email begins with, and where the rest is."""
    title = f"Fleet report: {headline(report)}"
    return announcement(title, summary(report).splitlines(), "fleet report", stored.url)


def digest_message(
    report: FleetReport, stored: StoredReport, channels: Sequence[str] = ON_TOPIC
) -> Message:
    """What subscribers get: a text by email, a short one by SMS, and the totals as JSON."""
    subject = email_subject(report)
    email = as_email(report, stored)
    document = json.dumps(_document(report, stored), separators=(",", ":"))
    texts = {"default": document, "email": email, "sms": subject[:SMS_LENGTH]}
    return Message(
        subject, json.dumps(texts), {"report": "fleet"}, lists={"channels": on_topic(channels)}
    )


def _document(report: FleetReport, stored: StoredReport) -> dict[str, Any]:
    comparison = report.comparison
    return {
        "kind": "digest",
        "version": DIGEST_VERSION,
        "report": "fleet",
        "generatedAt": report.generated_at.isoformat(),
        "totals": report.totals,
        "acceptedRiskCount": len(report.accepted),
        "expiredRiskCount": len(report.expired),
        "leftOut": report.left_out,
        "since": comparison and comparison.since.isoformat(),
        "new": comparison and len(comparison.new),
        "fixed": comparison and len(comparison.fixed),
        "overdue": len(report.overdue) if report.has_due_dates else None,
        "dueSoon": len(report.due_soon) if report.has_due_dates else None,
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


def _is_sent(keys: DigestKeys, bucket: ReportBucket) -> bool:
    mark = bucket.get(keys.mark)
    if mark == _SENDING:
        raise DigestUnclear(
            f"another run is sending this digest, or was stopped while it did; if it did not "
            f"arrive, delete s3://{bucket.name}/{keys.mark} and send the event again"
        )
    return mark is not None


def _kept(keys: DigestKeys, bucket: ReportBucket) -> FleetReport | None:
    """The report of a run that was cut short before it sent anything."""
    return _read(keys.json, bucket)


def _gather(
    keys: DigestKeys, services: Services, bucket: ReportBucket, deadline: Deadline
) -> FleetReport:
    earlier = _last_sent(keys, bucket)
    report = gather_fleet(services, deadline, earlier=earlier)
    report = report if earlier is None else compare(report, earlier)
    report = with_feeds(report, bucket) if services.settings.feeds else report
    return report.with_point(earlier)


def _last_sent(keys: DigestKeys, bucket: ReportBucket) -> FleetReport | None:
    """The report of the last digest that was sent: a run that sent nothing is no baseline."""
    marks = reversed(bucket.keys_before(MARKS, keys.mark))
    sent = (mark for mark in marks if bucket.get(mark) == _SENT)
    kept = (f"{PREFIX}json/{PurePosixPath(mark).stem}.json" for mark in sent)
    reports = (_read(key, bucket) for key in islice(kept, MOST_TRIED))
    return next((report for report in reports if report is not None), None)


def _read(key: str, bucket: ReportBucket) -> FleetReport | None:
    """A report that was kept; None where there is none, or none that can be read."""
    text = bucket.get(key)
    if text is None:
        return None
    try:
        return from_json(text)
    except ReportError as error:
        logs.logger.warning("kept report not read", extra={"key": key, "error": str(error)})
        return None


def _keep(report: FleetReport, keys: DigestKeys, bucket: ReportBucket) -> FleetReport:
    """Write the page, the findings, and then the JSON, which says that all are there."""
    bucket.put(keys.html, as_html(report), "text/html; charset=utf-8")
    keep_lines(report, keys.time, bucket)
    bucket.put(keys.json, to_json(report), "application/json")
    return report


def _stored(keys: DigestKeys, bucket: ReportBucket) -> StoredReport:
    url = bucket.presigned_url(keys.html, URL_HOURS * 3600)
    return StoredReport(url, URL_HOURS, bucket.name, keys.html, keys.json)


def _log(report: FleetReport, keys: DigestKeys) -> None:
    overdue = counts_of(each.finding for each in report.overdue)
    for severity, count in report.totals.items():
        logs.count("FleetOpenFindings", count, Severity=severity)
        logs.count("FleetFindingsOverdue", overdue.get(severity, 0), Severity=severity)
    logs.summary(
        "digest sent",
        {
            "FleetOpenFindings": report.open_findings,
            "FleetFindingsOverdue": len(report.overdue),
            "FleetNotLookedAt": len(report.not_looked_at),
            "FleetImagesNeverScanned": report.images_never_scanned,
        },
        json_key=keys.json,
        totals=report.totals,
        repositories=len(report.repositories),
        scans_failed=report.scans_failed,
        unknown=len(report.unknown),
    )
