"""What is new to a channel in the state of a line, and whether that is worth a message."""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING

from chalicelib.policy.states import FAILED

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from chalicelib.policy.states import ReportedState

EVERY_SCAN, CHANGES, NEW_FINDINGS = "every-scan", "changes", "new-findings"
NOTIFY_MODES = (EVERY_SCAN, CHANGES, NEW_FINDINGS)
"""After which scans people are notified: see :func:`is_news`."""

CURRENT, ALL = "current", "all"
REPORTED_IMAGES = (CURRENT, ALL)
"""Of which images people are notified: see :mod:`chalicelib.policy.current`."""


@dataclass(frozen=True)
class Changes:
    """How an image's findings differ from those that were reported of its line before.

    ``new`` are keys of findings, with those that got worse, fixable or exploitable; ``fixed`` are
    severities by key of those that were reported and that a scan no longer finds.
    ``digest_before`` is the image that was scanned before, and ``since`` when; both are empty where
    nothing is known of the line.
    """

    new: frozenset[str]
    fixed: Mapping[str, str] = field(default_factory=dict)
    unchanged: int = 0
    digest_before: str = ""
    since: str = ""

    @property
    def first(self) -> bool:
        """Whether nothing was known of the line before."""
        return not self.since

    @property
    def fingerprint(self) -> str:
        """What tells one set of new and fixed findings from another; empty where there are none."""
        if not self.new and not self.fixed:
            return ""
        keys = "\n".join((*sorted(self.new), "", *sorted(self.fixed)))
        return sha256(keys.encode(errors="surrogatepass")).hexdigest()[:16]


def changes_for(channel: str, state: ReportedState) -> Changes:
    """What is new to a channel in a line's state."""
    findings = state.open_findings
    new = frozenset(key for key, each in findings.items() if channel not in each.reported_by)
    return Changes(
        new=new,
        fixed={
            key: each.severity
            for key, each in state.closed.items()
            if each.fixed and channel in each.waiting
        },
        unchanged=len(findings) - len(new),
        digest_before=state.digest_before,
        since=state.since,
    )


def is_news(
    mode: str,
    channel: str,
    state: ReportedState,
    changes: Changes,
    crossed: Collection[str],
    exploited: Collection[str] = (),
    *,
    is_rescan: bool = False,
) -> bool:
    """Whether a channel is notified of a scan, in that mode.

    Of every scan that reaches a threshold; or of one that found, of a severity whose threshold is
    reached (``crossed``) or among the findings that reach one of exploitation (``exploited``, by
    key), what is new to the channel; in the mode ``changes`` also of one that no
    longer finds what the channel has reported. A scan that failed is news unless the channel has
    reported that the line's last scan failed. An event that ``is_rescan`` tells of no scan of its
    own: it is news in no mode but for its changes.
    """
    every_scan = mode == EVERY_SCAN and not is_rescan
    if state.status == FAILED:
        return every_scan or channel not in state.failure_reported_by
    if every_scan and (crossed or exploited):
        return True
    if any(key in exploited or state.open_findings[key].severity in crossed for key in changes.new):
        return True
    return mode == CHANGES and bool(changes.fixed)
