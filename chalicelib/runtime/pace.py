"""How fast scans are started: a token bucket, and a time line for jobs."""

import time
from collections.abc import Callable

LONGEST_DELAY_SECONDS = 900
"""The longest DelaySeconds of an SQS message. Source: SQS SendMessage."""

SCANNERS_AT_ONCE = 5
"""How many scanners run at the same time, so that together they do not meet ECR's request rates."""

BURST = 100
"""How many jobs start at once."""


class TokenBucket:
    """Allows ``rate`` calls a second, after a burst of one second's worth (one call at least).

    Throttling halves the rate, down to a sixteenth; every call after that gains a hundredth of the
    full rate back, so that the pace finds what the service allows.
    """

    def __init__(self, rate: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._full_rate = float(rate)
        self._rate = float(rate)
        self._most = max(1.0, rate)
        self._clock = clock
        self._tokens = self._most
        self._filled_at = clock()

    def take(self) -> float:
        """Take a token; returns the seconds to wait before the call that it is for."""
        now = self._clock()
        self._tokens = min(self._most, self._tokens + (now - self._filled_at) * self._rate)
        self._filled_at = now
        self._tokens -= 1
        self._rate = min(self._full_rate, self._rate + self._full_rate / 100)
        return max(0.0, -self._tokens / self._rate)

    def back_off(self) -> None:
        """Halve the pace, for the service has asked for a slower one."""
        self._rate = max(self._full_rate / 16, self._rate / 2)
        self._tokens = min(self._tokens, 0.0)


def spread(count: int, per_minute: int) -> list[int]:
    """How many seconds from now each of so many jobs is to start, for so many a minute.

    The first hundred start at once, so that a small registry is not kept waiting.
    """
    return [max(0, index - BURST) * 60 // per_minute for index in range(count)]
