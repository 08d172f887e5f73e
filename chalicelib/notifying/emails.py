"""The email about a scan: what is the matter first, then what to do about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chalicelib.ecr import finding_texts
from chalicelib.ecr.findings import counts_of
from chalicelib.ecr.severities import SEVERITIES
from chalicelib.notifying.texts import (
    LONGEST_TEXT,
    MOST_TAGS,
    console_url,
    cut,
    headline,
    steps,
)
from chalicelib.policy.exploitation import exploitation
from chalicelib.policy.news import UNOWNED
from chalicelib.text.templating import count_of, link, render

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from chalicelib.ecr.findings import Finding
    from chalicelib.notifying.events import ScanResult
    from chalicelib.notifying.report import Report
    from chalicelib.policy.changes import Changes

MOST_LISTED = 10
"""The most findings that an email lists, and lines of everything else; the rest is counted."""

MOST_STEPS = 3
"""The most next steps that an email names."""


def email(report: Report) -> str:
    """The text of an email: what is the matter first, then what to do about it."""
    result = report.result
    listed = report.new_first[:MOST_LISTED]
    return render(
        "email.txt",
        title=report.title,
        repository=result.repository,
        owner=report.owner or UNOWNED,
        headline=headline(report),
        steps=[cut(step) for step in steps(report, MOST_STEPS)],
        summary=summary(report),
        findings=[_row(report, finding) for finding in listed],
        more=_more(report.new_first[MOST_LISTED:]),
        groups=list(_groups(report)),
        failed=result.failed,
        why=result.description,
        order=_order(report),
        unknown=report.counts is None,
        severities=[_severity_row(report, level) for level in _levels(report)],
        tags=_tags(result) or "none (untagged)",
        digest=result.image_digest,
        account=result.account,
        region=result.region,
        status=result.status,
        time=result.time,
        console_url=console_url(result),
    ).rstrip()


def summary(report: Report) -> str:
    """What is new and what can be fixed, in one line, as far as that is known."""
    fixes = finding_texts.fix_summary(report.findings or ())
    overdue = f"{count_of(report.overdue, 'finding')} overdue." if report.overdue else ""
    feeds = (f"{cut(each)}." for each in report.feed_warnings)
    return " ".join(filter(None, (_news(report), overdue, fixes, *feeds)))


def _news(report: Report) -> str:
    changes = report.changes
    if changes is None or report.result.failed:
        return ""
    if changes.first:
        return "First report of this image."
    numbers = f"{len(changes.new)} new, {len(changes.fixed)} fixed, {changes.unchanged} unchanged"
    return f"{numbers} since the scan of {changes.since} ({changes.digest_before[:19]})."


def _row(report: Report, finding: Finding) -> dict[str, str]:
    about = [f"({finding_texts.related(finding)})"] if finding.related else []
    exploit = exploitation(finding.known_exploited, finding.epss, exploitable=finding.exploitable)
    said = [finding_texts.fix(finding), exploit, report.age_of(finding)]
    where = " ".join([*about, finding_texts.where(finding)]).strip()
    return {
        "mark": "NEW" if report.is_new(finding) and report.is_compared else "   ",
        "severity": f"{finding.severity:<8}",
        "score": "   -" if finding.score is None else f"{finding.score:>4.1f}",
        "identifier": cut(finding.identifier),
        "where": cut(f"  {', '.join(filter(None, [where, *said]))}"),
        "url": link(finding.url) if len(finding.url) <= LONGEST_TEXT else "",
    }


def _groups(report: Report) -> Iterable[dict[str, Any]]:
    """The parts of an email that are there only where there is something to say."""
    if report.where_in_use:
        yield _group("In use by", list(report.where_in_use))
    if report.changes and report.changes.fixed and report.is_compared:
        yield _group("Fixed", _fixed_lines(report.changes))
    if report.accepted:
        accepted = [
            f"{finding_texts.vulnerability_of(finding.key)}: {entry.reason} (until {entry.expires})"
            for finding, entry in report.accepted
        ]
        yield _group("Accepted risks, not counted", accepted)
    if report.expired:
        expired = [f"{entry.covered}: expired {entry.expires}" for entry in report.expired]
        yield _group("No longer accepted", expired)
    if report.left_out:
        yield _group("Left out", [f"{count} {why}" for why, count in report.left_out.items()])


def _group(title: str, lines: list[str]) -> dict[str, Any]:
    listed = [cut(line) for line in lines[:MOST_LISTED]]
    return {"title": title, "lines": listed, "more": len(lines) - len(listed)}


def _more(findings: Sequence[Finding]) -> str:
    counts = ", ".join(f"{count} {level}" for level, count in counts_of(findings).items())
    return f"{len(findings)} more: {counts}" if findings else ""


def _fixed_lines(changes: Changes) -> list[str]:
    fixed = changes.fixed.items()
    return [f"{level} {finding_texts.vulnerability_of(key)}" for key, level in fixed]


def _order(report: Report) -> str:
    is_news_first = report.is_compared and any(map(report.is_new, report.findings or ()))
    return "new ones first, then the most urgent" if is_news_first else "most urgent first"


def _levels(report: Report) -> list[str]:
    thresholds, counts = report.thresholds.by_severity(), report.counts or {}
    return [level for level in SEVERITIES if level in thresholds or counts.get(level)]


def _severity_row(report: Report, level: str) -> str:
    threshold = report.thresholds.of(level)
    limit = "" if threshold is None else threshold
    reached = "  reached" if level in report.crossed else ""
    count = "unknown" if report.counts is None else report.counts.get(level, 0)
    return f"{level:<14}{count:>10}{limit:>11}{reached}".rstrip()


def _tags(result: ScanResult) -> str:
    named = ", ".join(result.image_tags[:MOST_TAGS])
    more = len(result.image_tags) - MOST_TAGS
    return f"{named} and {more} more" if more > 0 else named
