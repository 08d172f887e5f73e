"""Simulated time, which passes while a call travels and while the application waits.

Several tasks can run at once, as containers of a function do: of those that wait, the one whose
time comes first goes on, and one at a time, so that a run with the same seed gives the same calls.
"""

from __future__ import annotations

import heapq
import threading
from collections import deque
from contextlib import ExitStack, contextmanager
from datetime import datetime
from functools import partial
from itertools import count
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from chalicelib.runtime.deadline import Deadline
from chalicelib.runtime.pace import Pace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from chalicelib.scanning.pool import Done

_NEVER = float("inf")


class Turn:
    """A task's turn to go on, which another task may bring forward while it waits."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.lock.acquire()
        self.until: float | None = None


class SimulatedTime:
    """The time, in seconds since the epoch, and the tasks that wait for theirs."""

    def __init__(self, start: float) -> None:
        self.now = start
        self._waiting: list[tuple[float, int, Turn]] = []
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
        self._forget_earlier_turns()
        if not self._waiting or until < self._waiting[0][0]:
            self.now = until
            return
        self._wait(until)

    def wait(self, seconds: float | None) -> None:
        """Let time pass until another task wakes this one, or at most for the seconds given."""
        self._wait(_NEVER if seconds is None else self.now + seconds)

    @property
    def turn(self) -> Turn:
        """The running task's own."""
        if not hasattr(self._own, "turn"):
            self._own.turn = Turn()
        turn: Turn = self._own.turn
        return turn

    def wake(self, turn: Turn) -> None:
        """Let a task that waits go on now, before its time."""
        if turn.until is not None and turn.until > self.now:
            self._enter(self.now, turn)

    def begin(self, task: Callable[[], None]) -> None:
        """Let a task run beside those there are."""
        turn = Turn()
        self._enter(self.now, turn)
        threading.Thread(target=self._run, args=(task, turn), daemon=True).start()

    def run(self, *tasks: Callable[[], None]) -> None:
        """Run tasks at once until all have ended; the first failure is raised then."""
        self._ended.clear()
        self._failure = None
        for task in tasks:
            self.begin(task)
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

    def _wait(self, until: float) -> None:
        turn = self.turn
        self._enter(until, turn)
        self._go_on()
        turn.lock.acquire()

    def _enter(self, until: float, turn: Turn) -> None:
        turn.until = until
        heapq.heappush(self._waiting, (until, next(self._numbers), turn))

    def _forget_earlier_turns(self) -> None:
        """Of a task that was woken, its own time is left over."""
        while self._waiting and self._waiting[0][2].until != self._waiting[0][0]:
            heapq.heappop(self._waiting)

    def _run(self, task: Callable[[], None], turn: Turn) -> None:
        self._own.turn = turn
        turn.lock.acquire()
        try:
            task()
        except BaseException as error:
            self._failure = self._failure or error
        self._forget_earlier_turns()
        if self._waiting:
            self._go_on()
        else:
            self._ended.set()

    def _go_on(self) -> None:
        self._forget_earlier_turns()
        self.now, _, turn = heapq.heappop(self._waiting)
        turn.until = None
        turn.lock.release()


class SimulatedThreads:
    """Calls that are under way at once in simulated time, each a task of its own."""

    def __init__(
        self, time: SimulatedTime, most: int, sleep: Callable[[float], None] | None = None
    ) -> None:
        self.most = most
        self.under_way = 0
        self._time = time
        self._answers: deque[Done] = deque()
        self._asking: Turn | None = None

    def begin(self, call: Callable[[], Done]) -> None:
        """Make a call in a task of its own."""

        def task() -> None:
            self._answers.append(call())
            if self._asking is not None:
                self._time.wake(self._asking)

        self.under_way += 1
        self._time.begin(task)

    def answer(self, seconds: float | None) -> Done | None:
        """The next answer, once it is there; None where none comes within the seconds given."""
        if not self._answers and seconds != 0:
            self._asking = self._time.turn
            self._time.wait(seconds)
            self._asking = None
        if not self._answers:
            return None
        self.under_way -= 1
        return self._answers.popleft()

    def close(self) -> None:
        """There is nothing to close."""


@contextmanager
def application_at(time: SimulatedTime) -> Iterator[None]:
    """Let the application, and boto3's own retries, go by simulated time."""
    with ExitStack() as stack:
        for module in ("scanning.reviews", "scanning.planner"):
            stack.enter_context(patch(f"chalicelib.{module}.datetime", time.datetime))
        for module in ("scanner", "planner", "last_scans", "lister", "sending"):
            stack.enter_context(patch(f"chalicelib.scanning.{module}.time.time", time))
        starts = "chalicelib.scanning.starts"
        stack.enter_context(patch(f"{starts}.Pace", partial(Pace, clock=time)))
        stack.enter_context(patch(f"{starts}.Threads", partial(SimulatedThreads, time)))
        stack.enter_context(patch("botocore.endpoint.time", SimpleNamespace(sleep=time.sleep)))
        yield
