"""``make bench``: the application beside the usual approach, on a local ECR and SQS over HTTP.

Both use real boto3. Time is simulated: it passes while calls travel and while the programs wait.
The application is measured with 100,000 images; beside the usual approach with a tenth of them,
since that makes a client for each of its calls, which takes hours with all.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import platform
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
from rich import box
from rich.console import Console
from rich.table import Table

from benchmarks.cloud import STATES, World
from benchmarks.measurements import measure
from benchmarks.prices import dollars_a_month, gb_seconds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from benchmarks.measurements import Measurement

SHAPES = ((1, 100_000), (1_000, 100), (10_000, 10))
TENTH = ((1, 10_000), (100, 100), (1_000, 10))
QUICK = ((1, 120), (12, 10))
SPEED = tuple(
    World(1, 400, "stale", rate=rate, burst=rate, ecr_seconds=0.1) for rate in (20.0, 100.0)
)
"""One repository where calls take a tenth of a second: how near to ECR's rate scans start."""
QUICK_STATES = ("fresh", "stale")

Run = tuple[str, World]


def runs(options: argparse.Namespace) -> list[Run]:
    """What to measure, in the order of the tables."""

    def worlds(shapes: Iterable[tuple[int, int]]) -> list[World]:
        return [
            World(*shape, state, rate=options.rate, burst=options.rate)
            for shape in shapes
            for state in options.states or (QUICK_STATES if options.quick else STATES)
        ]

    compared = QUICK if options.quick else SHAPES if options.compare_all else TENTH
    alone = () if options.quick or options.compare_all or options.tenth else SHAPES
    beside = [
        (system, world) for world in worlds(compared) for system in ("application", "baseline")
    ]
    speed = () if options.quick else SPEED
    return [*beside, *(("application", world) for world in (*worlds(alone), *speed))]


def comparison(measured: Sequence[Measurement]) -> Table:
    """A row a run, and below a pair how many times as much the baseline takes."""
    table = Table(
        *("images", "last scans", "system", "API calls", "calls an image", "refused", "scans"),
        "simulated s",
        *("times the least", "longest run s", "wall s", "peak MB", "GB-seconds", "$ a month"),
        title="A listing and all that comes of it",
    )
    for column in table.columns[3:]:
        column.justify = "right"
    for position, one in enumerate(measured):
        world = World(**one.world)
        table.add_row(
            shape(world),
            world.state,
            one.system,
            f"{calls(one):,}",
            f"{calls(one) / world.total:.3f}",
            f"{sum(one.refused.values()):,}",
            f"{one.scans_started:,} of {world.due:,}",
            f"{one.simulated_seconds:,.0f}",
            f"{one.simulated_seconds / world.least_seconds:.2f}" if world.least_seconds else "",
            f"{one.longest_invocation:,.1f}",
            f"{one.wall_seconds:,.1f}",
            f"{one.memory_peak / 2**20:,.0f}",
            f"{gb_seconds(one):,.1f}",
            f"{dollars_a_month(one):,.4f}",
        )
        if one.system == "baseline":
            table.add_row(*_ratios(measured[position - 1], one))
    return table


def operations(measured: Sequence[Measurement]) -> Table:
    """A row a run, a column an operation."""
    names = sorted({name for one in measured for name in one.calls})
    table = Table("images", "last scans", "system", *names, title="API calls by operation")
    for one in measured:
        world = World(**one.world)
        counts = (f"{one.calls.get(name, 0):,}" for name in names)
        table.add_row(shape(world), world.state, one.system, *counts)
    for column in table.columns[3:]:
        column.justify = "right"
    return table


def calls(measured: Measurement) -> int:
    """The calls of the functions, and of Lambda for them."""
    return sum(measured.calls.values())


def shape(world: World) -> str:
    """Repositories by images of each."""
    rate = f", {world.rate:g} a second" if world in SPEED else ""
    return f"{world.repositories:,} × {world.images:,}{rate}"  # noqa: RUF001


def _ratios(application: Measurement, baseline: Measurement) -> list[str]:
    def ratio(of: Callable[[Measurement], float]) -> str:
        return f"{of(baseline) / of(application):.1f} times"

    return [
        *("", "", "ratio", ratio(calls), "", "", ""),
        ratio(lambda one: one.simulated_seconds),
        *("", ratio(lambda one: one.longest_invocation)),
        ratio(lambda one: one.wall_seconds),
        ratio(lambda one: one.memory_peak),
        ratio(gb_seconds),
        ratio(dollars_a_month),
    ]


def machine() -> str:
    """What the figures were measured on."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{os.cpu_count()} cores ({platform.machine()}), {memory:.0f} GB of memory, "
        f"{platform.system()}, Python {platform.python_version()}, boto3 {boto3.__version__}"
    )


def results(measured: Sequence[Measurement]) -> dict[str, Any]:
    """``{machine, runs: [measurement, with what was made of it]}``."""
    rows = [
        asdict(one)
        | {
            "least_seconds": World(**one.world).least_seconds,
            "gb_seconds": gb_seconds(one),
            "dollars_a_month": dollars_a_month(one),
        }
        for one in measured
    ]
    return {"machine": machine(), "runs": rows}


def markdown(table: Table) -> str:
    """The table in Markdown, its title as a heading."""
    heading, table.title, table.box = table.title, None, box.MARKDOWN
    console = Console(file=io.StringIO(), width=300)
    console.print(table)
    lines = console.file.getvalue().splitlines()  # type: ignore[attr-defined]
    return "\n".join([f"## {heading}\n", *(line.rstrip() for line in lines if line.strip()), ""])


def main() -> None:
    """Measure, print the tables and write the files that were asked for."""
    options = _options()
    console = Console(width=None if Console().is_terminal else 200)
    planned = runs(options)
    measured = []
    for one in _measured(planned, options.parallel):
        measured.append(one)
        if not options.quick:
            about = f"{one.system}, {shape(World(**one.world))}, {one.world['state']}"
            console.print(f"{len(measured)} of {len(planned)}: {about}, {one.wall_seconds:,.0f} s")
        if options.json:
            options.json.write_text(json.dumps(results(_sorted(measured, planned)), indent=1))
    measured = _sorted(measured, planned)
    tables = (comparison(measured), operations(measured))
    console.print(machine())
    console.print(*tables, sep="\n")
    if options.markdown:
        options.markdown.write_text("\n".join((machine() + "\n", *map(markdown, tables))))


def _measured(planned: Sequence[Run], parallel: int) -> Iterator[Measurement]:
    """The measurements as they come, the longest begun first so that none is waited for long."""
    longest_first = sorted(planned, key=lambda run: -run[1].due)
    with ThreadPoolExecutor(parallel) as pool:
        for done in as_completed(pool.submit(measure, *run) for run in longest_first):
            yield done.result()


def _sorted(measured: Iterable[Measurement], planned: Sequence[Run]) -> list[Measurement]:
    return sorted(measured, key=lambda one: planned.index((one.system, World(**one.world))))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--quick", action="store_true", help="a few images, both: seconds")
    size.add_argument("--tenth", action="store_true", help="a tenth of the images, both")
    size.add_argument("--compare-all", action="store_true", help="all of the images, both: hours")
    parser.add_argument("--states", nargs="+", choices=list(STATES))
    parser.add_argument("--rate", type=float, default=20, help="what ECR allows a second")
    parser.add_argument("--parallel", type=int, default=os.cpu_count(), help="runs at once")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all that was measured")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the tables")
    return parser.parse_args()


if __name__ == "__main__":
    main()
