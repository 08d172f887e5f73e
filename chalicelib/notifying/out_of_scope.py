"""A repository that is out of scope: what mirrors have as open in it is closed.

That is so where it is certain: a filter that is wrong, and tags that are not known, close nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.notifying.channels import mirror_names
from chalicelib.notifying.deletions import follow_ended
from chalicelib.policy.acknowledgements import is_lagging
from chalicelib.policy.transitions import ended

if TYPE_CHECKING:
    from chalicelib.aws.line_states import LineStates
    from chalicelib.notifying.events import ScanResult
    from chalicelib.policy.states import ReportedState
    from chalicelib.runtime.backoff import Backoff
    from chalicelib.services import Services


def close_repository(result: ScanResult, services: Services, backoff: Backoff) -> None:
    """End every line of an event's repository; done again, it changes nothing.

    :raises NotDelivered: when a channel could not be reached. The event then comes again.
    """
    states, mirrors = services.line_states, mirror_names(services.settings.channels)
    if states is not None and mirrors:
        changed = backoff.call(all_ended, result.place, states, mirrors)
        follow_ended(changed, result, services, backoff)


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
