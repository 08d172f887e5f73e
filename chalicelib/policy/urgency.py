"""What comes first: the one order of findings wherever people read them.

What runs, then what is known to be exploited, then what is overdue, then what is likely to be
exploited, then the severity. Unknown is neither yes nor no, and stands between them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from chalicelib.ecr.findings import Finding

LIKELY = (0.5, 0.1)
"""From which EPSS probability on a finding goes before others, whatever their severity.

Below the last, and where there is none, EPSS decides last of all: else a thousandth would go before
a severity.
"""


class Urgency(NamedTuple):
    """What to sort findings by, the most urgent first."""

    running: int
    exploited: int
    overdue: int
    likely: int
    severity: int
    others: tuple[Any, ...]

    @property
    def before_severity(self) -> tuple[int, int, int, int]:
        """What counts more than any severity."""
        return self[:4]


def urgency(
    finding: Finding, *, running: bool | None = None, overdue: bool | None = None
) -> Urgency:
    """Where a finding stands.

    ``running`` is whether the image that has the finding is in use, ``overdue`` whether its due
    date has passed; None where that is not known.
    """
    severity, score, unfixed, key = finding.importance
    return Urgency(
        *before_severity(running, finding.known_exploited, overdue, finding.epss),
        severity,
        (score, unfixed, -(finding.epss or 0.0), key),
    )


def before_severity(
    running: bool | None, exploited: bool | None, overdue: bool | None, epss: float | None
) -> tuple[int, int, int, int]:
    """What counts more than any severity; None is what is not known."""
    likely = sum((epss or 0.0) < bound for bound in LIKELY)
    return _rank(running), _rank(exploited), _rank(overdue), likely


def _rank(answer: bool | None) -> int:
    return 1 if answer is None else 0 if answer else 2
