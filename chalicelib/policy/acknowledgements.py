"""What channels have reported of a line's state, and what they have yet to hear of."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from chalicelib.policy.states import FAILED, NO_CHANNELS

if TYPE_CHECKING:
    from chalicelib.ecr.findings import Finding
    from chalicelib.policy.states import ReportedState


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
        for key, each in state.open_findings.items()
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


def have_reported(
    finding: Finding, state: ReportedState, channels: frozenset[str], mirrors: frozenset[str]
) -> bool:
    """Whether a finding is known of a line as it is, and nobody has to hear of it any more."""
    known = state.open_findings.get(finding.key)
    if known is None or state.status == FAILED or is_lagging(state, mirrors):
        return False
    facts = (known.severity, known.fixable, known.exploitable)
    same = facts == (finding.severity, finding.fixable, finding.exploitable)
    return same and channels <= known.reported_by


def merged(state: ReportedState, before: ReportedState, after: ReportedState) -> ReportedState:
    """A later state with what channels have reported between two versions of an earlier one."""
    known = after.open_findings
    findings = {
        key: replace(each, reported_by=each.reported_by | known[key].reported_by)
        if key in known and known[key] == replace(each, reported_by=known[key].reported_by)
        else each
        for key, each in state.open_findings.items()
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
