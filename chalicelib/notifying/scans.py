"""A scan that ended: it is compared, and what is news of it is reported, once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.aws.deliveries import AlreadyReported, BeingReported
from chalicelib.aws.errors import AWS_ERRORS, is_unusable
from chalicelib.notifying.channels import mirror_names
from chalicelib.notifying.comparison import compare
from chalicelib.notifying.delivery import NotDelivered, Reporting
from chalicelib.notifying.mirroring import MirroredLine, settle
from chalicelib.notifying.out_of_scope import close_repository
from chalicelib.notifying.scan_ends import described, note_end
from chalicelib.notifying.scope import is_wanted, is_weighed
from chalicelib.policy.acknowledgements import as_reported, followed
from chalicelib.policy.changes import EVERY_SCAN
from chalicelib.runtime import logs
from chalicelib.runtime.backoff import Backoff, Throttled

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chalicelib.aws.deliveries import Deliveries, Delivery
    from chalicelib.notifying.comparison import Compared
    from chalicelib.notifying.events import ScanResult
    from chalicelib.notifying.report import Report
    from chalicelib.policy.states import ReportedState
    from chalicelib.runtime.deadline import Deadline
    from chalicelib.services import Services


_MOST_THROTTLED = 3


class _Unavailable(Exception):
    """The history is lost, or throttles for too long."""


def report_scan(result: ScanResult, services: Services, deadline: Deadline) -> Report | None:
    """Report the scan by every channel to which it is news; returns what people were notified of.

    :raises NotDelivered: when a channel could not be reached. The event is then delivered again,
        and with a history only what is missing is sent.
    :raises DeadlineReached: when another invocation has the image for too long, or ECR or the
        history asks for a slower pace for too long.
    """
    backoff = Backoff(deadline)
    result = described(result, services, backoff)
    note_end(result, services)
    if not is_wanted(result.repository, services.settings):
        close_repository(result, services, backoff)
        return _summarized(result, None)
    if not is_weighed(result, services.settings):
        return _summarized(result, None)
    deliveries = services.deliveries
    if deliveries is None:
        return _summarized(result, _report(result, None, services, backoff))
    arrived_at = deliveries.now()
    try:
        delivery = backoff.call(_begin, deliveries, result, services, [])
    except AlreadyReported:
        _repeated(result)
        return None
    except _Unavailable as error:
        extra = {**result.about, "error": str(error)}
        logs.logger.error("reported without a history", extra=extra)
        logs.count("HistoryUnavailable", 1)
        return _summarized(result, _report(result, None, services, backoff))
    if delivery.looked_at > arrived_at and result.complete:
        # Another event led to a look at the image while this one waited.
        delivery.finish(has_looked=False)
        _repeated(result)
        return None
    try:
        report = _report(result, delivery, services, backoff)
    except BaseException:
        delivery.release()
        raise
    return _summarized(result, report)


def _begin(
    deliveries: Deliveries, result: ScanResult, services: Services, throttled: list[Throttled]
) -> Delivery:
    """Take the image, to report a scan of it.

    Where each scan is reported, a history that is lost or throttled again and again silences none.
    """
    try:
        return deliveries.begin(result.place, result.image_digest, result.identity)
    except BeingReported:
        raise
    except Throttled as error:
        throttled.append(error)
        if services.settings.notify_mode != EVERY_SCAN or len(throttled) < _MOST_THROTTLED:
            raise
        raise _Unavailable(str(error)) from error
    except AWS_ERRORS as error:
        if services.settings.notify_mode != EVERY_SCAN or not is_unusable(error):
            raise
        raise _Unavailable(str(error)) from error


def _report(
    result: ScanResult, delivery: Delivery | None, services: Services, backoff: Backoff
) -> Report | None:
    """Compare the scan and report it; without a delivery it is compared with nothing."""
    states = services.line_states if delivery else None
    mirrors = mirror_names(services.settings.channels)
    compared = backoff.call(compare, result, states, mirrors, services, backoff)
    reporting = Reporting(services, backoff, delivery)
    state = reporting.notify(compared)
    if states is not None:
        following = reporting.mirror(list(_lines(compared)))
        for before, after in _changed(compared, state):
            place = compared.place if before is compared.state else result.place
            settle(states, place, before, followed(after, following), backoff)
        reporting.put_events(compared, states)
    if reporting.failures:
        raise NotDelivered(reporting.failures)
    if delivery is not None:
        delivery.finish(has_looked=compared.has_looked)
    return reporting.report


def _lines(compared: Compared) -> Iterator[MirroredLine]:
    """The lines to follow: the scan's own, with its findings, and others that have changed."""
    result, assessment = compared.result, compared.assessment
    place = (result.account, result.region, result.repository)
    for each in (*compared.others, *compared.shadows):
        yield MirroredLine(*place, each)
    if compared.state is not None and compared.line is not None:
        findings = (assessment.findings if assessment else None) or ()
        yield MirroredLine(*place, compared.state, findings, result.image_tags)


def _changed(
    compared: Compared, state: ReportedState | None
) -> Iterator[tuple[ReportedState, ReportedState]]:
    """The states that are kept, each with that in which it is after the reporting."""
    yield from ((each, each) for each in compared.others)
    if compared.state is not None and state is not None:
        yield from ((each, as_reported(each, state)) for each in compared.shadows)
        yield compared.state, state


def _repeated(result: ScanResult) -> None:
    logs.summary("scan was reported before", {"RepeatedEvents": 1}, **result.about)


def _summarized(result: ScanResult, report: Report | None) -> Report | None:
    if report is not None and not report.is_collected:
        logs.count("NotificationsSent", 1, Severity=report.worst or result.status)
    logs.summary(
        "scan reported" if report else "nothing to report",
        {"ScansFailed": int(result.failed)},
        severity_counts=_logged_counts(report, result),
        **result.about,
    )
    return report


def _logged_counts(report: Report | None, result: ScanResult) -> dict[str, int] | None:
    counts = report.counts if report else result.severity_counts
    return None if counts is None else dict(counts)
