"""The command line's tables."""

from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table


def print_plan(rows: Iterable[Mapping[str, Any]]) -> None:
    """Print each repository's images with the decision about each, and a total."""
    console, counts = Console(), Counter[bool]()
    for place, images in groupby(rows, key=_place):
        table = Table("Image", "Last scan", "Due", "Reason", title=place, title_justify="left")
        for image in images:
            counts[image["due"]] += 1
            name = ", ".join(image["imageTags"]) or image["imageDigest"][:19]
            if image.get("indexDigests"):
                name = f"└ {name} of {', '.join(image.get('indexTags', ())) or 'an untagged index'}"
            if image.get("inUse"):
                name += " (in use)"
            due = "[bold]yes[/]" if image["due"] else "no"
            table.add_row(escape(name), image["scanCompletedAt"] or "never", due, image["reason"])
        console.print(table)
    console.print(f"{counts[True]} of {counts.total()} images are due.")


def _place(row: Mapping[str, Any]) -> str:
    """The repository, with its account and region where they are not the caller's own."""
    return " ".join(row[key] for key in ("repository", "registry", "region") if row.get(key))


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
