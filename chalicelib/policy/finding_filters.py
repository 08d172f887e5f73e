"""Which findings count: those with a fix, those of some score."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.ecr.findings import counts_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from chalicelib.ecr.findings import Finding

NO_FIX = "without a fix"
LOW_SCORE = "below the minimum score"


@dataclass(frozen=True)
class FindingFilters:
    """What a finding must have in order to count.

    With ``fixable_only`` the thresholds do not weigh findings of which the scanner says that there
    is no fix, and these are shown. With ``ignore_unfixed`` they are left out altogether, as are,
    with ``minimum_score`` (0 to 10), those with a lower score. A finding of which neither fix nor
    score is known is kept.
    """

    fixable_only: bool = False
    ignore_unfixed: bool = False
    minimum_score: float = 0.0

    def pass_through(
        self, findings: Iterable[Finding]
    ) -> tuple[tuple[Finding, ...], Mapping[str, tuple[Finding, ...]]]:
        """The findings that are shown, and those that are left out, by reason."""
        shown: list[Finding] = []
        left_out: dict[str, list[Finding]] = defaultdict(list)
        for finding in findings:
            reason = self._reason_against(finding)
            (left_out[reason] if reason else shown).append(finding)
        return tuple(shown), {reason: tuple(found) for reason, found in left_out.items()}

    def weighed(self, shown: Iterable[Finding]) -> dict[str, int]:
        """The counts by severity that the thresholds are compared with."""
        return counts_of(self.held(shown))

    def held(self, shown: Iterable[Finding]) -> tuple[Finding, ...]:
        """Those of the findings that are held against anything."""
        return tuple(each for each in shown if not (self.fixable_only and each.unfixed))

    def _reason_against(self, finding: Finding) -> str | None:
        if self.ignore_unfixed and finding.unfixed:
            return NO_FIX
        if finding.score is not None and finding.score < self.minimum_score:
            return LOW_SCORE
        return None
