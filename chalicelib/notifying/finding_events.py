"""The events of a repository's findings, which wait in the table until the bus has them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from chalicelib.ecr.findings import parts_of
from chalicelib.policy.finding_events import events_since

if TYPE_CHECKING:
    from collections.abc import Iterable

    from chalicelib.aws.event_bus import EventBus
    from chalicelib.aws.line_states import LineStates
    from chalicelib.notifying.events import ScanResult
    from chalicelib.policy.finding_events import FindingEvent
    from chalicelib.policy.states import ReportedState
    from chalicelib.runtime.backoff import Backoff


def put_events(
    result: ScanResult, owner: str, states: LineStates, bus: EventBus, backoff: Backoff
) -> None:
    """Put on the bus what has happened to the findings of a scan's repository.

    What that is, the lines say as they are now, whichever scans have changed them. It is kept
    before it is put: what the bus does not take is put with a later scan, under the same ids.

    :raises EventsNotPut: and others, when the bus does not take it.
    """
    backoff.call(_put_events, result, owner, states, bus, backoff)


def _put_events(
    result: ScanResult, owner: str, states: LineStates, bus: EventBus, backoff: Backoff
) -> None:
    recalled = states.recall(result.place, consistent=True)
    live = [state for state in recalled.states.values() if not state.has_ended]
    ended = [state.ledger for state in recalled.states.values() if state.has_ended]
    events = events_since(recalled.events, [state.ledger for state in live], ended)
    if events != recalled.events:
        events = states.keep_events(result.place, events)
    if events.outbox:
        live.sort(key=lambda state: (state.digest != result.image_digest, state.line))
        details = [(each.kind, detail_of(each, result, live, owner)) for each in events.outbox]
        bus.put([(f"finding.{kind}", detail) for kind, detail in details], backoff)
        states.keep_events(result.place, replace(events, outbox=()))


def detail_of(
    event: FindingEvent, result: ScanResult, lines: Iterable[ReportedState], owner: str
) -> dict[str, Any]:
    """What an event says, as ``docs/exports.md`` describes it.

    It names the first of the ``lines`` that knows of the finding.
    """
    vulnerability, packages, _ = parts_of(event.key)
    named = (each for each in lines if event.key in each.ledger.entries)
    state = next(named, None)
    return {
        "version": "1",
        "id": event.id_in(result.place),
        "kind": event.kind,
        "inventory": event.inventory,
        "account": result.account,
        "region": result.region,
        "repository": result.repository,
        "owner": owner or None,
        "line": state
        and {
            "tag": state.line.tag or None,
            "platform": state.line.platform or None,
        },
        "imageDigest": state and state.digest,
        "vulnerability": vulnerability,
        "packages": list(packages),
        "severity": event.severity,
        "time": _text(event.at),
        "openSince": _text(event.open_since),
        "firstSeen": _text(event.first_seen),
    }


def _text(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()
