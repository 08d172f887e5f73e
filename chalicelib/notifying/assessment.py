"""From a scan's end to its report: what was found, what of it counts, and what of that is new."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from chalicelib.ecr.findings import continued, counts_of
from chalicelib.notifying.context import scan_findings, thresholds_of, uses_of, with_indexes
from chalicelib.notifying.delivery import follows_every_scan
from chalicelib.notifying.history import image_keys, image_name
from chalicelib.notifying.report import Report, may_reach
from chalicelib.policy.changes import (
    EVERY_SCAN,
    ReportedState,
    changes_since,
    is_news,
    state_to_compare,
)
from chalicelib.policy.counting import counted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chalicelib.ecr.findings import Finding
    from chalicelib.notifying.events import ScanResult
    from chalicelib.policy.thresholds import Thresholds
    from chalicelib.runtime.backoff import Backoff
    from chalicelib.services import Services


@dataclass(frozen=True)
class Outcome:
    """What is to be reported of a scan, if anything, and to be kept of it.

    ``result`` is the scan's with all the tags that are known of its image.
    """

    result: ScanResult
    report: Report | None = None
    state: ReportedState | None = None


def report_of(result: ScanResult, services: Services, backoff: Backoff) -> Outcome:
    """Weigh a scan, look up what the event does not tell, and say what is to be told."""
    thresholds = thresholds_of(result, services, backoff)
    if not _may_matter(result, thresholds, services):
        return Outcome(result)
    report = _found(result, thresholds, services, backoff)
    if not _is_of_note(report):
        report = replace(report, crossed=())
    if not _is_told(report) and not follows_every_scan(services.settings.channels):
        return Outcome(result)
    listed = with_indexes(report.result, services, backoff)
    if listed is None:
        return Outcome(result)
    result = listed
    report = replace(
        report, result=result, name=image_name(result), where_in_use=uses_of(result, services)
    )
    return _compared(report, services)


def _may_matter(result: ScanResult, thresholds: Thresholds, services: Services) -> bool:
    """Whether the event does not rule a report out: what counts is never more than it says."""
    return (
        result.failed
        or result.finding_severity is not None
        or may_reach(thresholds, result.severity_counts, result.unlisted)
        or bool(thresholds.crossed_by(result.severity_counts or {}))
        or follows_every_scan(services.settings.channels)
    )


def _found(
    result: ScanResult, thresholds: Thresholds, services: Services, backoff: Backoff
) -> Report:
    """The report as far as this scan alone goes, with its findings where they can be read."""
    if result.failed:
        return _unread(result, thresholds, {})
    counts, number = result.severity_counts, result.number
    if number == 0:
        return replace(_unread(result, thresholds, counts), findings=())
    scan = scan_findings(result, services, backoff)
    if scan is not None and scan.findings is not None and (scan.listed or not number):
        return _weighed(_unread(result, thresholds, counts), scan.findings, services)
    # The findings are not readable, or are those of a later scan that is not done or failed.
    if scan is not None and scan.counts is not None and not result.counts_known:
        return _unread(result, thresholds, scan.counts)
    return _unread(result, thresholds, counts, result.unlisted)


def _unread(
    result: ScanResult,
    thresholds: Thresholds,
    counts: Mapping[str, int] | None,
    unlisted: int = 0,
) -> Report:
    """The report of a scan of which only counts are known, if those."""
    at_least = {result.finding_severity: 1} if result.finding_severity else {}
    return Report(
        name="",
        result=result,
        thresholds=thresholds,
        counts=counts,
        unlisted=unlisted,
        crossed=thresholds.crossed_by(at_least if counts is None else counts),
    )


def _weighed(report: Report, findings: tuple[Finding, ...], services: Services) -> Report:
    """The report with the findings that are shown, and the thresholds that those reach."""
    settings = services.settings
    rules = settings.rules_of(report.result.repository)
    finding_filters = rules.finding_filters(settings.finding_filters)
    today = datetime.now(UTC).date()
    apart = counted(
        report.result.repository, findings, services.accepted_risks, finding_filters, today
    )
    shown = apart.findings
    return replace(
        report,
        counts=counts_of(shown),
        unlisted=0,
        crossed=report.thresholds.crossed_by(finding_filters.weighed(shown)),
        findings=shown,
        accepted=apart.accepted,
        expired=apart.expired,
        left_out={reason: len(found) for reason, found in apart.left_out.items()},
    )


def _compared(report: Report, services: Services) -> Outcome:
    """The outcome, once the report is compared with what is remembered of the image's tags."""
    result = report.result
    if services.history is None:
        return Outcome(result, report if _is_told(report) else None)
    keys = image_keys(result)
    states = services.history.recall(keys)
    every_scan = services.settings.notify_mode == EVERY_SCAN
    if len(states) == len(keys) and all(state.time > result.time for state in states):
        # A later scan of each tag was reported before this one's event came.
        return Outcome(result, report if _is_told(report) and every_scan else None)
    if report.findings is None and not result.failed:
        return Outcome(result, report if _is_told(report) else None)
    before = state_to_compare(states, result.image_digest)
    return _remembered(report, before, services.settings.notify_mode)


def _remembered(report: Report, before: ReportedState | None, mode: str) -> Outcome:
    """The outcome against what was last reported of a tag; None where nothing was."""
    result = report.result
    name = before.name if before else report.name
    known = before.findings if before else {}
    # A vulnerability that is in other packages too keeps the key that it is known by.
    found = continued(report.findings or (), known)
    shown = {finding.key: finding.severity for finding in found}
    changes = changes_since(before, found)
    told = _is_told(report) and is_news(mode, result.failed, changes, before)
    if result.failed:
        shown = dict(known)
    elif not told:
        # What was not told of is still new when it is.
        shown = {key: severity for key, severity in known.items() if key in shown}
    if not told and before is None:
        return Outcome(result)
    findings = tuple(each for each in found if each.key in shown)
    report = replace(
        report,
        name=name,
        findings=None if result.failed else findings,
        changes=None if result.failed else changes,
        is_news=told,
    )
    state = ReportedState(name, result.image_digest, result.time, result.status, shown)
    return Outcome(result, report, state)


def _is_told(report: Report) -> bool:
    """Whether thresholds, a failure or findings that are not known make the scan worth telling."""
    return report.result.failed or bool(report.crossed) or _is_unknown(report)


def _is_unknown(report: Report) -> bool:
    """Whether it is not known if a threshold is reached, of a scan and not of one finding."""
    return report.findings is None and report.result.finding_severity is None and report.may_cross


def _is_of_note(report: Report) -> bool:
    """Whether the event itself may be reason to tell people.

    One finding is when the findings of its severity reach their threshold: what was reported of
    worse ones need not be repeated for it.
    """
    severity = report.result.finding_severity
    return severity is None or severity in report.crossed
