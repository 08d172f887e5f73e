"""Which counts of findings are worth a report."""

from collections.abc import Mapping
from dataclasses import dataclass

SEVERITIES = ("CRITICAL", "HIGH", "MEDIUM", "LOW")
"""The severities that have a threshold, worst first."""


@dataclass(frozen=True)
class Thresholds:
    """For each severity the count of findings from which on a scan is reported."""

    critical: int = 0
    high: int = 0
    medium: int = 0
    low: int = 0

    def of(self, severity: str) -> int:
        """The threshold of one of :data:`SEVERITIES`."""
        return int(getattr(self, severity.lower()))

    def crossed_by(self, counts: Mapping[str, int]) -> tuple[str, ...]:
        """The severities, worst first, whose count of findings reaches the threshold.

        A severity without findings never does, so that a threshold of 0 means any finding.
        """
        return tuple(
            severity
            for severity in SEVERITIES
            if counts.get(severity, 0) >= max(1, self.of(severity))
        )
