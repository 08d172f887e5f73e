"""The command line's tables."""

from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import groupby
from operator import itemgetter
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table


def print_plan(rows: Iterable[Mapping[str, Any]]) -> None:
    """Print each repository's images with the decision about each, and a total."""
    console, counts = Console(), Counter[bool]()
    for repository, images in groupby(rows, key=itemgetter("repository")):
        table = Table("Image", "Last scan", "Due", "Reason", title=repository, title_justify="left")
        for image in images:
            counts[image["due"]] += 1
            name = ", ".join(image["imageTags"]) or image["imageDigest"][:19]
            due = "[bold]yes[/]" if image["due"] else "no"
            table.add_row(escape(name), image["scanCompletedAt"] or "never", due, image["reason"])
        console.print(table)
    console.print(f"{counts[True]} of {counts.total()} images are due.")


def print_scans(rows: Iterable[Mapping[str, Any]]) -> None:
    """Print a line a repository: how many images, how many started and skipped, and why."""
    table = Table("Repository", *(f"{title}" for title in ("Images", "Due", "Started")), "Skipped")
    for row in rows:
        counts = [str(row.get(key, "")) for key in ("images", "due", "started")]
        table.add_row(escape(row["repository"]), *counts, escape(row["error"] or skipped(row)))
    Console().print(table)


def skipped(row: Mapping[str, Any]) -> str:
    """Why images were skipped and how many for each reason, most frequent first."""
    return ", ".join(f"{count} {reason}" for reason, count in row["skipped"].most_common())
