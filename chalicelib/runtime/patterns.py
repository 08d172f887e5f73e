"""Regular expressions from outside."""

import re
import signal
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from chalicelib.text.shown import shown

ACCEPTED_PATTERNS = "a Python regular expression"

LONGEST_PATTERN = 1024
"""In characters: compiling takes time that grows with the length."""

MATCHING_SECONDS = 2.0
"""How long compiling, and matching all names, may take: ordinary patterns need milliseconds."""

_MOST_CHARACTERS = 200


class PatternTooSlow(ValueError):
    """A pattern that takes too long, as one that backtracks without end."""


def parse_pattern(text: str) -> re.Pattern[str]:
    """Compile a regular expression.

    :raises ValueError: when it is too long or does not compile, saying why.
    :raises PatternTooSlow: after :data:`MATCHING_SECONDS`.
    """
    if len(text) > LONGEST_PATTERN:
        raise ValueError(
            f"{shown(text)} is too long; accepted: {ACCEPTED_PATTERNS} of at most"
            f" {LONGEST_PATTERN} characters"
        )
    try:
        with _time_limit(text):
            return re.compile(text)
    except (re.error, OverflowError, RecursionError) as error:
        why = str(error)[:_MOST_CHARACTERS]
        raise ValueError(f"{shown(text)} is not {ACCEPTED_PATTERNS}: {why}") from error


def names_matching(pattern: re.Pattern[str], names: Iterable[str]) -> list[str]:
    """The names that the pattern is found in, anywhere, as ``re.search`` does.

    :raises PatternTooSlow: after :data:`MATCHING_SECONDS`.
    """
    with _time_limit(pattern.pattern):
        return [name for name in names if pattern.search(name)]


@contextmanager
def _time_limit(pattern: str) -> Iterator[None]:
    """Interrupt the work by a timer, which the regular expression engine heeds.

    Timers are the main thread's, in which Lambda runs every function; elsewhere, as in a local
    server's threads, there is no limit.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(*_: Any) -> None:
        raise PatternTooSlow(f"{shown(pattern)} takes too long to match; accepted: a simpler one")

    previous = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, MATCHING_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
