"""The findings of a line, and their ledger, as few bytes."""

from __future__ import annotations

import json
import zlib
from dataclasses import astuple
from typing import TYPE_CHECKING, Any

from chalicelib.ecr.severities import SEVERITIES
from chalicelib.policy.finding_events import FindingEvent, Published, RepositoryEvents
from chalicelib.policy.ledger import NOTHING, Entry, Ledger, Span
from chalicelib.policy.states import Closed, Known

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MOST_BYTES = 300_000
"""The most that an item's findings take, compressed: DynamoDB takes 400 KB an item."""

_NEVER = 1 << 62


def packed(
    findings: Mapping[str, Known] | None,
    closed: Mapping[str, Closed],
    ledger: Ledger = NOTHING,
) -> bytes:
    """The findings of a state and their ledger, compressed; of more than fit, the worst.

    Those left out count as new in the next report, so that nothing is kept quiet. What was fixed
    long ago leaves the ledger before them.
    """
    rows = [[key, *_row(each)] for key, each in _worst_first(findings or {})]
    ends = [
        [key, each.severity, each.fixed, sorted(each.waiting)] for key, each in _worst_first(closed)
    ]
    history = [[key, *_entry_row(entry)] for key, entry in _open_and_latest_first(ledger)]
    known = None if findings is None else rows
    return _compressed([known, ends, history, ledger.scans], (history, rows, ends))


def packed_events(events: RepositoryEvents) -> bytes:
    """What events have said, and those that wait, compressed; of more than fit, the worst.

    What is left out is said once more, under the same ids.
    """
    published = [[key, *each] for key, each in _worst_first(events.published)]
    outbox = [list(astuple(event)) for event in events.outbox]
    return _compressed([published, outbox], (published, outbox))


def unpacked_events(data: bytes, version: int) -> RepositoryEvents:
    """What :func:`packed_events` was given."""
    published, outbox = json.loads(zlib.decompress(data))
    return RepositoryEvents(
        {key: Published(*each) for key, *each in published},
        tuple(FindingEvent(*event) for event in outbox),
        version,
    )


def _compressed(parts: Sequence[Any], lists: Sequence[list[Any]]) -> bytes:
    """The parts as compressed JSON, their lists made shorter at the end until they fit."""
    while True:
        data = zlib.compress(json.dumps(parts, separators=(",", ":")).encode())
        if len(data) <= MOST_BYTES:
            return data
        longest = max(lists, key=len)
        del longest[len(longest) // 2 :]


def _row(known: Known) -> list[Any]:
    reported_by = sorted(known.reported_by)
    facts = [known.severity, known.found_at, known.fixable, known.exploitable]
    return [*facts, reported_by, *([True] if known.known_exploited else [])]


def _entry_row(entry: Entry) -> list[Any]:
    spans = [entry.found, entry.accepted, entry.left_out]
    return [entry.severity, entry.observed, *spans]


def _open_and_latest_first(ledger: Ledger) -> list[tuple[str, Entry]]:
    """The entries in the order in which they are kept: open ones, the worst of them first."""
    worst = _worst_first(ledger.entries)
    return sorted(worst, key=lambda item: -(item[1].fixed_at or _NEVER))


def unpacked(data: bytes) -> tuple[dict[str, Known] | None, dict[str, Closed], Ledger]:
    """What :func:`packed` was given."""
    rows, ends, *kept = json.loads(zlib.decompress(data))
    findings = {
        key: Known(severity, found_at, fixable, exploitable, frozenset(channels), *listed)
        for key, severity, found_at, fixable, exploitable, channels, *listed in rows or ()
    }
    closed = {
        key: Closed(severity, fixed, frozenset(waiting)) for key, severity, fixed, waiting in ends
    }
    ledger = _ledger(*kept[:2]) if kept else NOTHING
    return None if rows is None else findings, closed, ledger


def _ledger(rows: list[Any], scans: list[int]) -> Ledger:
    entries = {
        key: Entry(severity, _spans(found), _spans(accepted), _spans(left_out), observed)
        for key, severity, observed, found, accepted, left_out in rows
    }
    return Ledger(entries, tuple(scans))


def _spans(spans: list[list[Any]]) -> tuple[Span, ...]:
    return tuple(Span(*span) for span in spans)


def _worst_first(findings: Mapping[str, Any]) -> list[tuple[str, Any]]:
    return sorted(findings.items(), key=lambda item: SEVERITIES.index(item[1].severity))
