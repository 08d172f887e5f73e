"""Which counts of findings are worth a report."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from chalicelib.ecr.severities import SEVERITIES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from chalicelib.ecr.findings import Finding

REPORTED_BY_DEFAULT = SEVERITIES[:4]
"""Those whose findings are reported unless a threshold is set."""

NAMES = (*(severity.lower() for severity in SEVERITIES), "kev", "epss")
"""What the thresholds are of."""


@dataclass(frozen=True)
class Thresholds:
    """From when on a scan is reported; None for never.

    For each severity the count of findings, for ``kev`` the count of those that are known to be
    exploited, and for ``epss`` the probability of exploitation of any one.
    """

    critical: int | None = 0
    high: int | None = 0
    medium: int | None = 0
    low: int | None = 0
    informational: int | None = None
    undefined: int | None = None
    kev: int | None = None
    epss: float | None = None

    def of(self, severity: str) -> int | None:
        """The threshold of one of :data:`SEVERITIES`."""
        threshold: int | None = getattr(self, severity.lower())
        return threshold

    def by_severity(self) -> dict[str, int]:
        """The thresholds that are set, worst severity first."""
        thresholds = {severity: self.of(severity) for severity in SEVERITIES}
        return {severity: count for severity, count in thresholds.items() if count is not None}

    def with_others(self, others: Mapping[str, float | None]) -> Thresholds:
        """These thresholds with others, of :data:`NAMES`, in their place where there are any."""
        given: dict[str, Any] = {name: each for name, each in others.items() if each is not None}
        return replace(self, **given)

    def crossed_by(self, counts: Mapping[str, int]) -> tuple[str, ...]:
        """The severities, worst first, whose count of findings reaches the threshold.

        A severity without findings never does, so that a threshold of 0 means any finding.
        """
        return tuple(severity for severity in SEVERITIES if self._is_crossed(severity, counts))

    def exploited_by(self, findings: Iterable[Finding]) -> tuple[str, ...]:
        """``KEV`` and ``EPSS``, of those whose threshold the findings reach.

        What is not known reaches none.
        """
        findings = tuple(findings)
        exploited = sum(finding.known_exploited is True for finding in findings)
        scores = [finding.epss for finding in findings if finding.epss is not None]
        reached = {
            "KEV": self.kev is not None and exploited >= max(1, self.kev),
            "EPSS": self.epss is not None and max(scores, default=-1.0) >= self.epss,
        }
        return tuple(name for name, is_reached in reached.items() if is_reached)

    def exploited_among(self, findings: Iterable[Finding]) -> tuple[Finding, ...]:
        """The findings by which the threshold of ``KEV`` or ``EPSS`` is reached."""
        findings = tuple(findings)
        reached = self.exploited_by(findings)
        return tuple(
            finding
            for finding in findings
            if ("KEV" in reached and finding.known_exploited)
            or ("EPSS" in reached and finding.epss is not None and finding.epss >= (self.epss or 0))
        )

    @property
    def weigh_exploitation(self) -> bool:
        """Whether there is a threshold of ``KEV`` or ``EPSS``, which no event tells of."""
        return self.kev is not None or self.epss is not None

    def _is_crossed(self, severity: str, counts: Mapping[str, int]) -> bool:
        threshold = self.of(severity)
        return threshold is not None and counts.get(severity, 0) >= max(1, threshold)
