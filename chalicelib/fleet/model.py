"""The fleet report: the open findings of every repository's newest image, and what was not seen.

Its JSON form is described by ``docs/schemas/fleet-report-1.json``.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from dataclasses import asdict, dataclass, field, replace
from datetime import date, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from chalicelib.ecr import finding_texts
from chalicelib.ecr.findings import FINDINGS_KNOWN, Finding, Package, counts_of, known_keys
from chalicelib.ecr.severities import SEVERITIES
from chalicelib.policy.accepted_risks import AcceptedRisk

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

Entry = TypeVar("Entry")

VERSION = "1"
"""The version of the JSON form; it changes when a reader of the present form would be misled."""

SCAN_FAILED = frozenset({"FAILED", "LIMIT_EXCEEDED"})
"""The scan statuses of images that a scan was asked for in vain."""

UNSUPPORTED = frozenset({"UNSUPPORTED_IMAGE", "IMAGE_SIZE_EXCEEDED"})
"""The scan statuses of images that ECR cannot scan."""


class ReportError(ValueError):
    """A text that is no fleet report: says what is wrong and what is accepted."""


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


@dataclass(frozen=True)
class ImageScan:
    """The last scan of an image; without a status there was none."""

    digest: str
    status: str | None = None
    scanned_at: datetime | None = None


@dataclass(frozen=True)
class NamedImages:
    """How many images there are of a kind, and the names (tag, or digest) of the first of them."""

    count: int = 0
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class RepositoryReport:
    """A repository, its newest tagged image and the findings of that.

    ``digest``, ``tags`` and ``pushed_at`` are those of the image or, where an index was tagged
    last, of the index; without an image the digest is empty. ``scans`` are the scans of the image
    or of the index's images, and ``findings`` what these found together, each once, worst first, as
    far as it counts. What does not is in ``accepted``, each with the entry that accepts it, and in
    ``left_out``, by the reason why a finding filter keeps it out.

    ``images`` counts what can be scanned in the repository, ``never_scanned`` and ``failed`` those
    of them without a scan and those whose scan failed, ``unsupported`` those that ECR cannot scan,
    among which are the attestations that an index lists like images. Where ECR's list of images
    tells no scans, as under AWS's own basic scanning, ``untold`` counts those of which nothing is
    known.
    """

    repository: Repository
    digest: str = ""
    tags: tuple[str, ...] = ()
    pushed_at: datetime | None = None
    scans: tuple[ImageScan, ...] = ()
    findings: tuple[Finding, ...] = ()
    accepted: tuple[tuple[Finding, AcceptedRisk], ...] = ()
    left_out: Mapping[str, tuple[Finding, ...]] = field(default_factory=dict)
    images: int = 0
    never_scanned: NamedImages = NamedImages()
    failed: NamedImages = NamedImages()
    unsupported: int = 0
    untold: int = 0

    @cached_property
    def counts(self) -> dict[str, int]:
        """The findings by severity, worst first; only those that occur."""
        return counts_of(self.findings)

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
    def known(self) -> bool:
        """Whether the findings of the newest image are known, all of them."""
        statuses = {scan.status for scan in self.scans}
        # Beside its images an index may list attestations, which look like images to ECR.
        return bool(statuses & FINDINGS_KNOWN) and statuses <= FINDINGS_KNOWN | UNSUPPORTED

    @property
    def status(self) -> str:
        """What became of the newest image's scans, in ECR's words; empty without an image."""
        statuses = dict.fromkeys(scan.status or "never scanned" for scan in self.scans)
        return ", ".join(statuses)

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


@dataclass(frozen=True)
class NotLookedAt:
    """A repository, or without a name a whole registry, that the report knows nothing of."""

    repository: Repository
    reason: str


@dataclass(frozen=True)
class Change:
    """A finding that came or went."""

    repository: Repository
    finding: Finding


@dataclass(frozen=True)
class Comparison:
    """What changed since an earlier report, in the repositories whose findings both know.

    ``new`` are the findings that count now and did not then, also those whose acceptance ran out;
    ``fixed`` those that counted then and are gone now, neither accepted nor left out.
    ``first_seen`` are the repositories whose findings only this report knows, ``last_seen`` those
    whose findings only the earlier one knew: deleted since, not looked at or not scanned.
    """

    since: datetime
    new: tuple[Change, ...] = ()
    fixed: tuple[Change, ...] = ()
    first_seen: tuple[Repository, ...] = ()
    last_seen: tuple[Repository, ...] = ()


@dataclass(frozen=True)
class FleetReport:
    """All repositories at one time; ``registries`` have an empty repository name.

    ``expired`` are the entries of the list of accepted risks that ran out and would cover findings.
    """

    generated_at: datetime
    registries: tuple[Repository, ...] = ()
    repositories: tuple[RepositoryReport, ...] = ()
    not_looked_at: tuple[NotLookedAt, ...] = ()
    expired: tuple[AcceptedRisk, ...] = ()
    comparison: Comparison | None = None

    def is_new(self, repository: Repository, finding: Finding) -> bool:
        """Whether a finding is among those that are new since the earlier report."""
        return (repository, finding.key) in self._new_keys

    @cached_property
    def _new_keys(self) -> frozenset[tuple[Repository, str]]:
        changes = self.comparison.new if self.comparison else ()
        return frozenset((change.repository, change.finding.key) for change in changes)

    @cached_property
    def totals(self) -> dict[str, int]:
        """The findings by severity, worst first; every severity, be there none."""
        found: Counter[str] = Counter()
        for repository in self.repositories:
            found.update(repository.counts)
        return {severity: found[severity] for severity in SEVERITIES}

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
        accepted = (
            Acceptance(each.repository, finding, risk)
            for each in self.repositories
            for finding, risk in each.accepted
        )
        return tuple(sorted(accepted, key=_importance))

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
        """The repositories whose newest image has no scan, or none that is complete."""
        return tuple(each for each in self.repositories if each.digest and not each.known)

    @property
    def without_image(self) -> tuple[RepositoryReport, ...]:
        """The repositories without a tagged image that can be scanned."""
        return tuple(each for each in self.repositories if not each.digest)

    @cached_property
    def worst(self) -> tuple[RepositoryReport, ...]:
        """The repositories with findings, those with the most of the worst severity first."""
        found = [repository for repository in self.repositories if repository.findings]
        return tuple(sorted(found, key=_badness))


def compare(report: FleetReport, earlier: FleetReport) -> FleetReport:
    """The report with what is new and what is fixed since the earlier one, worst first.

    Only findings that count are compared; what is accepted or left out now is not fixed by that.
    """
    before = {each.repository: each for each in earlier.repositories if each.known}
    now = {each.repository: each for each in report.repositories if each.known}
    new: list[Change] = []
    fixed: list[Change] = []
    for repository in before.keys() & now.keys():
        old, current = _by_key(before[repository]), _by_key(now[repository])
        known = known_keys(now[repository].all_findings, old.keys())
        new += (Change(repository, current[key]) for key in current.keys() - known.keys())
        # What is accepted or left out now is among those known, and so not fixed by that.
        fixed += (Change(repository, old[key]) for key in old.keys() - set(known.values()))
    comparison = Comparison(
        since=earlier.generated_at,
        new=_worst_changes(new),
        fixed=_worst_changes(fixed),
        first_seen=tuple(sorted(now.keys() - before.keys())),
        last_seen=tuple(sorted(before.keys() - now.keys())),
    )
    return replace(report, comparison=comparison)


def change_counts(changes: Iterable[Change]) -> dict[str, int]:
    """How many changed findings of each severity there are, worst first."""
    return counts_of(change.finding for change in changes)


def _by_key(repository: RepositoryReport) -> dict[str, Finding]:
    return {finding.key: finding for finding in repository.findings}


def _worst_changes(changes: Iterable[Change]) -> tuple[Change, ...]:
    return tuple(sorted(changes, key=_importance))


def _importance(of: Change | Acceptance) -> tuple[Any, ...]:
    return *of.finding.importance, *of.repository.place


def _badness(report: RepositoryReport) -> tuple[list[int], Repository]:
    return [-report.counts.get(severity, 0) for severity in SEVERITIES], report.repository


# The JSON form


def to_json(report: FleetReport) -> str:
    """The report as JSON; findings and entries are written once, and named by their number."""
    return json.dumps(_document(report), separators=(",", ":"))


def from_json(text: str | bytes) -> FleetReport:
    """Read what :func:`to_json` wrote.

    :raises ReportError: when the text is no fleet report of this version.
    """
    try:
        document = json.loads(text)
        version = document["version"]
        if version == VERSION:
            return _report(document)
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError) as error:
        raise ReportError(f"no fleet report: {_described(error)}") from error
    raise ReportError(f"version is {version!r}; accepted: a fleet report of version {VERSION!r}")


def _described(error: Exception) -> str:
    return f"{error} is missing" if isinstance(error, KeyError) else str(error)


class _Numbered(Generic[Entry]):
    """The different entries in the order in which they first occur, each with its number."""

    def __init__(self) -> None:
        self.numbers: dict[Entry, int] = {}

    def __call__(self, entry: Entry) -> int:
        return self.numbers.setdefault(entry, len(self.numbers))


def _document(report: FleetReport) -> dict[str, Any]:
    number, number_of_risk = _Numbered[Finding](), _Numbered[AcceptedRisk]()
    return {
        "version": VERSION,
        "generatedAt": report.generated_at.isoformat(),
        "registries": [
            {"account": registry.account, "region": registry.region}
            for registry in report.registries
        ],
        "totals": report.totals,
        "acceptedRiskCount": len(report.accepted),
        "leftOut": report.left_out,
        "repositories": [
            _repository_document(each, number, number_of_risk) for each in report.repositories
        ],
        "notLookedAt": [
            {**asdict(each.repository), "reason": each.reason} for each in report.not_looked_at
        ],
        "expiredRisks": [number_of_risk(entry) for entry in report.expired],
        "comparison": report.comparison and _comparison_document(report.comparison, number),
        "findings": [_finding_document(finding) for finding in number.numbers],
        "risks": [
            {**asdict(entry), "expires": entry.expires.isoformat()}
            for entry in number_of_risk.numbers
        ],
    }


def _repository_document(
    report: RepositoryReport, number: _Numbered[Finding], number_of_risk: _Numbered[AcceptedRisk]
) -> dict[str, Any]:
    return {
        **asdict(report.repository),
        "digest": report.digest,
        "tags": report.tags,
        "pushedAt": _text(report.pushed_at),
        "scans": [
            {"digest": scan.digest, "status": scan.status, "scannedAt": _text(scan.scanned_at)}
            for scan in report.scans
        ],
        "counts": report.counts,
        "findings": [number(finding) for finding in report.findings],
        "acceptedRisks": [
            {"finding": number(finding), "risk": number_of_risk(entry)}
            for finding, entry in report.accepted
        ],
        "leftOut": {
            why: [number(finding) for finding in findings]
            for why, findings in report.left_out.items()
        },
        "images": report.images,
        "neverScanned": asdict(report.never_scanned),
        "failed": asdict(report.failed),
        "unsupported": report.unsupported,
        "untold": report.untold,
    }


def _comparison_document(comparison: Comparison, number: _Numbered[Finding]) -> dict[str, Any]:
    def changes(found: Iterable[Change]) -> list[dict[str, Any]]:
        by_repository: dict[Repository, list[int]] = defaultdict(list)
        for change in found:
            by_repository[change.repository].append(number(change.finding))
        return [
            {**asdict(repository), "findings": numbers}
            for repository, numbers in by_repository.items()
        ]

    return {
        "since": comparison.since.isoformat(),
        "new": changes(comparison.new),
        "fixed": changes(comparison.fixed),
        "firstSeen": [asdict(repository) for repository in comparison.first_seen],
        "lastSeen": [asdict(repository) for repository in comparison.last_seen],
    }


def _finding_document(finding: Finding) -> dict[str, Any]:
    return {
        "id": finding.identifier,
        "severity": finding.severity,
        "package": finding_texts.packages(finding),
        "installedVersion": finding_texts.installed(finding),
        "fixedVersion": finding_texts.fixed(finding),
        "packages": [
            {
                "name": package.name,
                "installedVersion": package.version,
                "fixedVersion": package.fixed_version,
                "manager": package.manager,
                "filePath": package.file_path,
            }
            for package in finding.packages
        ],
        "occurrence": finding.occurrence,
        "score": finding.score,
        "epss": finding.epss,
        "url": finding.url,
        "description": finding.description,
        "relatedVulnerabilities": finding.related,
        "fixable": finding.fixable,
        "unfixed": finding.unfixed,
        "exploitable": finding.exploit_available,
    }


def _report(document: Mapping[str, Any]) -> FleetReport:
    findings = [_finding(values) for values in document["findings"]]
    # Reports from before accepted risks and finding filters were applied have nothing of these.
    risks = [_risk(values) for values in document.get("risks", ())]
    comparison = document["comparison"]
    return FleetReport(
        generated_at=_aware_time(document["generatedAt"]),
        registries=tuple(
            Repository(each["account"], each["region"], "") for each in document["registries"]
        ),
        repositories=tuple(
            _repository_report(each, findings, risks) for each in document["repositories"]
        ),
        not_looked_at=tuple(
            NotLookedAt(_repository(each), each["reason"]) for each in document["notLookedAt"]
        ),
        expired=tuple(risks[number] for number in document.get("expiredRisks", ())),
        comparison=comparison and _comparison(comparison, findings),
    )


def _repository_report(
    values: Mapping[str, Any], findings: list[Finding], risks: list[AcceptedRisk]
) -> RepositoryReport:
    return RepositoryReport(
        repository=_repository(values),
        digest=values["digest"],
        tags=tuple(values["tags"]),
        pushed_at=_time(values["pushedAt"]),
        scans=tuple(
            ImageScan(each["digest"], each["status"], _time(each["scannedAt"]))
            for each in values["scans"]
        ),
        findings=tuple(findings[number] for number in values["findings"]),
        accepted=tuple(
            (findings[each["finding"]], risks[each["risk"]])
            for each in values.get("acceptedRisks", ())
        ),
        left_out={
            why: tuple(findings[number] for number in numbers)
            for why, numbers in values.get("leftOut", {}).items()
        },
        images=values["images"],
        never_scanned=_named(values["neverScanned"]),
        failed=_named(values["failed"]),
        unsupported=values["unsupported"],
        untold=values["untold"],
    )


def _comparison(values: Mapping[str, Any], findings: list[Finding]) -> Comparison:
    def changes(key: str) -> tuple[Change, ...]:
        return _worst_changes(
            Change(_repository(each), findings[number])
            for each in values[key]
            for number in each["findings"]
        )

    return Comparison(
        since=_aware_time(values["since"]),
        new=changes("new"),
        fixed=changes("fixed"),
        first_seen=tuple(map(_repository, values["firstSeen"])),
        last_seen=tuple(map(_repository, values["lastSeen"])),
    )


def _finding(values: Mapping[str, Any]) -> Finding:
    fixable, unfixed = values["fixable"], values["unfixed"]
    finding = Finding(
        identifier=values["id"],
        severity=values["severity"],
        packages=_packages(values),
        score=values["score"],
        url=values["url"],
        description=values["description"],
        fix_available=True if fixable else False if unfixed else None,
        exploit_available=values["exploitable"],
        related=tuple(values.get("relatedVulnerabilities", ())),
        epss=values.get("epss"),
        occurrence=values.get("occurrence", 1),
    )
    if finding.severity not in SEVERITIES:
        raise ValueError(f"severity is {finding.severity!r}; accepted: {', '.join(SEVERITIES)}")
    return finding


def _packages(values: Mapping[str, Any]) -> tuple[Package, ...]:
    """The packages; of reports that have them as a text alone, as far as it tells them."""
    if "packages" in values:
        return tuple(
            Package(
                name=each["name"],
                version=each["installedVersion"],
                fixed_version=each["fixedVersion"],
                manager=each["manager"],
                file_path=each["filePath"],
            )
            for each in values["packages"]
        )
    names = values["package"].split(", ")
    if len(names) > 1:
        return tuple(sorted(map(Package, names)))
    package = Package(values["package"], values["installedVersion"], values["fixedVersion"])
    return (package,) if package != Package("") else ()


def _risk(values: Mapping[str, Any]) -> AcceptedRisk:
    return AcceptedRisk(
        reason=values["reason"],
        expires=date.fromisoformat(values["expires"]),
        vulnerability=values["vulnerability"],
        package=values["package"],
        repository=values["repository"],
        line=values["line"],
    )


def _repository(values: Mapping[str, Any]) -> Repository:
    return Repository(values["account"], values["region"], values["name"])


def _named(values: Mapping[str, Any]) -> NamedImages:
    return NamedImages(values["count"], tuple(values["names"]))


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def _time(text: str | None) -> datetime | None:
    return None if text is None else _aware_time(text)


def _aware_time(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone")
    return moment
