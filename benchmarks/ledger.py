"""``python -m benchmarks.ledger``: what the ledgers of 10,000 repositories take, and cost a month.

A repository is scanned every seven days for half a year and built anew each time: a tenth of its
findings goes, and as many come. Sizes are those of the items that the notifier writes.
"""

from __future__ import annotations

import random
from dataclasses import replace
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from benchmarks.prices import DOLLARS_A_UNIT
from chalicelib.aws.packed_states import packed
from chalicelib.policy.ledger import DAY, NOTHING, Observation, with_scan
from chalicelib.policy.states import Known

if TYPE_CHECKING:
    from chalicelib.policy.ledger import Ledger

REPOSITORIES = 10_000
SCANS_A_MONTH = 30 / 7
SCANS = 26
BYTES_A_WRITE = 1024
BYTES_A_READ = 4096
REST_OF_ITEM = 600
"""Keys and plain attributes of a line's item, in bytes."""

DOLLARS_A_GB_MONTH = 0.25 + 0.20
"""Storage and point-in-time recovery, as in docs/costs.md."""

WRITES_A_SCAN = 2
"""A line's state is kept before it is reported, and once more after that."""

DIGESTS_A_MONTH = 30 / 7


def main() -> None:
    """Print a line for each number of findings."""
    titles = ("findings", "entries", "item before, bytes", "with the ledger", "the ledger alone")
    costs = ("writes more, $", "reads of digests, $", "storage, $", "together, $")
    table = Table(*titles, *costs, title=f"Ledgers of {REPOSITORIES:,} repositories, a month")
    for findings in (18, 100, 1_000):
        ledger = _grown(findings)
        known = {
            key: Known(entry.severity, "2026-11-25T06:00:00Z", reported_by=frozenset({"topic"}))
            for key, entry in ledger.unfixed.items()
        }
        before = len(packed(known, {})) + REST_OF_ITEM
        after = len(packed(known, {}, ledger)) + REST_OF_ITEM
        units = -(-after // BYTES_A_WRITE) + before // -BYTES_A_WRITE
        writes = REPOSITORIES * SCANS_A_MONTH * WRITES_A_SCAN * units * DOLLARS_A_UNIT["write"]
        read = -(-after // BYTES_A_READ) / 2
        reads = REPOSITORIES * DIGESTS_A_MONTH * read * DOLLARS_A_UNIT["read"]
        storage = REPOSITORIES * (after - before) / 2**30 * DOLLARS_A_GB_MONTH
        sizes = (findings, len(ledger.entries), before, after, after - before)
        dollars = (writes, reads, storage, writes + reads + storage)
        table.add_row(*(f"{each:,}" for each in sizes), *(f"{each:.2f}" for each in dollars))
    Console(width=150).print(table)


def _grown(findings: int) -> Ledger:
    """The ledger of a line after half a year."""
    chance = random.Random(findings)  # noqa: S311
    number, ledger = 0, NOTHING
    present: dict[str, str] = {}
    for week in range(SCANS):
        kept = chance.sample(sorted(present), len(present) * 9 // 10)
        present = {key: present[key] for key in kept}
        while len(present) < findings:
            number += 1
            key = f"CVE-{chance.randrange(2019, 2027)}-{chance.randrange(10**5)} lib{number % 300}"
            present[key] = chance.choice(("CRITICAL", "HIGH", "MEDIUM", "LOW"))
        scan = Observation(1_780_000_000 + week * 7 * DAY + chance.randrange(9000), present)
        ledger = with_scan(ledger, replace(scan, found=dict(present)))
    return ledger


if __name__ == "__main__":
    main()
