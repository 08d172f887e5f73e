"""Events that tell of nothing that an earlier one has not led to."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from chalicelib.policy.acknowledgements import have_reported

if TYPE_CHECKING:
    from collections.abc import Iterable

    from chalicelib.aws.line_states import Recalled
    from chalicelib.notifying.channels import Sender
    from chalicelib.notifying.events import ScanResult
    from chalicelib.policy.states import ReportedState

BURST = timedelta(minutes=10)
"""Within this time, events about an image whose findings did not change are about one scan."""


def is_late(result: ScanResult, before: ReportedState | None) -> bool:
    """Whether a later scan of the image was dealt with before."""
    return bool(before and before.digest == result.image_digest and before.time > result.time)


def is_rescan(result: ScanResult, before: ReportedState | None) -> bool:
    """Whether an event tells of one finding, or of a scan that people were notified of just now."""
    if result.finding_severity is not None:
        return True
    if before is None or before.event == result.identity or before.digest != result.image_digest:
        return False
    return not result.failed and _is_of_a_burst(result, before.reported_at)


def is_known(
    result: ScanResult, recalled: Recalled, senders: Iterable[Sender], mirrors: frozenset[str]
) -> bool:
    """Whether an event tells of a finding that was read and reported for one just before."""
    finding, channels = result.finding, frozenset(sender.name for sender in senders)
    if finding is None or (recalled.events and recalled.events.outbox):
        return False
    return any(
        have_reported(finding, state, channels, mirrors)
        for state in recalled.states.values()
        if state.digest == result.image_digest
        and state.is_mirrored_as_open
        and _is_of_a_burst(result, state.time)
    )


def _is_of_a_burst(result: ScanResult, earlier: str) -> bool:
    if not earlier:
        return False
    return datetime.fromisoformat(result.time) - datetime.fromisoformat(earlier) <= BURST
