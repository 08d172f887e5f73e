"""Until when findings are to be fixed: times by severity, such as ``CRITICAL=7d HIGH=30d``."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC
from typing import TYPE_CHECKING

from chalicelib.ecr.severities import SEVERITIES
from chalicelib.policy.durations import Duration

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date, datetime

ACCEPTED_DUE_TIMES = (
    "times to fix by severity, in days, weeks or months of four digits at most, such as"
    " CRITICAL=7d HIGH=1m"
)

_SEVERITY = f"({'|'.join(SEVERITIES)})"
_ONE = f"{_SEVERITY}=[1-9][0-9]{{0,3}}[mwd]"
_TWICE = rf".*{_SEVERITY}=[0-9]+[mwd] .*\1="

DUE_TIMES_PATTERN = f"(?!{_TWICE}){_ONE}( +{_ONE})*"
"""Of texts as a whole; of regular expressions as Python, Java and JavaScript know them."""


@dataclass(frozen=True)
class DueTimes:
    """How long findings of each severity may be open, and the text that gave it."""

    text: str
    by_severity: Mapping[str, Duration] = field(repr=False, compare=False)

    @classmethod
    def parse(cls, text: str) -> DueTimes:
        """Read :data:`ACCEPTED_DUE_TIMES`; :raises ValueError: for anything else."""
        if not re.fullmatch(DUE_TIMES_PATTERN, text):
            raise ValueError(text)
        parts = (part.split("=") for part in text.split())
        return cls(text, {severity: Duration.parse(time) for severity, time in parts})

    def due(self, severity: str, since: datetime) -> date | None:
        """On which day, in UTC, a finding is due that is open since then; None where on none."""
        duration = self.by_severity.get(severity)
        return None if duration is None else duration.after(since).astimezone(UTC).date()
