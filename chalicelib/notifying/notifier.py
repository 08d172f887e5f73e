"""The notifier: tells people, once, of a scan that crosses a threshold or failed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.notifying.assessment import report_of
from chalicelib.notifying.context import is_reported
from chalicelib.notifying.delivery import deliver
from chalicelib.notifying.history import AlreadyReported, image_keys
from chalicelib.runtime import logs
from chalicelib.runtime.backoff import Patience

if TYPE_CHECKING:
    from chalicelib.aws.dynamodb import History
    from chalicelib.notifying.events import ScanResult
    from chalicelib.notifying.report import Report
    from chalicelib.runtime.deadline import TimeLeft
    from chalicelib.services import Services


def report_scan(result: ScanResult, services: Services, time_left: TimeLeft) -> Report | None:
    """Report the scan by every medium, if there is anything to report; returns what was.

    :raises NotDelivered: when a medium could not be reached. The event is then delivered again,
        and with a history only what is missing is sent.
    :raises BeingReported: when another invocation has the same event just now.
    """
    if not is_reported(result, services.settings):
        return _summarized(result, None)
    patience = Patience(time_left)
    if services.history is None:
        return _summarized(result, _deliver(result, services, patience))
    try:
        return _summarized(result, _deliver_once(result, services, services.history, patience))
    except AlreadyReported:
        logs.summary("scan was reported before", {"RepeatedEvents": 1}, **_about(result))
        return None


def _deliver(result: ScanResult, services: Services, patience: Patience) -> Report | None:
    outcome = report_of(result, services, patience)
    if outcome.report is not None:
        deliver(outcome.report, services)
    return outcome.report


def _deliver_once(
    result: ScanResult, services: Services, history: History, patience: Patience
) -> Report | None:
    """Deliver what no medium has yet, and keep what was reported when every one has it."""
    scan = result.identity
    delivered = history.begin(scan)
    try:
        outcome = report_of(result, services, patience)
        if outcome.report is not None:
            deliver(outcome.report, services, delivered, lambda name: history.delivered(scan, name))
        if outcome.memory is not None:
            history.remember(image_keys(outcome.result), outcome.memory)
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
        severity_counts=dict(told.counts if told else result.severity_counts),
        **_about(result),
    )
    return told


def _about(result: ScanResult) -> dict[str, str]:
    return {
        "repository": result.repository,
        "image_digest": result.image_digest,
        "scan_status": result.status,
    }
