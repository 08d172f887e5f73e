"""How errors show what came from outside."""

from collections.abc import Sequence
from typing import Any

_MOST_CHARACTERS = 80
_MOST_NAMES = 10


def shown(value: Any) -> str:
    """A value as an error shows it: what comes from outside may be long, and nested deeply."""
    try:
        text = repr(value)
    except RecursionError:
        return "nested too deeply"
    return text if len(text) <= _MOST_CHARACTERS else f"{text[: _MOST_CHARACTERS - 3]}..."


def shown_names(names: Sequence[str]) -> str:
    """Names as an error shows them, the first ten of many."""
    listed = ", ".join(map(shown, names[:_MOST_NAMES]))
    more = len(names) - _MOST_NAMES
    return f"{listed} and {more} more" if more > 0 else listed
