"""How often a function runs: EventBridge schedule expressions."""

import re

from chalicelib.text.shown import shown

ACCEPTED_SCHEDULES = (
    "a rate (1 day, rate(12 hours)) or a cron expression of six fields, of which day of month"
    " or day of week is ? (cron(0 6 * * ? *))"
)

_RATE = "(1 (minute|hour|day)|([2-9]|[1-9][0-9]{1,9}) (minutes|hours|days))"
_FIELD = "[0-9A-Za-z*?,/#-]+"
_DAY = r"(?!\? )" + _FIELD
_DAYS_AND_MONTH = rf"(\? {_FIELD} {_DAY}|{_DAY} {_FIELD} \?)"

SCHEDULE_PATTERN = rf"{_RATE}|rate\({_RATE}\)|cron\({_FIELD} {_FIELD} {_DAYS_AND_MONTH} {_FIELD}\)"
"""Of texts as a whole; of regular expressions as Python, Java and JavaScript know them."""


def schedule_expression(text: str) -> str:
    """Turn ``1 day``, ``rate(12 hours)`` or ``cron(0 6 * * ? *)`` into what EventBridge accepts.

    The unit of a rate is singular for 1 and plural otherwise, as EventBridge demands.
    Source: EventBridge user guide, "Schedule expressions".

    :raises ValueError: when the text is neither a rate nor a cron expression.
    """
    if not re.fullmatch(SCHEDULE_PATTERN, text):
        raise ValueError(f"{shown(text)} is not a schedule; accepted: {ACCEPTED_SCHEDULES}")
    return text if text.endswith(")") else f"rate({text})"
