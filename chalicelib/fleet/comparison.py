"""What changed from one fleet report to another, and what is still as it was last known.

What the earlier report showed as open stays open until it is known to be closed: a repository that
could not be read, or whose newest image is not scanned, keeps what it had.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from chalicelib.ecr.findings import counts_of, known_keys, worst_first
from chalicelib.fleet.model import Change, Comparison, OlderImage, RepositoryReport
from chalicelib.policy.ages import age_since

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import date, datetime

    from chalicelib.ecr.findings import Finding
    from chalicelib.fleet.model import Repository
    from chalicelib.fleet.report import FleetReport
    from chalicelib.policy.accepted_risks import AcceptedRisk


@dataclass(frozen=True)
class _Before:
    """What an earlier report showed of a repository, and when that was known."""

    report: RepositoryReport
    as_of: datetime


def compare(report: FleetReport, earlier: FleetReport) -> FleetReport:
    """The report with what is new and what is fixed since the earlier one, worst first.

    What is not known now is as it was in the earlier report, with the date of that; what of it
    counts, and until when it is due, is as of today. Only findings that count are compared; what is
    accepted or left out now is not fixed by that.
    """
    before = _by_repository(earlier)
    new: list[Change] = []
    fixed: list[Change] = []
    repositories: list[RepositoryReport] = []
    for each in report.repositories:
        old = before.get(each.repository)
        now = _with_what_was_known(each, old, report) if old else each
        came, went = _difference(now, old.report.findings if old else ())
        new += (Change(each.repository, finding) for finding in came)
        if each.certain:
            fixed += (Change(each.repository, finding) for finding in went)
        repositories.append(now)
    looked_at = {each.repository for each in report.repositories}
    absent = before.keys() - looked_at
    deleted = absent & set(report.deleted)
    fixed += (Change(each, finding) for each in deleted for finding in before[each].report.findings)
    unread = sorted(each for each in absent - deleted if not report.was_looked_at(each))
    for repository in unread:
        now = _last_known(before[repository], report)
        came, _ = _difference(now, before[repository].report.findings)
        new += (Change(repository, finding) for finding in came)
        repositories.append(now)
    known = {each.repository for each in report.repositories if each.known}
    comparison = Comparison(
        since=earlier.generated_at,
        new=worst_changes(new),
        fixed=worst_changes(fixed),
        first_seen=tuple(sorted(known - before.keys())),
        dropped=tuple(sorted(absent - deleted - set(unread))),
    )
    ran_out = _ran_out(repositories, before, report.today)
    return replace(
        report,
        repositories=tuple(repositories),
        expired=tuple(dict.fromkeys((*report.expired, *ran_out))),
        comparison=comparison,
    )


def _ran_out(
    repositories: Iterable[RepositoryReport], before: Mapping[Repository, _Before], today: date
) -> Iterator[AcceptedRisk]:
    """The entries that have expired and accepted what is as last known, and counts again."""
    for each in repositories:
        if each.as_of and each.repository in before:
            counting = {finding.key for finding in each.findings}
            for finding, risk in before[each.repository].report.accepted:
                if finding.key in counting and risk.has_expired(today):
                    yield risk


def _with_what_was_known(
    now: RepositoryReport, before: _Before, report: FleetReport
) -> RepositoryReport:
    """A repository with the earlier ages and, where not all is known, the earlier findings."""
    now = _with_earlier_ages(now, before.report)
    return now if now.certain else _kept(now, report.as_of_today(before.report), before.as_of)


def _with_earlier_ages(now: RepositoryReport, earlier: RepositoryReport) -> RepositoryReport:
    """The report with the ages that findings had where these cannot be read now."""
    undated = [each for each in now.all_findings if now.age_of(each).first_seen is None]
    known = known_keys(undated, earlier.ages) if undated and earlier.ages else {}
    ages = {
        each.key: age_since(first_seen, each, now.sla)
        for each in undated
        if each.key in known and (first_seen := earlier.ages[known[each.key]].first_seen)
    }
    return replace(now, ages={**now.ages, **ages}) if ages else now


def change_counts(changes: Iterable[Change]) -> dict[str, int]:
    """How many changed findings of each severity there are, worst first."""
    return counts_of(change.finding for change in changes)


def worst_changes(changes: Iterable[Change]) -> tuple[Change, ...]:
    """The changes by the importance of their findings."""
    return tuple(sorted(changes, key=lambda change: change.importance))


def _by_repository(earlier: FleetReport) -> dict[Repository, _Before]:
    """The repositories of which anything was known, with their last known state."""
    return {
        each.repository: _Before(each, each.as_of or earlier.generated_at)
        for each in earlier.repositories
        if each.certain or each.as_of or any(each.all_findings)
    }


def _difference(
    now: RepositoryReport, shown: Iterable[Finding]
) -> tuple[list[Finding], list[Finding]]:
    """The findings that count and were not shown, and those that were shown and are not found."""
    current = {finding.key: finding for finding in now.findings}
    before = {finding.key: finding for finding in shown}
    # What is accepted or left out now is among those known, and so not fixed by that.
    known = known_keys(now.all_findings, before.keys())
    came = [current[key] for key in current.keys() - known.keys()]
    return came, [before[key] for key in before.keys() - set(known.values())]


def _kept(now: RepositoryReport, old: RepositoryReport, as_of: datetime) -> RepositoryReport:
    """What is found now, and beside it what was there before and is not known to be closed."""
    keys = {finding.key for finding in old.all_findings}
    found = frozenset(known_keys(now.all_findings, keys).values())
    kept = frozenset(keys - found)
    left_out: dict[str, tuple[Finding, ...]] = dict(now.left_out)
    for why, findings in old.left_out.items():
        if still := tuple(finding for finding in findings if finding.key not in found):
            left_out[why] = (*left_out.get(why, ()), *still)
    missing = (finding for finding in old.findings if finding.key not in found)
    return replace(
        now,
        findings=worst_first((*now.findings, *missing)),
        accepted=(*now.accepted, *(each for each in old.accepted if each[0].key not in found)),
        left_out=left_out,
        as_of=as_of,
        in_use=now.in_use | (old.in_use - found),
        older=(*now.older, *_older_than(now, old, kept)),
        ages={**{key: age for key, age in old.ages.items() if key in kept}, **now.ages},
    )


def _older_than(
    now: RepositoryReport, old: RepositoryReport, kept: frozenset[str]
) -> Iterator[OlderImage]:
    """The images that had what is kept of before, but for the newest one of now."""
    for image in old.older:
        if image.findings & kept:
            yield replace(image, findings=image.findings & kept)
        kept -= image.findings
    if kept and old.digest != now.digest:
        yield OlderImage(old.digest, old.tags, kept)


def _last_known(before: _Before, report: FleetReport) -> RepositoryReport:
    """A repository that could not be read: as it was, with nothing of the images of now."""
    old = report.as_of_today(before.report)
    return RepositoryReport(
        repository=old.repository,
        digest=old.digest,
        tags=old.tags,
        pushed_at=old.pushed_at,
        findings=old.findings,
        accepted=old.accepted,
        left_out=old.left_out,
        as_of=before.as_of,
        owner=old.owner,
        running=old.running,
        in_use=old.in_use,
        older=old.older,
        ages=old.ages,
        fixes=old.fixes,
        sla=old.sla,
    )
