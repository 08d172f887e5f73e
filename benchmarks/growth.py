"""``make bench-growth``: API calls and memory against the number of images and repositories.

The memory is what Python allocates at most at a time (``tracemalloc``) while a function runs; the
local ECR and SQS, over HTTP, are in another process. A straight line is fitted to the calls and to
the memory: its slope is what one more image or repository takes.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import tracemalloc
from contextlib import redirect_stdout
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import correlation, linear_regression
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from benchmarks.cloud import START, World, repository_name
from benchmarks.http_server import report, running
from benchmarks.measurements import ENVIRONMENT, Application, connect, queue_url
from benchmarks.simulated_time import SimulatedTime, application_at
from chalicelib.runtime import logs
from chalicelib.runtime.deadline import Deadline
from chalicelib.scanning.jobs import ScanJob
from chalicelib.scanning.scanner import scan_repository
from local.environment import isolated_environment

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

UNLIMITED = 1e9


@dataclass(frozen=True)
class Growth:
    """What a function took at several sizes."""

    what: str
    sizes: tuple[int, ...]
    calls: tuple[int, ...]
    bytes: tuple[int, ...]

    @property
    def calls_slope(self) -> float:
        """Calls for one more."""
        return linear_regression(self.sizes, self.calls).slope

    @property
    def calls_fit(self) -> float:
        """R² of the line through the calls: 1 when they grow in a straight line."""
        return correlation(self.sizes, self.calls) ** 2

    @property
    def bytes_slope(self) -> float:
        """Bytes for one more."""
        return linear_regression(self.sizes, self.bytes).slope


def scanning_fresh(sizes: Sequence[int]) -> Growth:
    """A repository of which no image is due."""
    return _grown("images, none due", [World(1, size, "fresh", UNLIMITED) for size in sizes], _scan)


def scanning_due(sizes: Sequence[int]) -> Growth:
    """A repository of which every image is due."""
    return _grown("images, all due", [World(1, size, "stale", UNLIMITED) for size in sizes], _scan)


def listing(sizes: Sequence[int]) -> Growth:
    """A listing of so many repositories."""
    return _grown("repositories", [World(size, 1, "fresh", UNLIMITED) for size in sizes], _list)


def _scan(application: Application, clock: SimulatedTime) -> None:
    job = ScanJob(repository_name(0))
    scan_repository(job, application.services(), Deadline.unlimited(), clock.sleep)


def _list(application: Application, _: SimulatedTime) -> None:
    application.list_repositories()


def _grown(
    what: str, worlds: Sequence[World], work: Callable[[Application, SimulatedTime], object]
) -> Growth:
    # The first run of all fills boto3's caches.
    _measured(worlds[0], work)
    measured = [_measured(world, work) for world in worlds]
    sizes = tuple(max(world.repositories, world.images) for world in worlds)
    return Growth(what, sizes, *zip(*measured, strict=True))


def _measured(
    world: World, work: Callable[[Application, SimulatedTime], object]
) -> tuple[int, int]:
    """The calls that the work took, and the most bytes allocated at a time."""
    clock = SimulatedTime(START.timestamp())
    with (
        running(world) as address,
        isolated_environment(**ENVIRONMENT, AWS_ENDPOINT_URL=address),
        Path(os.devnull).open("w") as nowhere,
        redirect_stdout(nowhere),
        application_at(clock),
    ):
        logs.configure("INFO")
        connect(clock, world.ecr_seconds)
        application = Application(clock, queue_url(address))
        gc.collect()
        tracemalloc.start()
        try:
            work(application, clock)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        return sum(report(address)["calls"].values()), peak


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="make bench-growth", description=__doc__)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write what was measured")
    options = parser.parse_args()
    grown = [
        scanning_fresh([1_000, 10_000, 25_000, 50_000, 75_000, 100_000]),
        scanning_due([1_000, 2_000, 4_000, 6_000, 8_000]),
        listing([1_000, 2_500, 5_000, 7_500, 10_000]),
    ]
    console = Console(width=None if Console().is_terminal else 160)
    for growth in grown:
        table = Table("number", "API calls", "peak MB", title=f"Number of {growth.what}")
        for size, calls, peak in zip(growth.sizes, growth.calls, growth.bytes, strict=True):
            table.add_row(f"{size:,}", f"{calls:,}", f"{peak / 2**20:.2f}")
        console.print(table)
        console.print(
            f"{growth.calls_slope:.5f} calls for one more (R² = {growth.calls_fit:.6f}), "
            f"{growth.bytes_slope:,.1f} bytes for one more\n"
        )
    if options.json:
        rows = [
            asdict(growth)
            | {
                "calls_slope": growth.calls_slope,
                "calls_fit": growth.calls_fit,
                "bytes_slope": growth.bytes_slope,
            }
            for growth in grown
        ]
        options.json.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
