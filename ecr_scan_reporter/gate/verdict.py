"""Whether an image passes: what its scans found, held against the thresholds."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import TYPE_CHECKING

from chalicelib.ecr.findings import continued, counts_of
from chalicelib.fleet.model import Change, Comparison
from chalicelib.fleet.report import FleetReport
from chalicelib.policy.counting import counted
from chalicelib.policy.exploitation import cves_of
from chalicelib.policy.transitions import is_worse
from ecr_scan_reporter.gate.due_dates import DueDates, ages_on_record, due_dates

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date, datetime

    from chalicelib.ecr.findings import Finding
    from chalicelib.fleet.model import RepositoryReport
    from chalicelib.policy.accepted_risks import AcceptedRisk, AcceptedRisks
    from chalicelib.policy.due_dates import DueTimes
    from chalicelib.policy.finding_filters import FindingFilters
    from chalicelib.policy.thresholds import Thresholds
    from ecr_scan_reporter.gate.due_dates import Record


_NO_CATALOGUE = "whether findings are known to be exploited (KEV) is unknown: no feed could be read"


class Outcome(IntEnum):
    """What is decided; the numbers are the command's exit statuses."""

    PASSED = 0
    FAILED = 1
    UNDECIDED = 2


@dataclass(frozen=True)
class Policy:
    """What an image is held against; with ``fail_on_overdue`` also the due dates of ``sla``."""

    thresholds: Thresholds
    filters: FindingFilters
    risks: AcceptedRisks
    today: date
    sla: DueTimes | None = None
    fail_on_overdue: bool = False


@dataclass(frozen=True)
class Baseline:
    """The image that another one is compared with, and what it has; None where that is not known.

    ``name`` is for people; it is empty where the repository has no other image.
    """

    name: str = ""
    findings: tuple[Finding, ...] | None = ()
    scanned_at: datetime | None = None


@dataclass(frozen=True)
class Verdict:
    """What is decided of an image, and by what.

    ``name`` is what the image was called. ``report`` is the image with the findings that count,
    those of all its platforms together; ``platforms`` are these, by the digests of their images.
    ``unknown`` says, by digest, why an image's findings are not known. ``crossed`` are the
    severities whose threshold is reached by ``weighed``, the counts that are held against the
    thresholds. ``new`` are the keys of the findings that the ``baseline`` has not; None where
    nothing is compared. ``due`` is how these findings stand by their due dates, new or not.
    ``expired`` are entries of the list of accepted risks that ran out.
    With ``exploitation_unknown`` findings may be known to be exploited, which the thresholds ask
    for. ``problem`` is what kept anything from being decided.
    """

    name: str
    report: RepositoryReport
    thresholds: Thresholds
    platforms: Mapping[str, str] = field(default_factory=dict)
    unknown: Mapping[str, str] = field(default_factory=dict)
    weighed: Mapping[str, int] = field(default_factory=dict)
    crossed: tuple[str, ...] = ()
    baseline: Baseline | None = None
    new: frozenset[str] | None = None
    due: DueDates = field(default_factory=DueDates)
    expired: tuple[AcceptedRisk, ...] = ()
    exploitation_unknown: bool = False
    problem: str = ""

    @property
    def is_known(self) -> bool:
        """Whether all findings are known. Beside others an index may list unsupported platforms."""
        unsupported = {s.digest for s in self.report.scans if s.kind.cannot_be_scanned}
        return self.report.known and self.unknown.keys() <= unsupported

    @property
    def has_all_findings(self) -> bool:
        """Whether the report has all that is open in the image."""
        return self.is_known and bool(self.report.digest)

    @property
    def outcome(self) -> Outcome:
        """The decision; what is found fails an image also where more may be found."""
        if self.problem:
            return Outcome.UNDECIDED
        if self.due.fails:
            return Outcome.FAILED
        if self.crossed:
            compared = self.baseline is None or self.baseline.findings is not None
            return Outcome.FAILED if compared else Outcome.UNDECIDED
        all_known = self.is_known and not self.exploitation_unknown and not self.due.unknown
        return Outcome.PASSED if all_known else Outcome.UNDECIDED

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why the image does not pass, a line each; nothing where it does."""
        kind = "new " if self.new is not None else ""
        crossed = [self._reached(name, kind) for name in self.crossed]
        platforms = (
            [] if self.is_known or self.problem else list(dict.fromkeys(self.unknown.values()))
        )
        unread = self.baseline is not None and self.baseline.findings is None
        compared = [f"what {self.baseline.name} has is unknown"] if unread and self.baseline else []
        problem = [self.problem] if self.problem else []
        unknown = [f"findings unknown: {why}" for why in platforms]
        exploited = [_NO_CATALOGUE] if self.exploitation_unknown else []
        overdue = [self.due.summary] if self.due.fails else []
        undated = [self.due.gap] if self.due.unknown else []
        return (*problem, *crossed, *overdue, *unknown, *compared, *exploited, *undated)

    def _reached(self, name: str, kind: str) -> str:
        """A threshold that is reached, in words."""
        if name == "KEV":
            return f"{kind}findings that are known to be exploited (KEV)"
        if name == "EPSS":
            return f"a {kind}finding that is likely to be exploited (EPSS {self.thresholds.epss})"
        count = self.thresholds.of(name) or 0
        return f"{self.weighed[name]} {kind}{name} (threshold: {count if count > 1 else 'any'})"

    @property
    def shown(self) -> tuple[Finding, ...]:
        """The findings that matter: the new ones where only these count, else all that count."""
        findings = self.report.findings
        return findings if self.new is None else tuple(f for f in findings if f.key in self.new)

    def fleet_report(self, now: datetime) -> FleetReport:
        """The same as a report of one repository, for the forms that there are of it."""
        comparison = None
        if self.new is not None:
            changes = tuple(Change(self.report.repository, finding) for finding in self.shown)
            since = self.baseline.scanned_at if self.baseline else None
            comparison = Comparison(since=since or now, new=changes)
        return FleetReport(
            generated_at=now,
            registries=(self.report.repository.registry,),
            repositories=(self.report,),
            expired=self.expired,
            comparison=comparison,
        )


def judge(
    name: str,
    report: RepositoryReport,
    found: Iterable[Finding],
    unknown: Mapping[str, str],
    policy: Policy,
) -> Verdict:
    """The verdict of an image by all that its scans found; ``report`` comes without findings."""
    apart = counted(report.repository.name, found, policy.risks, policy.filters, policy.today)
    weighed, crossed, unlisted = _held_against(policy, apart.findings)
    return Verdict(
        name=name,
        report=replace(
            report, findings=apart.findings, accepted=apart.accepted, left_out=apart.left_out
        ),
        thresholds=policy.thresholds,
        unknown=unknown,
        weighed=weighed,
        crossed=crossed,
        exploitation_unknown=unlisted,
        expired=apart.expired,
    )


def with_ages(verdict: Verdict, record: Record, policy: Policy) -> Verdict:
    """The same verdict with since when its findings are open, and which of them are overdue."""
    ages = ages_on_record(verdict.report, record, policy.sla, policy.today)
    weighed = policy.filters.held(verdict.report.findings)
    due = due_dates(
        weighed, ages, policy.sla, policy.today, record.why_not, asked=policy.fail_on_overdue
    )
    return replace(verdict, report=replace(verdict.report, ages=ages), due=due)


def judge_new(verdict: Verdict, baseline: Baseline, policy: Policy) -> Verdict:
    """The same verdict by those findings alone that the baseline does not have.

    A finding that is worse there than it was is new. Where it is not known what the baseline has,
    all count, and what would fail for them is not decided.
    """
    if baseline.findings is None:
        return replace(verdict, baseline=baseline)
    had = {finding.key: finding.severity for finding in baseline.findings}
    before = verdict.report
    found = continued(before.findings, had)
    ages = {new.key: before.age_of(old) for old, new in zip(before.findings, found, strict=True)}
    new = frozenset(
        each.key for each in found if each.key not in had or is_worse(each.severity, had[each.key])
    )
    counting = tuple(finding for finding in found if finding.key in new)
    weighed, crossed, unlisted = _held_against(policy, counting)
    return replace(
        verdict,
        report=replace(before, findings=found, ages={**before.ages, **ages}),
        baseline=baseline,
        new=new,
        weighed=weighed,
        crossed=crossed,
        exploitation_unknown=unlisted,
    )


def _held_against(
    policy: Policy, findings: Iterable[Finding]
) -> tuple[Mapping[str, int], tuple[str, ...], bool]:
    """The counts, which thresholds are reached, and whether that of KEV may be besides."""
    thresholds = policy.thresholds
    weighed = policy.filters.held(findings)
    counts = counts_of(weighed)
    crossed = (*thresholds.crossed_by(counts), *thresholds.exploited_by(weighed))
    unlisted = thresholds.kev is not None and any(
        each.known_exploited is None and cves_of(each) for each in weighed
    )
    return counts, crossed, unlisted
