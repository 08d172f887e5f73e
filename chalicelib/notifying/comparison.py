"""A scan compared with what is known of its line, which is kept before anything is reported."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from chalicelib.ecr.images import Image
from chalicelib.notifying.assessment import Assessment, assess, may_reach
from chalicelib.notifying.finding_events import with_events
from chalicelib.notifying.in_use import (
    after_scan_in_use,
    keep_replaced,
    recalled_in_use,
    scan_of,
)
from chalicelib.notifying.late_scans import keep_late, lines_then
from chalicelib.notifying.lookups import LookUp
from chalicelib.notifying.report import About
from chalicelib.notifying.scope import reason_against, rules_of
from chalicelib.notifying.uses import uses_of, where_in_use
from chalicelib.policy.acknowledgements import is_lagging
from chalicelib.policy.ages import ages_in
from chalicelib.policy.changes import ALL, EVERY_SCAN
from chalicelib.policy.current import is_newest
from chalicelib.policy.lines import placed
from chalicelib.policy.states import FAILED
from chalicelib.policy.transitions import after_failure, after_scan, shadow_of
from chalicelib.runtime import logs

if TYPE_CHECKING:
    from chalicelib.aws.line_states import LineStates
    from chalicelib.notifying.events import ScanResult
    from chalicelib.notifying.lookups import Found
    from chalicelib.policy.due_dates import DueTimes
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

    ``assessment`` is None where there is nothing to report. ``line`` is None where the image is
    in none, and ``state`` where the scan says nothing that is kept; ``is_rescan`` is whether the
    event tells of no scan that was not reported before. ``shadows`` are the states of the image's
    other lines, and ``others`` those of further lines that mirrors do not follow yet.
    The state of an image in use that is in no line is kept by itself. People are notified of an
    image that ``is_reported``.
    """

    result: ScanResult
    assessment: Assessment | None = None
    line: Line | None = None
    state: ReportedState | None = None
    is_rescan: bool = False
    shadows: tuple[ReportedState, ...] = ()
    others: tuple[ReportedState, ...] = ()
    is_reported: bool = True
    about: About = field(default_factory=About)

    @property
    def has_looked(self) -> bool:
        """Whether the findings in the image were read."""
        known = self.assessment is not None and self.assessment.findings is not None
        return known and self.result.number != 0

    @property
    def place(self) -> str:
        """Where the state is kept."""
        return self.result.place if self.line else self.result.place_in_use


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
    then, result = result, replace(result, image_tags=image.all_tags)
    uses = uses_of(result.place, services)
    where = where_in_use(image, uses)
    if reason := reason_against(image, rules, uses, services.settings):
        logs.logger.info("scan out of scope", extra={**result.about, "reason": str(reason)})
        return Compared(result)
    placement = placed(result.image_digest, found.places, found.repository, mirrors)
    in_use = recalled_in_use(result, states) if where else None
    if in_use is not None:
        placement = replace(placement, bases=(*placement.bases, in_use))
    before = _before(placement, found) if placement.line else in_use
    if _is_late(result, before):
        return Compared(result)
    assessment = None
    if placement.line or where or services.settings.notify_mode == EVERY_SCAN:
        assessment = _continued(assess(result, rules, services, backoff), placement)
    about = About(
        owner=rules.owner or "",
        platform=image.platform or "",
        pushed_at=int(image.pushed_at.timestamp()) if image.pushed_at else 0,
        where_in_use=where,
    )
    compared = Compared(result, assessment, placement.line, about=about)
    if states is None:
        return compared
    compared = replace(
        compared,
        state=_state(
            result,
            assessment,
            placement,
            found,
            mirrors,
            has_bus=bool(services.settings.event_bus),
        ),
        is_rescan=_is_rescan(result, before),
        is_reported=services.settings.report_images == ALL
        or bool(where)
        or is_newest(found.places, placement.newest, found.repository),
    )
    if before is not None and placement.line:
        keep_replaced(result, before, uses, states)
    sla = services.settings.sla_of(rules)
    compared = _kept(_aged(compared, sla), states, placement, found, mirrors)
    if lines := lines_then(then, placement, found):
        weighed = assessment or assess(result, rules, services, backoff)
        keep_late(result, weighed, lines, found, states)
    if placement.line is None and where and assessment is not None:
        state = after_scan_in_use(result, assessment, before, found.repository.states.values())
        compared = _aged(replace(compared, state=state), sla)
        return replace(compared, state=state and states.keep(compared.place, state))
    return compared


def _aged(compared: Compared, sla: DueTimes | None) -> Compared:
    """The same, with since when its findings are open by the ledger of its state."""
    if compared.state is None or compared.assessment is None:
        return compared
    ages = ages_in(compared.state.ledger, compared.assessment.findings or (), sla)
    return replace(compared, about=replace(compared.about, ages=ages))


def _may_matter(result: ScanResult, thresholds: Thresholds) -> bool:
    """Whether the event does not rule a report out: what counts is never more than it says."""
    return (
        result.failed
        or result.finding_severity is not None
        or may_reach(thresholds, result.severity_counts, result.unlisted)
        or bool(thresholds.crossed_by(result.severity_counts or {}))
        or (thresholds.weigh_exploitation and result.number != 0)
    )


def _continued(assessment: Assessment, placement: Placement) -> Assessment:
    """The same, where a vulnerability in other packages too keeps the key that it is known by."""
    known = {key for base in placement.bases for key in (*base.open_findings, *base.ledger.unfixed)}
    if assessment.findings is None:
        return assessment
    return assessment.with_keys(known)


def _before(placement: Placement, found: Found) -> ReportedState | None:
    return found.repository.states.get(placement.line) if placement.line else None


def _is_late(result: ScanResult, before: ReportedState | None) -> bool:
    """Whether a later scan of the image was dealt with before."""
    return bool(before and before.digest == result.image_digest and before.time > result.time)


def _is_rescan(result: ScanResult, before: ReportedState | None) -> bool:
    """Whether an event tells of one finding, or of a scan that people were notified of just now."""
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
    *,
    has_bus: bool,
) -> ReportedState | None:
    """The line's state after the scan; None where that says nothing about it."""
    if placement.line is None or placement.whole is None or assessment is None:
        return None
    known = found.repository.states
    before = known.get(placement.line)
    scan = scan_of(result, placement.whole.digest, assessment)
    if result.failed:
        own = (each for each in found.repository.live.values() if each.digest == scan.digest)
        return after_failure(placement.line, before or next(own, None), scan)
    if assessment.findings is None:
        return None
    state = after_scan(placement.line, before, placement.bases, scan, mirrors)
    if not has_bus:
        return state
    history = before or next(iter(placement.bases), None)
    return with_events(state, history, known.values())


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
