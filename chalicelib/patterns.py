"""Regular expressions from outside."""

import re
import signal
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

ACCEPTED_PATTERNS = "a Python regular expression"

MATCHING_SECONDS = 2.0
"""How long matching all names may take: ordinary patterns need milliseconds for thousands."""


class PatternTooSlow(ValueError):
    """A pattern that takes too long, as one that backtracks without end."""


def parse_pattern(text: str) -> re.Pattern[str]:
    """Compile a regular expression.

    :raises ValueError: when it does not compile, saying why.
    """
    try:
        return re.compile(text)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"{text!r} is not {ACCEPTED_PATTERNS}: {error}") from error


def names_matching(pattern: re.Pattern[str], names: Iterable[str]) -> list[str]:
    """The names that the pattern is found in, anywhere, as ``re.search`` does.

    :raises PatternTooSlow: after :data:`MATCHING_SECONDS`.
    """
    with _time_limit(pattern):
        return [name for name in names if pattern.search(name)]


@contextmanager
def _time_limit(pattern: re.Pattern[str]) -> Iterator[None]:
    """Interrupt the matching by a timer, which the regular expression engine heeds.

    Timers are the main thread's, in which Lambda runs every function; elsewhere, as in a local
    server's threads, there is no limit.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(*_: Any) -> None:
        raise PatternTooSlow(
            f"{pattern.pattern!r} takes too long to match; accepted: a simpler one"
        )

    previous = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, MATCHING_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
