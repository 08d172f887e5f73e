"""``make faults``: the whole application in hundreds of runs in which much goes wrong.

``--runs`` is how many, ``--seed`` that of the first; each run's seed is one more. What does not
hold is printed with the seed that shows it again. ``--defects`` makes mistakes in the application,
one at a time, and says after how many runs each was found. Each processor has its own share.
"""

import argparse
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from functools import partial

from tests.faults.defects import DEFECTS, Found, find
from tests.faults.engine import Result, carry_out


def main() -> None:
    parser = argparse.ArgumentParser(prog="faults", description=__doc__)
    parser.add_argument("--runs", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--defects", action="store_true")
    arguments = parser.parse_args()
    with ProcessPoolExecutor() as processes:
        if arguments.defects:
            sys.exit(not _find_defects(processes, arguments.seed))
        sys.exit(not _carry_out(processes, range(arguments.seed, arguments.seed + arguments.runs)))


def _carry_out(processes: ProcessPoolExecutor, seeds: range) -> bool:
    """Whether nothing broke in any run."""
    started_at = time.perf_counter()
    results = []
    for result in processes.map(carry_out, seeds):
        results.append(result)
        _print_broken(result)
    _print(results, time.perf_counter() - started_at)
    return not any(result.broken for result in results)


def _find_defects(processes: ProcessPoolExecutor, seed: int) -> bool:
    """Whether each is found within a hundred runs."""
    results = processes.map(partial(_find, seed), range(len(DEFECTS)))
    all_found = True
    for defect, found in zip(DEFECTS, results, strict=True):
        what = f"{found.runs:>9}  {defect.name}: {found.sentence}" if found else ""
        print(what or f"not found  {defect.name}", flush=True)
        all_found = all_found and found is not None
    return all_found


def _find(seed: int, number: int) -> Found | None:
    """A defect is named by its number: its functions do not go from one process to another."""
    return find(DEFECTS[number], seed)


def _print_broken(result: Result) -> None:
    for sentence in result.broken:
        print(f"seed {result.seed}: {sentence}")
        print(f'  again with: make faults ARGS="--runs 1 --seed {result.seed}"', flush=True)


def _print(results: list[Result], seconds: float) -> None:
    total: Counter[str] = Counter()
    for result in results:
        total.update(result.counts)
    print(f"{len(results)} runs in {seconds:.1f} seconds")
    for name, count in total.items():
        print(f"{count:>9,}  {name}")
    print(f"{sum(bool(result.broken) for result in results):>9,}  runs in which something broke")


if __name__ == "__main__":
    main()
