"""The feeds: refreshed in the bucket once a day, and what they say of a fleet's findings."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from chalicelib.aws.kept_feeds import (
    KEYS,
    keep_states,
    read_exploitation,
    read_states,
    states_by_name,
    warning_of,
)
from chalicelib.fleet.model import Feed
from chalicelib.policy.feeds import (
    EPSS,
    KEV,
    MOST_BYTES,
    FeedError,
    FeedState,
    read_epss,
    read_kev,
)
from chalicelib.runtime import logs

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from chalicelib.aws.s3 import ReportBucket
    from chalicelib.ecr.findings import Finding
    from chalicelib.fleet.model import Comparison, RepositoryReport
    from chalicelib.fleet.report import FleetReport
    from chalicelib.policy.exploitation import Exploitation


def refresh(
    bucket: ReportBucket,
    addresses: dict[str, str],
    now: datetime,
    fetch: Callable[[str, int], bytes],
) -> tuple[FeedState, ...]:
    """Fetch each feed, by its name, and keep it in place of the last one if it is good.

    One that is not costs itself alone. What became of each is kept at once, so that it is not lost
    when the function ends while it fetches the next.

    Calls: s3:GetObject and s3:PutObject on ``fleet-reports/feeds/*``, s3:ListBucket.
    """
    kept = {state.name: state for state in read_states(bucket)}
    for name, address in addresses.items():
        before = kept.get(name, FeedState(name))
        try:
            kept[name] = _refreshed(bucket, before, fetch(address, MOST_BYTES[name]), now)
        except FeedError as error:
            kept[name] = replace(before, problem=str(error))
            logs.logger.warning("feed not taken", extra={"feed": name, "error": str(error)})
        keep_states(bucket, kept.values())
    return tuple(kept[name] for name in addresses)


def _refreshed(bucket: ReportBucket, before: FeedState, body: bytes, now: datetime) -> FeedState:
    if before.name == KEV:
        catalogue = read_kev(body, now)
        dated, entries = catalogue.dated, len(catalogue.added)
        body, kind = json.dumps(catalogue.added).encode(), "application/json"
    else:
        dated, scores = read_epss(body, now)
        entries = len(scores)
        body, kind = scores.packed(), "application/octet-stream"
    before.accepts(dated, entries)
    bucket.put(KEYS[before.name], body, kind)
    return FeedState(before.name, dated, now, entries)


class Feeds:
    """What the kept feeds say of findings, read once; what cannot be read is unknown."""

    def __init__(self, bucket: ReportBucket) -> None:
        self._states = states_by_name(bucket)
        self._exploitation = read_exploitation(bucket)

    def added_to(self, report: FleetReport) -> FleetReport:
        """The report, or a part of it, with what they say of its findings."""
        read = {KEV: self._exploitation.catalogue, EPSS: self._exploitation.scores}
        readable = {name: each for name, each in read.items() if each is not None}
        known = _Known(self._exploitation)
        return replace(
            report,
            repositories=tuple(known.in_repository(each) for each in report.repositories),
            comparison=report.comparison and known.in_comparison(report.comparison),
            feeds=tuple(
                Feed(state.name, state.dated, warning_of(state, report.generated_at, readable))
                for state in self._states.values()
            ),
        )


class _Known:
    """What is known of findings; repositories share most of them, which are looked up once."""

    def __init__(self, exploitation: Exploitation) -> None:
        self._exploitation = exploitation
        self._found: dict[int, Finding] = {}

    def in_repository(self, report: RepositoryReport) -> RepositoryReport:
        return replace(
            report,
            findings=tuple(map(self._of, report.findings)),
            accepted=tuple((self._of(finding), risk) for finding, risk in report.accepted),
            left_out={
                reason: tuple(map(self._of, findings))
                for reason, findings in report.left_out.items()
            },
        )

    def in_comparison(self, comparison: Comparison) -> Comparison:
        new, fixed = (
            tuple(replace(change, finding=self._of(change.finding)) for change in changes)
            for changes in (comparison.new, comparison.fixed)
        )
        return replace(comparison, new=new, fixed=fixed)

    def _of(self, finding: Finding) -> Finding:
        found = self._found.get(id(finding))
        if found is None:
            found = self._found[id(finding)] = self._exploitation.of(finding)
        return found
