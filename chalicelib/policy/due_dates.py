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

ACCEPTED_DUE_TIMES = "times to fix by severity, such as CRITICAL=7d HIGH=30d"

_SEVERITY = f"({'|'.join(SEVERITIES)})"
# At most 9,999 of each unit, which the calendar has room for.
_DURATION = "(?=[0-9a-z]*[1-9])" + "".join(f"([0-9]{{1,4}}{unit})?" for unit in "mwdh")
_ONE = f"{_SEVERITY}={_DURATION}"
_TWICE = rf".*{_SEVERITY}=.* \1="

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
