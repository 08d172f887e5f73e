"""Reading a fleet report from its JSON form."""

from __future__ import annotations

import json
from datetime import date, datetime
from functools import lru_cache
from itertools import chain
from typing import TYPE_CHECKING, Any

from chalicelib.ecr.findings import Finding, Package
from chalicelib.ecr.severities import SEVERITIES
from chalicelib.fleet.comparison import worst_changes
from chalicelib.fleet.formats.json_form import VERSION
from chalicelib.fleet.model import (
    Change,
    Comparison,
    Feed,
    FixTimes,
    ImageScan,
    NamedImages,
    NotLookedAt,
    OlderImage,
    Point,
    Repository,
    RepositoryReport,
)
from chalicelib.fleet.report import FleetReport
from chalicelib.policy.accepted_risks import AcceptedRisk
from chalicelib.policy.ages import Age
from chalicelib.policy.due_dates import DueTimes

if TYPE_CHECKING:
    from collections.abc import Mapping


class ReportError(ValueError):
    """A text that is no fleet report: says what is wrong and what is accepted."""


def from_json(text: str | bytes) -> FleetReport:
    """Read what :func:`chalicelib.fleet.formats.json_form.to_json` wrote.

    :raises ReportError: when the text is no fleet report of this version.
    """
    try:
        document = json.loads(text)
        version = document["version"]
        if version == VERSION:
            return _report(document)
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError) as error:
        raise ReportError(f"no fleet report: {_described(error)}") from error
    raise ReportError(f"version is {version!r}; accepted: a fleet report of version {VERSION!r}")


def _described(error: Exception) -> str:
    return f"{error} is missing" if isinstance(error, KeyError) else str(error)


def _report(document: Mapping[str, Any]) -> FleetReport:
    findings = [_finding(values) for values in document["findings"]]
    risks = [_risk(values) for values in document["risks"]]
    comparison = document["comparison"]
    return FleetReport(
        generated_at=_aware_time(document["generatedAt"]),
        registries=tuple(
            Repository(each["account"], each["region"], "") for each in document["registries"]
        ),
        repositories=tuple(
            _repository_report(each, findings, risks) for each in document["repositories"]
        ),
        not_looked_at=tuple(
            NotLookedAt(_repository(each), each["reason"], _time(each["lookedAt"]))
            for each in document["notLookedAt"]
        ),
        expired=tuple(risks[number] for number in document["expiredRisks"]),
        deleted=tuple(map(_repository, document["deleted"])),
        comparison=comparison and _comparison(comparison, findings),
        trend=tuple(
            Point(_aware_time(each["at"]), each["totals"], each["overdue"])
            for each in document.get("trend", ())
        ),
        feeds=tuple(
            Feed(each["name"], _time(each["dated"]), each["warning"])
            for each in document.get("feeds", ())
        ),
        owner=document.get("owner", ""),
    )


def _repository_report(
    values: Mapping[str, Any], findings: list[Finding], risks: list[AcceptedRisk]
) -> RepositoryReport:
    return RepositoryReport(
        repository=_repository(values),
        digest=values["digest"],
        tags=tuple(values["tags"]),
        pushed_at=_time(values["pushedAt"]),
        scans=tuple(
            ImageScan(
                each["digest"],
                each["status"],
                _time(each["scannedAt"]),
                each.get("description") or "",
                older=each.get("older", False),
                in_use=each.get("inUse", False),
            )
            for each in values["scans"]
        ),
        findings=tuple(findings[number] for number in values["findings"]),
        accepted=tuple(
            (findings[each["finding"]], risks[each["risk"]]) for each in values["acceptedRisks"]
        ),
        left_out={
            why: tuple(findings[number] for number in numbers)
            for why, numbers in values["leftOut"].items()
        },
        as_of=_time(values["asOf"]),
        last_known=_last_known(values, findings),
        images=values["images"],
        never_scanned=_named(values["neverScanned"]),
        failed=_named(values["failed"]),
        unsupported=values["unsupported"],
        untold=values["untold"],
        owner=values.get("owner"),
        running=None if (running := values.get("running")) is None else tuple(running),
        in_use=frozenset(findings[number].key for number in values.get("inUse", ())),
        uses_complete=values.get("usesComplete", True),
        older=tuple(
            OlderImage(
                each["digest"],
                tuple(each["tags"]),
                frozenset(findings[number].key for number in each["findings"]),
            )
            for each in values.get("olderImages", ())
        ),
        ages={
            findings[each["finding"]].key: _age(each["firstSeen"], each["due"])
            for each in values.get("ages", ())
        },
        sla=DueTimes.parse(sla) if (sla := values.get("sla")) else None,
        fixes={
            severity: FixTimes(times["count"], times["seconds"])
            for severity, times in values.get("fixes", {}).items()
        },
    )


def _last_known(values: Mapping[str, Any], findings: list[Finding]) -> frozenset[str]:
    """The keys of what is as last known; an earlier version took all for it, or none."""
    if "lastKnown" in values:
        return frozenset(findings[number].key for number in values["lastKnown"])
    if values["asOf"] is None:
        return frozenset()
    accepted = (each["finding"] for each in values["acceptedRisks"])
    numbers = (*values["findings"], *accepted, *chain.from_iterable(values["leftOut"].values()))
    return frozenset(findings[number].key for number in numbers)


@lru_cache(4096)
def _age(first_seen: str | None, due: str | None) -> Age:
    """Most findings of an image have the same, of which a large fleet has a million."""
    return Age(_time(first_seen), None if due is None else date.fromisoformat(due))


def _comparison(values: Mapping[str, Any], findings: list[Finding]) -> Comparison:
    def changes(key: str) -> tuple[Change, ...]:
        return worst_changes(
            Change(_repository(each), findings[number])
            for each in values[key]
            for number in each["findings"]
        )

    return Comparison(
        since=_aware_time(values["since"]),
        new=changes("new"),
        fixed=changes("fixed"),
        first_seen=tuple(map(_repository, values["firstSeen"])),
        dropped=tuple(map(_repository, values["dropped"])),
    )


def _finding(values: Mapping[str, Any]) -> Finding:
    fixable, unfixed = values["fixable"], values["unfixed"]
    finding = Finding(
        identifier=values["id"],
        severity=values["severity"],
        packages=tuple(map(_package, values["packages"])),
        score=values["score"],
        url=values["url"],
        description=values["description"],
        fix_available=True if fixable else False if unfixed else None,
        exploit_available=values["exploitable"],
        related=tuple(values["relatedVulnerabilities"]),
        epss=values["epss"],
        occurrence=values["occurrence"],
        known_exploited=values.get("knownExploited"),
    )
    if finding.severity not in SEVERITIES:
        raise ValueError(f"severity is {finding.severity!r}; accepted: {', '.join(SEVERITIES)}")
    return finding


def _package(values: Mapping[str, Any]) -> Package:
    return Package(
        name=values["name"],
        version=values["installedVersion"],
        fixed_version=values["fixedVersion"],
        manager=values["manager"],
        file_path=values["filePath"],
    )


def _risk(values: Mapping[str, Any]) -> AcceptedRisk:
    return AcceptedRisk(
        reason=values["reason"],
        expires=date.fromisoformat(values["expires"]),
        vulnerability=values["vulnerability"],
        package=values["package"],
        repository=values["repository"],
        line=values["line"],
    )


def _repository(values: Mapping[str, Any]) -> Repository:
    return Repository(values["account"], values["region"], values["name"])


def _named(values: Mapping[str, Any]) -> NamedImages:
    return NamedImages(values["count"], tuple(values["names"]))


def _time(text: str | None) -> datetime | None:
    return None if text is None else _aware_time(text)


def _aware_time(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone")
    return moment
