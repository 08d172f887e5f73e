"""What machines get about a scan: the JSON that ``docs/schemas/scan-report-1.json`` describes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chalicelib.ecr import finding_texts
from chalicelib.ecr.findings import counts_of
from chalicelib.notifying.texts import MOST_TAGS, console_url, cut
from chalicelib.text.templating import link

if TYPE_CHECKING:
    from datetime import datetime

    from chalicelib.ecr.findings import Finding, Package
    from chalicelib.notifying.report import Report
    from chalicelib.policy.accepted_risks import AcceptedRisk
    from chalicelib.policy.changes import Changes

MOST_LISTED = 100
"""The most findings that the JSON lists; the rest is counted."""

MOST_PACKAGES = 20
"""The most packages of a finding, and the most vulnerabilities of an advisory."""

_NEW_FOR_EACH_LISTED = 5


def document(report: Report, most: int = MOST_LISTED) -> dict[str, Any]:
    """What machines get, as ``docs/schemas/scan-report-1.json`` describes it."""
    result = report.result
    listed = report.new_first[:most]
    return {
        "kind": "scan-report",
        "version": "1",
        "account": result.account,
        "region": result.region,
        "repository": result.repository,
        "imageDigest": result.image_digest,
        "imageTags": list(result.image_tags[:MOST_TAGS]),
        "imageTagCount": len(result.image_tags),
        "scanStatus": result.status,
        "scanStatusDescription": result.description or None,
        "time": result.time,
        "findingSeverityCounts": None if report.counts is None else dict(report.counts),
        "findingsOfUnknownSeverity": report.unlisted,
        "thresholds": report.thresholds.by_severity(),
        "crossed": list(report.crossed),
        "findings": [_finding(report, finding) for finding in listed],
        "overdueFindings": report.overdue,
        "findingsNotListed": counts_of(report.new_first[most:]),
        "newFindings": _new_findings(report, _NEW_FOR_EACH_LISTED * most),
        "feedWarnings": [cut(each) for each in report.feed_warnings],
        "leftOut": dict(report.left_out),
        "acceptedRisks": [
            {"finding": _finding(report, finding), **_entry(entry)}
            for finding, entry in report.accepted[:most]
        ],
        "acceptedRiskCount": len(report.accepted),
        "expiredRisks": [_entry(entry) for entry in report.expired[:most]],
        "changes": report.changes and _changes(report.changes, most),
        "owner": report.owner or None,
        "inUseBy": list(report.where_in_use[:MOST_TAGS]),
        "consoleUrl": console_url(result),
    }


def _finding(report: Report, finding: Finding) -> dict[str, Any]:
    age = report.ages.get(finding.key)
    days_open, days_overdue = report.days_of(finding)
    return {
        "id": cut(finding.identifier),
        "severity": finding.severity,
        "score": finding.score,
        "package": cut(finding_texts.packages(finding)) or None,
        "installedVersion": cut(finding_texts.installed(finding)) or None,
        "fixedVersion": cut(finding_texts.fixed(finding)) or None,
        "packages": [_package(package) for package in finding.packages[:MOST_PACKAGES]],
        "packageCount": len(finding.packages),
        "fixAvailable": finding.fix_available,
        "exploitAvailable": finding.exploit_available,
        "knownExploited": finding.known_exploited,
        "epss": finding.epss,
        "relatedVulnerabilities": [cut(name) for name in finding.related[:MOST_PACKAGES]],
        "firstObservedAt": _moment(finding.first_observed_at),
        "lastObservedAt": _moment(finding.last_observed_at),
        "openSince": _moment(age.first_seen if age else None),
        "due": age.due.isoformat() if age and age.due else None,
        "daysOpen": days_open,
        "daysOverdue": days_overdue,
        "url": link(finding.url) or None,
        "isNew": report.is_new(finding) if report.changes else None,
    }


def _package(package: Package) -> dict[str, str | None]:
    return {
        "name": cut(package.name) or None,
        "installedVersion": cut(package.version) or None,
        "fixedVersion": cut(package.fixed_version) or None,
        "manager": cut(package.manager) or None,
        "filePath": cut(package.file_path) or None,
    }


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def _new_findings(report: Report, most: int) -> list[str] | None:
    """The new findings by name; there is room for more of these than for findings in full."""
    if report.changes is None:
        return None
    new = [finding for finding in report.findings or () if report.is_new(finding)]
    return [cut(finding_texts.vulnerability_of(finding.key)) for finding in new[:most]]


def _changes(changes: Changes, most: int) -> dict[str, Any]:
    return {
        "first": changes.first,
        "new": len(changes.new),
        "fixed": len(changes.fixed),
        "unchanged": changes.unchanged,
        "since": changes.since or None,
        "imageDigestBefore": changes.digest_before or None,
        "fixedFindings": [
            cut(finding_texts.vulnerability_of(key)) for key in list(changes.fixed)[:most]
        ],
    }


def _entry(entry: AcceptedRisk) -> dict[str, Any]:
    return {
        "covers": cut(entry.covered),
        "reason": cut(entry.reason),
        "expires": entry.expires.isoformat(),
    }
