"""The command line's tables."""

from __future__ import annotations

from collections import Counter
from itertools import groupby
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from chalicelib.fleet.formats.pages import counted, day, not_counted, state, unknown_in
from chalicelib.fleet.formats.pages import place as place_of
from chalicelib.text.templating import count_of, plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from chalicelib.fleet.report import FleetReport

_RISK_COLUMNS = ("Vulnerability", "Package", "Repository")


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


def print_risks(rows: Iterable[Mapping[str, Any]]) -> None:
    """Print a line an accepted risk: what it covers, why and until when, and a total."""
    table, counts = Table("Line", *_RISK_COLUMNS, "Expires", "Reason"), Counter[bool]()
    for row in rows:
        counts[row["expired"]] += 1
        covered = [escape(row[column.lower()] or "any") for column in _RISK_COLUMNS]
        expires = f"[bold]{row['expires']} (expired)[/]" if row["expired"] else row["expires"]
        table.add_row(str(row["line"]), *covered, expires, escape(row["reason"]))
    console = Console()
    console.print(table)
    console.print(f"{counts[False]} accepted, {counts[True]} expired.")


def print_configuration(rows: Iterable[tuple[str, str]]) -> None:
    """Print the settings of a configuration file, by key."""
    table = Table("Key", "Value", title="Settings", title_justify="left")
    for key, value in rows:
        table.add_row(escape(key), escape(value))
    Console().print(table)


def print_fleet(report: FleetReport) -> None:
    """Print each repository's findings by severity, the worst first, and what was not seen."""
    console = Console()
    table = Table("Repository", "Image", "Findings", title="Open findings", title_justify="left")
    others = [each for each in report.repositories if not each.findings]
    for each in (*report.worst, *others):
        name, tag = place_of(each.repository, report), ", ".join(each.tags[:1])
        table.add_row(*(escape(plain(text)) for text in (name, tag, state(each, report))))
    console.print(table)
    unknown = unknown_in(report)
    if report.open_findings or not unknown:
        console.print(f"{counted(report.totals)}. {report.fix_summary}".rstrip())
    if unknown:
        console.print(f"What is open is unknown in {unknown}.")
    if ignored := not_counted(len(report.accepted), report.left_out):
        console.print(f"Not counted: {ignored}.")
    for risk in report.expired:
        console.print(f"No longer accepted: {escape(plain(risk.covered))} (until {risk.expires}).")
    if changes := report.comparison:
        new, fixed = len(changes.new), len(changes.fixed)
        console.print(f"Since {day(changes.since)}: {new} new, {fixed} fixed.")
    console.print(
        f"{count_of(report.images_never_scanned, 'image')} never scanned, "
        f"{count_of(report.scans_failed, 'scan')} failed, "
        f"{len(report.not_looked_at)} not looked at."
    )


def skipped(row: Mapping[str, Any]) -> str:
    """Why images were skipped and how many for each reason, most frequent first."""
    return ", ".join(f"{count} {reason}" for reason, count in row["skipped"].most_common())
