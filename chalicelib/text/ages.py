"""For how long a finding has been open, and when it is due, in words."""

from __future__ import annotations

from chalicelib.text.templating import count_of


def age(days: int | None, days_left: int | None) -> str:
    """``open 23 days, 16 overdue`` or ``open 2 days, due in 5``, as far as it is known."""
    opened = "" if days is None else f"open {count_of(days, 'day')}"
    return ", ".join(filter(None, [opened, due(days_left)]))


def due(days_left: int | None) -> str:
    """``16 overdue``, ``due today`` or ``due in 5``; empty without a date."""
    if days_left is None:
        return ""
    if days_left < 0:
        return f"{-days_left:,} overdue"
    return f"due in {days_left:,}" if days_left else "due today"
