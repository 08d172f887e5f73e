"""What a scan found, and what of that counts: neither accepted nor left out."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING

from chalicelib.ecr.findings import continued, counts_of
from chalicelib.ecr.severities import SEVERITIES
from chalicelib.notifying.looked_up import looked_up
from chalicelib.policy.counting import counted
from chalicelib.policy.exploitation import Exploitation

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from chalicelib.ecr.findings import Finding
    from chalicelib.ecr.last_scans import ScanFindings
    from chalicelib.notifying.events import ScanResult
    from chalicelib.policy.accepted_risks import AcceptedRisk
    from chalicelib.policy.rules import Rules
    from chalicelib.policy.thresholds import Thresholds
    from chalicelib.runtime.backoff import Backoff
    from chalicelib.services import Services


@dataclass(frozen=True)
class Assessment:
    """A scan, weighed.

    ``findings`` are those that count, worst first; None where they are not known. ``counts`` are
    their numbers by severity, or those that the event gives; None where nothing is known of them,
    and where not all are, ``unlisted`` says how many findings there are of an unknown severity.
    ``crossed`` are the severities whose threshold is reached, worst first. ``accepted`` are the
    findings that are accepted risks, each with the entry that says so; ``expired`` the entries that
    would cover findings that count, had they not run out. ``left_out`` are the findings that
    filters keep out, by reason. ``ended_at`` is when the scan ended that found them, in seconds
    since the epoch; None where that is not known. ``feed_warnings`` say which feeds of exploitation
    are stale or failed.
    """

    thresholds: Thresholds
    counts: Mapping[str, int] | None
    crossed: tuple[str, ...]
    unlisted: int = 0
    findings: tuple[Finding, ...] | None = None
    accepted: tuple[tuple[Finding, AcceptedRisk], ...] = ()
    expired: tuple[AcceptedRisk, ...] = ()
    left_out: Mapping[str, tuple[Finding, ...]] = field(default_factory=dict)
    ended_at: int | None = None
    feed_warnings: tuple[str, ...] = ()

    def with_keys(self, known: Collection[str]) -> Assessment:
        """The same, with each finding by the key by which it is known already, if it is."""
        accepted = [finding for finding, _ in self.accepted]
        left_out = [finding for found in self.left_out.values() for finding in found]
        # In one go, so that no two findings take the same key.
        same = iter(continued((*(self.findings or ()), *accepted, *left_out), known))
        return replace(
            self,
            findings=None if self.findings is None else tuple(islice(same, len(self.findings))),
            accepted=tuple((next(same), entry) for _, entry in self.accepted),
            left_out={why: tuple(islice(same, len(f))) for why, f in self.left_out.items()},
        )

    @cached_property
    def exploited(self) -> frozenset[str]:
        """The keys of the findings by which a threshold of exploitation is reached."""
        return frozenset(
            finding.key for finding in self.thresholds.exploited_among(self.findings or ())
        )

    @property
    def may_cross(self) -> bool:
        """Whether findings of an unknown severity may reach a threshold."""
        return may_reach(self.thresholds, self.counts, self.unlisted)


def may_reach(thresholds: Thresholds, counts: Mapping[str, int] | None, unlisted: int) -> bool:
    """Whether findings whose severity is not known may reach a threshold.

    That is of those beyond ``counts``, or of any where nothing is known of the counts.
    """
    if counts is None:
        return bool(thresholds.by_severity())
    most = {severity: counts.get(severity, 0) + unlisted for severity in SEVERITIES}
    return bool(unlisted) and bool(thresholds.crossed_by(most))


def may_matter(result: ScanResult, thresholds: Thresholds) -> bool:
    """Whether the event does not rule a report out: what counts is never more than it says."""
    return (
        result.failed
        or result.finding_severity is not None
        or may_reach(thresholds, result.severity_counts, result.unlisted)
        or bool(thresholds.crossed_by(result.severity_counts or {}))
        or (thresholds.weigh_exploitation and result.number != 0)
    )


def assess(result: ScanResult, rules: Rules, services: Services, backoff: Backoff) -> Assessment:
    """Weigh a scan by the rules of its repository, with its findings where they can be read.

    :raises ClientError: and others, for then a later try may say what is to be reported.
    """
    thresholds = rules.thresholds(services.settings.thresholds)
    if result.failed:
        return Assessment(thresholds, {}, ())
    counts, number = result.severity_counts, result.number
    if number == 0:
        return Assessment(thresholds, counts, (), findings=())
    scan: ScanFindings | None = looked_up(
        "findings not readable",
        result,
        services,
        None,
        lambda ecr: ecr.scan_findings(result.repository, result.image_digest, backoff.call),
    )
    if scan is not None and scan.findings is not None and (scan.listed or not number):
        weighed = _weighed(result, rules, scan.findings, services)
        ended = scan.completed_at
        return replace(weighed, ended_at=None if ended is None else int(ended.timestamp()))
    # The findings are not readable, or are those of a later scan that is not done or failed.
    if scan is not None and scan.counts is not None and not result.counts_known:
        return _unread(result, thresholds, scan.counts)
    return _unread(result, thresholds, counts, result.unlisted)


def _exploitation(services: Services) -> Exploitation:
    """What the feeds say, where they are fetched."""
    if not services.settings.feeds or (feeds := services.kept_feeds) is None:
        return Exploitation()
    return feeds.exploitation()


def _unread(
    result: ScanResult,
    thresholds: Thresholds,
    counts: Mapping[str, int] | None,
    unlisted: int = 0,
) -> Assessment:
    """A scan of which only counts are known, if those."""
    at_least = {result.finding_severity: 1} if result.finding_severity else {}
    crossed = thresholds.crossed_by(at_least if counts is None else counts)
    return Assessment(thresholds, counts, crossed, unlisted)


def _weighed(
    result: ScanResult, rules: Rules, findings: tuple[Finding, ...], services: Services
) -> Assessment:
    settings = services.settings
    thresholds = rules.thresholds(settings.thresholds)
    finding_filters = rules.finding_filters(settings.finding_filters)
    today = datetime.now(UTC).date()
    known = _exploitation(services)
    findings = tuple(map(known.of, findings))
    apart = counted(result.repository, findings, services.accepted_risks, finding_filters, today)
    return Assessment(
        thresholds=thresholds,
        counts=counts_of(apart.findings),
        crossed=thresholds.crossed_by(finding_filters.weighed(apart.findings)),
        findings=apart.findings,
        accepted=apart.accepted,
        expired=apart.expired,
        left_out=apart.left_out,
        feed_warnings=known.warnings,
    )
