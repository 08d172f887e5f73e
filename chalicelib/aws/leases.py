"""Leases: that one invocation at a time deals with what an item of the table stands for.

A lease names its holder, so that a request which is sent again, since its answer was lost, does not
find the item taken by itself. One that ended is free again: whoever had it was stopped.
"""

from __future__ import annotations

from secrets import randbits
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chalicelib.aws.dynamodb import Item, Table

LEASE_SECONDS = 90
"""For how long what the notifier takes is its own: its time-out of 60 seconds, and some more."""

TAKE = "SET #lease = :lease, #holder = :holder"
RELEASE = "REMOVE #lease"
_IS_FREE = "(attribute_not_exists(#lease) OR #lease < :now OR #holder = :holder)"


def of(now: int, seconds: int = LEASE_SECONDS) -> dict[str, int]:
    """The values of a lease that begins now: ``lease``, its end, ``now`` and ``holder``."""
    return {"lease": now + seconds, "now": now, "holder": randbits(64)}


def take(
    table: Table,
    key: tuple[str, str],
    kept_seconds: int,
    condition: str = "",
    values: Mapping[str, Any] | None = None,
) -> Item:
    """Take an item, which is kept for so long; returns it. Source: UpdateItem.

    :raises ConditionFailed: when another has it, or the further condition does not hold.
    """
    conditions = " AND ".join(filter(None, [_IS_FREE, condition]))
    lease = of(table.now())
    return table.update(*key, TAKE, kept_seconds, conditions, {**lease, **(values or {})})
