"""Findings in the answers of Amazon ECR, as basic and enhanced scanning give them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from chalicelib.ecr.findings import Finding, Package
from chalicelib.ecr.severities import severity_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_NO_VERSION = frozenset({"", "NOTAVAILABLE", "NONE", "UNKNOWN"})
# The attributes of a basic finding that are a fixed version, and a score, the best first.
_FIXED = ("fixed_in_version", "fixed_version")
_SCORES = ("CVSS4_SCORE", "CVSS3_SCORE", "CVSS2_SCORE")


def listed(details: Mapping[str, Any]) -> int:
    """How many findings a page lists, those that are closed or suppressed among them."""
    return len(details.get("findings") or ()) + len(details.get("enhancedFindings") or ())


def findings_of(details: Mapping[str, Any]) -> list[Finding]:
    """The open findings in one page's ``imageScanFindings`` of DescribeImageScanFindings.

    Basic scanning gives ``findings``, enhanced scanning ``enhancedFindings``, of which those that
    are closed or suppressed in Amazon Inspector are left out.
    """
    basic = [_basic(finding) for finding in details.get("findings") or ()]
    enhanced = [
        _enhanced(finding)
        for finding in details.get("enhancedFindings") or ()
        if finding.get("status", "ACTIVE") == "ACTIVE"
    ]
    return basic + enhanced


def told_finding(detail: Mapping[str, Any]) -> Finding | None:
    """The finding that an event of Amazon Inspector tells; None where it does not tell it whole."""
    try:
        finding = _enhanced(detail)
    except (AttributeError, TypeError, ValueError):
        return None
    return finding if finding.identifier and finding.package_names else None


def _basic(finding: Mapping[str, Any]) -> Finding:
    """Read an ImageScanFinding, which tells of the package in its attributes."""
    given = finding.get("attributes") or ()
    attributes = {each.get("key"): each.get("value") or "" for each in given}
    name = attributes.get("package_name", "")
    version = _version(attributes.get("package_version", ""))
    fixed = next(filter(None, (_version(attributes.get(key, "")) for key in _FIXED)), "")
    return Finding(
        identifier=finding.get("name") or "",
        severity=severity_of(finding.get("severity") or ""),
        packages=(Package(name, version, fixed),) if name or version or fixed else (),
        score=_number((attributes.get(key) for key in _SCORES), 10),
        url=finding.get("uri") or "",
        description=finding.get("description") or "",
        fix_available=True if fixed else None,
    )


def _enhanced(finding: Mapping[str, Any]) -> Finding:
    """Read an EnhancedImageScanFinding of Amazon Inspector."""
    details = finding.get("packageVulnerabilityDetails") or {}
    packages = details.get("vulnerablePackages") or ()
    return Finding(
        identifier=details.get("vulnerabilityId") or finding.get("title") or "",
        severity=severity_of(finding.get("severity") or ""),
        packages=tuple(sorted({_package(package) for package in packages})),
        score=_number([finding.get("score")], 10),
        url=details.get("sourceUrl") or "",
        description=finding.get("description") or "",
        fix_available=_fix_available(finding.get("fixAvailable"), packages),
        exploit_available={"YES": True, "NO": False}.get(finding.get("exploitAvailable") or ""),
        related=tuple(sorted({*(details.get("relatedVulnerabilities") or ())})),
        epss=_number([(finding.get("epss") or {}).get("score")], 1),
        first_observed_at=_moment(finding.get("firstObservedAt")),
        last_observed_at=_moment(finding.get("lastObservedAt")),
    )


def _package(package: Mapping[str, Any]) -> Package:
    return Package(
        name=package.get("name") or "",
        version=_installed(package),
        fixed_version=_version(package.get("fixedInVersion") or ""),
        manager=package.get("packageManager") or "",
        file_path=package.get("filePath") or "",
    )


def _installed(package: Mapping[str, Any]) -> str:
    """The installed version with its epoch and release, of which Inspector tells each apart."""
    version = _version(package.get("version") or "")
    epoch, release = package.get("epoch") or 0, package.get("release") or ""
    if not version:
        return ""
    if release and not version.endswith(f"-{release}"):
        version = f"{version}-{release}"
    return f"{epoch}:{version}" if epoch and ":" not in version else version


def _version(text: str) -> str:
    """The version, without an epoch of 0; empty where it says that there is none.

    Amazon Inspector says ``NotAvailable`` for the fixed version of what has no fix.
    """
    version = text.strip()
    if version.upper() in _NO_VERSION:
        return ""
    return version.removeprefix("0:")


def _fix_available(answer: str | None, packages: Iterable[Mapping[str, Any]]) -> bool | None:
    """What Inspector says of a fix, or else what the fixed versions do."""
    if answer:
        return {"YES": True, "PARTIAL": True, "NO": False}.get(answer)
    fixes = [package.get("fixedInVersion") or "" for package in packages]
    if any(map(_version, fixes)):
        return True
    return False if fixes and all(fixes) else None


def _number(values: Iterable[Any], most: float) -> float | None:
    """The first number above 0 and up to that; Inspector says 0 where it gives none."""
    for value in values:
        try:
            number = float(value)
        except (TypeError, ValueError):
            continue
        if 0 < number <= most:
            return number
    return None


def _moment(moment: Any) -> datetime | None:
    return moment.astimezone(UTC) if isinstance(moment, datetime) else None
