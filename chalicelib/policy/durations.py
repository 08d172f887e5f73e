"""How old a scan may grow: durations such as ``7d`` or ``1m2w3d``."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from dateutil.relativedelta import relativedelta

from chalicelib.text.shown import shown

ACCEPTED_DURATIONS = (
    "months, weeks, days and hours in that order, each a whole number before m, w, d or h,"
    " more than zero in all (7d, 1m2w3d, 36h)"
)

_UNITS = ("months", "weeks", "days", "hours")

DURATION_PATTERN = "(?=.*[1-9])" + "".join(f"([0-9]+{unit[0]})?" for unit in _UNITS)
"""Of texts as a whole; of regular expressions as Python, Java and JavaScript know them."""

_DURATION = re.compile(DURATION_PATTERN)
_MOST_DIGITS = 12
_END_OF_TIME = datetime.max.replace(tzinfo=UTC)
_BEGINNING_OF_TIME = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Duration:
    """A positive span of calendar months, weeks, days and hours, and the text that gave it."""

    text: str
    units: Mapping[str, int] = field(repr=False, compare=False)

    @classmethod
    def parse(cls, text: str) -> "Duration":
        """Read a duration such as ``1m2w3d``.

        :raises ValueError: when the text is empty, zero, out of order or has anything else in it.
        """
        match = _DURATION.fullmatch(text)
        if match is None:
            raise ValueError(f"{shown(text)} is not a duration; accepted: {ACCEPTED_DURATIONS}")
        numbers = (_number(part[:-1]) if part else 0 for part in match.groups())
        return cls(text, dict(zip(_UNITS, numbers, strict=True)))

    def before(self, moment: datetime) -> datetime:
        """The aware UTC moment that lies this long before ``moment``."""
        try:
            return moment.astimezone(UTC) - relativedelta(**self.units)  # type: ignore[arg-type]
        except (ValueError, OverflowError):
            # Longer than the calendar reaches back: no scan is that old.
            return _BEGINNING_OF_TIME

    def after(self, moment: datetime) -> datetime:
        """The aware UTC moment that lies this long after ``moment``."""
        try:
            return moment.astimezone(UTC) + relativedelta(**self.units)  # type: ignore[arg-type]
        except (ValueError, OverflowError):
            # Longer than the calendar reaches.
            return _END_OF_TIME


def _number(digits: str) -> int:
    """The number, or a smaller one that is longer than the calendar all the same.

    Python refuses to read numbers of more than 4,300 digits.
    """
    return int(digits.lstrip("0")[:_MOST_DIGITS] or "0")
