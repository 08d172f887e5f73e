"""Vulnerabilities, what a scan finds of them, and how basic scanning spells them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

Shape = dict[str, Any]
"""A structure of an AWS API, ready for JSON; timestamps are seconds since the epoch."""

SEVERITIES = ("CRITICAL", "HIGH", "MEDIUM", "LOW", "INFORMATIONAL", "UNDEFINED")


@dataclass(frozen=True, slots=True)
class Package:
    """A package with a flaw, its version as the package manager says it: epoch:version-release.

    Without ``fixed_in_version`` there is no fix; a ``file_path`` is where a language's package
    lies, whose manager is then not OS.
    """

    name: str
    version: str
    fixed_in_version: str = ""
    file_path: str = ""
    manager: str = "OS"


@dataclass(frozen=True, slots=True)
class Finding:
    """One vulnerability of a package, of which Inspector knows that others have it too.

    ``score`` is by CVSS 3; basic scanning sometimes has none. Of what follows the vector only
    enhanced scanning knows.
    """

    name: str
    severity: str
    package_name: str = "openssl"
    package_version: str = "3.0.2-0ubuntu1.10"
    description: str = ""
    score: float | None = None
    vector: str = ""
    fixed_in_version: str = ""
    exploit_available: bool = False
    epss: float | None = None
    first_observed_at: datetime | None = None
    also_in: tuple[Package, ...] = ()

    @property
    def uri(self) -> str:
        """Where the vulnerability is described."""
        return f"https://nvd.nist.gov/vuln/detail/{self.name}"

    @property
    def packages(self) -> tuple[Package, ...]:
        """All packages that have it."""
        first = Package(self.package_name, self.package_version, self.fixed_in_version)
        return (first, *self.also_in)

    def basic(self) -> Shape:
        """Return an ImageScanFinding of AWS's own basic scanning, which names no fixed version.

        Source: DescribeImageScanFindings as recorded since AWS_NATIVE is the one basic scan type:
        ``package_name``, ``package_version``, ``CVSS3_VECTOR``, ``CVSS3_SCORE``, of which the score
        is sometimes absent.
        """
        attributes = {"package_version": self.package_version, "package_name": self.package_name}
        if self.vector:
            attributes["CVSS3_VECTOR"] = self.vector
        if self.score is not None:
            attributes["CVSS3_SCORE"] = f"{self.score:.1f}"
        return {
            "name": self.name,
            "description": self.description,
            "uri": self.uri,
            "severity": self.severity,
            "attributes": [{"key": key, "value": value} for key, value in attributes.items()],
        }


@dataclass(frozen=True, slots=True)
class Findings:
    """All that one scan finds, with the counts of the severities that occur."""

    entries: tuple[Finding, ...] = ()
    severity_counts: dict[str, int] = field(init=False)

    def __post_init__(self) -> None:
        found = Counter(entry.severity for entry in self.entries)
        counts = {severity: found[severity] for severity in SEVERITIES if found[severity]}
        object.__setattr__(self, "severity_counts", counts)

    @classmethod
    def of(cls, findings: Findings | Mapping[str, int]) -> Findings:
        """Return findings, or placeholders for those of which only the counts are given."""
        if isinstance(findings, Findings):
            return findings
        return _placeholder_findings(tuple(sorted(findings.items())))


NO_FINDINGS = Findings()


@lru_cache(maxsize=4096)
def _placeholder_findings(counts: tuple[tuple[str, int], ...]) -> Findings:
    severities = [severity for severity, count in counts for _ in range(count)]
    return Findings(
        tuple(Finding(f"CVE-2024-{10_000 + n}", level) for n, level in enumerate(severities))
    )
