"""Which counts of findings are worth a report."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from chalicelib.ecr.severities import SEVERITIES

REPORTED_BY_DEFAULT = SEVERITIES[:4]
"""Those whose findings are reported unless a threshold is set."""


@dataclass(frozen=True)
class Thresholds:
    """For each severity the count of findings from which on a scan is reported; None for never."""

    critical: int | None = 0
    high: int | None = 0
    medium: int | None = 0
    low: int | None = 0
    informational: int | None = None
    undefined: int | None = None

    def of(self, severity: str) -> int | None:
        """The threshold of one of :data:`SEVERITIES`."""
        threshold: int | None = getattr(self, severity.lower())
        return threshold

    def by_severity(self) -> dict[str, int]:
        """The thresholds that are set, worst severity first."""
        thresholds = {severity: self.of(severity) for severity in SEVERITIES}
        return {severity: count for severity, count in thresholds.items() if count is not None}

    def with_counts(self, counts: Mapping[str, int]) -> "Thresholds":
        """These thresholds with others, by severity, in their place."""
        return replace(self, **{severity.lower(): count for severity, count in counts.items()})

    def crossed_by(self, counts: Mapping[str, int]) -> tuple[str, ...]:
        """The severities, worst first, whose count of findings reaches the threshold.

        A severity without findings never does, so that a threshold of 0 means any finding.
        """
        return tuple(severity for severity in SEVERITIES if self._is_crossed(severity, counts))

    def _is_crossed(self, severity: str, counts: Mapping[str, int]) -> bool:
        threshold = self.of(severity)
        return threshold is not None and counts.get(severity, 0) >= max(1, threshold)
