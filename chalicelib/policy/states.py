"""The last reported state of a line: what is open in its image, and which channels reported it.

A line is a chain of builds that follow one another; see :mod:`chalicelib.policy.lines`. A state is
kept before anything of it is reported, and says finding by finding which channels have reported
it: one that failed gets what it lacks, and the others say nothing twice.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from chalicelib.policy.ledger import NOTHING, Ledger

if TYPE_CHECKING:
    from collections.abc import Mapping


FAILED = "FAILED"
NO_CHANNELS: frozenset[str] = frozenset()


class Line(NamedTuple):
    """A line of a repository: the tag that its builds share, if they do, and their platform.

    ``platform`` is ``os/architecture/variant``, and empty for an image that is in no index.
    """

    tag: str
    platform: str


@dataclass(frozen=True, slots=True)
class Known:
    """An open finding as it was last found, and the channels that have reported it so.

    ``found_at`` is the time of the scan that found it first.
    """

    severity: str
    found_at: str = ""
    fixable: bool = False
    exploitable: bool = False
    reported_by: frozenset[str] = NO_CHANNELS
    known_exploited: bool = False


@dataclass(frozen=True, slots=True)
class Closed:
    """A finding that is no longer open, and the channels that have yet to hear of that.

    It is ``fixed`` where a scan no longer finds it, and not where it is accepted or left out.
    """

    severity: str
    fixed: bool
    waiting: frozenset[str]


@dataclass(frozen=True)
class ReportedState:
    """What is known of a line.

    ``digest`` is the image's that was scanned last, ``whole`` that which the tag stands on: the
    same, or its index's. ``findings`` are the open ones by key; None where no scan has reported
    them. They were compared with those of a scan of ``digest_before`` at ``since``, for the event
    with that id. ``reported_at`` is the time of the last scan that people were notified of, and
    ``failure_reported_by`` are the channels that reported the last scan where that failed. A line
    that ``has_ended`` has no image; what was known of it is kept for one that takes it up again.

    ``version`` counts the changes and ``updated_at`` is when the last was made, in milliseconds
    since the epoch. It is ``mirrored`` where the channels that mirror open findings have them. What
    an image has is reported in one of its lines; it ``is_shadow`` in the others, whose states say
    the same, so that each of them knows what its next image is to be compared with. ``ledger`` says
    since when its findings are open, and what was fixed.
    """

    line: Line
    digest: str
    whole: str
    time: str
    status: str
    findings: Mapping[str, Known] | None = None
    closed: Mapping[str, Closed] = field(default_factory=dict)
    digest_before: str = ""
    since: str = ""
    event: str = ""
    reported_at: str = ""
    failure_reported_by: frozenset[str] = NO_CHANNELS
    has_ended: bool = False
    is_shadow: bool = False
    mirrored: bool = True
    version: int = 0
    updated_at: int = 0
    ledger: Ledger = NOTHING

    @property
    def open_findings(self) -> Mapping[str, Known]:
        """The findings that are known to be open, by key."""
        return self.findings or {}

    @property
    def is_mirrored_as_open(self) -> bool:
        """Whether mirrors are to have its findings as open."""
        return not self.has_ended and not self.is_shadow
