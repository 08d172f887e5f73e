"""Mirrors: channels that are to have exactly the findings which are open."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.aws.line_states import Changed
from chalicelib.policy.acknowledgements import is_lagging, merged
from chalicelib.policy.transitions import ended

if TYPE_CHECKING:
    from chalicelib.aws.line_states import LineStates
    from chalicelib.ecr.findings import Finding
    from chalicelib.policy.states import ReportedState
    from chalicelib.runtime.backoff import Backoff


@dataclass(frozen=True)
class MirroredLine:
    """A line of a repository, to be followed.

    ``findings`` are what the scan under way says of the open ones, and ``tags`` its image's: empty
    for a line that the scan is not of.
    """

    account: str
    region: str
    repository: str
    state: ReportedState
    findings: tuple[Finding, ...] = ()
    tags: tuple[str, ...] = ()


def all_ended(place: str, states: LineStates, mirrors: frozenset[str]) -> tuple[ReportedState, ...]:
    """End the lines of a repository; gives those that mirrors do not follow yet.

    Where nothing mirrors what is open, nothing has to be closed.

    :raises Changed: when another invocation has changed a line meanwhile.
    """
    if not mirrors:
        return ()
    return tuple(
        state if state.has_ended else states.keep(place, ended(state, mirrors))
        for state in states.recall(place).states.values()
        if not state.has_ended or is_lagging(state, mirrors)
    )


def settle(
    states: LineStates,
    place: str,
    before: ReportedState,
    after: ReportedState,
    backoff: Backoff,
) -> None:
    """Keep what was reported of a state, also where another invocation has changed it meanwhile.

    :raises DeadlineReached: when it cannot be kept in time; what was reported is then news again.
    """
    if after != before:
        backoff.call(_settle, states, place, before, after)


def _settle(states: LineStates, place: str, before: ReportedState, after: ReportedState) -> None:
    try:
        states.keep(place, after)
    except Changed:
        state = states.recall(place).states.get(after.line)
        if state is not None and (new := merged(state, before, after)) != state:
            states.keep(place, new)
