"""``python -m benchmarks.find``: how soon a vulnerability is found in the last kept state.

The fleets are those of ``make bench-page``. Finding is timed as ``GET /findings`` and the command
do it, but for the way to S3: the objects are in memory.
"""

from __future__ import annotations

import time

from rich.console import Console
from rich.table import Table

from benchmarks.fleet_page import SHAPES, fleet
from chalicelib.fleet.find import Query, find
from chalicelib.fleet.finding_lines import keep_lines


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
        report, bucket = fleet(*shape), Memory()
        written = _seconds(lambda: keep_lines(report, "now", bucket))  # type: ignore[arg-type]
        names = [finding.identifier for finding in report.repositories[0].findings]
        queries = (
            {"vulnerability": names[0]},
            {"package": "openssl"},
            {"owner": "payments", "overdue": "true"},
        )
        took = [
            f"{_seconds(lambda: find(Query.of(query), bucket)):.2f}"  # type: ignore[arg-type]
            for query in queries
        ]
        found = [find(Query.of(query), bucket).matches for query in queries]  # type: ignore[arg-type]
        size = sum(map(len, bucket.objects.values()))
        row = (f"{shape[0]:,}", f"{report.open_findings:,}", f"{size:,}", f"{written:.1f}")
        table.add_row(*row, *took, " / ".join(f"{each:,}" for each in found))
    Console(width=150).print(table)


def _seconds(call: object) -> float:
    before = time.perf_counter()
    call()  # type: ignore[operator]
    return time.perf_counter() - before


if __name__ == "__main__":
    main()
