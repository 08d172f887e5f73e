"""The fleet report in SARIF 2.1.0, which code scanning services read."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from chalicelib.text.templating import link

if TYPE_CHECKING:
    from chalicelib.ecr.findings import Finding
    from chalicelib.fleet.model import FleetReport, Repository, RepositoryReport
    from chalicelib.policy.accepted_risks import AcceptedRisk

SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)

_LEVELS = {
    "CRITICAL": "error",
    "HIGH": "error",
    "MEDIUM": "warning",
    "LOW": "note",
    "INFORMATIONAL": "note",
    "UNDEFINED": "warning",
}


def as_sarif(report: FleetReport) -> str:
    """One run: a rule for each vulnerability, a result for each finding of each repository.

    Accepted risks are results that are suppressed. Where the report was compared with an earlier
    one, each result says whether it is new, and those that were fixed are there as absent. Source:
    OASIS, SARIF 2.1.0 with errata 01.
    """
    log = {"$schema": SCHEMA, "version": "2.1.0", "runs": [_Run(report).run]}
    return json.dumps(log, separators=(",", ":"))


class _Run:
    def __init__(self, report: FleetReport) -> None:
        self._rules: dict[str, dict[str, Any]] = {}
        self._numbers: dict[str, int] = {}
        driver: dict[str, Any] = {"name": "ECR Scan Reporter"}
        self.run: dict[str, Any] = {
            "tool": {"driver": driver},
            "invocations": [_invocation(report)],
            "results": self._results(report),
        }
        driver["rules"] = list(self._rules.values())

    def _results(self, report: FleetReport) -> list[dict[str, Any]]:
        comparison = report.comparison
        first = set(comparison.first_seen if comparison else ())
        results = []
        for each in report.repositories:
            for finding, risk in each.rows:
                result = self._result(each.repository, finding, _image(each), risk)
                if comparison:
                    is_new = each.repository in first or report.is_new(each.repository, finding)
                    result["baselineState"] = "new" if is_new else "unchanged"
                results.append(result)
        for change in comparison.fixed if comparison else ():
            result = self._result(change.repository, change.finding, {})
            results.append({**result, "baselineState": "absent"})
        return results

    def _result(
        self,
        repository: Repository,
        finding: Finding,
        properties: dict[str, Any],
        risk: AcceptedRisk | None = None,
    ) -> dict[str, Any]:
        identity = "\n".join((*repository.place, finding.key)).encode("utf-8", "replace")
        return {
            "ruleId": _rule_id(finding),
            "ruleIndex": self._rule_index(finding),
            "level": _LEVELS[finding.severity],
            "message": {"text": _message(repository, finding)},
            "locations": [_location(repository)],
            "partialFingerprints": {"finding/v1": hashlib.sha256(identity).hexdigest()},
            # Of all results or of none, as SARIF 2.1.0 asks in 3.27.23.
            "suppressions": [] if risk is None else [_suppression(risk)],
            "properties": {
                "severity": finding.severity,
                "package": finding.package,
                "installedVersion": finding.installed_version,
                "fixedVersion": finding.fixed_version,
                "fixable": finding.fixable,
                **properties,
            },
        }

    def _rule_index(self, finding: Finding) -> int:
        rule_id = _rule_id(finding)
        if rule_id not in self._rules:
            self._numbers[rule_id] = len(self._rules)
            self._rules[rule_id] = _rule(finding)
        return self._numbers[rule_id]


def _suppression(risk: AcceptedRisk) -> dict[str, Any]:
    return {
        "kind": "external",
        "status": "accepted",
        "justification": risk.reason,
        "properties": {"expires": risk.expires.isoformat()},
    }


def _rule_id(finding: Finding) -> str:
    return finding.identifier or "unnamed"


def _rule(finding: Finding) -> dict[str, Any]:
    rule: dict[str, Any] = {
        "id": _rule_id(finding),
        "shortDescription": {"text": _rule_id(finding)},
        "fullDescription": {"text": finding.description or _rule_id(finding)},
        "defaultConfiguration": {"level": _LEVELS[finding.severity]},
        "properties": {"tags": ["security", "vulnerability"]},
    }
    if address := link(finding.url):
        rule["helpUri"] = address
    if finding.score is not None:
        # GitHub's code scanning sorts by this.
        rule["properties"]["security-severity"] = f"{finding.score:.1f}"
    return rule


def _message(repository: Repository, finding: Finding) -> str:
    package = " ".join(filter(None, (finding.package, finding.installed_version)))
    fix = f"; fixed in {finding.fixed_version}" if finding.fixed_version else ""
    found = f" in {package}" if package else ""
    return f"{finding.severity} {_rule_id(finding)}{found} of {repository.name}{fix}"


def _location(repository: Repository) -> dict[str, Any]:
    account, region, name = repository.place
    return {
        "physicalLocation": {
            "artifactLocation": {"uri": quote(name.encode("utf-8", "replace"))},
            "region": {"startLine": 1},
        },
        "logicalLocations": [
            {"fullyQualifiedName": f"{account}/{region}/{name}", "kind": "resource"}
        ],
    }


def _image(report: RepositoryReport) -> dict[str, Any]:
    return {"imageDigest": report.digest, "imageTags": list(report.tags)}


def _invocation(report: FleetReport) -> dict[str, Any]:
    """How the run went: what could not be looked at, and which findings are unknown."""
    missed = [
        _notification(each.repository, f"not looked at: {each.reason}")
        for each in report.not_looked_at
    ]
    unknown = [
        _notification(each.repository, f"findings unknown: {each.status or 'no image to scan'}")
        for each in report.findings_unknown
    ]
    return {
        "executionSuccessful": not missed,
        "endTimeUtc": report.generated_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "toolExecutionNotifications": missed + unknown,
    }


def _notification(repository: Repository, text: str) -> dict[str, Any]:
    name = repository.name or f"registry {repository.account}/{repository.region}"
    return {"level": "warning", "message": {"text": f"{name}: {text}"}}
