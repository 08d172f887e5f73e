"""Calling a service that may ask for a slower pace."""

import random
import time
from collections.abc import Callable
from itertools import count
from typing import Any, TypeVar

from chalicelib.runtime.deadline import Deadline

Answer = TypeVar("Answer")

_LONGEST_PAUSE_SECONDS = 30.0


class Throttled(Exception):
    """The service asked for a slower pace."""


class DeadlineReached(Exception):
    """The function's time is nearly over, or would be before the service may be asked again."""


class Backoff:
    """Calls that pause and go on where they are throttled, for as long as time is left.

    ``throttled`` is called each time, so that a caller can slow its pace.
    """

    def __init__(
        self,
        deadline: Deadline,
        sleep: Callable[[float], None] = time.sleep,
        throttled: Callable[[], None] = lambda: None,
    ) -> None:
        self._deadline = deadline
        self._sleep = sleep
        self._throttled = throttled

    def call(self, function: Callable[..., Answer], *arguments: Any) -> Answer:
        """What the function returns once it is no longer throttled.

        :raises DeadlineReached: when no time is left to call, or to wait before the next call.
        """
        for attempt in count():
            if not self._deadline.allows():
                break
            try:
                return function(*arguments)
            except Throttled:
                self._throttled()
                pause = _pause(attempt)
                if not self._deadline.allows(pause):
                    break
                self._sleep(pause)
        raise DeadlineReached


def _pause(attempt: int) -> float:
    """Seconds to wait: doubled with every attempt, with jitter so that callers spread out."""
    longest = min(_LONGEST_PAUSE_SECONDS, 2.0 ** min(attempt, 10))
    return random.uniform(longest / 2, longest)  # noqa: S311  # nosec B311
