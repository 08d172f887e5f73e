"""The findings that have become overdue since the digest before, as events."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING, Any

from chalicelib.policy.finding_events import OVERDUE, FindingEvent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chalicelib.aws.event_bus import EventBus
    from chalicelib.fleet.report import Due, FleetReport
    from chalicelib.runtime.backoff import Backoff


def put_overdue(report: FleetReport, bus: EventBus, backoff: Backoff) -> None:
    """Put an event for each finding that became overdue since the earlier report.

    Done again, the events have the same ids. Calls: events:PutEvents.

    :raises EventsNotPut: and others, when the bus does not take them.
    """
    bus.put([(f"finding.{OVERDUE}", each) for each in overdue_details(report)], backoff)


def overdue_details(report: FleetReport) -> Iterator[dict[str, Any]]:
    """What the events say, as ``docs/exports.md`` describes it."""
    since = report.comparison.since.astimezone(UTC).date() if report.comparison else date.min
    for each in report.overdue:
        due = each.report.age_of(each.finding).due
        if due is not None and due >= since:
            yield _detail(each, due)


def _detail(each: Due, due: date) -> dict[str, Any]:
    finding, where = each.finding, each.report.repository
    first_seen = each.report.age_of(finding).first_seen
    opened = int(first_seen.timestamp()) if first_seen else 0
    at = int(datetime.combine(due, time.min, UTC).timestamp())
    event = FindingEvent(OVERDUE, finding.key, finding.severity, at, opened, opened)
    return {
        "version": "1",
        "id": event.id_in("/".join(where.place)),
        "kind": OVERDUE,
        "inventory": False,
        "account": where.account,
        "region": where.region,
        "repository": where.name,
        "owner": each.report.owner or None,
        "line": None,
        "imageDigest": each.report.digest or None,
        "vulnerability": finding.identifier,
        "packages": list(finding.package_names),
        "severity": finding.severity,
        "time": due.isoformat(),
        "openSince": first_seen and first_seen.isoformat(),
        "firstSeen": first_seen and first_seen.isoformat(),
        "due": due.isoformat(),
    }
