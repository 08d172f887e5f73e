"""Calls that are made several at once, each operation at the pace that its service allows."""

from __future__ import annotations

import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from chalicelib.aws.clients import MOST_CONNECTIONS
from chalicelib.runtime.backoff import DeadlineReached, Throttled

if TYPE_CHECKING:
    from collections.abc import Callable

    from chalicelib.runtime.deadline import Deadline
    from chalicelib.runtime.pace import Pace

MOST_AT_ONCE = MOST_CONNECTIONS
"""How many calls are under way at most: 160 a second, where a call takes a tenth of one."""

Entry = TypeVar("Entry")
Done = tuple["Lane[Any]", Any, float, Any, "Exception | None"]
"""A call that has ended: its lane and entry, when it began, and the answer or the error."""


class Threads:
    """A few threads that make calls, and the answers in the order in which they come.

    What is called returns, whatever happens, and touches nothing that another thread may.
    """

    def __init__(
        self, most: int = MOST_AT_ONCE, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self.most = most
        self.under_way = 0
        self._sleep = sleep
        self._executor = ThreadPoolExecutor(most, thread_name_prefix="calls")
        self._answers: SimpleQueue[Done] = SimpleQueue()

    def begin(self, call: Callable[[], Done]) -> None:
        """Make a call in one of the threads."""
        self.under_way += 1
        self._executor.submit(lambda: self._answers.put(call()))

    def answer(self, seconds: float | None) -> Done | None:
        """The next answer, once it is there; None where none comes within the seconds given."""
        if not self.under_way:
            self._sleep(seconds or 0.0)
            return None
        try:
            done = self._answers.get(timeout=seconds) if seconds != 0 else self._answers.get(False)
        except Empty:
            return None
        self.under_way -= 1
        return done

    def close(self) -> None:
        """Let the threads end."""
        self._executor.shutdown()


@dataclass(eq=False)
class Lane(Generic[Entry]):
    """The calls of one operation: what waits for its own, and what is made of the answers.

    ``call`` is made in a thread, ``done`` and ``failed`` are called where the pool runs; these may
    add entries, to this lane and to others. While ``held`` nothing begins.
    """

    call: Callable[[Entry], Any]
    done: Callable[[Entry, Any], None]
    failed: Callable[[Entry, Exception], None]
    pace: Pace
    held: Callable[[], bool] = lambda: False
    waiting: deque[Entry] = field(default_factory=deque)


class Pool:
    """Makes the calls of lanes until nothing waits, or until the deadline.

    An entry whose call is throttled goes back to the front of its lane. However the work ends, no
    call is under way any more, and each entry was either done, or failed, or still waits.
    """

    def __init__(self, threads: Threads, deadline: Deadline) -> None:
        self._threads = threads
        self._deadline = deadline
        self._end: Exception | None = None

    def stop(self, why: Exception) -> None:
        """Begin no more calls; :meth:`run` raises this once those under way have ended."""
        self._end = self._end or why

    def run(self, *lanes: Lane[Any]) -> None:
        """Make the calls, of earlier lanes first.

        :raises DeadlineReached: when no time is left for another call, or to wait for its turn.
        """
        while True:
            if self._take(0):
                continue
            if self._end is None and any(lane.waiting for lane in lanes):
                self._begin_or_wait(lanes)
            elif self._threads.under_way:
                self._take(None)
            else:
                break
        if self._end is not None:
            raise self._end

    def _begin_or_wait(self, lanes: tuple[Lane[Any], ...]) -> None:
        threads = self._threads
        ready = [lane for lane in lanes if lane.waiting and not lane.held()]
        lane = min(ready, key=lambda lane: lane.pace.wait(), default=None)
        pause = lane.pace.wait() if lane else None
        if lane is None or threads.under_way >= threads.most:
            self._take(None)
        elif not self._deadline.allows(pause or 0.0):
            self.stop(DeadlineReached())
        elif pause:
            self._take(pause)
        else:
            self._begin(lane)

    def _begin(self, lane: Lane[Any]) -> None:
        entry, began = lane.waiting.popleft(), lane.pace.begin()

        def call() -> Done:
            try:
                return lane, entry, began, lane.call(entry), None
            except Exception as error:  # whatever it is, it is dealt with where the pool runs
                return lane, entry, began, None, error

        self._threads.begin(call)

    def _take(self, seconds: float | None) -> bool:
        """Deal with the next answer, if one comes within the seconds; says whether one came."""
        if seconds == 0 and not self._threads.under_way:
            return False
        done = self._threads.answer(seconds)
        if done is None:
            return False
        lane, entry, began, answer, error = done
        if isinstance(error, Throttled):
            lane.pace.throttled(began)
            lane.waiting.appendleft(entry)
        elif error is not None:
            lane.failed(entry, error)
        else:
            lane.done(entry, answer)
        return True
