"""What the fleet report is made of: repositories, their newest images, and what changed."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from chalicelib.ecr.findings import counts_of
from chalicelib.ecr.scan_statuses import ScanKind, kind_of
from chalicelib.policy.ages import UNKNOWN_AGE, Age

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from chalicelib.ecr.findings import Finding
    from chalicelib.policy.accepted_risks import AcceptedRisk
    from chalicelib.policy.due_dates import DueTimes


@dataclass(frozen=True, order=True)
class Repository:
    """A repository, by account, region and name."""

    account: str
    region: str
    name: str

    @property
    def place(self) -> tuple[str, str, str]:
        """The three of them, which sort faster than the repositories."""
        return self.account, self.region, self.name

    @property
    def registry(self) -> Repository:
        """Its registry, which is named like a repository without a name."""
        return Repository(self.account, self.region, "")


@dataclass(frozen=True)
class ImageScan:
    """The last scan of an image; without a status there was none.

    ``description`` is what ECR says beside the status, such as why the scan failed. ``older`` is
    whether the image is not the newest, but there since it is ``in_use``.
    """

    digest: str
    status: str | None = None
    scanned_at: datetime | None = None
    description: str = ""
    older: bool = False
    in_use: bool = False

    @property
    def kind(self) -> ScanKind:
        """How the scan ended."""
        return kind_of(self.status, self.description)

    @property
    def is_settled(self) -> bool:
        """Whether it is known what the image has, which is nothing where ECR cannot scan it."""
        return self.kind is ScanKind.KNOWN or self.kind.cannot_be_scanned

    @property
    def outcome(self) -> str:
        """How the scan ended, in ECR's words."""
        described = f"{self.status} ({self.description})" if self.description else self.status
        return described or "never scanned"


@dataclass(frozen=True)
class NamedImages:
    """How many images there are of a kind, and the names (tag, or digest) of the first of them."""

    count: int = 0
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class OlderImage:
    """An image in use beside the newest one, or one that was the newest before.

    ``findings`` are the keys of those that it has and the newest has not.
    """

    digest: str
    tags: tuple[str, ...] = ()
    findings: frozenset[str] = frozenset()


@dataclass(frozen=True)
class FixTimes:
    """How many findings were fixed, and for how many seconds in all they had been open."""

    count: int = 0
    seconds: int = 0

    def __add__(self, other: FixTimes) -> FixTimes:
        return FixTimes(self.count + other.count, self.seconds + other.seconds)

    @property
    def mean_days(self) -> float | None:
        """The mean time to fix, in days; None where nothing was fixed."""
        return self.seconds / self.count / 86_400 if self.count else None


@dataclass(frozen=True)
class Point:
    """What a digest said in numbers: the open findings by severity, and how many were overdue.

    ``overdue`` is None where nothing said when findings are due.
    """

    at: datetime
    totals: Mapping[str, int]
    overdue: int | None = None


@dataclass(frozen=True)
class RepositoryReport:
    """A repository, its newest tagged image and those in use, and the findings of these.

    ``digest``, ``tags`` and ``pushed_at`` are those of the image or, where an index was tagged
    last, of the index; without an image the digest is empty. ``scans`` are the scans of the image
    or of the index's images, and of those in use, and ``findings`` what these found together, each
    once, worst first, as far as it counts. What does not is in ``accepted``, each with the entry
    that accepts it, and in ``left_out``, by the reason why a finding filter keeps it out.

    Where not all findings are known now and an earlier report knew them, ``as_of`` is when it did,
    and ``last_known`` are the keys of those that are as it knew them, beside what was found since.

    ``images`` counts what can be scanned in the repository, ``never_scanned`` and ``failed`` those
    of them without a scan and those whose scan failed, ``unsupported`` those that ECR cannot scan.
    ``untold`` counts those of which nothing is known: basic scanning tells of each image alone, so
    that only what is remembered, or looked at, is known.

    ``owner`` is who answers for the repository, empty where nobody does; ``running`` is where these
    images are in use, empty where it is known that none is. Both are None where that is not known.
    ``in_use`` are the keys of the findings that images in use have; unless ``uses_complete``, not
    all that says which these are could be read. ``older`` are those of these images that have
    findings which the newest has not, the newest of them first; with ``as_of`` also the image that
    was newest then. ``ages`` are by the key of a finding, of those of which anything is known.
    ``sla`` says how long findings may be open, where anything does.
    ``fixes`` are of what was fixed lately, by severity.
    """

    repository: Repository
    digest: str = ""
    tags: tuple[str, ...] = ()
    pushed_at: datetime | None = None
    scans: tuple[ImageScan, ...] = ()
    findings: tuple[Finding, ...] = ()
    accepted: tuple[tuple[Finding, AcceptedRisk], ...] = ()
    left_out: Mapping[str, tuple[Finding, ...]] = field(default_factory=dict)
    as_of: datetime | None = None
    last_known: frozenset[str] = frozenset()
    images: int = 0
    never_scanned: NamedImages = NamedImages()
    failed: NamedImages = NamedImages()
    unsupported: int = 0
    untold: int = 0
    owner: str | None = None
    running: tuple[str, ...] | None = None
    in_use: frozenset[str] = frozenset()
    uses_complete: bool = True
    older: tuple[OlderImage, ...] = ()
    ages: Mapping[str, Age] = field(default_factory=dict)
    fixes: Mapping[str, FixTimes] = field(default_factory=dict)
    sla: DueTimes | None = None

    def age_of(self, finding: Finding) -> Age:
        """Since when the finding is open here, and when it is due, as far as is known."""
        return self.ages.get(finding.key, UNKNOWN_AGE)

    def image_with(self, finding: Finding) -> OlderImage:
        """The image that has the finding: the newest one or, where that has it not, an older."""
        newest = OlderImage(self.digest, self.tags)
        return next((each for each in self.older if finding.key in each.findings), newest)

    def is_running(self, finding: Finding) -> bool | None:
        """Whether an image in use has the finding; None where that is not known."""
        if finding.key in self.in_use:
            return True
        return None if self.running is None or not self.in_use_complete else False

    @cached_property
    def undated(self) -> int:
        """Of how many findings that are due some day it is not known since when they are open."""
        times = self.sla.by_severity if self.sla else {}
        timed = (finding for finding in self.findings if finding.severity in times)
        return sum(self.age_of(finding).due is None for finding in timed)

    @cached_property
    def counts(self) -> dict[str, int]:
        """The findings by severity, worst first; only those that occur."""
        return counts_of(self.findings)

    @cached_property
    def running_counts(self) -> dict[str, int]:
        """Those of the findings that images in use have, by severity; only those that occur."""
        found = [each for each in self.findings if self.is_running(each)] if self.in_use else []
        return counts_of(found)

    @property
    def use_unknown_counts(self) -> dict[str, int]:
        """Those of which it is not known whether images in use have them, by severity."""
        if self.running is not None and self.in_use_complete:
            return {}
        return counts_of(each for each in self.findings if self.is_running(each) is None)

    @property
    def rows(self) -> Iterator[tuple[Finding, AcceptedRisk | None]]:
        """The findings that count and then those that are accepted, with the entry for these."""
        yield from ((finding, None) for finding in self.findings)
        yield from self.accepted

    @property
    def all_findings(self) -> Iterator[Finding]:
        """All that was found: what counts, what is accepted and what is left out."""
        yield from (finding for finding, _ in self.rows)
        for findings in self.left_out.values():
            yield from findings

    @property
    def keys(self) -> frozenset[str]:
        """The keys of all that was found."""
        return frozenset(finding.key for finding in self.all_findings)

    @property
    def settled(self) -> frozenset[str]:
        """The digests of the images of which it is known what they have."""
        return frozenset(scan.digest for scan in self.scans if scan.is_settled)

    @property
    def unaccepted(self) -> Iterator[Finding]:
        """What counts and what is left out."""
        yield from self.findings
        for findings in self.left_out.values():
            yield from findings

    def known_then(self, finding: Finding) -> datetime | None:
        """When a finding was last known that is not known now; None where it is."""
        return self.as_of if finding.key in self.last_known else None

    @property
    def known(self) -> bool:
        """Whether the findings of the newest image are known, all of them."""
        scans = [scan for scan in self.scans if not scan.older]
        # Beside others an index may list images of platforms that ECR cannot scan.
        any_known = any(scan.kind is ScanKind.KNOWN for scan in scans)
        return any_known and all(scan.is_settled for scan in scans)

    @property
    def newest_certain(self) -> bool:
        """Whether all findings of the newest image are known, or there is none to have any."""
        return self.known or not self.digest

    @property
    def in_use_complete(self) -> bool:
        """Whether it is known what images in use have, as far as anything looks for these."""
        return self.uses_complete and all(scan.is_settled for scan in self.scans if scan.in_use)

    @property
    def certain(self) -> bool:
        """Whether it is known what is open, in the newest image and in those in use."""
        return self.as_of is None and self.newest_certain and self.in_use_complete

    @property
    def status(self) -> str:
        """What became of the newest image's scans, in ECR's words; empty without an image."""
        return ", ".join(dict.fromkeys(each.outcome for each in self.scans if not each.older))

    @property
    def uncertainty(self) -> str:
        """Why it is not known what is open; empty where it is."""
        if self.certain:
            return ""
        if not self.newest_certain:
            return self.status or "no image to scan"
        unread = (scan.outcome for scan in self.scans if scan.in_use and not scan.is_settled)
        outcomes = ", ".join(dict.fromkeys(unread))
        return f"an image in use: {outcomes}" if outcomes else "images in use not known"

    @property
    def scanned_at(self) -> datetime | None:
        """When the oldest of the scans ended that the findings are from."""
        return min((scan.scanned_at for scan in self.scans if scan.scanned_at), default=None)

    @property
    def fixable(self) -> int | None:
        """How many of the findings have a fix; None where the scanner says it of none of them."""
        if self.findings and all(finding.fix_available is None for finding in self.findings):
            return None
        return sum(finding.fixable for finding in self.findings)


@dataclass(frozen=True)
class Acceptance:
    """A finding that is accepted in a repository, and the entry that accepts it."""

    repository: Repository
    finding: Finding
    risk: AcceptedRisk

    @property
    def importance(self) -> tuple[Any, ...]:
        """What to sort by: the worst first."""
        return *self.finding.importance, *self.repository.place


@dataclass(frozen=True)
class NotLookedAt:
    """A repository, or without a name a whole registry, that could not be read this time.

    ``looked_at`` is when it was last; None where that is not known.
    """

    repository: Repository
    reason: str
    looked_at: datetime | None = None


@dataclass(frozen=True)
class Feed:
    """A feed that says what is exploited: of when it is, and what is wrong with it, if anything."""

    name: str
    dated: datetime | None = None
    warning: str = ""


@dataclass(frozen=True)
class Change:
    """A finding that came or went."""

    repository: Repository
    finding: Finding

    @property
    def importance(self) -> tuple[Any, ...]:
        """What to sort by: the worst first."""
        return *self.finding.importance, *self.repository.place


@dataclass(frozen=True)
class Comparison:
    """What changed since an earlier report.

    ``new`` are the findings that count now and that the earlier report did not show, also those
    whose acceptance ran out; ``fixed`` those that it showed and that are known to be closed,
    neither accepted nor left out; with a repository that was deleted all that it had is fixed.
    ``first_seen`` are the repositories whose findings are known for the first time, and ``dropped``
    those that are not to be looked at any more, so that nothing is said of them.
    """

    since: datetime
    new: tuple[Change, ...] = ()
    fixed: tuple[Change, ...] = ()
    first_seen: tuple[Repository, ...] = ()
    dropped: tuple[Repository, ...] = ()
