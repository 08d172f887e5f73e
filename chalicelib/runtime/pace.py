"""How fast calls are made and jobs start."""

import time
from collections.abc import Callable

LONGEST_DELAY_SECONDS = 900
"""The longest DelaySeconds of an SQS message. Source: SQS SendMessage."""

SCANNERS_AT_ONCE = 5
"""How many scanners run at the same time, so that together they do not meet ECR's request rates."""

BURST = 100
"""How many jobs start at once."""

LOWEST_RATE = 0.5
"""How many calls a second are made at least, however often the service asks for fewer; where
fewer are the most, that many."""

_FIRST_RATE = 20.0
_HIGHEST_RATE = 200.0
_LEAST_STEP = 0.5


class Pace:
    """How fast calls of one operation may begin: a limit that finds what the service allows.

    The limit begins at ``most`` calls a second, or at twenty where there is no such bound, and
    then doubles each second until the service first asks for a slower pace. Each time it does,
    the limit is halved; from then on it grows by an eighth of what it was before, each second.
    Several clients of one service share its rate by that, without knowing of each other.

    Up to one second's calls that did not begin in their time may begin at once.
    """

    def __init__(
        self, most: float | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._most = float(most or _HIGHEST_RATE)
        self.rate = self._most if most else _FIRST_RATE
        self._clock = clock
        self._step = 0.0
        self._grown_at = self._halved_at = clock()
        self._next = self._grown_at - self._burst_seconds()

    def wait(self) -> float:
        """The seconds until the next call may begin."""
        return max(0.0, self._next - self._clock())

    def begin(self) -> float:
        """Count a call that begins; returns the moment, by which :meth:`throttled` knows it."""
        now = self._clock()
        self._grow(now)
        self._next = max(self._next, now - self._burst_seconds()) + 1 / self.rate
        return now

    def throttled(self, began: float) -> None:
        """Halve the limit, once for all calls that had begun by then."""
        now = self._clock()
        if began <= self._halved_at and self._step:
            return
        self._step = max(_LEAST_STEP, self.rate / 8)
        # Being throttled never raises a bound that is lower than that.
        self.rate = max(min(LOWEST_RATE, self._most), self.rate / 2)
        self._grown_at = self._halved_at = now
        self._next = now + 1 / self.rate

    def _burst_seconds(self) -> float:
        return (max(1.0, self.rate) - 1) / self.rate

    def _grow(self, now: float) -> None:
        seconds, self._grown_at = min(1.0, now - self._grown_at), now
        if self._step:
            self.rate += self._step * seconds
        else:
            self.rate *= 2**seconds
        self.rate = min(self.rate, self._most)


def spread(count: int, per_minute: int) -> list[int]:
    """How many seconds from now each of so many jobs is to start, for so many a minute.

    The first hundred start at once, so that a small registry is not kept waiting.
    """
    return [start_of(index, per_minute) for index in range(count)]


def start_of(index: int, per_minute: int) -> int:
    """How many seconds after the first the job with that index is to start: see :func:`spread`."""
    return max(0, index - BURST) * 60 // per_minute
