"""The notifier: notifies people, once, of a scan that crosses a threshold or failed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chalicelib.aws.errors import AWS_ERRORS
from chalicelib.aws.history import AlreadyReported
from chalicelib.notifying.assessment import report_of
from chalicelib.notifying.context import described, is_reported
from chalicelib.notifying.delivery import deliver
from chalicelib.notifying.events import ScanResult
from chalicelib.notifying.history import image_keys
from chalicelib.runtime import logs
from chalicelib.runtime.backoff import Backoff, Throttled

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chalicelib.aws.history import History
    from chalicelib.notifying.report import Report
    from chalicelib.runtime.deadline import Deadline
    from chalicelib.services import Services


def notify(event: Mapping[str, Any], services: Services, deadline: Deadline) -> None:
    """Report the end of a scan, or a finding of Amazon Inspector, if it is worth a report.

    :raises EventError: for an event that is neither; others as :func:`report_scan`.
    """
    report_scan(ScanResult.from_event(event), services, deadline)


def report_scan(result: ScanResult, services: Services, deadline: Deadline) -> Report | None:
    """Report the scan by every channel, if there is anything to report; returns what was.

    :raises NotDelivered: when a channel could not be reached. The event is then delivered again,
        and with a history only what is missing is sent.
    :raises BeingReported: when another invocation has the same event just now.
    """
    backoff = Backoff(deadline)
    result = described(result, services, backoff)
    _note(result, services)
    if not is_reported(result, services.settings):
        return _summarized(result, None)
    if services.history is None:
        return _summarized(result, _deliver(result, services, backoff))
    try:
        return _summarized(result, _deliver_once(result, services, services.history, backoff))
    except AlreadyReported:
        logs.summary("scan was reported before", {"RepeatedEvents": 1}, **_about(result))
        return None


def _note(result: ScanResult, services: Services) -> None:
    """Remember when the scan ended, and how; if that fails, its image may be scanned early."""
    if services.scan_records is None or not result.is_basic:
        return
    place = services.place_of(result.address, result.repository)
    try:
        services.scan_records.note_end(
            place, result.image_digest, result.ended_at, result.status, result.description
        )
    except (Throttled, *AWS_ERRORS) as error:
        logs.count("ScanRecordsNotKept", 1)
        logs.logger.warning(
            "records of scans not kept", extra={"error": str(error), **_about(result)}
        )


def _deliver(result: ScanResult, services: Services, backoff: Backoff) -> Report | None:
    outcome = report_of(result, services, backoff)
    if outcome.report is not None:
        deliver(outcome.report, services)
    return outcome.report


def _deliver_once(
    result: ScanResult, services: Services, history: History, backoff: Backoff
) -> Report | None:
    """Deliver what no channel has yet, and keep what was reported when every one has it."""
    scan = result.identity
    delivered = history.begin(scan)
    try:
        outcome = report_of(result, services, backoff)
        if outcome.report is not None:
            deliver(outcome.report, services, delivered, lambda name: history.delivered(scan, name))
        if outcome.state is not None:
            history.remember(image_keys(outcome.result), outcome.state)
    except BaseException:
        history.release(scan)
        raise
    history.finish(scan)
    return outcome.report


def _summarized(result: ScanResult, report: Report | None) -> Report | None:
    told = report if report is not None and report.is_news else None
    if told is not None:
        logs.count("NotificationsSent", 1, Severity=told.worst or result.status)
    logs.summary(
        "scan reported" if told else "nothing to report",
        {"ScansFailed": int(result.failed)},
        severity_counts=_logged_counts(told, result),
        **_about(result),
    )
    return told


def _logged_counts(report: Report | None, result: ScanResult) -> dict[str, int] | None:
    counts = report.counts if report else result.severity_counts
    return None if counts is None else dict(counts)


def _about(result: ScanResult) -> dict[str, str]:
    return {
        "repository": result.repository,
        "image_digest": result.image_digest,
        "scan_status": result.status,
    }
