"""Which of the findings that are gathered count."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from chalicelib.policy.counting import counted

if TYPE_CHECKING:
    from collections.abc import Collection

    from chalicelib.fleet.model import RepositoryReport
    from chalicelib.policy.accepted_risks import AcceptedRisk, AcceptedRisks
    from chalicelib.settings.settings import Settings


Weighed = tuple["RepositoryReport", "Collection[AcceptedRisk]"]
"""The report of a repository, and the entries of accepted risks that ran out for it."""


class Weighing:
    """Which findings count on the day of the report; keeps the entries that ran out."""

    def __init__(self, risks: AcceptedRisks, settings: Settings) -> None:
        self._risks = risks
        self._rules_of = settings.rules_of
        self._finding_filters = settings.finding_filters
        self._today = datetime.now(UTC).date()
        self._expired: set[AcceptedRisk] = set()

    def weigh(self, report: RepositoryReport) -> RepositoryReport:
        """The report with those of its findings apart that do not count."""
        weighed, expired = self.weigh_apart(report)
        self._expired.update(expired)
        return weighed

    def weigh_apart(self, report: RepositoryReport) -> Weighed:
        """The same, with the entries that ran out and would cover a finding of the report."""
        filters = self._rules_of(report.repository.name).finding_filters(self._finding_filters)
        apart = counted(
            report.repository.name,
            report.findings,
            self._risks,
            filters,
            self._today,
        )
        weighed = replace(
            report, findings=apart.findings, accepted=apart.accepted, left_out=apart.left_out
        )
        return weighed, apart.expired

    @property
    def expired(self) -> tuple[AcceptedRisk, ...]:
        """The entries that ran out and would cover a finding, in the order of the list."""
        return tuple(entry for entry in self._risks.entries if entry in self._expired)
