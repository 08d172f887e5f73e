"""The command line's tables."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from itertools import groupby
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from chalicelib.fleet.formats.pages import counted, day, not_counted, state, unknown_in
from chalicelib.fleet.formats.pages import place as place_of
from chalicelib.text.ages import age
from chalicelib.text.templating import count_of, plain, without_middle

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from chalicelib.fleet.find import Answer
    from chalicelib.fleet.report import FleetReport

_RISK_COLUMNS = ("Vulnerability", "Package", "Repository")


class PlanTable:
    """A table a repository, as soon as that was read, and a total."""

    def __init__(self) -> None:
        self._console = Console(emoji=False)
        self._counts = Counter[bool]()

    def add(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Print a repository's images, with the decision about each."""
        for place, images in groupby(rows, key=_place):
            table = Table(box=SIMPLE_HEAD, title=f"[bold]{escape(place)}[/]", **_PLAN)
            table.add_column("Image", ratio=3, overflow="fold")
            table.add_column("Last scan", width=16)
            table.add_column("Due", width=3)
            table.add_column("Reason", ratio=2)
            for image in images:
                self._counts[image["due"]] += 1
                due = "[bold]yes[/]" if image["due"] else "no"
                scanned_at = minute(image["scanCompletedAt"]) or "never"
                table.add_row(escape(_image(image)), scanned_at, due, image["reason"])
            self._console.print(table)

    def finish(self) -> None:
        """Print the total."""
        counts = self._counts
        self._console.print(f"{counts[True]} of {counts.total()} images are due.")


_FOUND = ("Repository", "Vulnerability", "Installed", "Fixed in", "Runs in", "Age", "Owner")


def print_found(answer: Answer) -> None:
    """Print the findings that were asked for, and of when they are."""
    console = Console(emoji=False)
    table = Table(box=SIMPLE_HEAD, pad_edge=False, expand=True)
    for column in _FOUND:
        table.add_column(column, overflow="fold")
    for each in answer.findings:
        overdue, running = each["overdue_days"], each["running_in"]
        table.add_row(
            escape(each["repository"]),
            escape(f"{each['severity']} {plain(each['vulnerability'])}"),
            escape(plain(each["installed_version"] or "")),
            escape(plain(each["fixed_version"] or "")),
            "unknown" if running is None else escape(", ".join(running)) or "nowhere",
            age(each["open_days"], -overdue if overdue else None) or "unknown",
            "unknown" if each["owner"] is None else escape(each["owner"]) or "unowned",
        )
    if answer.findings:
        console.print(table)
    more = answer.matches - len(answer.findings)
    unknown = f", unknown in {answer.unknown:,}" if answer.unknown else ""
    console.print(
        f"{count_of(answer.matches, 'finding')} in"
        f" {count_of(answer.repositories, 'repository', 'repositories')}{unknown}, as of"
        f" {minute(answer.as_of)} UTC{f'; {more:,} are not shown' if more else ''}"
    )


_PLAN: dict[str, Any] = {"title_justify": "left", "pad_edge": False, "expand": True}
_MOST_TAGS = 4


def _image(row: Mapping[str, Any]) -> str:
    tags = row["imageTags"]
    more = [f"{len(tags) - _MOST_TAGS} more"] if len(tags) > _MOST_TAGS else []
    name = ", ".join([*tags[:_MOST_TAGS], *more]) or without_middle(row["imageDigest"], 21)
    if row.get("indexDigests"):
        name = f"└ {row.get('platform') or name}"
    return f"{name} (in use)" if row.get("inUse") else name


def minute(time: str | None) -> str:
    """A time in ISO 8601 of UTC as people read it; empty without one."""
    return f"{datetime.fromisoformat(time):%Y-%m-%d %H:%M}" if time else ""


def _place(row: Mapping[str, Any]) -> str:
    """The repository, with its account and region where they are not the caller's own."""
    return " ".join(row[key] for key in ("repository", "registry", "region") if row.get(key))


class ScanTable:
    """A line a repository as soon as its scans are started: how many, and what was skipped."""

    def __init__(self) -> None:
        self._console = Console(emoji=False)
        self._begun = False

    def add(self, row: Mapping[str, Any]) -> None:
        """Print a repository's line, beneath the titles if it is the first."""
        table = Table(box=None, show_header=not self._begun, pad_edge=False, expand=True)
        self._begun = True
        table.add_column("Repository", ratio=2, overflow="fold")
        for title in ("Images", "Due", "Started"):
            table.add_column(title, width=7, justify="right")
        table.add_column("Skipped", ratio=3)
        counts = [str(row.get(key, "")) for key in ("images", "due", "started")]
        table.add_row(escape(row["repository"]), *counts, escape(row["error"] or skipped(row)))
        self._console.print(table)


def print_risks(rows: Iterable[Mapping[str, Any]]) -> None:
    """Print a line an accepted risk: what it covers, why and until when, and a total."""
    table, counts = Table("Line", *_RISK_COLUMNS, "Expires", "Reason"), Counter[bool]()
    for row in rows:
        counts[row["expired"]] += 1
        covered = [escape(row[column.lower()] or "any") for column in _RISK_COLUMNS]
        expires = f"[bold]{row['expires']} (expired)[/]" if row["expired"] else row["expires"]
        table.add_row(str(row["line"]), *covered, expires, escape(row["reason"]))
    console = Console(emoji=False)
    console.print(table)
    console.print(f"{counts[False]} accepted, {counts[True]} expired.")


def print_configuration(rows: Iterable[tuple[str, str]]) -> None:
    """Print the settings of a configuration file, by key."""
    table = Table("Key", "Value", title="Settings", title_justify="left")
    for key, value in rows:
        table.add_row(escape(key), escape(value))
    Console(emoji=False).print(table)


def print_fleet(report: FleetReport) -> None:
    """Print each repository's findings by severity, the worst first, and what was not seen."""
    console = Console(emoji=False)
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
