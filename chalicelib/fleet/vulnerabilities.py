"""A fleet report by vulnerability, and its repositories in the order in which they need a look."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from chalicelib.fleet.report import badness
from chalicelib.policy.ages import UNKNOWN_AGE, Age
from chalicelib.policy.urgency import Urgency, urgency

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from chalicelib.ecr.findings import Finding
    from chalicelib.fleet.model import Change, RepositoryReport
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
        return sum(
            any(each.is_running(finding) for finding in self.findings) for each in self.repositories
        )

    @property
    def place(self) -> tuple[tuple[int, ...], int, Urgency]:
        """What to sort by: of those that are as urgent, what is in the most repositories."""
        first = self.findings[self.worst]
        return first[:5], -len(self.repositories), first


class Open(NamedTuple):
    """A finding that is open in a repository; whether an image in use has it, where it is known."""

    finding: Finding
    age: Age
    running: bool | None
    urgency: Urgency


class Ranking:
    """What a fleet report has, the most urgent first: repositories and vulnerabilities."""

    def __init__(self, report: FleetReport) -> None:
        self._today = report.today
        self._unordered = report.repositories
        # Repositories share most findings, so that each is looked at a few times.
        self._keys: dict[int, str] = {}
        self._urgencies: dict[tuple[int, bool | None, bool | None], Urgency] = {}

    @cached_property
    def repositories(self) -> tuple[RepositoryReport, ...]:
        """The repositories by what is most urgent in each, and then by what else there is."""
        return tuple(sorted(self._unordered, key=self._need))

    @cached_property
    def vulnerabilities(self) -> tuple[Vulnerability, ...]:
        """The vulnerabilities of findings that count."""
        found: dict[str, Vulnerability] = {}
        best: dict[int, Open] = {}
        for each in self.repositories:
            for one in self.open_in(each):
                vulnerability = found.get(one.finding.identifier)
                if vulnerability is None:
                    vulnerability = Vulnerability(one.finding.identifier)
                    found[vulnerability.identifier] = vulnerability
                if not vulnerability.repositories or vulnerability.repositories[-1] is not each:
                    vulnerability.repositories.append(each)
                before = best.get(id(one.finding))
                if before is None or one.urgency < before.urgency:
                    best[id(one.finding)] = one
        for one in best.values():
            findings = found[one.finding.identifier].findings
            findings[one.finding] = min(one.urgency, findings.get(one.finding, one.urgency))
        return tuple(sorted(found.values(), key=lambda each: each.place))

    def open_in(self, report: RepositoryReport) -> Iterator[Open]:
        """The findings of a repository that count, in the report's order."""
        for finding in report.findings:
            running = report.is_running(finding)
            age = self._age(report, finding)
            overdue = age.is_overdue(self._today)
            key = id(finding), running, overdue
            if key not in self._urgencies:
                self._urgencies[key] = urgency(finding, running=running, overdue=overdue)
            yield Open(finding, age, running, self._urgencies[key])

    def _age(self, report: RepositoryReport, finding: Finding) -> Age:
        if not report.ages:
            return UNKNOWN_AGE
        key = self._keys.get(id(finding)) or self._keys.setdefault(id(finding), finding.key)
        return report.ages.get(key, UNKNOWN_AGE)

    def _need(self, report: RepositoryReport) -> tuple[object, ...]:
        if not report.findings:
            return (True,)
        first = min(each.urgency.before_severity for each in self.open_in(report))
        return False, first, badness(report)


def most_urgent(changes: Iterable[Change], report: FleetReport) -> list[Change]:
    """Changes in the order of what is known of their findings in their repositories."""
    repositories = {each.repository: each for each in report.repositories}

    def place_of(change: Change) -> Urgency:
        each, finding = repositories.get(change.repository), change.finding
        if each is None:
            return urgency(finding)
        overdue = each.age_of(finding).is_overdue(report.today)
        return urgency(finding, running=each.is_running(finding), overdue=overdue)

    return sorted(changes, key=place_of)
