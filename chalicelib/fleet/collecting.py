"""Gathering the fleet report: a few calls a repository, several repositories at a time."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from chalicelib.aws.ecr import RepositoryDeleted, TokenExpired
from chalicelib.aws.errors import AWS_ERRORS, is_throttling, reason_of
from chalicelib.ecr.findings import merged, worst_first
from chalicelib.fleet.model import NotLookedAt, OlderImage, Repository, RepositoryReport
from chalicelib.fleet.report import FleetReport
from chalicelib.fleet.sources import RegistrySource, is_part_of, report_of
from chalicelib.fleet.weighing import Weighing
from chalicelib.policy.due import unscannable
from chalicelib.policy.selection import newest_tagged
from chalicelib.runtime import logs
from chalicelib.runtime.backoff import Backoff, DeadlineReached, Throttled
from chalicelib.runtime.patterns import names_matching

if TYPE_CHECKING:
    import re
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from chalicelib.aws.ecr import Registry
    from chalicelib.ecr.findings import Finding
    from chalicelib.ecr.images import Image
    from chalicelib.ecr.last_scans import ScanFindings
    from chalicelib.fleet.weighing import Weighed
    from chalicelib.runtime.deadline import Deadline
    from chalicelib.services import Services

AT_ONCE = 8
"""How many repositories are looked at at the same time."""

_NEVER = datetime.min.replace(tzinfo=UTC)

DELETED = "deleted since it was listed"
OUT_OF_TIME = "no time was left"


@dataclass(frozen=True)
class Gathered:
    """A report, and what it does not say of repositories.

    ``listed`` are all that there are in the registries that were read, also those that are left out
    by their names. ``owners`` are those of the repositories that were not looked at: empty for
    nobody, None where that is not known.
    """

    report: FleetReport
    listed: frozenset[Repository]
    owners: Mapping[Repository, str | None]


def gather_fleet(
    services: Services,
    deadline: Deadline,
    repositories_filter: re.Pattern[str] | None = None,
    sleep: Callable[[float], None] = time.sleep,
    earlier: FleetReport | None = None,
    advance: Callable[[int, int], None] = lambda _done, _of: None,
) -> Gathered:
    """Look at the newest tagged image of each repository in every registry that is covered.

    A repository takes one DescribeImages for 1,000 images, one Query for what is remembered of its
    scans (under enhanced scanning one ListCoverage for 200 images), and for each image looked at
    one DescribeImageScanFindings for 1,000 findings. What cannot be looked at is in the report,
    with the reason. What an earlier report did not reach, or looked at longest ago, is looked at
    first.

    Accepted risks and the finding filters apply as they do to the report of a scan.

    :raises DocumentNotRead: when the list of accepted risks cannot be read.
    :raises DocumentError: when there are errors in it.
    :raises PatternTooSlow: when matching the repositories' names takes too long.
    """
    gathering = _Gathering(
        Backoff(deadline, sleep),
        repositories_filter or services.settings.repositories_filter,
        # Read before anything is looked at, so that a wrong list fails at once.
        Weighing(services.accepted_risks, services.settings),
        earlier,
    )
    for address in services.settings.registries:
        gathering.add(RegistrySource(address, services))
    return gathering.gather(advance)


@dataclass(frozen=True)
class _Listed:
    source: RegistrySource
    repository: Repository


class _Gathering:
    def __init__(
        self,
        backoff: Backoff,
        repositories_filter: re.Pattern[str],
        weighing: Weighing,
        earlier: FleetReport | None,
    ) -> None:
        self._backoff = backoff
        self._filter = repositories_filter
        self._weighing = weighing
        self._registries: dict[Repository, RegistrySource] = {}
        self._listed: list[_Listed] = []
        self._not_looked_at: list[NotLookedAt] = []
        self._last_looks = earlier.last_looks if earlier else {}
        self._missed_before = {e.repository for e in earlier.not_looked_at} if earlier else set()
        self._all: set[Repository] = set()
        self._deleted: set[Repository] = set()
        # Images share most of their findings, which are kept once.
        self._findings: dict[Finding, Finding] = {}

    def add(self, source: RegistrySource) -> None:
        """Note a registry to look at."""
        self._registries[Repository(source.account, source.registry.region, "")] = source

    def _list(self, place: Repository, source: RegistrySource) -> None:
        """Note the registry's repositories, or that they cannot be listed."""
        try:
            names = self._backoff.call(_names, source.registry)
        except (DeadlineReached, *AWS_ERRORS) as error:
            self._not_looked_at.append(NotLookedAt(place, _why(error)))
            return
        listed = {replace(place, name=name) for name in names}
        self._all |= listed
        self._deleted |= {each for each in self._last_looks if each.registry == place} - listed
        for name in names_matching(self._filter, names):
            self._listed.append(_Listed(source, replace(place, name=name)))

    def gather(self, advance: Callable[[int, int], None]) -> Gathered:
        """Look at every repository of the registries."""
        for place in sorted(self._registries, key=lambda each: each not in self._missed_before):
            self._list(place, self._registries[place])
        # What the last report did not reach comes first, so that everything has its turn.
        order = sorted(self._listed, key=lambda e: self._last_looks.get(e.repository, _NEVER))
        looks = dict(zip(order, self._look_at_all(order, advance), strict=True))
        seen = [looks[each] for each in self._listed]
        missed = [each for each in seen if isinstance(each, NotLookedAt)]
        report = FleetReport(
            generated_at=datetime.now(UTC).replace(microsecond=0),
            registries=tuple(self._registries),
            repositories=tuple(each for each in seen if isinstance(each, RepositoryReport)),
            not_looked_at=tuple(self._not_looked_at + missed),
            expired=self._weighing.expired,
            deleted=tuple(sorted(self._deleted)),
            as_of_today=self._as_of_today,
        )
        owners = {
            look.repository: listed.source.histories.owner_of(look.repository.name)
            for listed, look in looks.items()
            if isinstance(look, NotLookedAt)
        }
        return Gathered(report, frozenset(self._all), owners)

    def _as_of_today(self, report: RepositoryReport) -> Weighed:
        """What was known of a repository, weighed and dated by today's rules."""
        source = self._registries.get(report.repository.registry)
        if source is None:
            return report, ()
        found = replace(report, findings=worst_first(report.all_findings))
        weighed, expired = self._weighing.weigh_apart(found)
        return source.histories.dated(weighed), expired

    def _look_at_all(
        self, order: Sequence[_Listed], advance: Callable[[int, int], None]
    ) -> Iterator[RepositoryReport | NotLookedAt]:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            try:
                for done, look in enumerate(pool.map(self._look_at, order), start=1):
                    advance(done, len(order))
                    yield look
            except BaseException:
                # Whoever interrupts does not wait for what was not begun.
                pool.shutdown(cancel_futures=True)
                raise

    def _look_at(self, listed: _Listed) -> RepositoryReport | NotLookedAt:
        try:
            return self._look_into(listed)
        except (DeadlineReached, RepositoryDeleted, TokenExpired, *AWS_ERRORS) as error:
            return self._missed(listed.repository, _why(error))
        except Exception as error:
            # Whatever is wrong with one repository, the others are looked at.
            extra = {"repository": listed.repository.name}
            logs.logger.exception("repository not looked at", extra=extra)
            return self._missed(listed.repository, f"failed ({type(error).__name__})")

    def _missed(self, repository: Repository, reason: str) -> NotLookedAt:
        return NotLookedAt(repository, reason, self._last_looks.get(repository))

    def _look_into(self, listed: _Listed) -> RepositoryReport:
        source, name = listed.source, listed.repository.name
        images = source.images(name, self._backoff)
        newest = newest_tagged(each for each in images if source.resolves(each))
        if newest is not None and newest.is_manifest_list:
            source.check_index(name, newest, images, self._backoff)
        known = source.known(name, self._backoff)
        history = source.histories.of(name, self._backoff).with_seen(known.seen)
        in_use = history.in_use.keys()
        # An index may list what is no image, or is not in the repository any more.
        wanted = [image for image in images if unscannable(image) is None]
        parts = {each.digest for each in wanted if newest is not None and is_part_of(each, newest)}
        wanted = [each for each in wanted if each.digest in parts or each.digest in in_use]
        scanned = {
            each.digest: source.registry.scan_findings(name, each.digest, self._backoff.call)
            for each in wanted
        }
        findings = self._together(scanned)
        running = self._together({each: scanned[each] for each in in_use & scanned.keys()})
        others = [each for each in wanted if each.digest not in parts]
        older = _older(others, scanned, parts)
        with_some = [each.digest for each in others if _keys(scanned[each.digest])]
        history = source.histories.with_older(history, name, with_some, self._backoff)
        report = report_of(listed.repository, images, newest, scanned, known.scans)
        report = replace(
            report,
            scans=tuple(
                replace(each, older=each.digest not in parts, in_use=each.digest in in_use)
                for each in report.scans
            ),
            findings=findings,
            in_use=frozenset(finding.key for finding in running),
            uses_complete=history.uses is None or history.uses.complete,
            older=older,
        )
        return source.histories.added_to(self._weighing.weigh(report), history)

    def _together(self, scanned: dict[str, ScanFindings | None]) -> tuple[Finding, ...]:
        """What the scans found, each finding once, worst first.

        Without when it was observed, which differs from image to image.
        """
        found = merged(f for scan in scanned.values() if scan for f in scan.findings or ())
        alike = (replace(each, first_observed_at=None, last_observed_at=None) for each in found)
        return tuple(self._findings.setdefault(finding, finding) for finding in alike)


def _older(
    images: Iterable[Image], scanned: Mapping[str, ScanFindings | None], newest: Iterable[str]
) -> tuple[OlderImage, ...]:
    """The images that have findings which the newest one's have not, the newest of them first."""
    keys = {digest: _keys(scan) for digest, scan in scanned.items()}
    known = frozenset(key for digest in newest for key in keys[digest])
    return tuple(
        OlderImage(image.digest, image.all_tags, found)
        for image in sorted(images, key=lambda each: each.pushed_at or _NEVER, reverse=True)
        if (found := frozenset(keys[image.digest] - known))
    )


def _keys(scan: ScanFindings | None) -> set[str]:
    return {finding.key for finding in scan.findings or ()} if scan else set()


def _names(registry: Registry) -> list[str]:
    try:
        return [*registry.repositories()]
    except AWS_ERRORS as error:
        if is_throttling(error):
            raise Throttled(str(error)) from error
        raise


def _why(error: Exception) -> str:
    if isinstance(error, DeadlineReached):
        return OUT_OF_TIME
    return DELETED if isinstance(error, RepositoryDeleted) else reason_of(error)
