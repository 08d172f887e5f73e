"""What a scan found, as basic and enhanced scanning tell it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from chalicelib.ecr.severities import SEVERITIES, severity_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_RANKS = {severity: rank for rank, severity in enumerate(SEVERITIES)}
_MOST_PACKAGES = 5
_FIXED = ("fixed_in_version", "fixed_version")
_SCORES = ("CVSS4_SCORE", "CVSS3_SCORE", "CVSS2_SCORE")


@dataclass(frozen=True, slots=True)
class Finding:
    """One vulnerability; what a scan does not tell is empty, a score None.

    ``fixable`` and ``unfixed`` say that there is a fix and that there is none; basic scanning
    seldom tells either. ``severity`` is one of
    :data:`chalicelib.policy.thresholds.SEVERITIES`. Where a vulnerability is in several packages,
    their names and versions are joined by commas.
    """

    identifier: str
    severity: str
    package: str = ""
    installed_version: str = ""
    fixed_version: str = ""
    score: float | None = None
    url: str = ""
    description: str = ""
    fixable: bool = False
    unfixed: bool = False
    exploitable: bool = False

    @property
    def key(self) -> str:
        """What makes it the same finding in another scan or image: vulnerability and package."""
        return f"{self.identifier} {self.package}".rstrip()

    @property
    def fix(self) -> str:
        """What is known of a fix, in words, where no version has it."""
        if self.fixable:
            return "a fix is available"
        return "no fix" if self.unfixed else "no fix known"

    @property
    def importance(self) -> tuple[int, float, bool, str]:
        """What to sort by: severity, then score, then whether a fix is there."""
        return (_RANKS[self.severity], -(self.score or 0.0), not self.fixable, self.key)


def worst_first(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The findings by importance."""
    return tuple(sorted(findings, key=lambda finding: finding.importance))


def counts_of(findings: Iterable[Finding]) -> dict[str, int]:
    """How many findings of each severity there are, worst first; only those that occur."""
    return severity_counts(Counter(finding.severity for finding in findings))


def severity_counts(counts: Mapping[str, int]) -> dict[str, int]:
    """Counts by the severities known here, as ECR or Amazon Inspector gives them with a total."""
    found: Counter[str] = Counter()
    for severity, count in counts.items():
        if severity != "TOTAL":
            found[severity_of(severity)] += count
    return {severity: found[severity] for severity in SEVERITIES if found[severity]}


def findings_of(details: Mapping[str, Any]) -> list[Finding]:
    """The findings in one page's ``imageScanFindings`` of DescribeImageScanFindings.

    Basic scanning gives ``findings``, enhanced scanning ``enhancedFindings``, of which those that
    are closed or suppressed in Amazon Inspector are left out.
    """
    basic = [_basic(finding) for finding in details.get("findings", ())]
    enhanced = [
        _enhanced(finding)
        for finding in details.get("enhancedFindings", ())
        if finding.get("status", "ACTIVE") == "ACTIVE"
    ]
    return basic + enhanced


def _basic(finding: Mapping[str, Any]) -> Finding:
    """Read an ImageScanFinding, which tells of the package in its attributes."""
    attributes = {each.get("key"): each.get("value", "") for each in finding.get("attributes", ())}
    fixed = next((attributes[key] for key in _FIXED if attributes.get(key)), "")
    return Finding(
        identifier=finding.get("name", ""),
        severity=severity_of(finding.get("severity", "")),
        package=attributes.get("package_name", ""),
        installed_version=attributes.get("package_version", ""),
        fixed_version=fixed,
        score=_score(attributes.get(key) for key in _SCORES),
        url=finding.get("uri", ""),
        description=finding.get("description", ""),
        fixable=bool(fixed),
    )


def _enhanced(finding: Mapping[str, Any]) -> Finding:
    """Read an EnhancedImageScanFinding of Amazon Inspector."""
    details = finding.get("packageVulnerabilityDetails", {})
    packages = details.get("vulnerablePackages", ())
    fixed = _joined(package.get("fixedInVersion", "") for package in packages)
    return Finding(
        identifier=details.get("vulnerabilityId", "") or finding.get("title", ""),
        severity=severity_of(finding.get("severity", "")),
        package=_joined(package.get("name", "") for package in packages),
        installed_version=_joined(package.get("version", "") for package in packages),
        fixed_version=fixed,
        score=_score([finding.get("score")]),
        url=details.get("sourceUrl", ""),
        description=finding.get("description", ""),
        fixable=finding.get("fixAvailable") in {"YES", "PARTIAL"},
        unfixed=finding.get("fixAvailable") == "NO",
        exploitable=finding.get("exploitAvailable") == "YES",
    )


def _joined(texts: Iterable[str]) -> str:
    different = list(dict.fromkeys(text for text in texts if text))
    more = [f"{len(different) - _MOST_PACKAGES} more"] if len(different) > _MOST_PACKAGES else []
    return ", ".join(different[:_MOST_PACKAGES] + more)


def _score(scores: Iterable[Any]) -> float | None:
    """The first score that is one; Inspector says 0 where it gives none."""
    for score in scores:
        try:
            number = float(score)
        except (TypeError, ValueError):
            continue
        if 0 < number <= 10:
            return number
    return None
