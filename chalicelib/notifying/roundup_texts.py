"""What the messages about several images have in common, whatever the channel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.policy.exploitation import exploitation
from chalicelib.policy.news import INVENTORY, UNOWNED
from chalicelib.text.ages import age
from chalicelib.text.templating import count_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date

    from chalicelib.policy.news import Flaw, News
    from chalicelib.policy.roundups import Group, Roundup

_MOST_NAMED = 3
_IN_HEADLINES = ("CRITICAL", "HIGH", "MEDIUM", "LOW")


def headline(roundup: Roundup) -> str:
    """What is the matter, in a few words: of one vulnerability its name, else numbers."""
    groups, repositories = roundup.groups, len(roundup.repositories)
    if roundup.kind == INVENTORY:
        counts = counted(_shown(roundup.counts)) or "no open findings"
        return f"inventory of {count_of(repositories, 'repository', 'repositories')}: {counts}"
    where = f"in {count_of(repositories, 'repository', 'repositories')}"
    if len(groups) == 1 and not roundup.unlisted:
        flaw = groups[0].flaw
        fix = f", fixed in {flaw.fixed_in}" if flaw.fixed_in else ""
        return f"{named(groups[0])} ({flaw.severity}) {where}{_running(roundup)}{fix}"
    if groups:
        counts = counted(_shown(roundup.new_counts) or roundup.new_counts)
        new = count_of(len(groups), "new vulnerability", "new vulnerabilities")
        return f"{new} {where}{_running(roundup)}: {counts}"
    if roundup.images:
        fixed = sum(each.fixed for each in roundup.images)
        return f"{fixed} fixed {where}" if fixed else f"findings unknown {where}"
    return count_of(len(roundup.failed), "scan failed", "scans failed")


def named(group: Group) -> str:
    """A vulnerability with its packages: ``CVE-2026-1 in openssl``."""
    flaw = group.flaw
    return f"{flaw.identifier} in {flaw.packages}" if flaw.packages else flaw.identifier


def what(group: Group, day: date) -> str:
    """A vulnerability with what is known of a fix, of exploits, and on that day of its age."""
    flaw = group.flaw
    parts = [
        named(group),
        f"fixed in {flaw.fixed_in}" if flaw.fixed_in else "",
        exploitation(flaw.known_exploited, flaw.epss, exploitable=flaw.is_exploitable),
        age(flaw.age.days(day) or None, flaw.age.days_left(day)),
    ]
    return ", ".join(filter(None, parts))


def where(group: Group) -> str:
    """In how many repositories a vulnerability is new, and how many of its images run."""
    number = count_of(len(group.repositories), "repository", "repositories")
    return f"{number}, {group.running} running" if group.running else number


def counted(counts: Mapping[str, int]) -> str:
    """Counts by severity: ``1 CRITICAL, 12 HIGH``."""
    return ", ".join(f"{count:,} {severity}" for severity, count in counts.items())


def actions(roundup: Roundup, most: int) -> list[str]:
    """What to do first: the updates that fix new findings in the most images."""
    flaws = {id(each): {(f.identifier, f.packages): f for f in each.new} for each in roundup.images}
    images: dict[str, set[int]] = {}
    for group in roundup.groups:
        for each in map(id, group.images):
            flaw = flaws[each][group.flaw.identifier, group.flaw.packages]
            if flaw.fixed_in and flaw.packages:
                images.setdefault(_update(flaw), set()).add(each)
    if not images and roundup.groups:
        return ["rebuild the images on a current base; the scanner names no fixed version"]
    lines = [
        f"{update} ({count_of(len(images[update]), 'image')})"
        for update in sorted(images, key=lambda update: -len(images[update]))
    ]
    silent = {id(each) for each in roundup.images if each.new}.difference(*images.values())
    if not silent:
        return lines[:most]
    others = "other image" if len(silent) == 1 else f"{len(silent):,} other images"
    rest = f"rebuild the {others} on a current base; the scanner names no fixed version there"
    return [*lines[: most - 1], rest]


def about(news: News) -> str:
    """An image's numbers, owner and workloads."""
    found = counted(news.new_counts)
    new = f"{found} new" if found and news.kind != INVENTORY else found
    total = None if news.counts is None else sum(news.counts.values())
    parts = [
        new or (f"{news.fixed} fixed" if news.fixed else ""),
        "findings unknown" if total is None else f"{total:,} in all",
        f"{news.overdue:,} overdue" if news.overdue else "",
        f"owner {news.owner}" if news.owner else UNOWNED,
        f"in use by {some(news.where_in_use)}" if news.where_in_use else "",
    ]
    return "; ".join(filter(None, parts))


def some(names: Sequence[str]) -> str:
    """The first names, and how many more there are."""
    more = len(names) - _MOST_NAMED
    return ", ".join(names[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def image_names(roundup: Roundup, images: Iterable[News]) -> list[str]:
    """The names of some of the images, those in use marked."""
    names = ((roundup.called(each), each.where_in_use) for each in images)
    return [f"{name} (running)" if in_use else name for name, in_use in names]


def _shown(counts: Mapping[str, int]) -> dict[str, int]:
    """The counts that a headline has room for."""
    return {severity: count for severity, count in counts.items() if severity in _IN_HEADLINES}


def _running(roundup: Roundup) -> str:
    return f", {len(roundup.running)} running" if roundup.running else ""


def _update(flaw: Flaw) -> str:
    several = "," in flaw.packages
    return f"update {flaw.fixed_in}" if several else f"update {flaw.packages} to {flaw.fixed_in}"
