"""A scan compared with what is known of its line, which is kept before anything is reported."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cache, partial
from typing import TYPE_CHECKING

from chalicelib.notifying.assessment import Assessment, assess, may_matter
from chalicelib.notifying.channels import senders_to
from chalicelib.notifying.in_use import after_scan_in_use, keep_replaced, scan_of
from chalicelib.notifying.late_scans import keep_late
from chalicelib.notifying.lookups import LookUp
from chalicelib.notifying.mirroring import all_ended
from chalicelib.notifying.repeats import is_known, is_late, is_rescan
from chalicelib.notifying.report import About
from chalicelib.notifying.scanned_images import scanned_image
from chalicelib.notifying.scope import reason_against, rules_of
from chalicelib.policy.acknowledgements import is_lagging
from chalicelib.policy.ages import ages_in
from chalicelib.policy.changes import ALL, EVERY_SCAN
from chalicelib.policy.current import is_newest
from chalicelib.policy.due import Reason
from chalicelib.policy.lines import placed
from chalicelib.policy.states import FAILED, NO_CHANNELS
from chalicelib.policy.transitions import after_failure, after_scan, shadow_of
from chalicelib.runtime import logs

if TYPE_CHECKING:
    from chalicelib.aws.line_states import LineStates
    from chalicelib.notifying.events import ScanResult
    from chalicelib.notifying.scanned_images import ScannedImage
    from chalicelib.policy.due_dates import DueTimes
    from chalicelib.policy.lines import Placement
    from chalicelib.policy.states import Line, ReportedState
    from chalicelib.runtime.backoff import Backoff
    from chalicelib.services import Services
    from chalicelib.settings.settings import Settings


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
    settings, rules = services.settings, rules_of(result, services, backoff)
    if states is None and not may_matter(result, rules.thresholds(settings.thresholds)):
        return Compared(result)
    if rules.skip:
        return _out_of_scope(result, Reason.SKIPPED_BY_TAG, states, mirrors)
    look_up = LookUp(result.address, result.repository, services, backoff, states)
    if is_known(result, look_up.recalled, senders_to(rules.owner or "", settings), mirrors):
        return Compared(result)
    scanned = scanned_image(result, look_up.of(result.image_digest), states, mirrors, services)
    assessed = cache(partial(assess, scanned.result, rules, services, backoff))
    late = partial(keep_late, result, scanned, rules, settings, assessed)
    if reason := reason_against(scanned.image, rules, scanned.uses, settings):
        if states is not None:
            late(states)
        return _out_of_scope(scanned.result, reason)
    if is_late(scanned.result, scanned.before):
        return Compared(scanned.result)
    assessment = None
    if scanned.placement.line or scanned.where or settings.notify_mode == EVERY_SCAN:
        assessment = _continued(assessed(), scanned.placement)
    about = scanned.about(rules.owner or "")
    compared = Compared(scanned.result, assessment, scanned.placement.line, about=about)
    if states is None:
        return compared
    compared = _with_state(compared, scanned, mirrors, settings)
    compared = _kept(_aged(compared, settings.sla_of(rules)), scanned, states, mirrors)
    late(states)
    if scanned.placement.line is None and scanned.where:
        return _kept_in_use(compared, scanned, states, settings.sla_of(rules))
    return compared


def _out_of_scope(
    result: ScanResult,
    reason: Reason,
    states: LineStates | None = None,
    mirrors: frozenset[str] = NO_CHANNELS,
) -> Compared:
    """Nothing to report; where ``states`` are given, nothing of the repository is open either."""
    logs.logger.info("scan out of scope", extra={**result.about, "reason": str(reason)})
    others = all_ended(result.place, states, mirrors) if states is not None else ()
    return Compared(result, others=others)


def _aged(compared: Compared, sla: DueTimes | None) -> Compared:
    """The same, with since when its findings are open by the ledger of its state."""
    if compared.state is None or compared.assessment is None:
        return compared
    ages = ages_in(compared.state.ledger, compared.assessment.findings or (), sla)
    return replace(compared, about=replace(compared.about, ages=ages))


def _continued(assessment: Assessment, placement: Placement) -> Assessment:
    """The same, where a vulnerability in other packages too keeps the key that it is known by."""
    known = {key for base in placement.bases for key in (*base.open_findings, *base.ledger.unfixed)}
    if assessment.findings is None:
        return assessment
    return assessment.with_keys(known)


def _with_state(
    compared: Compared, scanned: ScannedImage, mirrors: frozenset[str], settings: Settings
) -> Compared:
    """The same with the line's state after the scan, and whether people are to be notified."""
    found, placement = scanned.found, scanned.placement
    return replace(
        compared,
        state=_state(compared, scanned, mirrors),
        is_rescan=is_rescan(scanned.result, scanned.before),
        is_reported=settings.report_images == ALL
        or bool(scanned.where)
        or is_newest(found.places, placement.newest, found.repository),
    )


def _state(
    compared: Compared, scanned: ScannedImage, mirrors: frozenset[str]
) -> ReportedState | None:
    """The line's state after the scan; None where that says nothing about it."""
    result, assessment = compared.result, compared.assessment
    placement = scanned.placement
    if placement.line is None or placement.whole is None or assessment is None:
        return None
    before = scanned.found.repository.states.get(placement.line)
    scan = scan_of(result, placement.whole.digest, assessment)
    if result.failed:
        live = scanned.found.repository.live.values()
        own = (each for each in live if each.digest == scan.digest)
        return after_failure(placement.line, before or next(own, None), scan)
    if assessment.findings is None:
        return None
    return after_scan(placement.line, before, placement.bases, scan, mirrors)


def _kept(
    compared: Compared, scanned: ScannedImage, states: LineStates, mirrors: frozenset[str]
) -> Compared:
    """Keep what becomes of the lines.

    Where nothing is known of what is in the image, it comes into no line.
    """
    place, state = compared.result.place, compared.state
    found, placement, repository = scanned.found, scanned.placement, scanned.found.repository
    if scanned.before is not None and placement.line:
        keep_replaced(compared.result, scanned.before, scanned.uses, states)
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


def _kept_in_use(
    compared: Compared, scanned: ScannedImage, states: LineStates, sla: DueTimes | None
) -> Compared:
    """Keep what is known of an image in use that is in no line."""
    if compared.assessment is None:
        return compared
    known = scanned.found.repository.states.values()
    state = after_scan_in_use(compared.result, compared.assessment, scanned.before, known)
    compared = _aged(replace(compared, state=state), sla)
    return replace(compared, state=state and states.keep(compared.place, state))
