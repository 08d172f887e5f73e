"""Scans of builds that are reported only once the next build was: they count for the ledger alone.

Which line such a build was in, its event says by the tags that it had when it was scanned. An image
of an index has none, so that its late scans are not taken in.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from chalicelib.notifying.in_use import scan_of
from chalicelib.policy.ledger import with_scan
from chalicelib.policy.transitions import observation

if TYPE_CHECKING:
    from chalicelib.aws.line_states import LineStates
    from chalicelib.notifying.assessment import Assessment
    from chalicelib.notifying.events import ScanResult
    from chalicelib.notifying.lookups import Found
    from chalicelib.policy.lines import Placement
    from chalicelib.policy.states import Line


def lines_then(result: ScanResult, placement: Placement, found: Found) -> list[Line]:
    """The lines that the image was in, by the event's tags, and that go on without it."""
    return [
        line
        for line, state in found.repository.states.items()
        if line.tag in result.image_tags
        and line.platform in found.places.values()
        and (state.digest != result.image_digest or state.has_ended)
        and line not in (placement.line, *placement.shadows)
    ]


def keep_late(
    result: ScanResult,
    assessment: Assessment,
    lines: list[Line],
    found: Found,
    states: LineStates,
) -> None:
    """Enter the scan in the lines' ledgers, where it ended before what has their tag now came.

    :raises Changed: when another invocation has changed a line meanwhile.
    """
    if assessment.findings is None or assessment.ended_at is None:
        return
    kept = states.recall(result.place).states
    for state in (kept[line] for line in lines if line in kept):
        holder = found.repository.holder(state.line.tag)
        whole = found.repository.wholes.get(holder) if holder else None
        if whole is None or assessment.ended_at >= whole.pushed_at.timestamp():
            continue
        known = assessment.with_keys(state.ledger.entries.keys())
        scan = observation(scan_of(result, result.image_digest, known), {})
        if (ledger := with_scan(state.ledger, scan)) != state.ledger:
            states.keep(result.place, replace(state, ledger=ledger))
