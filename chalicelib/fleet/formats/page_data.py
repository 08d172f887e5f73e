"""What the page's script draws from: all findings of all repositories, written small.

``report.js`` reads it. Findings and vulnerabilities are named by their place in their list, which
is their order: the most urgent first. Texts that many have are named by their place too.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from chalicelib.ecr import finding_texts
from chalicelib.ecr.severities import SEVERITIES
from chalicelib.fleet.formats.pages import day, place, state, unknown_in
from chalicelib.text.templating import link, plain, short

if TYPE_CHECKING:
    from collections.abc import Iterable

    from chalicelib.ecr.findings import Finding
    from chalicelib.fleet.model import RepositoryReport
    from chalicelib.fleet.report import FleetReport
    from chalicelib.fleet.vulnerabilities import Open, Ranking, Vulnerability
    from chalicelib.policy.ages import Age

MOST_DESCRIBED = 500
"""Of how many vulnerabilities, the most urgent ones, the page has the description."""

_TEXT, _NAMES = 160, 120
_BASE = 32
_DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


class _Numbers:
    """The numbers of findings; most repositories share theirs, which are fast to find."""

    def __init__(self, numbers: dict[Finding, int]) -> None:
        self._numbers = numbers
        self._by_id: dict[int, int] = {}

    def __call__(self, finding: Finding) -> int:
        number = self._by_id.get(id(finding))
        if number is None:
            number = self._by_id[id(finding)] = self._numbers[finding]
        return number


class _Texts(dict[str, int]):
    """The place of each text in the list of texts, which is the order in which they are met."""

    def __missing__(self, text: str) -> int:
        self[text] = len(self)
        return self[text]


def page_data(report: FleetReport, ranking: Ranking) -> dict[str, Any]:
    """The lists, each entry of which is a list of values in a fixed order."""
    in_order = (finding for each in ranking.vulnerabilities for finding in each.in_order)
    numbers = _Numbers({finding: number for number, finding in enumerate(in_order)})
    texts = _Texts()
    lists = {
        "unknown": unknown_in(report),
        "severities": [severity.lower() for severity in SEVERITIES],
        "vulnerabilities": [
            _vulnerability(each, texts, described=number < MOST_DESCRIBED)
            for number, each in enumerate(ranking.vulnerabilities)
        ],
        "findings": [
            _finding(finding, number, texts)
            for number, each in enumerate(ranking.vulnerabilities)
            for finding in each.in_order
        ],
        "repositories": [
            [
                *_repository(each, report, texts),
                _open_findings(ranking.open_in(each), report, numbers),
            ]
            for each in ranking.repositories
        ],
    }
    return {"texts": list(texts), **lists}


def _vulnerability(vulnerability: Vulnerability, texts: _Texts, *, described: bool) -> list[Any]:
    first = vulnerability.worst
    return [
        plain(vulnerability.identifier) or "unnamed",
        texts[_shared(link(first.url), vulnerability.identifier)],
        short(first.description, _TEXT) if described else "",
        first.known_exploited,
        first.epss,
        texts[short(finding_texts.related(first), _NAMES)],
    ]


def _shared(address: str, name: str) -> str:
    """The address, with a space, which none has, for the vulnerability's name at its end."""
    return f"{address.removesuffix(name)} " if name and address.endswith(name) else address


def _finding(finding: Finding, vulnerability: int, texts: _Texts) -> list[Any]:
    return [
        vulnerability,
        SEVERITIES.index(finding.severity),
        texts[short(finding_texts.packages(finding), _NAMES)],
        texts[short(finding_texts.installed(finding), _NAMES)],
        texts[short(finding_texts.fix(finding), _NAMES)],
        finding.score,
        finding.exploit_available,
    ]


def _repository(report: RepositoryReport, fleet: FleetReport, texts: _Texts) -> list[Any]:
    runs_in = where(report)
    return [
        plain(place(report.repository, fleet)),
        None if report.owner is None else texts[short(report.owner, _NAMES)],
        None if runs_in is None else texts[runs_in],
        short(report.tags[0], 40) if report.tags else "",
        texts[day(report.pushed_at) if report.pushed_at else ""],
        texts["" if report.known and report.certain else short(state(report, fleet), _TEXT)],
    ]


def where(report: RepositoryReport) -> str | None:
    """Where images are in use; empty for nowhere, None where that is not known."""
    return None if report.running is None else short(finding_texts.names_in(report.running), 240)


def _open_findings(
    found: Iterable[Open], fleet: FleetReport, number_of: _Numbers
) -> list[tuple[int | None, int | None, bool | None, str]]:
    """The findings by age, by days until due and by whether they run, each told by :func:`_steps`.

    Most findings of a repository came with one image and are due together.
    """
    groups: dict[tuple[Age, bool | None], list[int]] = defaultdict(list)
    for one in found:
        groups[one.age, one.running].append(number_of(one.finding))
    return [
        (age.days(fleet.today), age.days_left(fleet.today), running, _steps(members))
        for (age, running), members in groups.items()
    ]


def _steps(numbers: Iterable[int]) -> str:
    """How far each number is from the one before, in base 32, the lowest digit first.

    Digits are those of Base64, of which the last 32 stand where another digit follows.
    """
    last, digits = 0, []
    for number in sorted(numbers):
        step, last = number - last, number
        while step >= _BASE:
            digits.append(_DIGITS[_BASE + step % _BASE])
            step //= _BASE
        digits.append(_DIGITS[step])
    return "".join(digits)
