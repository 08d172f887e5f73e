"""The feeds in the bucket: refreshed once a day, and read by what reports findings.

| Key below ``fleet-reports/feeds/`` | What it is |
| --- | --- |
| ``kev.json`` | the last good catalogue of CISA: since when each vulnerability is in it |
| ``epss.csv.gz`` | the last good EPSS scores, as FIRST publishes them |
| ``state.json`` | of when they are, when they were fetched, and how the last try went |
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from chalicelib.aws.errors import AWS_ERRORS
from chalicelib.fleet.model import Feed
from chalicelib.policy.exploitation import Exploitation, wanted
from chalicelib.policy.feeds import (
    EPSS,
    KEV,
    MOST_BYTES,
    FeedError,
    FeedState,
    packed,
    read_epss,
    read_kev,
    scores_of,
)
from chalicelib.runtime import logs

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from chalicelib.aws.s3 import ReportBucket
    from chalicelib.ecr.findings import Finding
    from chalicelib.fleet.model import Comparison, RepositoryReport
    from chalicelib.fleet.report import FleetReport

PREFIX = "fleet-reports/feeds/"
STATE_KEY = f"{PREFIX}state.json"
KEYS = {KEV: f"{PREFIX}kev.json", EPSS: f"{PREFIX}epss.csv.gz"}


def refresh(
    bucket: ReportBucket,
    addresses: dict[str, str],
    now: datetime,
    fetch: Callable[[str, int], bytes],
) -> tuple[FeedState, ...]:
    """Fetch each feed, by its name, and keep it in place of the last one if it is good.

    One that is not costs itself alone.

    Calls: s3:GetObject and s3:PutObject on ``fleet-reports/feeds/*``, s3:ListBucket.
    """
    kept = {state.name: state for state in read_states(bucket)}
    states = []
    for name, address in addresses.items():
        before = kept.get(name, FeedState(name))
        try:
            state = _refreshed(bucket, before, fetch(address, MOST_BYTES[name]), now)
        except FeedError as error:
            state = FeedState(name, before.dated, before.fetched, before.entries, str(error))
            logs.logger.warning("feed not taken", extra={"feed": name, "error": str(error)})
        states.append(state)
    bucket.put(STATE_KEY, _written(states), "application/json")
    return tuple(states)


def _refreshed(bucket: ReportBucket, before: FeedState, body: bytes, now: datetime) -> FeedState:
    if before.name == KEV:
        catalogue = read_kev(body, now)
        dated, entries = catalogue.dated, len(catalogue.added)
        body, kind = json.dumps(catalogue.added).encode(), "application/json"
    else:
        scores = read_epss(body, now)
        dated, entries = scores.dated, scores.entries
        body, kind = packed(body), "application/gzip"
    before.accepts(dated, entries)
    bucket.put(KEYS[before.name], body, kind)
    return FeedState(before.name, dated, now, entries)


def read_states(bucket: ReportBucket) -> tuple[FeedState, ...]:
    """What is kept of the feeds; nothing where there is none, or none that can be read."""
    try:
        document = json.loads(bucket.get(STATE_KEY) or "[]")
        return tuple(_state(each) for each in document)
    except (ValueError, KeyError, TypeError) as error:
        logs.logger.warning("state of feeds not read", extra={"error": str(error)})
        return ()


def read_exploitation(bucket: ReportBucket, wanted: Collection[str]) -> Exploitation:
    """What the kept feeds say of these vulnerabilities; nothing of a feed that cannot be read.

    Calls: s3:GetObject on ``fleet-reports/feeds/*``.
    """
    listed = _read(bucket, KEV, json.loads)
    scored = _read(bucket, EPSS, lambda body: scores_of(body, wanted)[1])
    catalogue = None if listed is None else frozenset(listed)
    return Exploitation(catalogue, scored)


class Feeds:
    """What the kept feeds say of a report's findings, read once; what cannot be read is unknown."""

    def __init__(self, report: FleetReport, bucket: ReportBucket) -> None:
        try:
            self._states = {state.name: state for state in read_states(bucket)}
        except AWS_ERRORS as error:
            logs.logger.warning("state of feeds not read", extra={"error": str(error)})
            problem = "its state cannot be read"
            self._states = {name: FeedState(name, problem=problem) for name in KEYS}
        findings = (finding for each in report.repositories for finding, _ in each.rows)
        self._exploitation = read_exploitation(bucket, wanted(findings))

    def added_to(self, report: FleetReport) -> FleetReport:
        """The report, or a part of it, with what they say of its findings."""
        known = _Known(self._exploitation)
        return replace(
            report,
            repositories=tuple(known.in_repository(each) for each in report.repositories),
            comparison=report.comparison and known.in_comparison(report.comparison),
            feeds=tuple(
                Feed(state.name, state.dated, state.warning(report.generated_at))
                for state in (self._states.get(name, FeedState(name)) for name in KEYS)
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


def _read(bucket: ReportBucket, name: str, parse: Callable[[bytes], Any]) -> Any:
    try:
        body = bucket.read(KEYS[name])
        return None if body is None else parse(body)
    except (ValueError, *AWS_ERRORS) as error:
        logs.logger.warning("feed not read", extra={"feed": name, "error": str(error)})
        return None


def _written(states: Iterable[FeedState]) -> str:
    return json.dumps(
        [
            {
                "name": state.name,
                "dated": state.dated and state.dated.isoformat(),
                "fetched": state.fetched and state.fetched.isoformat(),
                "entries": state.entries,
                "problem": state.problem,
            }
            for state in states
        ]
    )


def _state(values: dict[str, Any]) -> FeedState:
    dated, fetched = (
        None if text is None else datetime.fromisoformat(text)
        for text in (values["dated"], values["fetched"])
    )
    return FeedState(values["name"], dated, fetched, values["entries"], values["problem"])
