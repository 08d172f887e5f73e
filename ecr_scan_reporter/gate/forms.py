"""A verdict in the forms that people and pipelines read."""

from __future__ import annotations

import json
from datetime import UTC
from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.markup import escape
from rich.table import Table

from chalicelib.ecr import finding_texts
from chalicelib.ecr.findings import counts_of
from chalicelib.fleet.formats.json_form import finding_document
from chalicelib.fleet.formats.pages import counted, not_counted
from chalicelib.fleet.formats.sarif import as_sarif
from chalicelib.text.ages import age
from chalicelib.text.templating import count_of, link, markdown, plain, without_middle
from ecr_scan_reporter.gate.verdict import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from rich.console import RenderableType

    from chalicelib.ecr.findings import Finding
    from chalicelib.policy.ages import Age
    from ecr_scan_reporter.gate.verdict import Verdict

MOST_ROWS = 50
"""The most findings that a text lists; the rest is counted, and is in JSON and SARIF."""

VERSION = "1"
"""The version of the JSON form; it changes when a reader of the present form would be misled."""

WORDS = {
    Outcome.PASSED: "passed",
    Outcome.FAILED: "failed",
    Outcome.UNDECIDED: "could not decide",
}


def as_text(verdict: Verdict, now: datetime) -> RenderableType:
    """For a terminal or a log."""
    parts: list[RenderableType] = []
    if findings := verdict.shown[:MOST_ROWS]:
        rows = [_cells(finding, verdict, now) for finding in findings]
        table = Table(*_titles(rows), box=None, pad_edge=False)
        for row in rows:
            table.add_row(*(escape(plain(cell)) for cell in row[: len(table.columns)]))
        parts += [table, ""]
    parts += (f"  {escape(plain(line))}" for line in (*_scan_lines(verdict), *_notes(verdict)))
    title = f"{escape(plain(verdict.name))}: [bold]{WORDS[verdict.outcome]}[/]"
    return Group(*parts, title, *(f"  {escape(plain(reason))}" for reason in verdict.reasons))


def as_markdown(verdict: Verdict, now: datetime) -> str:
    """GitHub's Markdown, as for a step's summary."""
    lines = [f"### {markdown(verdict.name)}: {WORDS[verdict.outcome]}", ""]
    if verdict.reasons:
        lines += [*(f"- {markdown(reason)}" for reason in verdict.reasons), ""]
    if findings := verdict.shown[:MOST_ROWS]:
        rows = [_cells(finding, verdict, now) for finding in findings]
        titles = _titles(rows)
        linked = [_linked(finding, row) for finding, row in zip(findings, rows, strict=True)]
        table = [titles, ["---"] * len(titles), *(row[: len(titles)] for row in linked)]
        lines += (f"| {' | '.join(row)} |" for row in table)
        lines.append("")
    lines += (f"- {markdown(line)}" for line in (*_scan_lines(verdict), *_notes(verdict)))
    return "\n".join(lines) + "\n"


def as_json(verdict: Verdict, now: datetime) -> str:
    """Everything, as ``docs/schemas/gate-1.json`` describes it."""
    report, baseline = verdict.report, verdict.baseline
    place = report.repository
    document = {
        "version": VERSION,
        "generatedAt": now.isoformat(timespec="seconds"),
        "outcome": verdict.outcome.name.lower(),
        "status": int(verdict.outcome),
        "reasons": list(verdict.reasons),
        "image": verdict.name,
        "account": place.account,
        "region": place.region,
        "repository": place.name,
        "digest": report.digest or None,
        "tags": list(report.tags),
        "thresholds": _thresholds(verdict),
        "crossed": list(verdict.crossed),
        "scans": [
            {
                "digest": scan.digest,
                "platform": verdict.platforms.get(scan.digest) or None,
                "status": scan.status,
                "description": scan.description or None,
                "scannedAt": scan.scanned_at and scan.scanned_at.isoformat(timespec="seconds"),
                "whyUnknown": verdict.unknown.get(scan.digest),
            }
            for scan in report.scans
        ],
        "findingsKnown": verdict.has_all_findings,
        "counts": report.counts,
        "findings": [
            finding_document(finding)
            | {"new": _is_new(verdict, finding)}
            | _age_document(report.age_of(finding), now)
            for finding in report.findings
        ],
        "acceptedRisks": [
            finding_document(finding) | {"reason": risk.reason, "expires": risk.expires.isoformat()}
            for finding, risk in report.accepted
        ],
        "dueDates": _due_document(verdict),
        "leftOut": {why: len(findings) for why, findings in report.left_out.items()},
        "expiredRisks": [risk.covered for risk in verdict.expired],
        "comparedWith": baseline
        and {
            "image": baseline.name or None,
            "findingsKnown": baseline.findings is not None,
        },
    }
    return json.dumps(document, indent=2) + "\n"


FORMS: Mapping[str, Callable[[Verdict, datetime], str]] = {
    "json": as_json,
    "markdown": as_markdown,
    "sarif": lambda verdict, now: as_sarif(verdict.fleet_report(now)),
}
"""What writes each form, by name."""


def _scan_lines(verdict: Verdict) -> Iterator[str]:
    """A line for each image that was looked at."""
    for scan in verdict.report.scans:
        name = verdict.platforms.get(scan.digest) or without_middle(scan.digest, 24)
        when = f" on {scan.scanned_at:%Y-%m-%d %H:%M} UTC" if scan.scanned_at else ""
        yield f"{name}: {scan.outcome}{when}"


def _notes(verdict: Verdict) -> Iterator[str]:
    """What was found, what of it does not count, and what it was compared with."""
    report, baseline = verdict.report, verdict.baseline
    if verdict.new is not None and baseline is not None:
        which = f"that {baseline.name} has not" if baseline.name else "(there is no other image)"
        yield f"new findings {which}: {counted(counts_of(verdict.shown))}"
    if report.scans and (report.findings or verdict.is_known):
        yield f"open findings: {counted(report.counts)}"
    left_out = {why: len(findings) for why, findings in report.left_out.items()}
    if ignored := not_counted(len(report.accepted), left_out):
        yield f"not counted: {ignored}"
    due = verdict.due
    if due.overdue and not due.fails:
        yield f"{due.summary}; that does not count without --fail-on overdue"
    if due.gap and not due.unknown:
        yield due.gap
    for risk in verdict.expired:
        yield f"no longer accepted: {risk.covered} (until {risk.expires})"
    if (more := len(verdict.shown) - MOST_ROWS) > 0:
        yield f"{count_of(more, 'finding')} more, in JSON and SARIF"


def _titles(rows: Iterable[Sequence[str]]) -> list[str]:
    """The titles of the columns; that of the ages where any is known."""
    titles = ["Severity", "Vulnerability", "Package", "Fix"]
    return [*titles, "Age"] if any(row[-1] for row in rows) else titles


def _cells(finding: Finding, verdict: Verdict, now: datetime) -> tuple[str, ...]:
    found = verdict.report.age_of(finding)
    today = now.astimezone(UTC).date()
    where, fix = finding_texts.where(finding), finding_texts.fix_in_table(finding)
    unknown = "unknown" if verdict.due.sla else ""
    opened = age(found.days(today), found.days_left(today)) or unknown
    return finding.severity, finding.identifier, where, fix, opened


def _linked(finding: Finding, cells: Iterable[str]) -> list[str]:
    severity, name, *others = map(markdown, cells)
    address = link(finding.url)
    return [severity, f"[{name}](<{address}>)" if address else name, *others]


def _age_document(found: Age, now: datetime) -> dict[str, Any]:
    today = now.astimezone(UTC).date()
    return {
        "firstSeen": found.first_seen and found.first_seen.isoformat(timespec="seconds"),
        "due": found.due and found.due.isoformat(),
        "openDays": found.days(today),
        "overdueDays": found.overdue_days(today),
    }


def _due_document(verdict: Verdict) -> dict[str, Any]:
    due = verdict.due
    return {
        "sla": due.sla and due.sla.text,
        "failOnOverdue": due.asked,
        "overdue": due.overdue,
        "unknown": due.undated,
        "whyUnknown": due.gap or None,
    }


def _thresholds(verdict: Verdict) -> dict[str, float]:
    thresholds = verdict.thresholds
    exploited = {"KEV": thresholds.kev, "EPSS": thresholds.epss}
    given = {name: each for name, each in exploited.items() if each is not None}
    return {**thresholds.by_severity(), **given}


def _is_new(verdict: Verdict, finding: Finding) -> bool | None:
    return None if verdict.new is None else finding.key in verdict.new
