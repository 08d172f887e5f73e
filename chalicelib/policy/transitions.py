"""What becomes of a line's state: by a scan of its image, and as lines end and share images."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from chalicelib.ecr.severities import SEVERITIES
from chalicelib.policy.ages import earliest
from chalicelib.policy.ledger import NOTHING, Ledger, Observation, joined, with_scan
from chalicelib.policy.states import FAILED, NO_CHANNELS, Closed, Known, Line, ReportedState

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from chalicelib.ecr.findings import Finding


@dataclass(frozen=True)
class Scan:
    """A scan whose findings are known; ``event`` is the id of the event that reported it.

    ``accepted`` and ``left_out`` are the findings that do not count. ``ended_at`` is when the scan
    ended that the findings are of, in seconds since the epoch; None where only ``time`` is known.
    """

    digest: str
    whole: str
    time: str
    status: str
    event: str
    findings: tuple[Finding, ...]
    accepted: tuple[Finding, ...] = ()
    left_out: tuple[Finding, ...] = ()
    ended_at: int | None = None

    @property
    def apart(self) -> frozenset[str]:
        """The keys of the findings that do not count."""
        return frozenset(finding.key for finding in (*self.accepted, *self.left_out))


def after_scan(
    line: Line,
    before: ReportedState | None,
    bases: Sequence[ReportedState],
    scan: Scan,
    mirrors: frozenset[str] = NO_CHANNELS,
) -> ReportedState:
    """The line's state after a scan of its image.

    ``before`` is the line's own state, ``bases`` are the states that the findings are compared
    with: the first that knows a finding says whether it is new, and what the very first knows and
    the scan no longer finds is fixed. ``mirrors`` are the channels that mirror open findings.
    """
    known = {key: each for base in reversed(bases) for key, each in base.open_findings.items()}
    findings = {each.key: _found(each, known.get(each.key), scan) for each in scan.findings}
    base = bases[0] if bases else None
    state = ReportedState(
        line, scan.digest, scan.whole, scan.time, scan.status, findings, event=scan.event
    )
    if base is not None:
        again = base is before and before.event == scan.event
        state = replace(
            state,
            digest_before=base.digest_before if again else base.digest,
            since=base.since if again else base.time,
            reported_at=base.reported_at,
        )
    if before is not None:
        is_late = before.digest == scan.digest and before.time > scan.time
        state = replace(
            state,
            time=before.time if is_late else scan.time,
            version=before.version,
            updated_at=before.updated_at,
        )
    closed = _closed(before, base, mirrors, scan.apart)
    closed = {key: each for key, each in closed.items() if key not in findings}
    history = before or base
    ledger = history.ledger if history else NOTHING
    ledger = with_scan(ledger, observation(scan, _since(bases, ledger)))
    return replace(state, closed=closed, mirrored=not mirrors, ledger=ledger)


def after_failure(line: Line, before: ReportedState | None, scan: Scan) -> ReportedState:
    """The line's state after a scan that failed: what was known before, and that it failed."""
    if before is None:
        return ReportedState(line, scan.digest, scan.whole, scan.time, FAILED, event=scan.event)
    reported_by = before.failure_reported_by if before.status == FAILED else NO_CHANNELS
    return replace(before, status=FAILED, event=scan.event, failure_reported_by=reported_by)


def ended(state: ReportedState, mirrors: frozenset[str] = NO_CHANNELS) -> ReportedState:
    """The state of a line that has no image any more; nothing of it is open."""
    return replace(state, has_ended=True, closed=_closed(state, None, mirrors))


def shadowed(state: ReportedState, mirrors: frozenset[str] = NO_CHANNELS) -> ReportedState:
    """The state of a line whose image is reported in another one."""
    return replace(state, is_shadow=True, closed=_closed(state, None, mirrors))


def promoted(state: ReportedState, mirrors: frozenset[str] = NO_CHANNELS) -> ReportedState:
    """The state of a line in which its image is reported from now on."""
    closed = {key: each for key, each in state.closed.items() if key not in state.open_findings}
    return replace(state, is_shadow=False, closed=closed, mirrored=not mirrors)


def shadow_of(
    state: ReportedState,
    line: Line,
    before: ReportedState | None,
    mirrors: frozenset[str] = NO_CHANNELS,
) -> ReportedState:
    """The state of another line of the same image, in place of what that had ``before``."""
    return replace(
        state,
        line=line,
        is_shadow=True,
        mirrored=True,
        closed=_closed(before, None, mirrors),
        ledger=joined(state.ledger, before.ledger) if before else state.ledger,
        version=before.version if before else 0,
        updated_at=before.updated_at if before else 0,
    )


def _found(finding: Finding, known: Known | None, scan: Scan) -> Known:
    """A finding of a scan: news to every channel where it is new, or matters more than before."""
    # What a scan could not ask the catalogue is as it was.
    is_listed = finding.known_exploited
    if is_listed is None and known is not None:
        is_listed = known.known_exploited
    found = Known(
        finding.severity,
        scan.time,
        finding.fixable,
        finding.exploitable,
        known_exploited=bool(is_listed),
    )
    if known is None:
        return found
    matters_more = (
        is_worse(found.severity, known.severity)
        or (found.fixable and not known.fixable)
        or (found.exploitable and not known.exploitable)
        or (found.known_exploited and not known.known_exploited)
    )
    reported_by = NO_CHANNELS if matters_more else known.reported_by
    return replace(found, found_at=known.found_at, reported_by=reported_by)


def _since(bases: Sequence[ReportedState], ledger: Ledger) -> dict[str, int]:
    """Since when states have findings open that the ledger does not have."""
    return earliest(
        (key, entry.open_since if entry else _seconds(known.found_at))
        for base in bases
        for key, known in base.open_findings.items()
        if key not in ledger.entries and ((entry := base.ledger.entries.get(key)) or known.found_at)
    )


def observation(scan: Scan, observed: Mapping[str, int]) -> Observation:
    """A scan for the ledger; ``observed`` says of findings since when they are known otherwise."""
    found = (*scan.findings, *scan.accepted, *scan.left_out)
    by_scanner = (
        (finding.key, int(finding.first_observed_at.timestamp()))
        for finding in found
        if finding.first_observed_at is not None
    )
    return Observation(
        at=_seconds(scan.time) if scan.ended_at is None else scan.ended_at,
        found={finding.key: finding.severity for finding in found},
        accepted=frozenset(finding.key for finding in scan.accepted),
        left_out=frozenset(finding.key for finding in scan.left_out),
        observed=earliest((*observed.items(), *by_scanner)),
    )


def _seconds(time: str) -> int:
    return int(datetime.fromisoformat(time).timestamp())


def _closed(
    before: ReportedState | None,
    base: ReportedState | None,
    mirrors: frozenset[str],
    apart: frozenset[str] = frozenset(),
) -> dict[str, Closed]:
    """What was known as open or closed, as closed; some of it may be open again.

    People hear of what they were notified of, mirrors of what is open in the line by its own state.
    """
    closed = dict(before.closed) if before else {}

    def close(key: str, known: Known, waiting: frozenset[str]) -> None:
        if waiting:
            earlier = closed[key].waiting if key in closed else NO_CHANNELS
            closed[key] = Closed(known.severity, key not in apart, earlier | waiting)

    for key, known in (base.open_findings if base else {}).items():
        close(key, known, known.reported_by)
    if before is not None and before.is_mirrored_as_open:
        for key, known in before.open_findings.items():
            close(key, known, mirrors)
    return closed


def is_worse(severity: str, before: str) -> bool:
    """Whether a severity is worse than another."""
    return SEVERITIES.index(severity) < SEVERITIES.index(before)
