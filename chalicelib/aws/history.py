"""The history in the table: which scans are dealt with, and what was last reported of each tag."""

from __future__ import annotations

import json
import zlib
from secrets import randbits
from typing import TYPE_CHECKING, Any

from chalicelib.aws.dynamodb import DAY, ConditionFailed
from chalicelib.ecr.severities import SEVERITIES
from chalicelib.policy.changes import ReportedState

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from chalicelib.aws.dynamodb import Table

LEASE_SECONDS = 90
"""How long an invocation has a scan for itself: its time-out of 60 seconds, and some more."""

STATE = "state"
"""The sort key of what was last reported of a tag."""

MOST_BYTES = 300_000
"""The most that an item's findings take, compressed: DynamoDB takes 400 KB an item."""

_DELIVERY = "delivery"
_STATE_SECONDS = 400 * DAY
# As long as the failed events are kept, so that one that is sent again is still known.
_DELIVERY_SECONDS = 14 * DAY


class AlreadyReported(Exception):
    """The scan was reported before, so that this event is one delivered again."""


class BeingReported(Exception):
    """Another invocation is reporting the scan just now: to be tried again later."""


class History:
    """The scans that are dealt with, and what was reported, by tag.

    A scan is taken with a lease, so that of several deliveries of its event one at a time reports
    it, and each channel that has its message is noted, so that a second try sends only the rest.
    """

    def __init__(self, table: Table) -> None:
        self._table = table

    def begin(self, scan: str) -> frozenset[str]:
        """Take a scan; gives the channels that have its message already.

        The lease names its holder, so that a request which is sent again, since its answer was
        lost, does not find the scan taken by itself.

        :raises AlreadyReported: when all of them have.
        :raises BeingReported: when another invocation has it.
        """
        now = self._table.now()
        try:
            item = self._note(
                scan,
                "SET #lease = :lease, #holder = :holder",
                {"lease": now + LEASE_SECONDS, "now": now, "holder": randbits(64)},
                condition="attribute_not_exists(#finished)"
                " AND (attribute_not_exists(#lease) OR #lease < :now OR #holder = :holder)",
            )
        except ConditionFailed as error:
            if "finished" in error.item:
                raise AlreadyReported(scan) from error
            raise BeingReported(scan) from error
        return frozenset(item.get("delivered", ()))

    def delivered(self, scan: str, channel: str) -> None:
        """Note that a channel has the scan's message."""
        self._note(scan, "ADD #delivered :channel", {"channel": {channel}})

    def finish(self, scan: str) -> None:
        """Note that the scan is dealt with."""
        self._note(scan, "SET #finished = :now", {"now": self._table.now()})

    def release(self, scan: str) -> None:
        """Let the next try have the scan at once."""
        self._note(scan, "REMOVE #lease", {})

    def recall(self, keys: Sequence[str]) -> list[ReportedState]:
        """What is remembered by these keys."""
        items = self._table.batch_get([(key, STATE) for key in keys], consistent=True)
        return [state_of(item) for item in items]

    def remember(self, keys: Iterable[str], state: ReportedState) -> None:
        """Keep what was reported, unless a later scan's report is kept."""
        item = {
            "sk": STATE,
            "name": state.name,
            "digest": state.digest,
            "time": state.time,
            "status": state.status,
            "findings": packed(state.findings),
        }
        for key in keys:
            try:
                self._table.put(
                    {"pk": key, **item},
                    _STATE_SECONDS,
                    condition="attribute_not_exists(#time) OR #time <= :time",
                    values={"time": state.time},
                )
            except ConditionFailed:
                continue

    def _note(
        self, scan: str, expression: str, values: dict[str, Any], condition: str = ""
    ) -> dict[str, Any]:
        return self._table.update(
            f"event#{scan}", _DELIVERY, expression, _DELIVERY_SECONDS, condition, values
        )


def packed(findings: Mapping[str, str]) -> bytes:
    """Severities by finding, compressed; of more than fit, the worst.

    Those left out count as new in the next report, so that nothing is kept quiet.
    """
    worst = sorted(findings.items(), key=lambda item: SEVERITIES.index(item[1]))
    while len(data := zlib.compress(json.dumps(dict(worst)).encode())) > MOST_BYTES:
        worst = worst[: len(worst) // 2]
    return data


def unpacked(data: bytes) -> dict[str, str]:
    """What :func:`packed` was given."""
    findings: dict[str, str] = json.loads(zlib.decompress(data))
    return findings


def state_of(item: Mapping[str, Any]) -> ReportedState:
    """The state in an item of the table."""
    return ReportedState(
        name=item["name"],
        digest=item["digest"],
        time=item["time"],
        status=item["status"],
        findings=unpacked(item["findings"]),
    )
