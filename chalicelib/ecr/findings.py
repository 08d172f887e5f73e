"""Findings: vulnerabilities in packages, and what makes them the same from scan to scan."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from chalicelib.ecr.severities import SEVERITIES, severity_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from datetime import datetime

_RANKS = {severity: rank for rank, severity in enumerate(SEVERITIES)}
# What stands between the names in a key, so that no name can look like two.
_SEPARATORS = re.compile(r"[\s,#%]")


@dataclass(frozen=True, slots=True, order=True)
class Package:
    """One package that has the vulnerability; what a scan does not tell is empty.

    Versions are written as the package manager does, ``epoch:version-release``, without an epoch
    of 0. ``file_path`` is where a language's package lies in the image.
    """

    name: str
    version: str = ""
    fixed_version: str = ""
    manager: str = ""
    file_path: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """One vulnerability in one or several packages; what a scan does not tell is empty or None.

    ``severity`` is one of :data:`chalicelib.ecr.severities.SEVERITIES`, ``score`` a CVSS score from
    0 to 10, and ``epss`` a probability from 0 to 1. ``packages`` are in order. ``fix_available`` is
    whether there is a fix for any of them. ``related`` are the names of what an advisory is about.
    ``occurrence`` tells the findings of one vulnerability in several versions of a package apart;
    ``known_as`` is the key that it was first reported by, where its packages differed.
    ``known_exploited`` is whether CISA's catalogue has it; None where that was not looked up.
    """

    identifier: str
    severity: str
    packages: tuple[Package, ...] = ()
    score: float | None = None
    url: str = ""
    description: str = ""
    fix_available: bool | None = None
    exploit_available: bool | None = None
    related: tuple[str, ...] = ()
    epss: float | None = None
    first_observed_at: datetime | None = None
    last_observed_at: datetime | None = None
    occurrence: int = 1
    known_as: str = ""
    _key: str = field(default="", init=False, repr=False, compare=False)
    known_exploited: bool | None = None

    @property
    def key(self) -> str:
        """What makes it the same finding in another scan or image: vulnerability and packages.

        Packages by their names alone, sorted: a rebuild with another version that is still
        vulnerable has the same finding.
        """
        if not self._key:  # since it is asked for by each comparison
            key = self.known_as or key_of(self.identifier, self.package_names, self.occurrence)
            object.__setattr__(self, "_key", key)
        return self._key

    @property
    def package_names(self) -> tuple[str, ...]:
        """The different names of the packages, sorted."""
        return tuple(sorted({package.name for package in self.packages if package.name}))

    @property
    def fixable(self) -> bool:
        """Whether a fix is known."""
        return self.fix_available is True

    @property
    def unfixed(self) -> bool:
        """Whether it is known that there is no fix."""
        return self.fix_available is False

    @property
    def exploitable(self) -> bool:
        """Whether an exploit is known."""
        return self.exploit_available is True

    @property
    def importance(self) -> tuple[int, float, bool, str]:
        """What to sort by: severity, then score, then whether a fix is there."""
        return (_RANKS[self.severity], -(self.score or 0.0), not self.fixable, self.key)


def key_of(identifier: str, names: Iterable[str], occurrence: int = 1) -> str:
    """The key of a finding, such as ``CVE-2022-1271 gzip, xz-utils``."""
    parts = [_escaped(identifier), ", ".join(map(_escaped, names))]
    number = f" #{occurrence}" if occurrence > 1 else ""
    return " ".join(parts).rstrip() + number


def parts_of(key: str) -> tuple[str, tuple[str, ...], int]:
    """The vulnerability, the package names and the occurrence that :func:`key_of` made a key of."""
    rest, _, number = key.partition(" #")
    identifier, _, names = rest.partition(" ")
    listed = tuple(unquote(name) for name in names.split(", ") if name)
    return unquote(identifier), listed, int(number) if number.isdecimal() else 1


def without_occurrence(key: str) -> str:
    """The key of a vulnerability in packages, in whichever of their versions."""
    return key.partition(" #")[0]


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


def distinct(findings: Iterable[Finding]) -> list[Finding]:
    """One scan's findings, each once, with keys that differ.

    A vulnerability may be listed once for each version of a package: these are numbered in the
    order of the versions. What is listed twice alike is one finding, at its worst.
    """
    by_key: dict[str, dict[tuple[Package, ...], Finding]] = defaultdict(dict)
    for finding in worst_first(findings):
        by_key[finding.key].setdefault(finding.packages, finding)
    found = []
    for by_packages in by_key.values():
        for occurrence, packages in enumerate(sorted(by_packages), start=1):
            finding = by_packages[packages]
            found.append(finding if occurrence == 1 else replace(finding, occurrence=occurrence))
    return found


def merged(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The findings of several images as one, worst first: each once, in all of its packages."""
    by_key: dict[str, Finding] = {}
    for finding in worst_first(findings):
        first = by_key.setdefault(finding.key, finding)
        if finding.packages != first.packages:
            packages = tuple(sorted({*first.packages, *finding.packages}))
            by_key[finding.key] = replace(first, packages=packages)
    return worst_first(by_key.values())


def known_keys(findings: Iterable[Finding], known: Collection[str]) -> dict[str, str]:
    """The key by which each finding is known already, by its own; without those that are not.

    A vulnerability that is in one package more, or less, than it was known in is the same finding:
    where no key is equal, the one of the same vulnerability with the most packages in common is.
    """
    keys = {finding.key for finding in findings}
    matched = {key: key for key in keys & set(known)}
    others: dict[str, list[str]] = defaultdict(list)
    for key in sorted(set(known) - keys):
        others[parts_of(key)[0]].append(key)
    for key in sorted(keys - matched.keys()):
        identifier, names, _ = parts_of(key)
        candidates = others.get(identifier, [])
        best = max(candidates, key=lambda each: _in_common(names, each), default=None)
        if best is not None and _in_common(names, best):
            matched[key] = best
            candidates.remove(best)
    return matched


def continued(findings: Iterable[Finding], known: Collection[str]) -> tuple[Finding, ...]:
    """The findings, each with the key by which it is known already, if it is."""
    findings = tuple(findings)
    keys = known_keys(findings, known)
    return tuple(
        replace(finding, known_as=keys[finding.key])
        if keys.get(finding.key, finding.key) != finding.key
        else finding
        for finding in findings
    )


def _in_common(names: Iterable[str], key: str) -> int:
    return len({*names} & {*parts_of(key)[1]})


def _escaped(name: str) -> str:
    return _SEPARATORS.sub(lambda found: quote(found[0]), name)
