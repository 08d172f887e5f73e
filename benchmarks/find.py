"""``python -m benchmarks.find``: how soon a vulnerability is found in the last kept state.

The fleets are those of ``make bench-page``. Finding is timed as ``GET /findings`` and the command
do it, but for the way to S3: the objects are in memory. Times are of one processor, so that what
else the machine does counts for nothing.
"""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from rich.console import Console
from rich.table import Table

from benchmarks.fleet_page import fleet
from chalicelib.fleet.find import Query, find
from chalicelib.fleet.finding_lines import keep_lines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Found = TypeVar("Found")

SHAPES = ((2_000, 18, 170), (10_000, 18, 170))
"""Repositories, findings of each, and different vulnerabilities."""


class Memory:
    """A bucket in memory."""

    name = "memory"

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}

    def put(self, key: str, body: str | bytes, content_type: str) -> None:
        """Keep an object."""
        self.objects[key] = body.encode() if isinstance(body, str) else body

    def read(self, key: str) -> bytes | None:
        """What an object holds."""
        return self.objects.get(key)

    def get(self, key: str) -> str | None:
        """The text of an object."""
        body = self.read(key)
        return None if body is None else body.decode()


def main() -> None:
    """Print a line a fleet."""
    titles = ("repositories", "findings", "kept, bytes", "written in, s")
    timed = ("a CVE, s", "a package, s", "an owner's overdue, s", "findings found")
    table = Table(*titles, *timed, title="Finding in the last kept state")
    for shape in SHAPES:
        table.add_row(*_row(shape))
    Console(width=150).print(table)


def _row(shape: tuple[int, int, int]) -> Iterator[str]:
    report = fleet(*shape)
    bucket: Any = Memory()
    took, _ = _timed(lambda: keep_lines(report, "now", bucket))
    yield f"{shape[0]:,}"
    yield f"{report.open_findings:,}"
    yield f"{sum(map(len, bucket.objects.values())):,}"
    yield f"{took:.1f}"
    matches = []
    for query in (
        Query({"vulnerability": report.repositories[0].findings[0].identifier.lower()}),
        Query({"package": "openssl"}),
        Query({"owner": "payments", "overdue": "true"}),
    ):
        took, answer = _timed(partial(find, query, bucket))
        matches.append(f"{answer.matches:,}")
        yield f"{took:.2f}"
    yield " / ".join(matches)


def _timed(call: Callable[[], Found]) -> tuple[float, Found]:
    before = time.process_time()
    result = call()
    return time.process_time() - before, result


if __name__ == "__main__":
    main()
