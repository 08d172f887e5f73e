"""The fleet report: what is open in each repository's newest image and those in use."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import UTC
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from chalicelib.ecr import finding_texts
from chalicelib.ecr.severities import SEVERITIES
from chalicelib.fleet.model import Acceptance, FixTimes, Point

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import date, datetime

    from chalicelib.ecr.findings import Finding
    from chalicelib.fleet.model import Comparison, Feed, NotLookedAt, Repository, RepositoryReport
    from chalicelib.fleet.weighing import Weighed
    from chalicelib.policy.accepted_risks import AcceptedRisk

Name = TypeVar("Name", str, "str | None")

DAYS_SOON = 7
"""What is due within so many days is due soon."""

MOST_POINTS = 12
"""Of how many digests the trend is kept."""


class Due(NamedTuple):
    """A finding that is due soon or overdue, and in how many days; below 0 where it is overdue."""

    days_left: int
    report: RepositoryReport
    finding: Finding


def _unchanged(report: RepositoryReport) -> Weighed:
    return report, ()


@dataclass(frozen=True)
class FleetReport:
    """All repositories at one time; ``registries`` have an empty repository name.

    Compared with an earlier report, ``repositories`` are also those that could not be read this
    time, as they were last known. ``expired`` are the entries of the list of accepted risks that
    ran out and would cover findings, and ``deleted`` the repositories of the earlier report that
    are no more. ``feeds`` are those that were asked what is exploited. ``trend`` is what the last
    digests said, this one as the last. ``owner`` is whose the repositories are, where the report
    is about one owner's alone. ``as_of_today`` weighs what an earlier report showed of a repository
    by what counts today, and until when it is due by today's times to fix.
    """

    generated_at: datetime
    registries: tuple[Repository, ...] = ()
    repositories: tuple[RepositoryReport, ...] = ()
    not_looked_at: tuple[NotLookedAt, ...] = ()
    expired: tuple[AcceptedRisk, ...] = ()
    deleted: tuple[Repository, ...] = ()
    comparison: Comparison | None = None
    feeds: tuple[Feed, ...] = ()
    trend: tuple[Point, ...] = ()
    owner: str = ""
    as_of_today: Callable[[RepositoryReport], Weighed] = field(
        default=_unchanged, compare=False, repr=False
    )

    @property
    def title(self) -> str:
        """What the report is called."""
        return f"Fleet report for {self.owner}" if self.owner else "Fleet report"

    @cached_property
    def differing(self) -> tuple[bool, bool]:
        """Whether the registries are in several accounts, and in several regions."""
        accounts = {registry.account for registry in self.registries}
        return len(accounts) > 1, len({registry.region for registry in self.registries}) > 1

    @property
    def today(self) -> date:
        """The day of the report, in UTC."""
        return self.generated_at.astimezone(UTC).date()

    def is_new(self, repository: Repository, finding: Finding) -> bool:
        """Whether a finding is among those that are new since the earlier report."""
        return (repository, finding.key) in self._new_keys

    @cached_property
    def _new_keys(self) -> frozenset[tuple[Repository, str]]:
        changes = self.comparison.new if self.comparison else ()
        return frozenset((change.repository, change.finding.key) for change in changes)

    def was_looked_at(self, repository: Repository) -> bool:
        """Whether neither the repository nor its registry is among what could not be read."""
        return self._missed.isdisjoint((repository, repository.registry))

    @cached_property
    def _missed(self) -> frozenset[Repository]:
        return frozenset(each.repository for each in self.not_looked_at)

    @cached_property
    def looked_at(self) -> tuple[RepositoryReport, ...]:
        """The repositories that were read this time."""
        return tuple(each for each in self.repositories if self.was_looked_at(each.repository))

    @property
    def last_looks(self) -> dict[Repository, datetime]:
        """When each repository was last looked at, as far as is known."""
        looks = {each.repository: each.as_of for each in self.repositories if each.as_of}
        looks |= {each.repository: each.looked_at for each in self.not_looked_at if each.looked_at}
        return looks | {each.repository: self.generated_at for each in self.looked_at}

    @cached_property
    def unknown(self) -> tuple[Repository, ...]:
        """The repositories, and registries, of which it is not known what is open now."""
        uncertain = {each.repository for each in self.repositories if not each.certain}
        return tuple(sorted(uncertain | self._missed))

    @property
    def last_known(self) -> tuple[RepositoryReport, ...]:
        """The repositories that are shown as they were last known."""
        return tuple(each for each in self.repositories if each.as_of)

    @cached_property
    def totals(self) -> dict[str, int]:
        """The findings by severity, worst first, last known ones too; each severity, be it none."""
        found = _sum(repository.counts for repository in self.repositories)
        return {severity: found[severity] for severity in SEVERITIES}

    @property
    def knows_uses(self) -> bool:
        """Whether it is known of any repository which of its images are in use."""
        return any(each.running is not None for each in self.repositories)

    @cached_property
    def running(self) -> dict[str, int]:
        """Those of the findings that images in use have, by severity."""
        found = _sum(each.running_counts for each in self.repositories)
        return {severity: found[severity] for severity in SEVERITIES}

    @cached_property
    def stored(self) -> dict[str, int]:
        """The findings that no image in use has, by severity."""
        others = (self.running, self.use_unknown)
        return {
            severity: count - sum(each[severity] for each in others)
            for severity, count in self.totals.items()
        }

    @cached_property
    def use_unknown(self) -> dict[str, int]:
        """The findings of which it is not known whether an image in use has them, by severity."""
        found = _sum(each.use_unknown_counts for each in self.repositories)
        return {severity: found[severity] for severity in SEVERITIES}

    @cached_property
    def overdue(self) -> tuple[Due, ...]:
        """The findings whose due date has passed, the longest overdue first."""
        return tuple(each for each in self._due if each.days_left < 0)

    @cached_property
    def due_soon(self) -> tuple[Due, ...]:
        """The findings that are due within a week from today, the first to be due first."""
        return tuple(each for each in self._due if 0 <= each.days_left <= DAYS_SOON)

    @cached_property
    def has_due_dates(self) -> bool:
        """Whether anything says when findings are due."""
        return any(
            each.sla is not None or any(each.age_of(finding).due for finding in each.findings)
            for each in self.repositories
        )

    @cached_property
    def undated(self) -> int:
        """Of how many findings that are due some day it is not known since when they are open."""
        return sum(each.undated for each in self.repositories)

    @property
    def overdue_count(self) -> int | None:
        """How many findings are known to be overdue; None where it is not known that none is."""
        return self._known_to_be(self.overdue)

    @property
    def due_soon_count(self) -> int | None:
        """How many are known to be due within a week; None where it is not known that none is."""
        return self._known_to_be(self.due_soon)

    def _known_to_be(self, found: tuple[Due, ...]) -> int | None:
        is_known = self.has_due_dates and not (self.undated or self.unknown)
        return len(found) if found or is_known else None

    @cached_property
    def _due(self) -> tuple[Due, ...]:
        found = (
            Due(days_left, each, finding)
            for each in self.repositories
            if each.ages
            for finding in each.findings
            if (days_left := each.age_of(finding).days_left(self.today)) is not None
            and days_left <= DAYS_SOON
        )
        return tuple(sorted(found, key=lambda due: (due.days_left, due.finding.importance)))

    @cached_property
    def fixes(self) -> dict[str, FixTimes]:
        """How long what was fixed lately had been open, by severity, worst first."""
        found = _sums((s, times) for each in self.repositories for s, times in each.fixes.items())
        return {severity: found[severity] for severity in SEVERITIES if severity in found}

    @cached_property
    def fixes_by_owner(self) -> dict[str | None, FixTimes]:
        """The same by owner, those who take longest first.

        Empty for what nobody owns, None for that of which it is not known.
        """
        found = _sums(
            (each.owner, times) for each in self.repositories for times in each.fixes.values()
        )
        return dict(sorted(found.items(), key=lambda item: -(item[1].mean_days or 0.0)))

    def with_point(self, earlier: FleetReport | None) -> FleetReport:
        """The report with its place in the trend of the last digests."""
        point = Point(self.generated_at, self.totals, self.overdue_count)
        before = earlier.trend if earlier else ()
        return replace(self, trend=(*before, point)[-MOST_POINTS:])

    @property
    def open_findings(self) -> int:
        """How many findings there are."""
        return sum(self.totals.values())

    @property
    def fix_summary(self) -> str:
        """How many of the findings have a fix, in words, as far as the scanner says."""
        return finding_texts.fix_summary(
            finding for repository in self.repositories for finding in repository.findings
        )

    @cached_property
    def accepted(self) -> tuple[Acceptance, ...]:
        """The findings that are accepted risks, worst first."""
        found = (
            Acceptance(each.repository, finding, risk)
            for each in self.repositories
            for finding, risk in each.accepted
        )
        return tuple(sorted(found, key=lambda each: each.importance))

    @cached_property
    def left_out(self) -> dict[str, int]:
        """How many findings the finding filters keep out, by reason."""
        found: Counter[str] = Counter()
        for repository in self.repositories:
            found.update({why: len(findings) for why, findings in repository.left_out.items()})
        return dict(found)

    @property
    def images_never_scanned(self) -> int:
        """How many images have no scan."""
        return sum(repository.never_scanned.count for repository in self.repositories)

    @property
    def scans_failed(self) -> int:
        """How many images' scans failed."""
        return sum(repository.failed.count for repository in self.repositories)

    @property
    def images_unsupported(self) -> int:
        """How many images ECR cannot scan."""
        return sum(repository.unsupported for repository in self.repositories)

    @property
    def images_untold(self) -> int:
        """Of how many images nothing is known."""
        return sum(repository.untold for repository in self.repositories)

    @property
    def findings_unknown(self) -> tuple[RepositoryReport, ...]:
        """The repositories that have an image, and of which not all findings are known."""
        return tuple(each for each in self.looked_at if each.digest and not each.certain)

    @property
    def without_image(self) -> tuple[RepositoryReport, ...]:
        """The repositories without a tagged image that can be scanned."""
        return tuple(each for each in self.looked_at if not each.digest)

    @cached_property
    def worst(self) -> tuple[RepositoryReport, ...]:
        """The repositories with findings, the worst first."""
        found = [repository for repository in self.repositories if repository.findings]
        return tuple(sorted(found, key=badness))


def _sum(counts: Iterable[Mapping[str, int]]) -> Counter[str]:
    found: Counter[str] = Counter()
    for each in counts:
        found.update(each)
    return found


def _sums(times: Iterable[tuple[Name, FixTimes]]) -> dict[Name, FixTimes]:
    found: dict[Name, FixTimes] = {}
    for name, each in times:
        found[name] = found.get(name, FixTimes()) + each
    return found


def badness(report: RepositoryReport) -> tuple[list[int], list[int], Repository]:
    """What to sort repositories by: the most findings of the worst severity, what runs first."""
    running, all_of_them = (
        [-counts.get(severity, 0) for severity in SEVERITIES]
        for counts in (report.running_counts, report.counts)
    )
    return running, all_of_them, report.repository
