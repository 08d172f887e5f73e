"""The fleet report as Markdown and as an email, and what the page shares with them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from chalicelib.ecr import finding_texts
from chalicelib.ecr.severities import SEVERITIES
from chalicelib.fleet.comparison import change_counts
from chalicelib.fleet.vulnerabilities import most_urgent
from chalicelib.policy.exploitation import exploitation
from chalicelib.text.ages import age
from chalicelib.text.notifications import SUBJECT_LENGTH
from chalicelib.text.notifications import short as within
from chalicelib.text.templating import count_of, render, short

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date

    from chalicelib.fleet.model import FixTimes, Point, Repository, RepositoryReport
    from chalicelib.fleet.report import Due, FleetReport, Name

Entry = TypeVar("Entry")


@dataclass(frozen=True)
class Bounds:
    """The most that a text shows of each kind; what is beyond is counted.

    ``repositories`` are those shown with findings of their own, ``findings`` how many of each,
    ``changes`` the new ones and, as many, the fixed ones, ``others`` the accepted risks, those that
    ran out, and the repositories of each kind whose findings are not known.
    """

    worst: int
    changes: int
    others: int
    repositories: int = 0
    findings: int = 0


IN_MARKDOWN = Bounds(worst=20, changes=30, others=30, repositories=20, findings=5)
IN_EMAIL = Bounds(worst=5, changes=5, others=5)


@dataclass(frozen=True)
class First(Generic[Entry]):
    """The first entries of a list, and how many more there are."""

    shown: tuple[Entry, ...]
    more: int


@dataclass(frozen=True)
class Segment:
    """A part of a bar: where it begins and how long it is, in hundredths of the bar's room."""

    severity: str
    count: int
    start: float
    length: float


@dataclass(frozen=True)
class Column:
    """A digest in a chart: its parts, the worst first, from ``top`` down, in hundredths."""

    point: Point
    total: int
    parts: tuple[Segment, ...]
    top: float


@dataclass(frozen=True)
class StoredReport:
    """Where a report is kept: its address, for how long that holds, and its bucket and keys."""

    url: str
    hours: int
    bucket: str
    html_key: str
    json_key: str


def as_markdown(report: FleetReport) -> str:
    """GitHub's Markdown."""
    return render("report.md", **view(report, IN_MARKDOWN))


def as_email(report: FleetReport, stored: StoredReport) -> str:
    """What one wants to know at a glance, and where the rest is."""
    return render("report.txt", stored=stored, **view(report, IN_EMAIL))


def summary(report: FleetReport) -> str:
    """What an email begins with."""
    return render("report_summary.txt", **view(report, IN_EMAIL))


def email_subject(report: FleetReport) -> str:
    """At most 99 ASCII characters, for SNS takes fewer than 100; what has no room is left out."""
    parts = _headline(report)
    begins = f"[ECR] {short_title(report)}"
    while len(subject := f"{begins}: {', '.join(parts)}") > SUBJECT_LENGTH:
        parts = parts[:-1]
    return subject


def short_title(report: FleetReport) -> str:
    """The title in ASCII; of an owner's long name the middle is cut."""
    return within("Fleet report for {}", report.owner, 50) if report.owner else report.title


def headline(report: FleetReport) -> str:
    """``1 CRITICAL, unknown in 4 repositories, 5 overdue``; never that nothing is open then."""
    return ", ".join(_headline(report))


def _headline(report: FleetReport) -> tuple[str, ...]:
    """Its parts, what can be spared last."""
    worst = _worst_open(report)
    nothing = [] if worst or report.unknown else ["no open findings"]
    overdue = [f"{len(report.overdue):,} overdue"] if report.overdue else []
    new = [f"{len(report.comparison.new)} new"] if report.comparison else []
    unknown = [f"unknown in {unknown_in(report)}"] if report.unknown else []
    return (*worst, *nothing, *unknown, *overdue, *new)


def _worst_open(report: FleetReport) -> list[str]:
    """The worst two severities; where uses are known, the worst of what runs and of the rest."""
    if not report.knows_uses:
        return _open(report.totals)[:2]
    # What may run or not is not called stored.
    is_known = not any(report.use_unknown.values())
    others = report.stored if is_known else _without(report.totals, report.running)
    parts = {"running": _open(report.running), "stored" if is_known else "others": _open(others)}
    worst = [f"{what} {counts[0]}" for what, counts in parts.items() if counts]
    return ["; ".join(worst)] if worst else []


def _without(counts: Mapping[str, int], some: Mapping[str, int]) -> dict[str, int]:
    return {severity: count - some[severity] for severity, count in counts.items()}


def _open(counts: Mapping[str, int]) -> list[str]:
    return [f"{count} {severity}" for severity, count in counts.items() if count]


def unknown_in(report: FleetReport) -> str:
    """``3 repositories and 1 registry``, of which it is not known what is open; empty for none."""
    named = sum(bool(each.name) for each in report.unknown)
    unnamed = len(report.unknown) - named
    repositories = [count_of(named, "repository", "repositories")] if named else []
    registries = [count_of(unnamed, "registry", "registries")] if unnamed else []
    return " and ".join(repositories + registries)


def state(each: RepositoryReport, report: FleetReport) -> str:
    """What is open in a repository, as it was last known where it is not known now, and why not."""
    if each.certain:
        return counted(each.counts) if each.scans or each.digest else "no tagged image"
    known = [f"{counted(each.counts)} {note(each)}"] if each.findings or each.as_of else []
    looked_at = report.was_looked_at(each.repository)
    return "; ".join([*known, each.uncertainty if looked_at else "not looked at"])


def known_then(each: RepositoryReport | None) -> str:
    """What was open in a repository when it was last known: ``3 high as of 3 November 2026``."""
    return f"{counted(each.counts)} {note(each)}" if each else "never"


def note(each: RepositoryReport) -> str:
    """What to say beside findings that are not known to be all: ``as of 3 November 2026``."""
    if each.certain:
        return ""
    return f"as of {day(each.as_of)}" if each.as_of else "so far"


def view(report: FleetReport, bounds: Bounds) -> dict[str, Any]:
    """What the templates show."""
    comparison = report.comparison
    longest = max((sum(each.counts.values()) for each in report.worst[: bounds.worst]), default=1)
    in_order = [*report.worst, *(each for each in report.repositories if not each.findings)]
    last_known = {each.repository: each for each in report.last_known}
    return {
        "report": report,
        "bounds": bounds,
        "severities": SEVERITIES,
        "headline": headline(report),
        "unknown_in": unknown_in(report),
        "certain": sum(each.certain for each in report.repositories),
        "registries": first(report.registries, bounds.others),
        "total_bar": segments(report.totals, report.open_findings),
        "worst": first(report.worst, bounds.worst),
        "bar_of": lambda each: segments(each.counts, longest),
        "new": first(most_urgent(comparison.new if comparison else (), report), bounds.changes),
        "exploitation_of": lambda finding: exploitation(
            finding.known_exploited, finding.epss, exploitable=finding.exploitable
        ),
        "fixed": first(comparison.fixed if comparison else (), bounds.changes),
        "due": first((*report.overdue, *report.due_soon), bounds.changes),
        "due_counts": due_counts(report),
        "use_counts": use_counts(report),
        "age_in": lambda each: _age_of(each, report),
        "fixes": _mean_times(report.fixes),
        "fixes_by_owner": first(_mean_times(report.fixes_by_owner), bounds.others),
        "columns": columns(report.trend),
        "new_counts": change_counts(comparison.new) if comparison else {},
        "not_counted": not_counted(len(report.accepted), report.left_out),
        "not_counted_in": lambda each: not_counted(
            len(each.accepted), {why: len(found) for why, found in each.left_out.items()}
        ),
        "accepted": first(report.accepted, bounds.others),
        "expired": first(report.expired, bounds.others),
        "fixed_counts": change_counts(comparison.fixed) if comparison else {},
        "no_longer": f"no longer looked at{', or of another owner' if report.owner else ''}",
        "never_scanned": first(_with(report, "never_scanned"), bounds.others),
        "failed": first(_with(report, "failed"), bounds.others),
        "unknown": first(report.findings_unknown, bounds.others),
        "not_looked_at": first(report.not_looked_at, bounds.others),
        "repositories": first(in_order, bounds.repositories),
        "first": first,
        "counted": counted,
        "packages_of": finding_texts.packages,
        "installed_of": finding_texts.installed,
        "fix_of": finding_texts.fix_in_table,
        "about": finding_texts.related,
        "moment": moment,
        "day": day,
        "short_day": _short_day,
        "place": lambda repository: place(repository, report),
        "note": note,
        "state": lambda each: state(each, report),
        "runs_in": lambda each: short(finding_texts.names_in(each.running), 120),
        "last_known": lambda repository: known_then(last_known.get(repository)),
    }


def segments(counts: Mapping[str, int], whole: int) -> list[Segment]:
    """The parts of a bar of which ``whole`` findings fill all the room."""
    parts, start = [], 0.0
    for severity in SEVERITIES:
        if count := counts.get(severity, 0):
            length = round(100 * count / max(1, whole), 2)
            parts.append(Segment(severity, count, round(start, 2), length))
            start += length
    return parts


def columns(trend: Sequence[Point]) -> list[Column]:
    """The last digests as columns of a chart, each as high as it has findings, of a hundred."""
    most = max((sum(point.totals.values()) for point in trend), default=0)
    found = []
    for point in trend:
        total = sum(point.totals.values())
        height = 100 * total / most if most else 0.0
        parts = segments(point.totals, most)
        found.append(Column(point, total, tuple(parts), round(100 - height, 2)))
    return found


def due_counts(report: FleetReport) -> str:
    """``1 finding overdue, 2 due within a week``, and of how many that is not known."""
    overdue, soon = report.overdue_count, report.due_soon_count
    counts = [] if overdue is None else [f"{count_of(overdue, 'finding')} overdue"]
    counts += [] if soon is None else [f"{soon:,} due within a week"]
    undated = f"since when is unknown of {count_of(report.undated, 'finding')} with a due date"
    parts = [", ".join(counts), undated if report.undated else ""]
    return _joined(filter(None, parts))


def use_counts(report: FleetReport) -> str:
    """``Running: 1 high; only stored: 2 low``, and of how many that is not known; empty at best."""
    if not (report.knows_uses and report.open_findings):
        return ""
    is_known = not (any(report.use_unknown.values()) or report.unknown)
    none = "none" if is_known else "none known"
    parts = {"running": report.running, "only stored": report.stored}
    texts = [f"{what}: {counted(counts, none)}" for what, counts in parts.items()]
    if any(report.use_unknown.values()):
        texts.append(f"use unknown: {counted(report.use_unknown)}")
    return _joined(texts)


def _joined(parts: Iterable[str]) -> str:
    """One text of several, which begins as a sentence does."""
    text = "; ".join(parts)
    return text[:1].upper() + text[1:]


def _age_of(each: Due, report: FleetReport) -> str:
    found = each.report.age_of(each.finding)
    return age(found.days(report.today), each.days_left)


def _mean_times(fixes: Mapping[Name, FixTimes]) -> list[tuple[Name, int, float]]:
    """Whose or what, how many were fixed, and in how many days on average."""
    return [
        (name, times.count, mean)
        for name, times in fixes.items()
        if (mean := times.mean_days) is not None
    ]


def counted(counts: Mapping[str, int], none: str = "none") -> str:
    """``3 critical, 6 high``; worst first."""
    found = [f"{counts[each]:,} {each.lower()}" for each in SEVERITIES if counts.get(each)]
    return ", ".join(found) or none


def not_counted(accepted: int, left_out: Mapping[str, int]) -> str:
    """``2 accepted risks, 30 without a fix``; empty where everything counts."""
    risks = [count_of(accepted, "accepted risk")] if accepted else []
    return ", ".join([*risks, *(f"{count:,} {why}" for why, count in left_out.items())])


def moment(time: datetime | None) -> str:
    """A time of UTC for people, to the minute."""
    return "" if time is None else f"{day(time)}, {time.astimezone(UTC):%H:%M} UTC"


def day(time: date) -> str:
    """A day for people, of a time's that in UTC."""
    if isinstance(time, datetime):
        time = time.astimezone(UTC)
    return f"{time.day} {time:%B %Y}"


def _short_day(time: datetime) -> str:
    time = time.astimezone(UTC)
    return f"{time.day} {time:%b}"


def place(repository: Repository, report: FleetReport) -> str:
    """The repository's name, with account or region where these differ; or the registry's."""
    if not repository.name:
        return f"all of registry {repository.account}/{repository.region}"
    accounts, regions = report.differing
    account = f"{repository.account}/" if accounts else ""
    region = f"{repository.region}/" if regions else ""
    return f"{account}{region}{repository.name}"


def first(entries: Sequence[Entry], most: int) -> First[Entry]:
    """The first so many entries, and how many more there are."""
    return First(tuple(entries[:most]), max(0, len(entries) - most))


def _with(report: FleetReport, kind: str) -> list[RepositoryReport]:
    """The repositories with images of a kind, those with most first."""
    found = [each for each in report.repositories if getattr(each, kind).count]
    return sorted(found, key=lambda each: (-getattr(each, kind).count, each.repository))
