"""A fleet report by vulnerability, and its repositories in the order in which they need a look."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from chalicelib.fleet.report import badness
from chalicelib.policy.urgency import Urgency, urgency

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from chalicelib.ecr.findings import Finding
    from chalicelib.fleet.model import RepositoryReport
    from chalicelib.fleet.report import FleetReport


@dataclass
class Vulnerability:
    """One vulnerability in all repositories that have it.

    ``findings`` are the different ones, of other packages or versions, with the places where each
    is most urgent, and ``repositories`` those that have any, the ones that need a look first.
    """

    identifier: str
    findings: dict[Finding, Urgency] = field(default_factory=dict)
    repositories: list[RepositoryReport] = field(default_factory=list)

    @cached_property
    def in_order(self) -> tuple[Finding, ...]:
        """The different findings, the most urgent first."""
        return tuple(sorted(self.findings, key=self.findings.__getitem__))

    @property
    def worst(self) -> Finding:
        """The most urgent of the findings."""
        return self.in_order[0]

    @property
    def severity(self) -> str:
        """The worst severity that it has anywhere."""
        return min(self.findings, key=lambda finding: finding.importance).severity

    @property
    def running(self) -> int:
        """In how many repositories it is known to run."""
        return sum(each.is_running is True for each in self.repositories)

    @property
    def place(self) -> tuple[tuple[int, ...], int, Urgency]:
        """What to sort by: of those that are as urgent, what is in the most repositories."""
        first = self.findings[self.worst]
        return first[:5], -len(self.repositories), first


class Ranking:
    """What a fleet report has, the most urgent first: repositories and vulnerabilities."""

    def __init__(self, report: FleetReport) -> None:
        self._today = report.today
        # Repositories share most findings, so that each is ranked a few times and not a million.
        self._ranks: dict[tuple[int, bool | None, bool | None], Urgency] = {}
        self._order = report.repositories

    @cached_property
    def repositories(self) -> tuple[RepositoryReport, ...]:
        """The repositories by what is most urgent in each, and then by what else there is."""
        return tuple(sorted(self._order, key=self._need))

    @cached_property
    def vulnerabilities(self) -> tuple[Vulnerability, ...]:
        """The vulnerabilities of findings that count."""
        found: dict[str, Vulnerability] = {}
        for each in self.repositories:
            for finding, rank in self.ranked(each):
                name = finding.identifier
                vulnerability = found.get(name) or found.setdefault(name, Vulnerability(name))
                before = vulnerability.findings.get(finding)
                if before is None or rank < before:
                    vulnerability.findings[finding] = rank
                if not vulnerability.repositories or vulnerability.repositories[-1] is not each:
                    vulnerability.repositories.append(each)
        return tuple(sorted(found.values(), key=lambda each: each.place))

    def most_urgent(self, report: RepositoryReport) -> tuple[Finding, ...]:
        """A repository's findings in order."""
        ranked = sorted(self.ranked(report), key=lambda each: each[1])
        return tuple(finding for finding, _ in ranked)

    def ranked(self, report: RepositoryReport) -> Iterator[tuple[Finding, Urgency]]:
        """The findings of a repository, each with where it stands."""
        running = report.is_running
        for finding in report.findings:
            overdue = is_overdue(report, finding, self._today) if report.ages else None
            key = id(finding), running, overdue
            if key not in self._ranks:
                self._ranks[key] = urgency(finding, running=running, overdue=overdue)
            yield finding, self._ranks[key]

    def _need(self, report: RepositoryReport) -> tuple[object, ...]:
        if not report.findings:
            return (True,)
        first = min(rank.before_severity for _, rank in self.ranked(report))
        return False, first, badness(report)


def is_overdue(report: RepositoryReport, finding: Finding, today: date) -> bool | None:
    """Whether a finding is overdue in a repository; None where nothing says when it is due."""
    days = report.age_of(finding).overdue_days(today)
    return None if days is None else days > 0
