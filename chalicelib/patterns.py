"""Regular expressions from outside."""

import re

ACCEPTED_PATTERNS = "a Python regular expression"


def parse_pattern(text: str) -> re.Pattern[str]:
    """Compile a regular expression.

    :raises ValueError: when it does not compile, saying why.
    """
    try:
        return re.compile(text)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"{text!r} is not {ACCEPTED_PATTERNS}: {error}") from error
