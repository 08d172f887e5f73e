"""The events of a line's findings, which wait in its state until the bus has them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from chalicelib.ecr.findings import parts_of
from chalicelib.policy.finding_events import events_between

if TYPE_CHECKING:
    from collections.abc import Iterable

    from chalicelib.notifying.events import ScanResult
    from chalicelib.policy.finding_events import FindingEvent
    from chalicelib.policy.states import ReportedState
    from chalicelib.runtime.backoff import Backoff
    from chalicelib.services import Services


def with_events(
    state: ReportedState, history: ReportedState | None, known: Iterable[ReportedState]
) -> ReportedState:
    """The state with what happened to its findings since ``history``, to be put on the bus.

    ``known`` are the states of the repository's lines.
    """
    before = history.ledger if history and history.ledger.scans else None
    elsewhere = {
        key
        for each in known
        if each.line != state.line and not each.has_ended and each.digest != state.digest
        for key in each.ledger.unfixed
    }
    events = events_between(before, state.ledger, elsewhere)
    return replace(state, outbox=(*state.outbox, *events))


def put_events(
    state: ReportedState, result: ScanResult, owner: str, services: Services, backoff: Backoff
) -> ReportedState:
    """Put the events that wait; returns the state without them.

    :raises EventsNotPut: and others, when the bus does not take them.
    """
    if not state.outbox or (bus := services.event_bus) is None:
        return state
    events = [
        (f"finding.{each.kind}", detail_of(each, result, state, owner)) for each in state.outbox
    ]
    bus.put(events, backoff)
    return replace(state, outbox=())


def detail_of(
    event: FindingEvent, result: ScanResult, state: ReportedState, owner: str
) -> dict[str, Any]:
    """What an event says, as ``docs/exports.md`` describes it."""
    vulnerability, packages, _ = parts_of(event.key)
    return {
        "version": "1",
        "id": event.id_in(result.place),
        "kind": event.kind,
        "inventory": event.inventory,
        "account": result.account,
        "region": result.region,
        "repository": result.repository,
        "owner": owner or None,
        "line": {"tag": state.line.tag or None, "platform": state.line.platform or None},
        "imageDigest": state.digest,
        "vulnerability": vulnerability,
        "packages": list(packages),
        "severity": event.severity,
        "time": _text(event.at),
        "openSince": _text(event.open_since),
        "firstSeen": _text(event.first_seen),
    }


def _text(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()
