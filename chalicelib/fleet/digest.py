"""The digest: a fleet report at a scheduled time, kept in S3 and sent once to the report topic."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.ecr.findings import counts_of
from chalicelib.fleet.collecting import gather_fleet
from chalicelib.fleet.comparison import compare
from chalicelib.fleet.digest_keys import DigestKeys
from chalicelib.fleet.digest_messages import digest_message, digest_notification
from chalicelib.fleet.feeds import Feeds
from chalicelib.fleet.finding_lines import keep_lines
from chalicelib.fleet.kept_reports import keep_json, keep_page, read_report, stored_report
from chalicelib.fleet.marks import DigestUnclear, Mark, last_sent
from chalicelib.fleet.overdue_events import put_overdue
from chalicelib.fleet.owner_digests import keep_parts, send_parts
from chalicelib.runtime import logs
from chalicelib.runtime.backoff import Backoff
from chalicelib.settings.channels import CHAT

if TYPE_CHECKING:
    from datetime import datetime

    from chalicelib.aws.s3 import ReportBucket
    from chalicelib.fleet.formats.pages import StoredReport
    from chalicelib.fleet.report import FleetReport
    from chalicelib.runtime.deadline import Deadline
    from chalicelib.services import Services

WITH_OWNERS = 0.8
"""The share of the time that is for gathering where owners have digests of their own."""


class NotSent(Exception):
    """Some topics of owners have no digest: says which and why. The others have theirs."""

    def __init__(self, failures: dict[str, str]) -> None:
        super().__init__("; ".join(f"{name}: {error}" for name, error in failures.items()))


def send_digest(
    scheduled: datetime, services: Services, bucket: ReportBucket, deadline: Deadline
) -> bool:
    """Gather, keep and publish the digest of a scheduled time; says whether this run sent it.

    Then each owner with topics of its own is sent a digest of its repositories, of what was
    gathered at once for all, whatever became of the fleet's.

    A run that was cut short goes on with the reports that it kept. A mark is made before a digest
    is published, so that no two runs publish it, and taken back when publishing fails.

    Calls, beside those of :func:`chalicelib.fleet.collecting.gather_fleet`
    (ecr:DescribeRepositories, ecr:DescribeImages, ecr:BatchGetImage,
    ecr:DescribeImageScanFindings): on ``fleet-reports/*`` of the bucket s3:GetObject, s3:PutObject
    and s3:DeleteObject (of ``fleet-reports/sent/*``); on the bucket s3:ListBucket; sns:Publish. The
    link works as far as the function itself may s3:GetObject. A bucket with a customer key needs
    kms:GenerateDataKey and kms:Decrypt. A list of accepted risks is read by s3:GetObject or
    ssm:GetParameter, as the notifier reads it.

    :raises DigestUnclear: when another run is sending the digest, or was stopped while it did.
    :raises NotSent: when topics of owners have none.
    """
    keys, is_sent, report = DigestKeys(scheduled), False, None
    mark = Mark(keys.mark, bucket)
    failure: Exception | None = None
    try:
        is_sent = mark.is_sent()
    except DigestUnclear as unclear:
        failure = unclear
    if not (is_sent or failure):
        report = read_report(keys.json, bucket) or _made(keys, services, bucket, deadline)
        failure = _failure_of_sending(report, mark, keys, services)
    not_sent = send_parts(scheduled, services, bucket, deadline)
    failure = _failure_of_events(report, keys, services, bucket, deadline) or failure
    if failure is not None:
        raise failure
    if not_sent:
        raise NotSent(not_sent)
    return not is_sent


def _made(
    keys: DigestKeys, services: Services, bucket: ReportBucket, deadline: Deadline
) -> FleetReport:
    """The report, with the owners' parts of it, gathered and kept."""
    report = _gathered(keys, services, bucket, deadline)
    keep_page(report, keys, bucket)
    keep_lines(report, keys.time, bucket)
    keep_json(report, keys, bucket)
    return report


def _gathered(
    keys: DigestKeys, services: Services, bucket: ReportBucket, deadline: Deadline
) -> FleetReport:
    """The report, once the owners' parts are kept: what these are made of is not kept with it."""
    settings = services.settings
    earlier = last_sent(keys, bucket)
    share = deadline.part(WITH_OWNERS) if settings.owner_topics else deadline
    gathered = gather_fleet(services, share, earlier=earlier)
    report = gathered.report if earlier is None else compare(gathered.report, earlier)
    feeds = Feeds(bucket) if settings.feeds else None
    keep_parts(gathered, feeds, keys.scheduled, services, bucket)
    report = feeds.added_to(report) if feeds else report
    return report.with_point(earlier)


def _failure_of_events(
    report: FleetReport | None,
    keys: DigestKeys,
    services: Services,
    bucket: ReportBucket,
    deadline: Deadline,
) -> Exception | None:
    """Put what has become overdue on the bus; a run that comes again puts it under the same ids."""
    bus = services.event_bus
    if bus is None:
        return None
    try:
        report = report or read_report(keys.json, bucket)
        if report is not None:
            put_overdue(report, last_sent(keys, bucket), bus, Backoff(deadline))
    except Exception as error:
        logs.not_delivered("event_bus", error)
        return error
    return None


def _failure_of_sending(
    report: FleetReport, mark: Mark, keys: DigestKeys, services: Services
) -> Exception | None:
    try:
        _send(report, mark, stored_report(keys, mark.bucket), services)
    except Exception as error:
        return error
    _log(report, keys)
    return None


def _send(report: FleetReport, mark: Mark, stored: StoredReport, services: Services) -> None:
    message = digest_message(report, stored, services.settings.channels)

    def publish() -> None:
        services.report_topic.publish(message)
        if CHAT in services.settings.channels:
            _announce(report, stored, services)

    mark.send(publish)


def _announce(report: FleetReport, stored: StoredReport, services: Services) -> None:
    """Tell the chat channels; the others have the digest, whatever becomes of that."""
    try:
        services.chat_topic.publish(digest_notification(report, stored))
    except Exception as error:
        logs.not_delivered(CHAT, error)


def _log(report: FleetReport, keys: DigestKeys) -> None:
    for severity, count in report.totals.items():
        logs.count("FleetOpenFindings", count, Severity=severity)
    overdue = {}
    # Unknown is no 0, which would be the lowest of a week.
    if report.overdue_count is not None:
        overdue["FleetFindingsOverdue"] = report.overdue_count
        late = counts_of(each.finding for each in report.overdue)
        none = {} if report.unknown or report.undated else dict.fromkeys(report.totals, 0)
        for severity, count in (none | late).items():
            logs.count("FleetFindingsOverdue", count, Severity=severity)
    logs.summary(
        "digest sent",
        {
            "FleetOpenFindings": report.open_findings,
            **overdue,
            "FleetNotLookedAt": len(report.not_looked_at),
            "FleetImagesNeverScanned": report.images_never_scanned,
        },
        json_key=keys.json,
        totals=report.totals,
        repositories=len(report.repositories),
        scans_failed=report.scans_failed,
        unknown=len(report.unknown),
    )
