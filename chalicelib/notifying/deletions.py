"""An image that was deleted: what was open in it is closed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.notifying.channels import mirror_names
from chalicelib.notifying.delivery import NotDelivered, Reporting
from chalicelib.notifying.lookups import LookUp
from chalicelib.notifying.mirroring import MirroredLine, settle
from chalicelib.policy.acknowledgements import followed, is_lagging
from chalicelib.policy.lines import placed
from chalicelib.runtime import logs
from chalicelib.runtime.backoff import Backoff

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chalicelib.aws.line_states import LineStates
    from chalicelib.notifying.events import Deletion, ScanResult
    from chalicelib.policy.states import ReportedState
    from chalicelib.runtime.deadline import Deadline
    from chalicelib.services import Services


def close_deleted(deletion: Deletion, services: Services, deadline: Deadline) -> None:
    """End the lines that have no image any more; done again, it changes nothing.

    A deleted image that no line knows costs no call to ECR. People are not notified: what was
    deleted was not fixed.

    :raises NotDelivered: when a channel could not be reached. The event then comes again.
    """
    states, backoff = services.line_states, Backoff(deadline)
    if states is None:
        return
    mirrors = mirror_names(services.settings.channels)
    changed = backoff.call(_ended, deletion, states, mirrors, services, backoff)
    logs.summary(
        "image deleted",
        {"LinesEnded": sum(state.has_ended for state in changed)},
        repository=deletion.repository,
        image_digest=deletion.image_digest,
    )
    follow_ended(changed, deletion, services, backoff)


def follow_ended(
    changed: Sequence[ReportedState],
    event: Deletion | ScanResult,
    services: Services,
    backoff: Backoff,
) -> None:
    """Let mirrors follow lines of an event's repository that have ended.

    :raises NotDelivered: when a channel could not be reached.
    """
    reporting = Reporting(services, backoff)
    place = (event.account, event.region, event.repository)
    following = reporting.mirror([MirroredLine(*place, state) for state in changed])
    if (states := services.line_states) is not None:
        for state in changed:
            settle(states, event.place, state, followed(state, following), backoff)
    if reporting.failures:
        raise NotDelivered(reporting.failures)


def _ended(
    deletion: Deletion,
    states: LineStates,
    mirrors: frozenset[str],
    services: Services,
    backoff: Backoff,
) -> list[ReportedState]:
    """Keep the lines that end; gives those that mirrors do not follow yet."""
    digest = deletion.image_digest
    recalled = states.recall(deletion.place)
    known = {recalled.newest.digest} if recalled.newest else set()
    known |= {name for state in recalled.states.values() for name in (state.digest, state.whole)}
    if digest not in known:
        return []
    look_up = LookUp(deletion.address, deletion.repository, services, backoff, states)
    found = look_up.of(digest)
    placement = placed("", {}, found.repository, mirrors)
    kept = [states.keep(deletion.place, state) for state in placement.states.values()]
    others = (
        state for line, state in found.repository.states.items() if line not in placement.states
    )
    return kept + [state for state in others if is_lagging(state, mirrors)]
