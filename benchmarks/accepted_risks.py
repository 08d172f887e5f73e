"""``make bench-risks``: a long list of accepted risks against the findings of a large image.

Prints for lists of several kinds how often a name was held against a pattern, and the processor's
time: what takes it is the findings, and hardly the list.
"""

from __future__ import annotations

import time
from datetime import date
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from chalicelib.ecr.findings import Finding, Package
from chalicelib.policy.accepted_risks import AcceptedRisks
from chalicelib.settings.accepted_risks import parse_accepted_risks
from chalicelib.settings.documents import LONGEST_DOCUMENT

if TYPE_CHECKING:
    from collections.abc import Callable

FINDINGS = 10_000
TODAY = date(2026, 3, 1)

# What an entry of each kind covers, by its number.
KINDS: dict[str, Callable[[int], str]] = {
    "vulnerabilities": lambda n: f"vulnerability: CVE-2026-{n}",
    "patterns of both": lambda n: f"vulnerability: CVE-{1900 + n % 90}-*, package: lib{n}*",
    "patterns of packages": lambda n: f"package: 'lib{n}*a'",
    "patterns that begin with *": lambda n: f"package: '*{n}'",
}


def findings() -> tuple[Finding, ...]:
    """The findings of an image, in a few thousand packages."""
    return tuple(
        Finding(f"CVE-{2005 + n % 22}-{n}", "HIGH", (Package(f"lib{n % 7000}", "1.0"),))
        for n in range(FINDINGS)
    )


def longest_list(covers: Callable[[int], str]) -> str:
    """As many entries as a list may have."""
    text, number = "accepted:\n", 0
    while True:
        entry = f"- {{{covers(number)}, reason: not reachable, expires: 2999-01-01}}\n"
        if len(text) + len(entry) > LONGEST_DOCUMENT:
            return text
        text, number = text + entry, number + 1


def main() -> None:
    """Measure each kind of list, and print a table."""
    found = findings()
    table = Table("Entries", "Kind", "Reading, s", "Matching, s", "Comparisons", "One by one")
    for kind, covers in KINDS.items():
        started = time.process_time()
        risks = AcceptedRisks(parse_accepted_risks(longest_list(covers), "list"))
        read = time.process_time()
        risks.split("shop/api", found, TODAY)
        matched = time.process_time()
        table.add_row(
            f"{len(risks.entries):,}",
            kind,
            f"{read - started:.2f}",
            f"{matched - read:.2f}",
            f"{risks.comparisons:,}",
            f"{len(risks.entries) * len(found):,}",
        )
    console = Console(width=None if Console().is_terminal else 120)
    console.print(table)
    console.print(f"{len(found):,} findings; processor time.")


if __name__ == "__main__":
    main()
