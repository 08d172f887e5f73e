"""What all texts say of a finding: its packages, their versions, and what is known of a fix."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from chalicelib.ecr.findings import parts_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from chalicelib.ecr.findings import Finding

MOST_PACKAGES = 5
"""The most packages that a text names; the rest is counted."""


def packages(finding: Finding) -> str:
    """The names of the packages."""
    return _joined(package.name for package in finding.packages)


def installed(finding: Finding) -> str:
    """The installed versions."""
    return _joined(package.version for package in finding.packages)


def fixed(finding: Finding) -> str:
    """The versions with a fix."""
    return _joined(package.fixed_version for package in finding.packages)


def paths(finding: Finding) -> str:
    """Where the packages lie in the image."""
    return _joined(package.file_path for package in finding.packages)


def related(finding: Finding) -> str:
    """What an advisory is about: the first vulnerabilities, and how many more there are."""
    return _joined(finding.related)


def where(finding: Finding) -> str:
    """The packages, each with its installed version: ``gzip 1.10-4, xz-utils 5.2.5-2``."""
    return _joined(f"{package.name} {package.version}".strip() for package in finding.packages)


def updates(finding: Finding) -> list[tuple[str, str]]:
    """What to update to fix it: the packages that have a fixed version, each with that."""
    pairs = [(package.name, package.fixed_version) for package in finding.packages]
    return list(dict.fromkeys(pair for pair in pairs if all(pair)))


def fix(finding: Finding) -> str:
    """What is known of a fix; empty where the scanner does not say."""
    if versions := fixes(finding):
        return f"fixed in {versions}"
    if finding.fixable:
        return "a fix is available"
    return "no fix" if finding.unfixed else ""


def fixes(finding: Finding) -> str:
    """The fixed versions, each with its package's name where there are several packages."""
    if len(finding.package_names) < 2:
        return fixed(finding)
    return _joined(
        f"{package.name} {package.fixed_version}"
        for package in finding.packages
        if package.fixed_version
    )


def fix_in_table(finding: Finding) -> str:
    """The same for a column whose title says that it is about fixes."""
    if finding.fixable:
        return fixes(finding) or "yes"
    return "no fix" if finding.unfixed else fixes(finding)


def fix_summary(findings: Iterable[Finding]) -> str:
    """How many findings have a fix, as far as the scanner says; basic scanning never does."""
    known = Counter(finding.fix_available for finding in findings)
    number, silent = known.total(), known[None]
    if not number:
        return ""
    if silent == number:
        return "The scanner does not tell whether there are fixes."
    have = "has" if known[True] == 1 else "have"
    rest = f"; of {silent:,} the scanner does not tell" if silent else ""
    return f"{known[True]:,} of {number:,} {have} a known fix{rest}."


def vulnerability_of(key: str) -> str:
    """A finding's key for people: the vulnerability and the packages."""
    identifier, names, _ = parts_of(key)
    return " ".join(filter(None, (identifier, names_in(names))))


def names_in(names: Iterable[str]) -> str:
    """The first names, and how many more there are."""
    return _joined(names)


def _joined(texts: Iterable[str]) -> str:
    different = list(dict.fromkeys(text for text in texts if text))
    more = len(different) - MOST_PACKAGES
    return ", ".join(different[:MOST_PACKAGES] + ([f"{more} more"] if more > 0 else []))
