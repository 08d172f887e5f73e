"""Findings that an owner accepts, for a reason and until a day."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from chalicelib.policy.globs import GlobIndex

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from chalicelib.ecr.findings import Finding

# What nearly every finding has, so that such a pattern leaves nothing out.
_ANY_VULNERABILITY = re.compile(r"(cve-)?[*?]+", re.IGNORECASE)
_ANY_NAME = re.compile(r"[*?]+")


@dataclass(frozen=True)
class AcceptedRisk:
    """One entry of the list: what it covers, why, and until when (that day included).

    ``vulnerability``, ``package`` and ``repository`` are names or glob patterns; None covers any.
    ``line`` is where the entry begins in the list, from 1.
    """

    reason: str
    expires: date
    vulnerability: str | None = None
    package: str | None = None
    repository: str | None = None
    line: int = 0

    @property
    def covered(self) -> str:
        """What it covers: the names and patterns that the entry has."""
        return " ".join(filter(None, (self.vulnerability, self.package, self.repository)))

    @property
    def covers_everything(self) -> bool:
        """Whether it covers every finding, or as good as every one, of every repository."""
        return (
            (self.vulnerability is None or bool(_ANY_VULNERABILITY.fullmatch(self.vulnerability)))
            and (self.package is None or bool(_ANY_NAME.fullmatch(self.package)))
            and (self.repository is None or bool(_ANY_NAME.fullmatch(self.repository)))
        )

    def has_expired(self, today: date) -> bool:
        """Whether the entry counts no longer, which it does on its last day."""
        return self.expires < today


@dataclass(frozen=True)
class AcceptedRisks:
    """The list of accepted risks.

    A finding is held only against entries whose names, or beginnings of patterns, its own names
    have, so that the time grows with the findings, and hardly with the entries.
    """

    entries: tuple[AcceptedRisk, ...] = ()

    def split(
        self, repository: str, findings: Iterable[Finding], today: date
    ) -> tuple[
        tuple[Finding, ...], tuple[tuple[Finding, AcceptedRisk], ...], tuple[AcceptedRisk, ...]
    ]:
        """The findings that count, those accepted with their entries, and entries that ran out.

        The first entry that covers a finding and has not expired is the one that accepts it. Of
        those that expired only the ones are given that would cover a finding which counts.

        An advisory, which has no CVE's name, is accepted too where every vulnerability that it is
        about is.
        """
        there = self._repositories.matching(repository) | self._repositories.unnamed
        counted: list[Finding] = []
        accepted: list[tuple[Finding, AcceptedRisk]] = []
        ran_out: set[int] = set()
        for finding in findings:
            own, *related = (
                self._covering(name, finding) & there for name in _vulnerabilities_of(finding)
            )
            valid = self._first_valid([own], today) or self._first_valid(related, today)
            if valid is None:
                counted.append(finding)
                ran_out.update(own, *related)
            else:
                accepted.append((finding, valid))
        expired = (self.entries[number] for number in sorted(ran_out))
        return (
            tuple(counted),
            tuple(accepted),
            tuple(entry for entry in expired if entry.has_expired(today)),
        )

    @property
    def comparisons(self) -> int:
        """How many times so far a name was held against a pattern."""
        indexes = (self._vulnerabilities, self._packages, self._repositories)
        return sum(index.comparisons for index in indexes)

    def _covering(self, vulnerability: str, finding: Finding) -> frozenset[int]:
        """The numbers of the entries that cover the finding under that name, expired or not.

        A finding in several packages is covered only where each of them is.
        """
        by_name = self._vulnerabilities.matching(vulnerability.lower())
        names = finding.package_names or ("",)
        by_package = frozenset.intersection(*map(self._packages.matching, names))
        return (
            (by_name & by_package)
            | (by_name & self._packages.unnamed)
            | (by_package & self._vulnerabilities.unnamed)
            | self._unnamed
        )

    def _first_valid(self, ways: list[frozenset[int]], today: date) -> AcceptedRisk | None:
        """The first entry of all that are needed, of which every way must have one."""
        firsts = [
            next((n for n in sorted(way) if not self.entries[n].has_expired(today)), None)
            for way in ways
        ]
        found = [first for first in firsts if first is not None]
        return self.entries[min(found)] if found and len(found) == len(firsts) else None

    @cached_property
    def _vulnerabilities(self) -> GlobIndex:
        names = [entry.vulnerability for entry in self.entries]
        return GlobIndex([name and name.lower() for name in names])

    @cached_property
    def _packages(self) -> GlobIndex:
        return GlobIndex([entry.package for entry in self.entries])

    @cached_property
    def _repositories(self) -> GlobIndex:
        return GlobIndex([entry.repository for entry in self.entries])

    @cached_property
    def _unnamed(self) -> frozenset[int]:
        return self._vulnerabilities.unnamed & self._packages.unnamed


def _vulnerabilities_of(finding: Finding) -> tuple[str, ...]:
    """The names that a finding may be accepted by: its own, and those an advisory is about."""
    is_cve = finding.identifier.lower().startswith("cve-")
    return (finding.identifier, *(() if is_cve else finding.related))
