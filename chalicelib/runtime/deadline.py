"""How long a function may go on working."""

import time
from collections.abc import Callable
from typing import Any

_MOST_RESERVED = 30_000


class Deadline:
    """The time until a Lambda function must start to hand over what is left of its work.

    A part of the function's time is kept in reserve for the call that is under way and for the
    handing over: a quarter of what remains at the start, 30 seconds at most.
    """

    def __init__(self, remaining_milliseconds: Callable[[], int]) -> None:
        self._remaining = remaining_milliseconds
        self._reserved = min(_MOST_RESERVED, remaining_milliseconds() // 4)

    @classmethod
    def of(cls, context: Any) -> "Deadline":
        """Of the Lambda invocation with this context."""
        return cls(context.get_remaining_time_in_millis)

    @classmethod
    def unlimited(cls) -> "Deadline":
        """For callers that nothing stops."""
        return cls(lambda: 10**12)

    @classmethod
    def seconds(cls, seconds: float) -> "Deadline":
        """So many seconds from now, a quarter of them in reserve."""
        end = time.monotonic() + seconds
        return cls(lambda: int((end - time.monotonic()) * 1000))

    def part(self, share: float) -> "Deadline":
        """The deadline of a part of the work, which has that share of the time that is left."""
        usable = max(0, self._remaining() - self._reserved)
        left_after = self._remaining() - int(usable * share)
        part = Deadline(lambda: self._remaining() - left_after)
        part._reserved = 0  # what is handed over is the whole's
        return part

    def or_end(self, seconds_left: Callable[[], float]) -> "Deadline":
        """The deadline, or a moment until which so many seconds are left, if that is sooner."""
        sooner = Deadline(
            lambda: min(self._remaining() - self._reserved, int(seconds_left() * 1000))
        )
        sooner._reserved = 0
        return sooner

    def allows(self, seconds: float = 0) -> bool:
        """Whether this many seconds can still be spent."""
        return self._remaining() - seconds * 1000 > self._reserved
