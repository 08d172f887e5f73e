"""What is new since a repository's tag was last reported, and whether that is worth a message."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from chalicelib.ecr.severities import SEVERITIES

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from chalicelib.ecr.findings import Finding

EVERY_SCAN, CHANGES, NEW_FINDINGS = "every-scan", "changes", "new-findings"
NOTIFY_MODES = (EVERY_SCAN, CHANGES, NEW_FINDINGS)
"""After which scans people are told: see :func:`is_news`."""


@dataclass(frozen=True)
class ReportedState:
    """What was last reported of a tag: the image that carried it, and its findings.

    ``name`` is what the tag's image was first called, which goes on from image to image, so that
    what is known of it elsewhere keeps its name. ``time`` is the scan's, in ISO 8601 of UTC.
    ``findings`` are severities by the finding's key.
    """

    name: str
    digest: str
    time: str
    status: str
    findings: Mapping[str, str]


@dataclass(frozen=True)
class Changes:
    """How an image's findings differ from those that its tag was last reported with.

    ``new`` are keys of findings, those whose severity got worse among them; ``fixed`` are
    severities by key of those that are gone. ``digest_before`` is that of the image which carried
    the tag then, and ``since`` when that was scanned; both are empty when the tag was never
    reported.
    """

    new: frozenset[str]
    fixed: Mapping[str, str] = field(default_factory=dict)
    unchanged: int = 0
    digest_before: str = ""
    since: str = ""

    @property
    def first(self) -> bool:
        """Whether nothing was known of the tag before."""
        return not self.since


def changes_since(before: ReportedState | None, findings: Iterable[Finding]) -> Changes:
    """Compare an image's findings with what was last reported of its tag."""
    found = {finding.key: finding.severity for finding in findings}
    if before is None:
        return Changes(new=frozenset(found))
    new = {key for key, level in found.items() if _is_worse(level, before.findings.get(key))}
    return Changes(
        new=frozenset(new),
        fixed={key: level for key, level in before.findings.items() if key not in found},
        unchanged=len(found) - len(new),
        digest_before=before.digest,
        since=before.time,
    )


def _is_worse(severity: str, before: str | None) -> bool:
    """Whether a severity is worse than it was; any is worse than none."""
    return before is None or SEVERITIES.index(severity) < SEVERITIES.index(before)


def state_to_compare(states: Collection[ReportedState], digest: str) -> ReportedState | None:
    """Of what is known of an image's tags, that which its findings are compared with.

    The last report of another image, which carried one of the tags before; if there is none, the
    last report of this image itself.
    """
    others = [state for state in states if state.digest != digest]
    return max(others or states, key=lambda state: state.time, default=None)


def is_news(mode: str, failed: bool, changes: Changes, before: ReportedState | None) -> bool:
    """Whether people are told, in that mode, of a scan that is to be reported.

    Of every scan; of scans whose findings changed, be it that some are gone; or of those with new
    findings. A scan that failed is news unless the last one that was reported failed as well.
    """
    if mode == EVERY_SCAN:
        return True
    if failed:
        return before is None or before.status != "FAILED"
    return bool(changes.new) or (mode == CHANGES and bool(changes.fixed))
