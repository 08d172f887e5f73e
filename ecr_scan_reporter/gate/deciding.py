"""From an image's name to the verdict: which images are scanned, and what of that counts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from chalicelib.aws.ecr import RepositoryDeleted, TokenExpired
from chalicelib.aws.errors import AWS_ERRORS
from chalicelib.aws.kept_feeds import read_exploitation
from chalicelib.ecr.findings import merged
from chalicelib.ecr.indexes import platforms_of
from chalicelib.ecr.registries import RegistryAddress
from chalicelib.fleet.model import ImageScan, Repository, RepositoryReport
from chalicelib.notifying.events import ScanResult
from chalicelib.notifying.scope import rules_of
from chalicelib.policy.ages import earliest
from chalicelib.policy.due import unscannable
from chalicelib.policy.selection import newest_tagged
from chalicelib.runtime.backoff import DeadlineReached
from ecr_scan_reporter.gate.due_dates import NO_HISTORY, Record
from ecr_scan_reporter.gate.errors import wording_of
from ecr_scan_reporter.gate.verdict import Baseline, Policy, Verdict, judge, judge_new, with_ages

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chalicelib.ecr.findings import Finding
    from chalicelib.ecr.images import Image
    from chalicelib.policy.states import ReportedState
    from chalicelib.policy.thresholds import Thresholds
    from chalicelib.services import Services
    from ecr_scan_reporter.gate.limits import Limits
    from ecr_scan_reporter.gate.references import Reference
    from ecr_scan_reporter.gate.scans import Scans, Settled


class NotDecided(Exception):
    """Why an image cannot be judged at all."""


@dataclass(frozen=True)
class Platforms:
    """An image, and what is scanned of it: itself or, of an index, its platforms by digest."""

    image: Image
    names: Mapping[str, str]


class Gate:
    """Decides about images of one repository; ``scans`` are those of the repository.

    ``limits`` are in place of the settings' thresholds.
    """

    def __init__(
        self, reference: Reference, services: Services, scans: Scans, limits: Limits | None
    ) -> None:
        self._reference = reference
        self._services = services
        self._scans = scans
        self._limits = limits
        self._address = address_of(reference)
        self._registry = services.registry_of(self._address)
        account = reference.account or services.own_account
        self._place = Repository(account, self._registry.region, reference.repository)

    def decide(self, *, new_only: bool = False, against: str | None = None) -> Verdict:
        """The verdict; what goes wrong on the way leaves it undecided, and is its ``problem``.

        With ``new_only`` only those findings count that the image ``against`` has not, by default
        the repository's newest other tagged image. It is looked at where that may matter.
        """
        report = RepositoryReport(self._place)
        verdict = Verdict(
            self._reference.text, report, self._thresholds(self._services.settings.thresholds)
        )
        try:
            platforms = self._resolved(self._reference.target)
            verdict = replace(verdict, report=_named(self._place, platforms.image))
            verdict, policy = self._judged(platforms)
            if new_only and (verdict.crossed or verdict.exploitation_unknown):
                verdict = judge_new(verdict, self._baseline(platforms.image, against), policy)
        except NotDecided as why:
            return replace(verdict, problem=str(why))
        except RepositoryDeleted:
            return replace(verdict, problem=f"there is no repository {self._place.name}")
        except DeadlineReached:
            return replace(verdict, problem="ECR asked for a slower pace until the time was over")
        except (TokenExpired, *AWS_ERRORS) as error:
            return replace(verdict, problem=wording_of(error))
        return verdict

    def _resolved(self, target: str) -> Platforms:
        backoff, name = self._scans.backoff, self._place.name
        kind = "imageDigest" if target.startswith("sha256:") else "imageTag"
        found = self._registry.existing(name, [{kind: target}], backoff)
        if not found:
            raise NotDecided(f"there is no image {target} in {name}")
        [image] = found
        if not image.is_manifest_list:
            if reason := unscannable(image):
                raise NotDecided(f"{target} cannot be scanned: {reason}")
            return Platforms(image, {image.digest: image.platform})
        indexes = backoff.call(self._registry.index_entries, name, [image.digest])
        names = platforms_of(indexes.get(image.digest, ()))
        if not names:
            raise NotDecided(f"{target} is an index that lists no images")
        return Platforms(image, names)

    def _judged(self, platforms: Platforms) -> tuple[Verdict, Policy]:
        settled = self._scans.settle(platforms.names)
        unknown = {
            digest: f"{platforms.names[digest]} {each.why_unknown}".strip()
            for digest, each in settled.items()
            if each.why_unknown
        }
        scans = tuple(_scan(each) for each in settled.values())
        report = replace(_named(self._place, platforms.image), scans=scans)
        policy = self._policy(platforms.image)
        found = self._with_exploitation(_found(settled), policy.thresholds)
        verdict = judge(self._reference.text, report, found, unknown, policy)
        record = self._record(settled) if verdict.report.findings else Record()
        verdict = with_ages(verdict, record, policy)
        return replace(verdict, platforms=platforms.names), policy

    def _record(self, settled: Mapping[str, Settled]) -> Record:
        """What is on record of the repository: one Query, where there is a history."""
        record = Record(observed=_observed(settled), why_not=NO_HISTORY)
        if (kept := self._services.line_states) is None:
            return record

        def read() -> tuple[ReportedState, ...]:
            place = self._services.place_of(self._address, self._place.name)
            return tuple(kept.recall(place).states.values())

        try:
            record = replace(record, states=self._scans.backoff.call(read))
        except (DeadlineReached, *AWS_ERRORS) as error:
            why = wording_of(error) or "it asked for a slower pace until the time was over"
            return replace(record, why_not=f"the history was not read: {why}", unread=True)
        no_build = "no scan of the repository is on record yet"
        return replace(record, why_not="not in any build on record" if record.lines else no_build)

    def _with_exploitation(
        self, found: tuple[Finding, ...], thresholds: Thresholds
    ) -> tuple[Finding, ...]:
        """The findings with what the kept feeds say of them, where a threshold asks for it."""
        settings = self._services.settings
        if thresholds.kev is None and thresholds.epss is None:
            return found
        if not settings.feeds or settings.report_bucket_name is None:
            return found
        known = read_exploitation(self._services.report_bucket)
        return tuple(known.of(finding) for finding in found)

    def _policy(self, image: Image) -> Policy:
        """What the notifier holds a scan of this image against."""
        settings = self._services.settings
        rules = rules_of(self._scan_of(image), self._services, self._scans.backoff)
        return Policy(
            thresholds=self._thresholds(rules.thresholds(settings.thresholds)),
            filters=rules.finding_filters(settings.finding_filters),
            risks=self._services.accepted_risks,
            today=datetime.now(UTC).date(),
            sla=settings.sla_of(rules),
            fail_on_overdue=self._limits is not None and self._limits.overdue,
        )

    def _thresholds(self, otherwise: Thresholds) -> Thresholds:
        return otherwise if self._limits is None else self._limits.thresholds

    def _scan_of(self, image: Image) -> ScanResult:
        return ScanResult(
            account=self._place.account,
            region=self._place.region,
            repository=self._place.name,
            image_digest=image.digest,
            image_tags=image.tags,
            status="COMPLETE",
            severity_counts=None,
            time="",
        )

    def _baseline(self, image: Image, against: str | None) -> Baseline:
        target = against or self._newest_other(image)
        if target is None:
            return Baseline()
        platforms = self._resolved(target)
        settled = self._scans.settle(platforms.names)
        name = ", ".join(platforms.image.tags[:1]) or target
        known = [each for each in settled.values() if each.scan and each.scan.findings is not None]
        scans = tuple(map(_scan, settled.values()))
        if not RepositoryReport(self._place, scans=scans).known:
            return Baseline(name, None)
        times = [each.scan.completed_at for each in known if each.scan and each.scan.completed_at]
        return Baseline(name, _found(settled), min(times, default=None))

    def _newest_other(self, image: Image) -> str | None:
        """The digest of the newest tagged image that is not this one, nor an index of it."""
        reader = self._services.repository_images_of(self._address)
        images = reader.read(self._place.name, self._scans.backoff)
        own = next((each.index_digests for each in images if each.digest == image.digest), ())
        others = (each for each in images if each.digest not in {image.digest, *own})
        newest = newest_tagged(others)
        return newest.digest if newest else None


def address_of(reference: Reference) -> RegistryAddress:
    """The registry that an image's name says; the caller's own where it says none."""
    return RegistryAddress(reference.account, reference.region)


def _named(place: Repository, image: Image) -> RepositoryReport:
    return RepositoryReport(place, image.digest, image.tags, image.pushed_at)


def _scan(settled: Settled) -> ImageScan:
    scan = settled.scan
    if scan is None:
        return ImageScan(settled.digest)
    return ImageScan(settled.digest, scan.status, scan.completed_at, scan.description)


def _found(settled: Mapping[str, Settled]) -> tuple[Finding, ...]:
    """All that the scans found, each finding once, worst first."""
    scans = (each.scan for each in settled.values())
    return merged(finding for scan in scans if scan for finding in scan.findings or ())


def _observed(settled: Mapping[str, Settled]) -> dict[str, datetime]:
    """Since when Amazon Inspector knows of each finding, in the first platform that has it."""
    return earliest(
        (finding.key, finding.first_observed_at)
        for each in settled.values()
        for finding in (each.scan and each.scan.findings) or ()
        if finding.first_observed_at
    )
