"""Since when an image's findings are open, by what is on record, and which of them are overdue."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from chalicelib.ecr.findings import known_keys
from chalicelib.policy.ages import UNKNOWN_AGE, age_since, ages_by, earliest
from chalicelib.text.templating import count_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date

    from chalicelib.ecr.findings import Finding
    from chalicelib.fleet.model import RepositoryReport
    from chalicelib.policy.ages import Age
    from chalicelib.policy.due_dates import DueTimes
    from chalicelib.policy.states import ReportedState

NO_SLA = "no due dates are set (SLA)"
NO_HISTORY = "no history is set (HISTORY_TABLE_NAME)"


@dataclass(frozen=True)
class Record:
    """What is on record of a repository's scans: the states of its lines.

    ``observed`` is since when Amazon Inspector knows of findings in this very image, by key.
    ``why_not`` says why there are no states to read, and ``unread`` whether there may be some.
    """

    states: Sequence[ReportedState] = ()
    observed: Mapping[str, datetime] | None = None
    why_not: str = ""
    unread: bool = False

    @property
    def lines(self) -> tuple[ReportedState, ...]:
        """The states that say since when findings are open."""
        return tuple(each for each in self.states if not each.has_ended and each.ledger.scans)


@dataclass(frozen=True)
class DueDates:
    """How the findings stand that are held against an image.

    ``asked`` is whether an overdue one fails it. Of ``undated`` ones it is unknown since when they
    are open, though there is a time to fix them in; ``why_undated`` says why, also where there is
    no such time. Without an ``sla`` nothing says when findings are due.
    """

    asked: bool = False
    sla: DueTimes | None = None
    overdue: int = 0
    longest_days: int = 0
    undated: int = 0
    why_undated: str = ""

    @property
    def fails(self) -> bool:
        """Whether the image fails for what is overdue."""
        return self.asked and self.overdue > 0

    @property
    def unknown(self) -> bool:
        """Whether it is asked for, and unknown, that nothing is overdue."""
        return self.asked and (self.sla is None or self.undated > 0)

    @property
    def summary(self) -> str:
        """How many are overdue, in words; empty where none is known to be."""
        if not self.overdue:
            return ""
        longest = f"the longest by {count_of(self.longest_days, 'day')}"
        return f"{count_of(self.overdue, 'overdue finding')}, {longest}"

    @property
    def gap(self) -> str:
        """What is not known of due dates, in words."""
        if self.asked and self.sla is None:
            return f"what is overdue is unknown: {NO_SLA}"
        if self.undated:
            findings = count_of(self.undated, "finding")
            return f"since when is unknown of {findings} with a due date: {self.why_undated}"
        return ""


def due_dates(
    findings: Iterable[Finding],
    ages: Mapping[str, Age],
    sla: DueTimes | None,
    today: date,
    why_undated: str = "",
    *,
    asked: bool,
) -> DueDates:
    """How findings stand by their due dates."""
    days, undated = [], 0
    for finding in findings:
        age = ages.get(finding.key, UNKNOWN_AGE)
        days.append(age.overdue_days(today) or 0)
        undated += sla is not None and finding.severity in sla.by_severity and age.due is None
    return DueDates(asked, sla, sum(map(bool, days)), max(days, default=0), undated, why_undated)


def ages_on_record(
    report: RepositoryReport, record: Record, sla: DueTimes | None, today: date
) -> dict[str, Age]:
    """Since when an image's findings are open, by key; without those of which that is unknown.

    A build of a line has the findings of the builds before it for as long as these had them. Where
    no line is on record Amazon Inspector knows since when this image has them, which is all there
    is; where there may be one it only shows that a finding is overdue for certain.
    """
    observed = record.observed or {}
    if not record.lines:
        ages = {
            each.key: age_since(observed[each.key], each, sla)
            for each in report.all_findings
            if each.key in observed
        }
        return {k: age for k, age in ages.items() if not record.unread or age.is_overdue(today)}
    lines, is_own = _lines_of(report, record)
    ages = ages_by((line.ledger for line in lines), report.all_findings, sla)
    others = [each for each in report.all_findings if each.key not in ages]
    fixed = {} if is_own else _fixed_since(report, others, lines)
    begin = _last_scan(lines) if is_own else report.pushed_at
    for finding in others:
        if since := fixed.get(finding.key):
            ages[finding.key] = age_since(since, finding, sla)
            continue
        moments = [observed.get(finding.key), report.scanned_at]
        seen = min((moment for moment in moments if moment), default=None)
        if seen is None or begin is None:
            continue
        # No build had it before: it came between then and now, and that may make no difference.
        age, oldest = (age_since(moment, finding, sla) for moment in (seen, min(begin, seen)))
        if age.is_overdue(today) == oldest.is_overdue(today):
            ages[finding.key] = age
    return ages


def _lines_of(report: RepositoryReport, record: Record) -> tuple[tuple[ReportedState, ...], bool]:
    """The lines that the image continues, and whether it is on record itself, all of it."""
    own = tuple(e for e in record.lines if report.digest in (e.whole, e.digest))
    scanned = {scan.digest for scan in report.scans if not scan.kind.cannot_be_scanned}
    is_own = scanned <= {each.digest for each in own}
    return (own, True) if own and is_own else (record.lines, False)


def _last_scan(lines: Iterable[ReportedState]) -> datetime:
    return datetime.fromtimestamp(min(each.ledger.scans[-1] for each in lines), UTC)


def _fixed_since(
    report: RepositoryReport, findings: Iterable[Finding], lines: Iterable[ReportedState]
) -> dict[str, datetime]:
    """Since when an image of before a fix has what was fixed, by key."""
    if report.pushed_at is None:
        return {}
    pushed_at = report.pushed_at.timestamp()
    since = earliest(
        (key, entry.open_since)
        for line in lines
        for key, entry in line.ledger.entries.items()
        if entry.fixed_at and pushed_at < entry.fixed_at
    )
    known = known_keys(findings, since)
    return {key: datetime.fromtimestamp(since[known[key]], UTC) for key in known}
