"""The fleet report as JSON, as ``docs/schemas/fleet-report-2.json`` describes it."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from chalicelib.ecr import finding_texts
from chalicelib.ecr.findings import Finding
from chalicelib.policy.accepted_risks import AcceptedRisk

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from chalicelib.fleet.model import Change, Comparison, Repository, RepositoryReport
    from chalicelib.fleet.report import FleetReport

Entry = TypeVar("Entry")

VERSION = "2"
"""The version of the JSON form; it changes when a reader of the present form would be misled."""


def to_json(report: FleetReport) -> str:
    """The report as JSON; findings and entries are written once, and named by their number."""
    return json.dumps(_document(report), separators=(",", ":"))


class _Numbered(Generic[Entry]):
    """The different entries in the order in which they first occur, each with its number."""

    def __init__(self) -> None:
        self.numbers: dict[Entry, int] = {}

    def __call__(self, entry: Entry) -> int:
        return self.numbers.setdefault(entry, len(self.numbers))


def _document(report: FleetReport) -> dict[str, Any]:
    number, number_of_risk = _Numbered[Finding](), _Numbered[AcceptedRisk]()
    return {
        "version": VERSION,
        **({"owner": report.owner} if report.owner else {}),
        "generatedAt": report.generated_at.isoformat(),
        "registries": [
            {"account": registry.account, "region": registry.region}
            for registry in report.registries
        ],
        "totals": report.totals,
        "acceptedRiskCount": len(report.accepted),
        "leftOut": report.left_out,
        "repositories": [
            _repository_document(each, number, number_of_risk) for each in report.repositories
        ],
        "notLookedAt": [
            {
                **asdict(each.repository),
                "reason": each.reason,
                "lookedAt": _text(each.looked_at),
            }
            for each in report.not_looked_at
        ],
        "unknown": [asdict(repository) for repository in report.unknown],
        "deleted": [asdict(repository) for repository in report.deleted],
        "expiredRisks": [number_of_risk(entry) for entry in report.expired],
        "trend": [{**asdict(point), "at": _text(point.at)} for point in report.trend],
        "feeds": [
            {"name": feed.name, "dated": _text(feed.dated), "warning": feed.warning}
            for feed in report.feeds
        ],
        "comparison": report.comparison and _comparison_document(report.comparison, number),
        "findings": [finding_document(finding) for finding in number.numbers],
        "risks": [
            {**asdict(entry), "expires": entry.expires.isoformat()}
            for entry in number_of_risk.numbers
        ],
    }


def _repository_document(
    report: RepositoryReport, number: _Numbered[Finding], number_of_risk: _Numbered[AcceptedRisk]
) -> dict[str, Any]:
    return {
        **asdict(report.repository),
        "digest": report.digest,
        "tags": report.tags,
        "pushedAt": _text(report.pushed_at),
        "scans": [
            {
                "digest": scan.digest,
                "status": scan.status,
                "description": scan.description or None,
                "scannedAt": _text(scan.scanned_at),
                "older": scan.older,
                "inUse": scan.in_use,
            }
            for scan in report.scans
        ],
        "asOf": _text(report.as_of),
        "lastKnown": [number(f) for f in report.all_findings if report.known_then(f)],
        "counts": report.counts,
        "findings": [number(finding) for finding in report.findings],
        "acceptedRisks": [
            {"finding": number(finding), "risk": number_of_risk(entry)}
            for finding, entry in report.accepted
        ],
        "leftOut": {
            why: [number(finding) for finding in findings]
            for why, findings in report.left_out.items()
        },
        "images": report.images,
        "neverScanned": asdict(report.never_scanned),
        "failed": asdict(report.failed),
        "unsupported": report.unsupported,
        "untold": report.untold,
        "owner": report.owner,
        "running": report.running,
        "usesComplete": report.uses_complete,
        "inUse": [number(each) for each in report.all_findings if each.key in report.in_use],
        "olderImages": [
            {
                "digest": each.digest,
                "tags": each.tags,
                "findings": [number(f) for f in report.all_findings if f.key in each.findings],
            }
            for each in report.older
        ],
        "ages": [
            {
                "finding": number(finding),
                "firstSeen": _text(age.first_seen),
                "due": age.due and age.due.isoformat(),
            }
            for finding in report.all_findings
            if (age := report.ages.get(finding.key))
        ],
        "sla": report.sla.text if report.sla else None,
        "fixes": {severity: asdict(times) for severity, times in report.fixes.items()},
    }


def _comparison_document(comparison: Comparison, number: _Numbered[Finding]) -> dict[str, Any]:
    def changes(found: Iterable[Change]) -> list[dict[str, Any]]:
        by_repository: dict[Repository, list[int]] = defaultdict(list)
        for change in found:
            by_repository[change.repository].append(number(change.finding))
        return [
            {**asdict(repository), "findings": numbers}
            for repository, numbers in by_repository.items()
        ]

    return {
        "since": comparison.since.isoformat(),
        "new": changes(comparison.new),
        "fixed": changes(comparison.fixed),
        "firstSeen": [asdict(repository) for repository in comparison.first_seen],
        "dropped": [asdict(repository) for repository in comparison.dropped],
    }


def finding_document(finding: Finding) -> dict[str, Any]:
    """A finding as JSON has it."""
    return {
        "id": finding.identifier,
        "severity": finding.severity,
        "package": finding_texts.packages(finding),
        "installedVersion": finding_texts.installed(finding),
        "fixedVersion": finding_texts.fixed(finding),
        "packages": [
            {
                "name": package.name,
                "installedVersion": package.version,
                "fixedVersion": package.fixed_version,
                "manager": package.manager,
                "filePath": package.file_path,
            }
            for package in finding.packages
        ],
        "occurrence": finding.occurrence,
        "score": finding.score,
        "epss": finding.epss,
        "url": finding.url,
        "description": finding.description,
        "relatedVulnerabilities": finding.related,
        "fixable": finding.fixable,
        "unfixed": finding.unfixed,
        "exploitable": finding.exploit_available,
        "knownExploited": finding.known_exploited,
    }


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
