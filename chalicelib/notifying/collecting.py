"""What is kept of a report until it is published together with others."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Any

from chalicelib.ecr import finding_texts
from chalicelib.ecr.findings import counts_of
from chalicelib.notifying.texts import cut
from chalicelib.policy.ages import UNKNOWN_AGE
from chalicelib.policy.news import INVENTORY, NEWS, Flaw, News
from chalicelib.text.templating import link

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chalicelib.ecr.findings import Finding
    from chalicelib.notifying.report import Report

MOST_NEW = 1_000
"""The most new findings of one image that are named; the rest is counted."""


def news_of(report: Report, message: Mapping[str, Any], now: int, begun_at: int) -> News:
    """A report as news, collected ``now``; times are in seconds since the epoch.

    ``message`` is what is published of it by itself. What is reported first of an image that was
    pushed before the history had ``begun_at`` is part of an inventory.
    """
    result, changes = report.result, report.changes
    new = [each for each in report.findings or () if report.is_new(each)]
    return News(
        key=_key(report),
        kind=INVENTORY if report.is_first and 0 < report.pushed_at <= begun_at else NEWS,
        at=now,
        account=result.account,
        region=result.region,
        repository=result.repository,
        name=report.image,
        digest=result.image_digest,
        time=result.time,
        message=message,
        owner=report.owner,
        failed=result.failed,
        counts=None if report.counts is None else dict(report.counts),
        new=tuple(_flaw(finding, report) for finding in new[:MOST_NEW]),
        new_counts=counts_of(new),
        fixed=len(changes.fixed) if changes else 0,
        where_in_use=report.where_in_use,
        overdue=report.overdue,
        feed_warnings=tuple(map(cut, report.feed_warnings)),
    )


def _key(report: Report) -> str:
    """The same for the same news of the same event."""
    result, changes = report.result, report.changes
    parts = (result.place, result.image_digest, result.identity, changes and changes.fingerprint)
    return sha256("\n".join(map(str, parts)).encode(errors="surrogatepass")).hexdigest()[:32]


def _flaw(finding: Finding, report: Report) -> Flaw:
    return Flaw(
        identifier=cut(finding.identifier) or "unnamed",
        packages=cut(finding_texts.names_in(finding.package_names)),
        severity=finding.severity,
        fixed_in=cut(finding_texts.fixes(finding)),
        is_exploitable=finding.exploitable,
        url=link(finding.url),
        known_exploited=finding.known_exploited,
        epss=finding.epss,
        age=report.ages.get(finding.key, UNKNOWN_AGE),
    )
