"""Simulated time, which passes while a call travels and while the application waits.

Several tasks can run at once, as containers of a function do: of those that wait, the one whose
time comes first goes on, and one at a time, so that a run with the same seed gives the same calls.
"""

from __future__ import annotations

import heapq
import threading
from contextlib import ExitStack, contextmanager
from datetime import datetime
from functools import partial
from itertools import count
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from chalicelib.runtime.deadline import Deadline
from chalicelib.runtime.pace import TokenBucket

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class SimulatedTime:
    """The time, in seconds since the epoch, and the tasks that wait for theirs."""

    def __init__(self, start: float) -> None:
        self.now = start
        self._waiting: list[tuple[float, int, threading.Lock]] = []
        self._numbers = count()
        self._own = threading.local()
        self._ended = threading.Event()
        self._failure: BaseException | None = None

    def __call__(self) -> float:
        """Return the time."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Let time pass; other tasks go on whose time comes before."""
        until = self.now + max(0.0, seconds)
        if not self._waiting or until < self._waiting[0][0]:
            self.now = until
            return
        turn: threading.Lock = self._own.turn
        heapq.heappush(self._waiting, (until, next(self._numbers), turn))
        self._go_on()
        turn.acquire()

    def run(self, *tasks: Callable[[], None]) -> None:
        """Run tasks at once until all have ended; the first failure is raised then."""
        self._ended.clear()
        self._failure = None
        for task in tasks:
            turn = threading.Lock()
            turn.acquire()
            heapq.heappush(self._waiting, (self.now, next(self._numbers), turn))
            threading.Thread(target=self._run, args=(task, turn), daemon=True).start()
        self._go_on()
        self._ended.wait()
        if self._failure is not None:
            raise self._failure

    @property
    def datetime(self) -> type[datetime]:
        """A datetime class whose now is this time."""
        time = self

        class Simulated(datetime):
            @classmethod
            def now(cls, tz: Any = None) -> Any:
                return datetime.fromtimestamp(time.now, tz)

        return Simulated

    def deadline(self, seconds: float) -> Deadline:
        """The time of a Lambda function that started now and may run for so long."""
        end = self.now + seconds
        return Deadline(lambda: int((end - self.now) * 1000))

    def _run(self, task: Callable[[], None], turn: threading.Lock) -> None:
        self._own.turn = turn
        turn.acquire()
        try:
            task()
        except BaseException as error:
            self._failure = self._failure or error
        if self._waiting:
            self._go_on()
        else:
            self._ended.set()

    def _go_on(self) -> None:
        self.now, _, turn = heapq.heappop(self._waiting)
        turn.release()


@contextmanager
def application_at(time: SimulatedTime) -> Iterator[None]:
    """Let the application, and boto3's own retries, go by simulated time."""
    with ExitStack() as stack:
        for module in ("scanning.reviews", "scanning.planner"):
            stack.enter_context(patch(f"chalicelib.{module}.datetime", time.datetime))
        for module in ("scanning.scanner", "scanning.planner", "scanning.last_scans"):
            stack.enter_context(patch(f"chalicelib.{module}.time.time", time))
        stack.enter_context(
            patch("chalicelib.scanning.scanner.TokenBucket", partial(TokenBucket, clock=time))
        )
        stack.enter_context(patch("botocore.endpoint.time", SimpleNamespace(sleep=time.sleep)))
        yield
