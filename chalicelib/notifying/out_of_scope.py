"""A repository that is out of scope: what mirrors have as open in it is closed.

That is so where it is certain: a filter that is wrong, and tags that are not known, close nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.notifying.channels import mirror_names
from chalicelib.notifying.deletions import follow_ended
from chalicelib.notifying.mirroring import all_ended

if TYPE_CHECKING:
    from chalicelib.notifying.events import ScanResult
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
