"""The fleet report as a web page: what is open, whose, since when and where it runs.

Its own script searches and sorts the lists, and draws them from data in the page. Without it there
are the same lists as plain tables.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections import defaultdict
from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from chalicelib.fleet.formats.page_data import page_data, where
from chalicelib.fleet.formats.pages import Bounds, first, view
from chalicelib.fleet.vulnerabilities import Ranking
from chalicelib.policy.exploitation import percent
from chalicelib.policy.urgency import LIKELY
from chalicelib.text.templating import TEMPLATES, count_of, render, short

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from chalicelib.ecr.findings import Finding
    from chalicelib.fleet.model import Change, Repository, RepositoryReport
    from chalicelib.fleet.report import FleetReport
    from chalicelib.fleet.vulnerabilities import Open

BOUNDS = Bounds(worst=0, changes=50, others=50, repositories=2000)

MOST_DUE = 10
"""The most findings that are overdue or due soon, before the lists, which have them all."""

MOST_VULNERABILITIES = 200
"""The most vulnerabilities in the plain table."""


@dataclass(frozen=True)
class _GroupedChange:
    """A finding that came or went, in all repositories in which it did."""

    finding: Finding
    repositories: tuple[Repository, ...]


def as_html(report: FleetReport) -> str:
    """One page that needs no other file, and that can be read without its script."""
    style, script = ((TEMPLATES / name).read_text() for name in ("report.css", "report.js"))
    ranking = Ranking(report)
    return render(
        "report.html",
        style=style,
        style_hash=_hash(style),
        script=script,
        script_hash=_hash(script),
        data=_embedded(page_data(report, ranking)),
        **{**view(report, BOUNDS), **_lists(report, ranking)},
    )


def _lists(report: FleetReport, ranking: Ranking) -> dict[str, Any]:
    """What the plain tables show, and what the page's parts link to."""
    vulnerabilities = first(ranking.vulnerabilities, MOST_VULNERABILITIES)
    repositories = first(ranking.repositories, BOUNDS.repositories)
    names = {each.identifier: number for number, each in enumerate(vulnerabilities.shown)}
    places = {each.repository: number for number, each in enumerate(repositories.shown)}
    order = {each.identifier: number for number, each in enumerate(ranking.vulnerabilities)}
    comparison = report.comparison
    new = _grouped(comparison.new if comparison else ())
    new.sort(key=lambda each: order.get(each.finding.identifier, 0))
    known = _known(report)
    return {
        "vulnerabilities": vulnerabilities,
        "repositories": repositories,
        "number_of": names.get,
        "place_of": places.get,
        "most_urgent": lambda each: min(ranking.open_in(each), key=attrgetter("urgency")).finding,
        "new": first(new, BOUNDS.changes),
        "fixed": first(_grouped(comparison.fixed if comparison else ()), BOUNDS.changes),
        "due": first((*report.overdue, *report.due_soon), MOST_DUE),
        "known": known,
        "unknown_facts": [what for fact, what in _FACTS.items() if not known[fact]],
        "order": [what for fact, what in _ORDER.items() if known[fact]],
        "people": _people,
        "age_of": lambda each: _ages(ranking.open_in(each), report),
        "percent": percent,
    }


_FACTS = {
    "owner": "whose repositories are",
    "running": "where images run",
    "age": "since when findings are open",
    "due": "when they are due",
    "exploited": "what is exploited (KEV)",
    "epss": "how likely exploitation is (EPSS)",
}

_ORDER = {
    "running": "what runs",
    "exploited": "what is known to be exploited (KEV)",
    "due": "what is overdue",
    "epss": f"what is likely to be exploited (EPSS from {100 * LIKELY[-1]:.0f}% on)",
}
"""What goes before the severity, where anything is known of it."""


def _known(report: FleetReport) -> Mapping[str, bool]:
    """Of what anything is known, of :data:`_FACTS`."""
    ages = [age for each in report.repositories for age in each.ages.values()]
    findings = [finding for each in report.repositories for finding in each.findings]
    return {
        "owner": any(each.owner is not None for each in report.repositories),
        "running": any(each.running is not None for each in report.repositories),
        "age": any(age.first_seen for age in ages),
        "due": any(age.due for age in ages),
        "exploited": any(finding.known_exploited is not None for finding in findings),
        "epss": any(finding.epss is not None for finding in findings),
    }


def _grouped(changes: Iterable[Change]) -> list[_GroupedChange]:
    """The changes by finding, in order: one in thirty repositories is one row."""
    found: dict[str, list[Change]] = defaultdict(list)
    for change in changes:
        found[change.finding.key].append(change)
    return [
        _GroupedChange(each[0].finding, tuple(change.repository for change in each))
        for each in found.values()
    ]


def _people(each: RepositoryReport) -> str:
    """``owner payments; runs in ECS service shop``, as far as it is known."""
    named = f"owner {short(each.owner, 80)}" if each.owner else "unowned"
    owner = [] if each.owner is None else [named]
    runs_in = where(each)
    running = [] if runs_in is None else [f"runs in {runs_in}" if runs_in else "runs nowhere"]
    return "; ".join(owner + running) or "unknown"


def _ages(found: Iterable[Open], report: FleetReport) -> str:
    """``oldest open 23 days; 4 overdue, by up to 16 days``, as far as it is known."""
    ages = [each.age for each in found]
    days = [count for age in ages if (count := age.days(report.today)) is not None]
    late = [count for age in ages if (count := age.overdue_days(report.today))]
    oldest = [f"oldest open {count_of(max(days), 'day')}"] if days else []
    overdue = [f"{len(late)} overdue, by up to {count_of(max(late), 'day')}"] if late else []
    return "; ".join(oldest + overdue)


def _embedded(data: Any) -> str:
    """JSON that can stand in a script element, whatever is in it."""
    return json.dumps(data, separators=(",", ":")).replace("<", "\\u003c")


def _hash(text: str) -> str:
    """What a content security policy knows an inline style or script by."""
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
