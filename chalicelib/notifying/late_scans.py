"""Scans of builds that are reported only once the next build was: they count for the ledger alone.

Which lines such a build was in, its event says by the tags that it had when it was scanned. An
image of an index has none: its lines are those of the tags that its index had when it was read, or
that were seen to move from it.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from chalicelib.notifying.in_use import scan_of
from chalicelib.notifying.scope import reason_against
from chalicelib.policy.ledger import with_scan
from chalicelib.policy.transitions import observation

if TYPE_CHECKING:
    from collections.abc import Callable

    from chalicelib.aws.line_states import LineStates
    from chalicelib.notifying.assessment import Assessment
    from chalicelib.notifying.events import ScanResult
    from chalicelib.notifying.scanned_images import ScannedImage
    from chalicelib.policy.rules import Rules
    from chalicelib.policy.states import Line
    from chalicelib.settings.settings import Settings


def keep_late(
    event: ScanResult,
    scanned: ScannedImage,
    rules: Rules,
    settings: Settings,
    assess: Callable[[], Assessment],
    states: LineStates,
) -> None:
    """Enter an event's scan in the ledgers of lines that were its image's then and go on without.

    ``assess`` gives what it found, and is asked only where there is such a line.

    :raises Changed: when another invocation has changed a line meanwhile.
    :raises ClientError: and others, where its findings cannot be read.
    """
    tags = scanned.found.earlier_tags.union(event.image_tags)
    lines = _lines_of(event, scanned, tags)
    then = replace(scanned.image, tags=tuple(tags.union(scanned.image.tags)))
    if not lines or reason_against(then, rules, scanned.uses, settings):
        return
    assessment = assess()
    if assessment.findings is None:
        return
    kept = states.recall(event.place).states
    for state in (kept[line] for line in lines if line in kept):
        ended_at = assessment.ended_at
        if ended_at is not None and ended_at >= _taken_at(state.line, scanned):
            continue
        known = assessment.with_keys(state.ledger.entries.keys())
        scan = observation(scan_of(event, event.image_digest, known), {})
        if (ledger := with_scan(state.ledger, scan)) != state.ledger:
            states.keep(event.place, replace(state, ledger=ledger))


def _lines_of(event: ScanResult, scanned: ScannedImage, tags: frozenset[str]) -> list[Line]:
    """The lines of these tags which another build had not taken yet at the time of the event."""
    found, placement = scanned.found, scanned.placement
    happened_at = datetime.fromisoformat(event.time).timestamp()
    return [
        line
        for line, state in found.repository.states.items()
        if line.tag in tags
        and line.platform in found.places.values()
        and (state.digest != event.image_digest or state.has_ended)
        and line not in (placement.line, *placement.shadows)
        and happened_at < _taken_at(line, scanned)
    ]


def _taken_at(line: Line, scanned: ScannedImage) -> float:
    """When the build was pushed that has a line's tag now; the beginning of time if none has."""
    repository = scanned.found.repository
    holder = repository.holder(line.tag)
    whole = repository.wholes.get(holder) if holder else None
    return whole.pushed_at.timestamp() if whole else 0
