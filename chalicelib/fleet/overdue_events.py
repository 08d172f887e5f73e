"""The findings that have become overdue since the digest before, as events."""

from __future__ import annotations

from datetime import UTC, datetime, time
from typing import TYPE_CHECKING, Any

from chalicelib.ecr.findings import without_occurrence
from chalicelib.policy.finding_events import OVERDUE, FindingEvent

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from chalicelib.aws.event_bus import EventBus
    from chalicelib.fleet.model import Repository
    from chalicelib.fleet.report import Due, FleetReport
    from chalicelib.runtime.backoff import Backoff


def put_overdue(
    report: FleetReport, earlier: FleetReport | None, bus: EventBus, backoff: Backoff
) -> None:
    """Put an event for each finding that is overdue and was not by the earlier report.

    Done again, the events have the same ids. Calls: events:PutEvents.

    :raises EventsNotPut: and others, when the bus does not take them.
    """
    details = overdue_details(report, earlier)
    bus.put([(f"finding.{OVERDUE}", each) for each in details], backoff)


def overdue_details(report: FleetReport, earlier: FleetReport | None) -> Iterator[dict[str, Any]]:
    """What the events say, as ``docs/exports.md`` describes it.

    Whatever made it overdue: a day that passed, a worse severity, another SLA, an acceptance that
    ran out, or an image that came with it.
    """
    known = {_subject(each) for each in earlier.overdue} if earlier else set()
    for each in report.overdue:
        due, subject = each.report.age_of(each.finding).due, _subject(each)
        if due is not None and subject not in known:
            known.add(subject)
            yield _detail(each, due)


def _subject(each: Due) -> tuple[Repository, str]:
    """What an event is about: a package of several versions is one."""
    return each.report.repository, without_occurrence(each.finding.key)


def _detail(each: Due, due: date) -> dict[str, Any]:
    finding, where = each.finding, each.report.repository
    first_seen = each.report.age_of(finding).first_seen
    opened = int(first_seen.timestamp()) if first_seen else 0
    at = int(datetime.combine(due, time.min, UTC).timestamp())
    key = without_occurrence(finding.key)
    event = FindingEvent(OVERDUE, key, finding.severity, at, opened, opened)
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
        "imageDigest": each.report.image_with(finding).digest or None,
        "vulnerability": finding.identifier,
        "packages": list(finding.package_names),
        "severity": finding.severity,
        "time": due.isoformat(),
        "openSince": first_seen and first_seen.isoformat(),
        "firstSeen": first_seen and first_seen.isoformat(),
        "due": due.isoformat(),
    }
