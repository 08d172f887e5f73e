"""What an image fails on where the command line says so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.ecr.severities import SEVERITIES
from chalicelib.policy.thresholds import Thresholds

if TYPE_CHECKING:
    from collections.abc import Iterable

OVERDUE = "OVERDUE"
"""What an image fails on beside severities: findings whose due date has passed."""


@dataclass(frozen=True)
class Limits:
    """What an image fails on instead of the settings' thresholds."""

    thresholds: Thresholds
    overdue: bool = False

    @classmethod
    def of(cls, names: Iterable[str]) -> Limits:
        """Any finding of the severities that are named, or of worse ones; and OVERDUE."""
        names = set(names)
        worst = max(names & {*SEVERITIES}, key=SEVERITIES.index, default=None)
        return cls(from_severity(worst), OVERDUE in names)


def from_severity(severity: str | None) -> Thresholds:
    """Thresholds that any finding of a severity, or of a worse one, reaches; none without one."""
    worse = () if severity is None else SEVERITIES[: SEVERITIES.index(severity) + 1]
    return Thresholds(**{each.lower(): 0 if each in worse else None for each in SEVERITIES})
