"""What is reported about a scan, before it is worded for a channel."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING

from chalicelib.policy.ages import UNKNOWN_AGE
from chalicelib.policy.urgency import urgency
from chalicelib.text.ages import age

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from chalicelib.ecr.findings import Finding
    from chalicelib.notifying.assessment import Assessment
    from chalicelib.notifying.events import ScanResult
    from chalicelib.policy.accepted_risks import AcceptedRisk
    from chalicelib.policy.ages import Age
    from chalicelib.policy.changes import Changes
    from chalicelib.policy.states import Line
    from chalicelib.policy.thresholds import Thresholds
    from chalicelib.policy.urgency import Urgency


_SHORT_DIGEST = len("sha256:") + 12


@dataclass(frozen=True)
class About:
    """An image beside its scan: whose it is, for which platform, and which workloads run it.

    ``pushed_at`` is in seconds since the epoch, 0 where it is not known. ``ages`` are those of the
    findings, by key, as far as they are known.
    """

    owner: str = ""
    platform: str = ""
    pushed_at: int = 0
    where_in_use: tuple[str, ...] = ()
    ages: Mapping[str, Age] = field(default_factory=dict)


@dataclass(frozen=True)
class Report:
    """One scan: its findings that count, what is new among them, and why it is reported.

    ``name`` is what the image is called from scan to scan: its line, or where it is in none the
    repository and tag (or digest); ``image`` is what people know it by. ``findings`` are those
    shown, the most urgent first; None where they are not known. ``counts`` are the numbers shown,
    by severity; None where nothing is known of them, and where not all are, ``unlisted`` says how
    many findings there are of an unknown severity. ``crossed`` are the severities whose threshold
    is reached, worst first. ``accepted`` are the findings that are accepted risks, each with the
    entry that says so; ``expired`` the entries that would cover findings shown, had they not run
    out.
    ``left_out`` says how many findings the finding filters keep out, by reason. ``changes`` is None
    where the scan is compared with nothing, and ``is_first`` whether nothing was known of the line
    before. ``where_in_use`` names the workloads that run the image. ``owner`` is empty where nobody
    owns the repository, and ``pushed_at`` 0 where it is not known when the image was pushed. One
    that ``is_collected`` is published together with others. ``feed_warnings`` say which feeds of
    exploitation are stale or failed.
    """

    name: str
    result: ScanResult
    thresholds: Thresholds
    counts: Mapping[str, int] | None
    crossed: tuple[str, ...]
    findings: tuple[Finding, ...] | None = None
    accepted: tuple[tuple[Finding, AcceptedRisk], ...] = ()
    expired: tuple[AcceptedRisk, ...] = ()
    left_out: Mapping[str, int] = field(default_factory=dict)
    changes: Changes | None = None
    where_in_use: tuple[str, ...] = ()
    unlisted: int = 0
    image: str = ""
    owner: str = ""
    pushed_at: int = 0
    is_first: bool = False
    ages: Mapping[str, Age] = field(default_factory=dict)
    feed_warnings: tuple[str, ...] = ()
    is_collected: bool = False

    def age_of(self, finding: Finding) -> str:
        """``open 23 days, 16 overdue``, as of the scan; empty of what is not older than that."""
        found = self.ages.get(finding.key)
        if found is None:
            return ""
        days, left = found.days(self._day), found.days_left(self._day)
        return age(days or None, left)

    def days_of(self, finding: Finding) -> tuple[int | None, int | None]:
        """For how many days a finding is open, and overdue, as of the scan; None where unknown."""
        found = self.ages.get(finding.key)
        return (found.days(self._day), found.overdue_days(self._day)) if found else (None, None)

    @cached_property
    def overdue(self) -> int | None:
        """How many of the findings are overdue; None where no date is known of any."""
        days = [self.days_of(each)[1] for each in self.findings or ()]
        return sum(bool(each) for each in days) if any(each is not None for each in days) else None

    @property
    def _day(self) -> date:
        return _day_of(self.result)

    @property
    def title(self) -> str:
        """What people know the image by, and whether it runs."""
        running = ", running" if self.where_in_use else ""
        return f"{self.image or self.name}{running}"

    @property
    def new(self) -> tuple[Finding, ...]:
        """The findings that were not reported of this line before, the most urgent first."""
        return tuple(each for each in self.findings or () if self.is_new(each))

    @property
    def worst(self) -> str | None:
        """The worst severity whose threshold is reached; None for a scan that failed."""
        return self.crossed[0] if self.crossed else None

    @property
    def is_compared(self) -> bool:
        """Whether what was found is compared with anything that was reported before."""
        return self.changes is not None and not self.changes.first and not self.result.failed

    @cached_property
    def new_first(self) -> tuple[Finding, ...]:
        """The findings as they are listed: those that are new, and then the others."""
        return tuple(sorted(self.findings or (), key=lambda each: not self.is_new(each)))

    def is_new(self, finding: Finding) -> bool:
        """Whether a finding was not reported of this line before."""
        return self.changes is not None and finding.key in self.changes.new


def report_of(
    result: ScanResult,
    assessment: Assessment,
    line: Line | None,
    changes: Changes | None,
    about: About,
) -> Report:
    """The report of a scan that was weighed, and compared as far as it can be."""
    return Report(
        name=line_name(result.repository, line) if line else image_name(result),
        image=shown_name(result, line.tag if line else "", about.platform),
        result=result,
        thresholds=assessment.thresholds,
        counts=assessment.counts,
        unlisted=assessment.unlisted,
        crossed=assessment.crossed,
        findings=_most_urgent_first(result, assessment.findings, about),
        accepted=assessment.accepted,
        expired=assessment.expired,
        left_out={reason: len(found) for reason, found in assessment.left_out.items()},
        changes=None if result.failed else changes,
        where_in_use=about.where_in_use,
        owner=about.owner,
        pushed_at=about.pushed_at,
        is_first=changes is not None and changes.first,
        ages=about.ages,
        feed_warnings=assessment.feed_warnings,
    )


def _most_urgent_first(
    result: ScanResult, findings: tuple[Finding, ...] | None, about: About
) -> tuple[Finding, ...] | None:
    if findings is None:
        return None
    day = _day_of(result)

    def order(finding: Finding) -> Urgency:
        age = about.ages.get(finding.key, UNKNOWN_AGE)
        return urgency(finding, overdue=age.is_overdue(day))

    return tuple(sorted(findings, key=order))


def _day_of(result: ScanResult) -> date:
    return datetime.fromisoformat(result.time).astimezone(UTC).date()


def line_name(repository: str, line: Line) -> str:
    """What a line is called, such as ``payments/api:latest (linux/arm64)``."""
    tag = f":{line.tag}" if line.tag else ""
    platform = f" ({line.platform})" if line.platform else ""
    return f"{repository}{tag}{platform}"


def image_name(result: ScanResult) -> str:
    """What an image is called that is in no line: by its shortest tag, or by its digest."""
    return f"{result.repository}:{_tag(result)}" if result.image_tags else _by_digest(result)


def shown_name(result: ScanResult, tag: str, platform: str) -> str:
    """What people know an image by: its tag, or else a short digest, and platform, if it has any.

    ``tag`` is that of its line; without one it is the image's shortest.
    """
    tag = tag or _tag(result)
    name = (
        f"{result.repository}:{tag}"
        if tag
        else f"{result.repository}@{result.image_digest[:_SHORT_DIGEST]}"
    )
    return f"{name} ({platform})" if platform else name


def _tag(result: ScanResult) -> str:
    return min(result.image_tags, key=lambda tag: (len(tag), tag), default="")


def _by_digest(result: ScanResult) -> str:
    return f"{result.repository}@{result.image_digest}"
