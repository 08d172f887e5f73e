"""Numbers and switches in texts from outside, and how errors show what they were given."""

import re
from collections.abc import Sequence
from typing import Any

ACCEPTED_COUNTS = "a whole number, 0 or more"
ACCEPTED_POSITIVES = "a whole number, 1 or more"
ACCEPTED_SCORES = "a number from 0 to 10, such as 7.5"
ACCEPTED_SWITCHES = "true, false"

_SCORE = re.compile(r"\d{1,2}(\.\d{1,3})?", re.ASCII)
_MOST_CHARACTERS = 80
_MOST_NAMES = 10
_COUNT = re.compile(r"\d{1,18}", re.ASCII)


def parse_count(text: str) -> int:
    """Read a whole number, 0 or more; :raises ValueError: for anything else."""
    if not _COUNT.fullmatch(text):
        raise ValueError(text)
    return int(text)


def parse_positive(text: str) -> int:
    """Read a whole number, 1 or more; :raises ValueError: for anything else."""
    if not (number := parse_count(text)):
        raise ValueError(text)
    return number


def parse_switch(text: str) -> bool:
    """Read true or false; :raises ValueError: for anything else."""
    if text.lower() not in ("true", "false"):
        raise ValueError(text)
    return text.lower() == "true"


def parse_score(text: str) -> float:
    """Read a CVSS score, 0 to 10; :raises ValueError: for anything else."""
    if not _SCORE.fullmatch(text) or float(text) > 10:
        raise ValueError(text)
    return float(text)


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
