"""Which findings of a repository count: neither accepted as risks nor left out by a filter."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date

    from chalicelib.ecr.findings import Finding
    from chalicelib.policy.accepted_risks import AcceptedRisk, AcceptedRisks
    from chalicelib.policy.finding_filters import FindingFilters


@dataclass(frozen=True)
class Counted:
    """Findings apart: those that count, and why the others do not.

    ``accepted`` are accepted risks, each with the entry that says so; ``left_out`` are those that a
    filter keeps out, by reason. ``expired`` are the entries that would cover a finding that counts,
    had they not run out.
    """

    findings: tuple[Finding, ...] = ()
    accepted: tuple[tuple[Finding, AcceptedRisk], ...] = ()
    left_out: Mapping[str, tuple[Finding, ...]] = field(default_factory=dict)
    expired: tuple[AcceptedRisk, ...] = ()


def counted(
    repository: str,
    findings: Iterable[Finding],
    risks: AcceptedRisks,
    filters: FindingFilters,
    today: date,
) -> Counted:
    """A repository's findings apart, on that day; each keeps its place in the order given."""
    open_findings, accepted, expired = risks.split(repository, findings, today)
    shown, left_out = filters.pass_through(open_findings)
    return Counted(shown, accepted, left_out, expired)
