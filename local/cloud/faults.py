"""Errors of the local registry, and the ways to bring them about."""

from __future__ import annotations

import time
from collections import defaultdict, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

SERVER_ERRORS = frozenset({"ServerException", "InternalFailure", "ServiceUnavailable"})


class EcrError(Exception):
    """An error answer of the AWS JSON protocol."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message

    @property
    def status(self) -> int:
        """The HTTP status: 500 where the service is at fault, else 400, throttling included."""
        return 500 if self.code in SERVER_ERRORS else 400


@dataclass(slots=True)
class TokenBucket:
    """Holds up to `burst` tokens and gains `rate` a second; each call takes one."""

    rate: float
    burst: float
    tokens: float
    filled_at: float

    def take(self, moment: float) -> bool:
        """Take a token, and tell whether there was one."""
        gained = (moment - self.filled_at) * self.rate
        self.tokens = min(self.burst, self.tokens + gained)
        self.filled_at = moment
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True


class Faults:
    """Throttling, errors to order and latency, by operation.

    `timer` gives the seconds by which buckets fill.
    """

    def __init__(self, timer: Callable[[], float]) -> None:
        self.timer = timer
        self.sleep: Callable[[float], None] = time.sleep
        self.latency_seconds = 0.0
        self._buckets: dict[str, TokenBucket] = {}
        self._ordered: defaultdict[str, deque[str]] = defaultdict(deque)

    def limit_rate(self, operation: str, rate: float, burst: float | None = None) -> None:
        """Throttle an operation to `rate` calls a second, after a burst (by default one second's).

        A bucket holds one token at least, or no call would ever pass.
        """
        size = max(1.0, rate if burst is None else burst)
        self._buckets[operation] = TokenBucket(rate, size, size, self.timer())

    def fail_next(self, operation: str, error_code: str, times: int = 1) -> None:
        """Answer the next calls of an operation with an error."""
        self._ordered[operation].extend([error_code] * times)

    def delay(self) -> None:
        """Wait as long as a call takes to travel."""
        if self.latency_seconds:
            self.sleep(self.latency_seconds)

    def check(self, operation: str) -> None:
        """Raise the error that is due for this call, if there is one."""
        bucket = self._buckets.get(operation)
        if bucket and not bucket.take(self.timer()):
            raise EcrError("ThrottlingException", "Rate exceeded")
        if self._ordered[operation]:
            raise EcrError(self._ordered[operation].popleft(), "An error that was asked for.")
