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
    from datetime import datetime

    from chalicelib.ecr.findings import Finding
    from chalicelib.fleet.model import Repository
    from chalicelib.fleet.report import FleetReport
    from chalicelib.fleet.weighing import Weighed


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
    looked_at = {each.repository for each in report.repositories}
    absent = before.keys() - looked_at
    deleted = absent & set(report.deleted)
    unread = sorted(each for each in absent - deleted if not report.was_looked_at(each))
    known = [
        *(_with_what_was_known(each, before, report) for each in report.repositories),
        *(_last_known(before[each], report) for each in unread),
    ]
    new: list[Change] = []
    fixed = [Change(each, finding) for each in deleted for finding in before[each].report.findings]
    for now, _ in known:
        old = before.get(now.repository)
        came, went = _difference(now, old.report.findings if old else ())
        new += (Change(now.repository, finding) for finding in came)
        fixed += (Change(now.repository, finding) for finding in went)
    read = {each.repository for each in report.repositories if each.known}
    comparison = Comparison(
        since=earlier.generated_at,
        new=worst_changes(new),
        fixed=worst_changes(fixed),
        first_seen=tuple(sorted(read - before.keys())),
        dropped=tuple(sorted(absent - deleted - set(unread))),
    )
    expired = (entry for _, ran_out in known for entry in ran_out)
    return replace(
        report,
        repositories=tuple(now for now, _ in known),
        expired=tuple(dict.fromkeys((*report.expired, *expired))),
        comparison=comparison,
    )


def _with_what_was_known(
    now: RepositoryReport, before: Mapping[Repository, _Before], report: FleetReport
) -> Weighed:
    """A repository with the earlier ages and, where not all is known, the earlier findings."""
    if now.repository not in before:
        return now, ()
    earlier = before[now.repository]
    now = _with_earlier_ages(now, earlier.report)
    kept = _not_known_to_be_closed(now, earlier.report)
    if now.newest_certain and not kept:
        return now, ()
    old, expired = report.as_of_today(_only(earlier.report, kept))
    return _joined(now, old, earlier.as_of), expired


def _not_known_to_be_closed(now: RepositoryReport, old: RepositoryReport) -> frozenset[str]:
    """The keys of what was there before and was not found, and may be there all the same."""
    if now.newest_certain and now.in_use_complete:
        return frozenset()
    keys = set(old.keys)
    if now.newest_certain:  # so that it is about images in use
        keys &= _had_by_unread(now, old)
    read = now.settled
    closed = {key for image in old.older if image.digest in read for key in image.findings}
    closed -= {key for image in old.older if image.digest not in read for key in image.findings}
    return frozenset(keys - closed - set(known_keys(now.all_findings, keys).values()))


def _with_earlier_ages(now: RepositoryReport, earlier: RepositoryReport) -> RepositoryReport:
    """The report with the ages that findings had where these cannot be read now."""
    undated = [each for each in now.all_findings if now.age_of(each).first_seen is None]
    # By all findings, so that none is taken for what another one is known as.
    known = known_keys(now.all_findings, earlier.ages) if undated and earlier.ages else {}
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
        if each.newest_certain or each.as_of or any(each.all_findings)
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


def _had_by_unread(now: RepositoryReport, old: RepositoryReport) -> frozenset[str]:
    """What images in use had of which it is not known what they have now."""
    in_older = frozenset[str]().union(*(image.findings for image in old.older))
    if not now.uses_complete:
        return old.in_use | in_older
    unread = {scan.digest for scan in now.scans if scan.in_use and not scan.is_settled}
    had = [image.findings for image in old.older if image.digest in unread]
    if unread & {old.digest, *(scan.digest for scan in old.scans if not scan.older)}:
        had.append(old.keys - in_older)
    return frozenset[str]().union(*had)


def _only(report: RepositoryReport, keys: frozenset[str]) -> RepositoryReport:
    """The report of a repository with some of its findings alone, whether they count or not."""
    older = (replace(each, findings=each.findings & keys) for each in report.older)
    return replace(
        report,
        findings=tuple(each for each in report.findings if each.key in keys),
        accepted=tuple(each for each in report.accepted if each[0].key in keys),
        left_out={
            why: some
            for why, found in report.left_out.items()
            if (some := tuple(each for each in found if each.key in keys))
        },
        in_use=report.in_use & keys,
        older=tuple(each for each in older if each.findings),
        ages={key: age for key, age in report.ages.items() if key in keys},
    )


def _joined(now: RepositoryReport, old: RepositoryReport, as_of: datetime) -> RepositoryReport:
    """What is found now, and beside it what is as it was known before."""
    left_out: dict[str, tuple[Finding, ...]] = dict(now.left_out)
    for why, findings in old.left_out.items():
        left_out[why] = (*left_out.get(why, ()), *findings)
    joined = replace(
        now,
        findings=worst_first((*now.findings, *old.findings)),
        accepted=(*now.accepted, *old.accepted),
        left_out=left_out,
        as_of=as_of,
        last_known=old.keys,
        older=(*now.older, *_older_than(now, old)),
        ages={**old.ages, **now.ages},
    )
    if now.in_use_complete:
        return joined
    # That nothing ran then does not say that nothing runs now.
    running = (old.running or None) if now.running is None else now.running
    return replace(joined, running=running, in_use=now.in_use | old.in_use)


def _older_than(now: RepositoryReport, old: RepositoryReport) -> Iterator[OlderImage]:
    """The images that had what is kept of before, but for those that were read, or are the newest.

    What several of them had is named with the first.
    """
    read = {now.digest, *now.settled}
    left = old.keys
    newest = left.difference(*(image.findings for image in old.older))
    for image in (*old.older, OlderImage(old.digest, old.tags, newest)):
        if image.digest not in read and image.findings & left:
            yield replace(image, findings=image.findings & left)
            left -= image.findings


def _last_known(before: _Before, report: FleetReport) -> Weighed:
    """A repository that could not be read: as it was, with nothing of the images of now."""
    old, expired = report.as_of_today(before.report)
    known = RepositoryReport(
        repository=old.repository,
        digest=old.digest,
        tags=old.tags,
        pushed_at=old.pushed_at,
        findings=old.findings,
        accepted=old.accepted,
        left_out=old.left_out,
        as_of=before.as_of,
        last_known=old.keys,
        owner=old.owner,
        running=old.running,
        in_use=old.in_use,
        uses_complete=old.uses_complete,
        older=old.older,
        ages=old.ages,
        fixes=old.fixes,
        sla=old.sla,
    )
    return known, expired
