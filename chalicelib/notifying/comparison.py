"""A scan compared with what is known of its line, which is kept before anything is reported."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from chalicelib.ecr.findings import continued
from chalicelib.ecr.images import Image
from chalicelib.notifying.assessment import Assessment, assess, may_reach
from chalicelib.notifying.lookups import LookUp
from chalicelib.notifying.scope import reason_against, rules_of
from chalicelib.notifying.uses import uses_of
from chalicelib.policy.changes import EVERY_SCAN
from chalicelib.policy.lines import placed
from chalicelib.policy.states import (
    FAILED,
    Scan,
    after_failure,
    after_scan,
    is_lagging,
    shadow_of,
)
from chalicelib.runtime import logs

if TYPE_CHECKING:
    from chalicelib.aws.line_states import LineStates
    from chalicelib.notifying.events import ScanResult
    from chalicelib.notifying.lookups import Found
    from chalicelib.policy.lines import Placement
    from chalicelib.policy.states import Line, ReportedState
    from chalicelib.policy.thresholds import Thresholds
    from chalicelib.runtime.backoff import Backoff
    from chalicelib.services import Services

BURST = timedelta(minutes=10)
"""Within this time, events about an image whose findings did not change are about one scan."""


@dataclass(frozen=True)
class Compared:
    """A scan, and what has become of the states of its repository's lines.

    ``assessment`` is None where there is nothing to report. ``line`` is None where the image is not
    current, and ``state`` where the scan says nothing about the line; ``is_rescan`` is whether the
    event tells of no scan that was not reported before. ``shadows`` are the states of the image's
    other lines, and ``others`` those of further lines that mirrors do not follow yet.
    """

    result: ScanResult
    assessment: Assessment | None = None
    line: Line | None = None
    state: ReportedState | None = None
    is_rescan: bool = False
    shadows: tuple[ReportedState, ...] = ()
    others: tuple[ReportedState, ...] = ()


def compare(
    result: ScanResult,
    states: LineStates | None,
    mirrors: frozenset[str],
    services: Services,
    backoff: Backoff,
) -> Compared:
    """Compare a scan with what is known of its line; with nothing, where nothing is remembered.

    :raises Changed: when another invocation changes a line meanwhile: it is then to be done again.
    :raises ClientError: and others, where what decides cannot be known.
    """
    rules = rules_of(result, services, backoff)
    if states is None and not _may_matter(result, rules.thresholds(services.settings.thresholds)):
        return Compared(result)
    look_up = LookUp(result.address, result.repository, services, backoff, states)
    found = look_up.of(result.image_digest)
    image = found.image or Image(result.image_digest, result.image_tags)
    result = replace(result, image_tags=image.all_tags)
    uses = uses_of(result.place, services)
    if reason := reason_against(image, rules, uses, services.settings):
        logs.logger.info("scan out of scope", extra={**result.about, "reason": str(reason)})
        return Compared(result)
    placement = placed(result.image_digest, found.places, found.repository, mirrors)
    if _is_late(result, placement, found):
        return Compared(result)
    is_current = placement.line is not None
    assessment = None
    if is_current or services.settings.notify_mode == EVERY_SCAN:
        assessment = _continued(assess(result, rules, services, backoff), placement)
    if states is None:
        return Compared(result, assessment)
    state = _state(result, assessment, placement, found, mirrors)
    is_rescan = _is_rescan(result, placement, found)
    compared = Compared(result, assessment, placement.line, state, is_rescan)
    return _kept(compared, states, placement, found, mirrors)


def _may_matter(result: ScanResult, thresholds: Thresholds) -> bool:
    """Whether the event does not rule a report out: what counts is never more than it says."""
    return (
        result.failed
        or result.finding_severity is not None
        or may_reach(thresholds, result.severity_counts, result.unlisted)
        or bool(thresholds.crossed_by(result.severity_counts or {}))
    )


def _continued(assessment: Assessment, placement: Placement) -> Assessment:
    """The same, where a vulnerability in other packages too keeps the key that it is known by."""
    known = {key for base in placement.bases for key in base.findings or ()}
    if assessment.findings is None:
        return assessment
    return replace(assessment, findings=continued(assessment.findings, known))


def _before(placement: Placement, found: Found) -> ReportedState | None:
    return found.repository.states.get(placement.line) if placement.line else None


def _is_late(result: ScanResult, placement: Placement, found: Found) -> bool:
    """Whether a later scan of the image was dealt with before."""
    before = _before(placement, found)
    return bool(before and before.digest == result.image_digest and before.time > result.time)


def _is_rescan(result: ScanResult, placement: Placement, found: Found) -> bool:
    """Whether an event tells of one finding, or of a scan that people were notified of just now."""
    before = _before(placement, found)
    if result.finding_severity is not None:
        return True
    if before is None or before.event == result.identity or before.digest != result.image_digest:
        return False
    times = (before.reported_at, result.time)
    if result.failed or not all(times):
        return False
    earlier, later = map(datetime.fromisoformat, times)
    return later - earlier <= BURST


def _state(
    result: ScanResult,
    assessment: Assessment | None,
    placement: Placement,
    found: Found,
    mirrors: frozenset[str],
) -> ReportedState | None:
    """The line's state after the scan; None where that says nothing about it."""
    if placement.line is None or placement.whole is None or assessment is None:
        return None
    known = found.repository.states
    before = known.get(placement.line)
    scan = Scan(
        digest=result.image_digest,
        whole=placement.whole.digest,
        time=result.time,
        status=result.status,
        event=result.identity,
        findings=assessment.findings or (),
        apart=assessment.apart,
    )
    if result.failed:
        own = (each for each in found.repository.live.values() if each.digest == scan.digest)
        return after_failure(placement.line, before or next(own, None), scan)
    if assessment.findings is None:
        return None
    return after_scan(placement.line, before, placement.bases, scan, mirrors)


def _kept(
    compared: Compared,
    states: LineStates,
    placement: Placement,
    found: Found,
    mirrors: frozenset[str],
) -> Compared:
    """Keep what becomes of the lines.

    Where nothing is known of what is in the image, it comes into no line.
    """
    place, state, repository = compared.result.place, compared.state, found.repository
    settled, shadows = placement.states, []
    if state is None or state.status == FAILED:
        settled = {
            line: each
            for line, each in placed("", {}, repository, mirrors).states.items()
            if each.digest != compared.result.image_digest
        }
    else:
        if placement.newest is not None:
            states.keep_newest(place, found.newest, placement.newest)
        shadows = [
            shadow_of(state, line, repository.states.get(line), mirrors)
            for line in placement.shadows
        ]
    states.keep_tagged(place, found.tagged)
    kept = [states.keep(place, each) for each in settled.values()]
    kept_shadows = [states.keep(place, each) for each in shadows]
    own = {each.line for each in (*kept, *kept_shadows, *filter(None, [state]))}
    others = (each for line, each in repository.states.items() if line not in own)
    return replace(
        compared,
        state=state and states.keep(place, state),
        shadows=tuple(kept_shadows),
        others=(*kept, *(each for each in others if is_lagging(each, mirrors))),
    )
