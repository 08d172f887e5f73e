"""The fleet report in SARIF 2.1.0, as GitHub code scanning takes it.

Sources: OASIS, SARIF 2.1.0 with errata 01; GitHub, "SARIF support for code scanning". GitHub takes
25,000 results a run and refuses a file with more, knows a result again by its
``primaryLocationLineHash``, merges results of one rule at one place, and shows what is absent or
suppressed as open.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from chalicelib.ecr.findings import Package
from chalicelib.ecr.severities import SEVERITIES
from chalicelib.fleet.formats.sarif_rules import LEVELS, Rules, rule_id
from chalicelib.policy.ages import UNKNOWN_AGE
from chalicelib.text.ages import age

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import date

    from chalicelib.ecr.findings import Finding
    from chalicelib.fleet.model import Repository, RepositoryReport
    from chalicelib.fleet.report import FleetReport
    from chalicelib.policy.accepted_risks import AcceptedRisk

SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)

MOST_RESULTS = 25_000
"""The most results of a run. Source: GitHub, "SARIF results exceed one or more limits"."""

_NO_PACKAGE = Package("")
_MOST_TAGS = 100


@dataclass(frozen=True)
class Choice:
    """Which findings become results.

    Those of ``severity`` and worse; with ``everything`` also those that are accepted risks, as
    suppressed results, and those that were fixed since the earlier report, as absent ones.
    """

    severity: str = SEVERITIES[-1]
    everything: bool = False


@dataclass(frozen=True)
class _Place:
    """A finding in one package of a repository's image, which is one result."""

    repository: Repository
    finding: Finding
    package: Package
    number: int
    image: RepositoryReport | None = None
    risk: AcceptedRisk | None = None
    state: str | None = None

    @property
    def importance(self) -> tuple[Any, ...]:
        """What to sort by: results that are open first, then the worst."""
        is_open = self.risk is None and self.state != "absent"
        return not is_open, *self.finding.importance, self.repository.place, self.number

    @property
    def fingerprint(self) -> str:
        """What is the same from report to report: where it is and in which package.

        Neither the version nor the path, which often has the version in it, is part of it.
        """
        names = (*self.repository.place, self.finding.identifier, self.package.name)
        text = json.dumps([*names, self.number])
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def uri(self) -> str:
        """A relative address that is of this repository and package alone."""
        names = (*self.repository.place, self.package.file_path.lstrip("/") or self.package.name)
        return "/".join(quote(name.encode("utf-8", "replace"), "/@") for name in names if name)


def as_sarif(report: FleetReport, choice: Choice | None = None) -> str:
    """One run: a rule for each vulnerability, a result for each package that has it somewhere.

    Where the report was compared with an earlier one, each result says whether it is new. Of more
    results than :data:`MOST_RESULTS` the worst are there, and a notification says so.
    """
    places = _places(report, choice or Choice())
    rules = Rules()
    lines: Counter[tuple[str, str]] = Counter()
    results = [_result(place, rules, lines, report.today) for place in places[:MOST_RESULTS]]
    run = {
        "tool": {"driver": {"name": "ECR Scan Reporter", "rules": rules.documents()}},
        "automationDetails": {"id": "ecr-scan-reporter/"},
        "invocations": [_invocation(report, len(places) - len(results))],
        "results": results,
    }
    log = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(log, separators=(",", ":"))


def results_left_out(report: FleetReport, choice: Choice | None = None) -> int:
    """How many results are beyond :data:`MOST_RESULTS`, and so not in :func:`as_sarif`'s text."""
    return max(0, len(_places(report, choice or Choice())) - MOST_RESULTS)


def _places(report: FleetReport, choice: Choice) -> list[_Place]:
    """All results that are chosen, worst first."""
    severities = SEVERITIES[: SEVERITIES.index(choice.severity) + 1]
    places = (place for each in _by_repository(report, choice) for place in each)
    chosen = (place for place in places if place.finding.severity in severities)
    return sorted(chosen, key=lambda place: place.importance)


def _by_repository(report: FleetReport, choice: Choice) -> Iterator[list[_Place]]:
    comparison = report.comparison
    fixed: dict[Repository, list[Finding]] = {}
    for change in comparison.fixed if comparison and choice.everything else ():
        fixed.setdefault(change.repository, []).append(change.finding)
    for each in report.repositories:
        rows: list[tuple[Finding, AcceptedRisk | None, str | None]] = []
        for finding, risk in each.rows:
            if risk is None or choice.everything:
                is_new = report.is_new(each.repository, finding)
                state = ("new" if is_new else "unchanged") if comparison else None
                rows.append((finding, risk, state))
        rows += [(finding, None, "absent") for finding in fixed.pop(each.repository, ())]
        yield list(_numbered(each.repository, each, rows))
    for repository, findings in fixed.items():
        yield list(_numbered(repository, None, [(each, None, "absent") for each in findings]))


def _numbered(
    repository: Repository,
    image: RepositoryReport | None,
    rows: Iterable[tuple[Finding, AcceptedRisk | None, str | None]],
) -> Iterator[_Place]:
    """The packages of the findings, those with the same name in one vulnerability numbered.

    What is open or new has the first numbers, so that what else is asked for changes none.
    """
    numbers: Counter[tuple[str, str]] = Counter()
    ranked = sorted(rows, key=lambda row: (row[2] == "absent", row[1] is not None, row[0].key))
    for finding, risk, state in ranked:
        for package in finding.packages or (_NO_PACKAGE,):
            name = (finding.identifier, package.name)
            numbers[name] += 1
            yield _Place(repository, finding, package, numbers[name], image, risk, state)


def _result(
    place: _Place, rules: Rules, lines: Counter[tuple[str, str]], today: date
) -> dict[str, Any]:
    finding, package = place.finding, place.package
    found = place.image.age_of(finding) if place.image else UNKNOWN_AGE
    uri = place.uri
    name = rule_id(finding)
    lines[name, uri] += 1
    result = {
        "ruleId": name,
        "ruleIndex": rules.index_of(finding),
        "level": LEVELS[finding.severity],
        "message": {"text": _message(place, age(found.days(today), found.days_left(today)))},
        "locations": [_location(place, uri, lines[name, uri])],
        "partialFingerprints": {"primaryLocationLineHash": place.fingerprint},
        # Of all results or of none, as SARIF 2.1.0 asks in 3.27.23.
        "suppressions": [] if place.risk is None else [_suppression(place.risk)],
        "properties": {
            "severity": finding.severity,
            "package": package.name,
            "installedVersion": package.version,
            "fixedVersion": package.fixed_version,
            "filePath": package.file_path,
            "fixAvailable": finding.fix_available,
            "firstSeen": found.first_seen and found.first_seen.isoformat(),
            "due": found.due and found.due.isoformat(),
            "relatedVulnerabilities": list(finding.related),
            **({} if place.image is None else _image(place.image, finding)),
        },
    }
    return result if place.state is None else {**result, "baselineState": place.state}


def _message(place: _Place, opened: str) -> str:
    finding, package = place.finding, place.package
    named = " ".join(filter(None, (package.name, package.version)))
    found = f" in {named}" if named else ""
    fix = f"; fixed in {package.fixed_version}" if package.fixed_version else ""
    text = f"{finding.severity} {rule_id(finding)}{found} of {place.repository.name}{fix}"
    return "; ".join(filter(None, (text, opened)))


def _location(place: _Place, uri: str, line: int) -> dict[str, Any]:
    """Where a result is; what would else be at the same place is on another line."""
    return {
        "physicalLocation": {
            "artifactLocation": {"uri": uri},
            "region": {"startLine": line},
        },
        "logicalLocations": [
            {"fullyQualifiedName": "/".join(place.repository.place), "kind": "resource"}
        ],
    }


def _image(report: RepositoryReport, finding: Finding) -> dict[str, Any]:
    if as_of := report.known_then(finding):
        # Of an image that was newest then, and may not be this one.
        return {"asOf": as_of.isoformat()}
    image = report.image_with(finding)
    return {"imageDigest": image.digest, "imageTags": list(image.tags[:_MOST_TAGS])}


def _suppression(risk: AcceptedRisk) -> dict[str, Any]:
    return {
        "kind": "external",
        "status": "accepted",
        "justification": risk.reason,
        "properties": {"expires": risk.expires.isoformat()},
    }


def _invocation(report: FleetReport, left_out: int) -> dict[str, Any]:
    """How the run went: what could not be looked at, and which findings are unknown."""
    missed = [
        _notification(each.repository, f"not looked at: {each.reason}")
        for each in report.not_looked_at
    ]
    unknown = [
        _notification(each.repository, f"findings unknown: {each.uncertainty}")
        for each in report.findings_unknown
    ]
    cut = f"{left_out} results are left out; the worst {MOST_RESULTS} are here"
    return {
        "executionSuccessful": not missed,
        "endTimeUtc": report.generated_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "toolExecutionNotifications": [*([_warning(cut)] if left_out else []), *missed, *unknown],
    }


def _notification(repository: Repository, text: str) -> dict[str, Any]:
    name = repository.name or f"registry {repository.account}/{repository.region}"
    return _warning(f"{name}: {text}")


def _warning(text: str) -> dict[str, Any]:
    return {"level": "warning", "message": {"text": text}}
