"""What people are told about a scan, before it is worded for a channel."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from chalicelib.ecr.severities import SEVERITIES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chalicelib.ecr.findings import Finding
    from chalicelib.notifying.events import ScanResult
    from chalicelib.policy.accepted_risks import AcceptedRisk
    from chalicelib.policy.changes import Changes
    from chalicelib.policy.thresholds import Thresholds


@dataclass(frozen=True)
class Report:
    """One scan: its findings that count, what is new among them, and why it is reported.

    ``name`` is what the image is called from scan to scan: repository and tag (or digest).
    ``findings`` are those shown, worst first; None where they are not known. ``counts`` are the
    numbers shown, by severity; None where nothing is known of them, and where not all are,
    ``unlisted`` says how many findings there are of an unknown severity. ``crossed`` are the
    severities whose threshold is reached, worst first. ``accepted`` are the findings that are
    accepted risks, each with the entry that says so; ``expired`` the entries that would cover
    findings shown, had they not run out. ``left_out`` says how many findings the finding filters
    keep out, by reason. ``changes`` is None where nothing is remembered. ``where_in_use`` names the
    workloads that run the image. What is not ``is_news`` is not told to people; its findings are
    those that were reported before.
    """

    name: str
    result: ScanResult
    thresholds: Thresholds
    counts: Mapping[str, int] | None
    crossed: tuple[str, ...]
    findings: tuple[Finding, ...] | None = None
    accepted: tuple[tuple[Finding, AcceptedRisk], ...] = ()
    expired: tuple[AcceptedRisk, ...] = ()
    left_out: Mapping[str, int] = field(default_factory=dict)
    changes: Changes | None = None
    where_in_use: tuple[str, ...] = ()
    is_news: bool = True
    unlisted: int = 0

    @property
    def worst(self) -> str | None:
        """The worst severity whose threshold is reached; None for a scan that failed."""
        return self.crossed[0] if self.crossed else None

    @property
    def is_compared(self) -> bool:
        """Whether what was found is compared with anything that was reported before."""
        return self.changes is not None and not self.changes.first and not self.result.failed

    @property
    def may_cross(self) -> bool:
        """Whether findings whose severity is not known may reach a threshold."""
        return not self.result.failed and may_reach(self.thresholds, self.counts, self.unlisted)

    @cached_property
    def new_first(self) -> tuple[Finding, ...]:
        """The findings as they are listed: those that are new, and then the others."""
        return tuple(sorted(self.findings or (), key=lambda each: not self.is_new(each)))

    def is_new(self, finding: Finding) -> bool:
        """Whether a finding was not reported of this tag before."""
        return self.changes is not None and finding.key in self.changes.new


def may_reach(thresholds: Thresholds, counts: Mapping[str, int] | None, unlisted: int) -> bool:
    """Whether findings whose severity is not known may reach a threshold.

    That is of those beyond ``counts``, or of any where nothing is known of the counts.
    """
    if counts is None:
        return bool(thresholds.by_severity())
    most = {severity: counts.get(severity, 0) + unlisted for severity in SEVERITIES}
    return bool(unlisted) and bool(thresholds.crossed_by(most))
