"""What a command says on standard error while it works."""

from __future__ import annotations

import logging
import sys
from collections import defaultdict
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from chalicelib.runtime import logs
from ecr_scan_reporter.gate.errors import wording_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.progress import TaskID

INTERRUPTED = 130
"""The status after Ctrl-C, as shells have it."""

NOTHING_MATCHED = 3
"""The status where a filter matches no repository."""

_MOST_NAMES = 10


def say(text: str) -> None:
    """A line on standard error."""
    print(text, file=sys.stderr, flush=True)


class Bar:
    """What shows how far a command is."""

    def __init__(self, shown: Progress, task: TaskID, what: str) -> None:
        self._shown = shown
        self._task = task
        self._what = what

    def advance(self, done: int, total: int) -> None:
        """Show that so many are done, of how many."""
        self._shown.update(self._task, completed=done, total=total)

    def add(self, text: str) -> None:
        """Show a text beside what is done."""
        self._shown.update(self._task, description=f"{self._what}: {text}")

    @contextmanager
    def hidden(self) -> Iterator[None]:
        """Hide the bar while rows are printed, which may be on the same terminal."""
        if self._shown.disable:
            yield
            return
        self._shown.stop()
        yield
        self._shown.start()


@contextmanager
def progress(what: str) -> Iterator[Bar]:
    """A bar on standard error where that is a terminal; elsewhere nothing."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    console = Console(stderr=True, emoji=False)
    bar = Progress(
        *columns,
        console=console,
        transient=True,
        disable=not console.is_terminal,
        redirect_stdout=False,
    )
    with bar:
        yield Bar(bar, bar.add_task(what, total=None), what)


def warn_of_no_match(pattern: str, listed: int | None = None) -> None:
    """Say that a filter matches no repository, and end with the status of that."""
    of = "" if listed is None else f" of {listed:,}"
    say(f"warning: no repository{of} matches {pattern!r}")
    raise typer.Exit(NOTHING_MATCHED)


class Failures:
    """What went wrong, by repository; each reason is said once, with all that it keeps from."""

    def __init__(self) -> None:
        self._names: dict[str, list[str]] = defaultdict(list)

    def __bool__(self) -> bool:
        return bool(self._names)

    def add(self, name: str, error: Exception | str) -> str:
        """Note an error, and say it at once unless it was said of another one; gives its words."""
        reason = error if isinstance(error, str) else wording_of(error)
        if reason not in self._names:
            say(f"error: {name}: {reason}")
        self._names[reason].append(name)
        return reason

    def finish(self) -> None:
        """Say which other repositories had the same errors."""
        for reason, (_, *others) in self._names.items():
            if others:
                say(f"error: {_first_of(others)}: also {reason}")


def _first_of(names: Sequence[str]) -> str:
    more = [f"{len(names) - _MOST_NAMES} more"] if len(names) > _MOST_NAMES else []
    return ", ".join([*names[:_MOST_NAMES], *more])


class _OneLine(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        about = (getattr(record, name, "") for name in ("repository", "error"))
        return ": ".join(filter(None, ("warning", *about, record.getMessage())))


def log_to_standard_error() -> None:
    """Have the application's warnings be lines on standard error, not the JSON of Lambda's logs."""
    handler = logging.StreamHandler()
    handler.setFormatter(_OneLine())
    # Of the handler, for the configuration file may set the logger's own.
    handler.setLevel(logging.WARNING)
    logs.logger.handlers = [handler]
    logs.logger.propagate = False
