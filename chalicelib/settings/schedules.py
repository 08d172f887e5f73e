"""How often the lister runs: EventBridge schedule expressions."""

import re

ACCEPTED_SCHEDULES = (
    "a rate (1 day, rate(12 hours)) or a cron expression of six fields, of which day of month"
    " or day of week is ? (cron(0 6 * * ? *))"
)

_RATE = re.compile(r"(?P<value>[1-9]\d*) +(?P<unit>minute|hour|day)s?", re.ASCII)
_RATE_CALL = re.compile(r"rate\((.*)\)")
_CRON_CALL = re.compile(r"cron\((.*)\)")
_CRON_FIELD = re.compile(r"[0-9A-Za-z*?,/#-]+", re.ASCII)


def schedule_expression(text: str) -> str:
    """Turn ``1 day``, ``rate(12 hours)`` or ``cron(0 6 * * ? *)`` into what EventBridge accepts.

    The unit of a rate is singular for 1 and plural otherwise, as EventBridge demands.
    Source: EventBridge user guide, "Schedule expressions".

    :raises ValueError: when the text is neither a rate nor a cron expression.
    """
    expression = _rate(text.strip()) or _cron(text.strip())
    if expression is None:
        raise ValueError(f"{text!r} is not a schedule; accepted: {ACCEPTED_SCHEDULES}")
    return expression


def _rate(text: str) -> str | None:
    call = _RATE_CALL.fullmatch(text)
    rate = _RATE.fullmatch((call[1] if call else text).strip())
    if rate is None:
        return None
    plural = "" if rate["value"] == "1" else "s"
    return f"rate({rate['value']} {rate['unit']}{plural})"


def _cron(text: str) -> str | None:
    call = _CRON_CALL.fullmatch(text)
    fields = call[1].split() if call else []
    if len(fields) != 6 or not all(_CRON_FIELD.fullmatch(field) for field in fields):
        return None
    if (fields[2] == "?") == (fields[4] == "?"):
        return None
    return f"cron({' '.join(fields)})"
