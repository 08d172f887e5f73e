"""The last reported state of a line: what is open in its image, and which channels reported it.

A line is a chain of builds that follow one another; see :mod:`chalicelib.policy.lines`. A state is
kept before anything of it is reported, and says finding by finding which channels have reported
it: one that failed gets what it lacks, and the others say nothing twice.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple

from chalicelib.ecr.severities import SEVERITIES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from chalicelib.ecr.findings import Finding

FAILED = "FAILED"
NO_CHANNELS: frozenset[str] = frozenset()


class Line(NamedTuple):
    """A line of a repository: the tag that its builds share, if they do, and their platform.

    ``platform`` is ``os/architecture/variant``, and empty for an image that is in no index.
    """

    tag: str
    platform: str


@dataclass(frozen=True, slots=True)
class Known:
    """An open finding as it was last found, and the channels that have reported it so.

    ``found_at`` is the time of the scan that found it first.
    """

    severity: str
    found_at: str = ""
    fixable: bool = False
    exploitable: bool = False
    reported_by: frozenset[str] = NO_CHANNELS


@dataclass(frozen=True, slots=True)
class Closed:
    """A finding that is no longer open, and the channels that have yet to hear of that.

    It is ``fixed`` where a scan no longer finds it, and not where it is accepted or left out.
    """

    severity: str
    fixed: bool
    waiting: frozenset[str]


@dataclass(frozen=True)
class ReportedState:
    """What is known of a line.

    ``digest`` is the image's that was scanned last, ``whole`` that which the tag stands on: the
    same, or its index's. ``findings`` are the open ones by key; None where no scan has told them.
    They were compared with those of a scan of ``digest_before`` at ``since``, for the event with
    that id. ``reported_at`` is the time of the last scan that people were notified of, and
    ``failure_reported_by`` are the channels that reported the last scan where that failed. A line
    that ``has_ended`` has no image; what was known of it is kept for one that takes it up again.

    ``version`` counts the changes and ``updated_at`` is when the last was made, in milliseconds
    since the epoch. It is ``mirrored`` where the channels that mirror open findings have them. What
    an image has is reported in one of its lines; it ``is_shadow`` in the others, whose states say
    the same, so that each of them knows what its next image is to be compared with.
    """

    line: Line
    digest: str
    whole: str
    time: str
    status: str
    findings: Mapping[str, Known] | None = None
    closed: Mapping[str, Closed] = field(default_factory=dict)
    digest_before: str = ""
    since: str = ""
    event: str = ""
    reported_at: str = ""
    failure_reported_by: frozenset[str] = NO_CHANNELS
    has_ended: bool = False
    is_shadow: bool = False
    mirrored: bool = True
    version: int = 0
    updated_at: int = 0

    @property
    def is_mirrored_as_open(self) -> bool:
        """Whether mirrors are to have its findings as open."""
        return not self.has_ended and not self.is_shadow


@dataclass(frozen=True)
class Scan:
    """A scan whose findings are known; ``event`` is the id of the event that told of it.

    ``apart`` are the keys of the findings that are accepted or left out.
    """

    digest: str
    whole: str
    time: str
    status: str
    event: str
    findings: tuple[Finding, ...]
    apart: frozenset[str] = frozenset()


def after_scan(
    line: Line,
    before: ReportedState | None,
    bases: Sequence[ReportedState],
    scan: Scan,
    mirrors: frozenset[str] = NO_CHANNELS,
) -> ReportedState:
    """The line's state after a scan of its image.

    ``before`` is the line's own state, ``bases`` are the states that the findings are compared
    with: the first that knows a finding says whether it is new, and what the very first knows and
    the scan no longer finds is fixed. ``mirrors`` are the channels that mirror open findings.
    """
    known = {key: each for base in reversed(bases) for key, each in _findings(base).items()}
    findings = {each.key: _found(each, known.get(each.key), scan) for each in scan.findings}
    base = bases[0] if bases else None
    state = ReportedState(
        line, scan.digest, scan.whole, scan.time, scan.status, findings, event=scan.event
    )
    if base is not None:
        again = base is before and before.event == scan.event
        state = replace(
            state,
            digest_before=base.digest_before if again else base.digest,
            since=base.since if again else base.time,
            reported_at=base.reported_at,
        )
    if before is not None:
        is_late = before.digest == scan.digest and before.time > scan.time
        state = replace(
            state,
            time=before.time if is_late else scan.time,
            version=before.version,
            updated_at=before.updated_at,
        )
    closed = _closed(before, base, mirrors, scan.apart)
    closed = {key: each for key, each in closed.items() if key not in findings}
    return replace(state, closed=closed, mirrored=not mirrors)


def after_failure(line: Line, before: ReportedState | None, scan: Scan) -> ReportedState:
    """The line's state after a scan that failed: what was known before, and that it failed."""
    if before is None:
        return ReportedState(line, scan.digest, scan.whole, scan.time, FAILED, event=scan.event)
    reported_by = before.failure_reported_by if before.status == FAILED else NO_CHANNELS
    return replace(before, status=FAILED, event=scan.event, failure_reported_by=reported_by)


def ended(state: ReportedState, mirrors: frozenset[str] = NO_CHANNELS) -> ReportedState:
    """The state of a line that has no image any more; nothing of it is open."""
    return replace(state, has_ended=True, closed=_closed(state, None, mirrors))


def shadowed(state: ReportedState, mirrors: frozenset[str] = NO_CHANNELS) -> ReportedState:
    """The state of a line whose image is reported in another one."""
    return replace(state, is_shadow=True, closed=_closed(state, None, mirrors))


def promoted(state: ReportedState, mirrors: frozenset[str] = NO_CHANNELS) -> ReportedState:
    """The state of a line in which its image is reported from now on."""
    closed = {key: each for key, each in state.closed.items() if key not in _findings(state)}
    return replace(state, is_shadow=False, closed=closed, mirrored=not mirrors)


def shadow_of(
    state: ReportedState,
    line: Line,
    before: ReportedState | None,
    mirrors: frozenset[str] = NO_CHANNELS,
) -> ReportedState:
    """The state of another line of the same image, in place of what that had ``before``."""
    return replace(
        state,
        line=line,
        is_shadow=True,
        mirrored=True,
        closed=_closed(before, None, mirrors),
        version=before.version if before else 0,
        updated_at=before.updated_at if before else 0,
    )


def as_reported(shadow: ReportedState, state: ReportedState) -> ReportedState:
    """A shadow with what channels have reported of the state that it shadows."""
    reported_at = state.reported_at
    return replace(shadow, findings=state.findings, reported_at=reported_at)


def reported(state: ReportedState, channel: str) -> ReportedState:
    """The state once a channel has reported it: no finding is new to it any more."""
    if state.status == FAILED:
        return replace(state, failure_reported_by=state.failure_reported_by | {channel})
    findings = {
        key: replace(each, reported_by=each.reported_by | {channel})
        for key, each in (state.findings or {}).items()
    }
    return replace(heard(state, channel), findings=findings, reported_at=state.time)


def heard(state: ReportedState, channel: str) -> ReportedState:
    """The state once a channel has dealt with what was closed, be it that this is no news to it."""
    waiting = {
        key: replace(each, waiting=each.waiting - {channel}) for key, each in state.closed.items()
    }
    return replace(state, closed={key: each for key, each in waiting.items() if each.waiting})


def followed(state: ReportedState, mirrors: frozenset[str]) -> ReportedState:
    """The state once these mirrors follow it."""
    for channel in mirrors:
        state = replace(heard(state, channel), mirrored=True)
    return state


def is_lagging(state: ReportedState, mirrors: frozenset[str]) -> bool:
    """Whether a mirror does not follow a state yet."""
    waits = any(not mirrors.isdisjoint(each.waiting) for each in state.closed.values())
    return bool(mirrors) and (not state.mirrored or waits)


def merged(state: ReportedState, before: ReportedState, after: ReportedState) -> ReportedState:
    """A later state with what channels have reported between two versions of an earlier one."""
    known = _findings(after)
    findings = {
        key: replace(each, reported_by=each.reported_by | known[key].reported_by)
        if key in known and known[key] == replace(each, reported_by=known[key].reported_by)
        else each
        for key, each in _findings(state).items()
    }
    closed = {
        key: replace(each, waiting=each.waiting - _done(key, before, after))
        for key, each in state.closed.items()
    }
    failed = state.status == after.status == FAILED
    return replace(
        state,
        findings=None if state.findings is None else findings,
        closed={key: each for key, each in closed.items() if each.waiting},
        failure_reported_by=state.failure_reported_by
        | (after.failure_reported_by if failed else NO_CHANNELS),
        reported_at=max(state.reported_at, after.reported_at),
    )


def _done(key: str, before: ReportedState, after: ReportedState) -> frozenset[str]:
    """The channels that have dealt with a closed finding between two versions."""
    waiting = before.closed[key].waiting if key in before.closed else NO_CHANNELS
    return waiting - (after.closed[key].waiting if key in after.closed else NO_CHANNELS)


def is_worse(severity: str, before: str) -> bool:
    """Whether a severity is worse than another."""
    return SEVERITIES.index(severity) < SEVERITIES.index(before)


def _found(finding: Finding, known: Known | None, scan: Scan) -> Known:
    """A finding of a scan: news to every channel where it is new, or matters more than before."""
    found = Known(finding.severity, scan.time, finding.fixable, finding.exploitable)
    if known is None:
        return found
    matters_more = (
        is_worse(found.severity, known.severity)
        or (found.fixable and not known.fixable)
        or (found.exploitable and not known.exploitable)
    )
    reported_by = NO_CHANNELS if matters_more else known.reported_by
    return replace(found, found_at=known.found_at, reported_by=reported_by)


def _closed(
    before: ReportedState | None,
    base: ReportedState | None,
    mirrors: frozenset[str],
    apart: frozenset[str] = frozenset(),
) -> dict[str, Closed]:
    """What was known as open or closed, as closed; some of it may be open again.

    People hear of what they were notified of, mirrors of what is open in the line by its own state.
    """
    closed = dict(before.closed) if before else {}

    def close(key: str, known: Known, waiting: frozenset[str]) -> None:
        if waiting:
            earlier = closed[key].waiting if key in closed else NO_CHANNELS
            closed[key] = Closed(known.severity, key not in apart, earlier | waiting)

    for key, known in _findings(base).items():
        close(key, known, known.reported_by)
    if before is not None and before.is_mirrored_as_open:
        for key, known in _findings(before).items():
            close(key, known, mirrors)
    return closed


def _findings(state: ReportedState | None) -> Mapping[str, Known]:
    return (state.findings if state else None) or {}
