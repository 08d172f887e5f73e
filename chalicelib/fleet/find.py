"""Which repositories have a vulnerability or a package: answered from the last kept state."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from functools import lru_cache
from heapq import nsmallest
from typing import TYPE_CHECKING, Any

from chalicelib.ecr.findings import Finding
from chalicelib.ecr.severities import SEVERITIES
from chalicelib.fleet.finding_lines import lines_with, read_state
from chalicelib.policy.news import UNOWNED
from chalicelib.policy.urgency import urgency
from chalicelib.text.shown import shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from chalicelib.aws.s3 import ReportBucket
    from chalicelib.fleet.finding_lines import State
    from chalicelib.policy.urgency import Urgency

    _Place = tuple[str, str, str]

MOST_FOUND = 2_000
"""The most findings of an answer, the most urgent ones; the others are counted."""

LONGEST_VALUE = 256

UNKNOWN = "unknown"
"""What is asked for to have what is not known."""

NOTHING_KEPT = (
    "no state is kept yet: each digest keeps one, so digests must be on (DIGEST) and one sent"
)


class WrongFilter(ValueError):
    """A filter that is not accepted: says what is."""


class NothingKept(Exception):
    """No digest has kept a state yet."""

    def __init__(self) -> None:
        super().__init__(NOTHING_KEPT)


@dataclass(frozen=True)
class Answer:
    """The findings that match, as their lines say them, and of when they are.

    ``matches`` is how many there are, ``repositories`` in how many; ``unknown`` of how many
    repositories or registries it was not known what is open.
    """

    as_of: str
    findings: tuple[Mapping[str, Any], ...] = ()
    matches: int = 0
    repositories: int = 0
    unknown: int = 0

    def document(self) -> dict[str, Any]:
        """The answer as JSON, which ``docs/openapi.yaml`` describes."""
        return {
            "asOf": self.as_of,
            "matches": self.matches,
            "repositories": self.repositories,
            "unknown": self.unknown,
            "findings": list(self.findings),
        }


def _is(name: str) -> Callable[[Mapping[str, Any], str], bool]:
    return lambda line, value: str(line[name] or "").lower() == value


_UNNAMED = {"": UNOWNED, None: UNKNOWN}


def _is_owner(line: Mapping[str, Any], value: str) -> bool:
    owner: str | None = line["owner"]
    return value == (owner or _UNNAMED[owner]).lower()


def _flag(name: str) -> Callable[[Mapping[str, Any], str], bool]:
    """What is not known is neither true nor false."""

    def has(line: Mapping[str, Any], value: str) -> bool:
        found = line[name]
        return value == (UNKNOWN if found is None else "true" if found else "false")

    return has


def _names(*names: str) -> Callable[[Mapping[str, Any], str], bool]:
    def has(line: Mapping[str, Any], value: str) -> bool:
        found = (line[name] for name in names)
        texts = (each if isinstance(each, list) else [each] for each in found)
        return any(text.lower() == value for each in texts for text in each)

    return has


FLAGS = ("known-exploited", "overdue", "running")
FLAG_VALUES = ("true", "false", UNKNOWN)
"""The filters that are a yes or no, and what is accepted for these."""

FILTERS: Mapping[str, Callable[[Mapping[str, Any], str], bool]] = {
    "vulnerability": _names("vulnerability", "related"),
    "package": _names("packages"),
    "any": _names("vulnerability", "related", "packages"),
    "repository": _is("repository"),
    "owner": _is_owner,
    "severity": _is("severity"),
    "status": _is("status"),
    "account": _is("account_id"),
    "region": _is("region"),
    "known-exploited": _flag("known_exploited"),
    "overdue": _flag("overdue_days"),
    "running": _flag("running_in"),
}
"""What findings can be found by: each text as a whole, in any case."""

ACCEPTED_FILTERS = ", ".join(
    f"{name}={'|'.join(FLAG_VALUES)}" if name in FLAGS else name for name in FILTERS
)


@dataclass(frozen=True)
class Query:
    """Filters by name, all of which a finding must match; values are in small letters."""

    filters: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, given: Mapping[str, str]) -> Query:
        """The query of these filters; :raises WrongFilter: where one is not accepted."""
        for name, value in given.items():
            if name not in FILTERS:
                raise WrongFilter(f"{shown(name)} is no filter; accepted: {ACCEPTED_FILTERS}")
            if not value or len(value) > LONGEST_VALUE:
                raise WrongFilter(
                    f"{name} is {shown(value)}; accepted: 1 to {LONGEST_VALUE} characters"
                )
            if name in FLAGS and value not in FLAG_VALUES:
                accepted = ", ".join(FLAG_VALUES)
                raise WrongFilter(f"{name} is {shown(value)}; accepted: {accepted}")
            if name == "severity" and value.upper() not in SEVERITIES:
                accepted = ", ".join(SEVERITIES)
                raise WrongFilter(f"{name} is {shown(value)}; accepted: {accepted}")
        if not given:
            raise WrongFilter(f"no filter is given; accepted: {ACCEPTED_FILTERS}")
        return cls({name: value.lower() for name, value in given.items()})

    @property
    def needles(self) -> list[bytes]:
        """What a line must hold in small letters to be worth reading."""
        texts = (
            value
            for name, value in self.filters.items()
            if name not in FLAGS and not (name == "owner" and value in _UNNAMED.values())
        )
        # Others are escaped, and have no small letters then.
        return [json.dumps(text).encode() for text in texts if text.isascii()]

    def matches(self, line: Mapping[str, Any]) -> bool:
        """Whether a finding is asked for."""
        return all(FILTERS[name](line, value) for name, value in self.filters.items())


def find(query: Query, bucket: ReportBucket, most: int = MOST_FOUND) -> Answer:
    """What matches in the last kept state, the most urgent first, without a call to ECR.

    Calls: s3:GetObject on ``fleet-reports/*``, s3:ListBucket.

    :raises NothingKept: when no digest has kept a state yet.
    :raises LinesNotRead: when the state names findings that are not there.
    """
    state = read_state(bucket)
    if state is None:
        raise NothingKept
    places: Counter[_Place] = Counter()
    found = nsmallest(most, _matching(query, bucket, state, places), key=_order)
    return Answer(state.as_of, tuple(found), places.total(), len(places), state.unknown)


def _matching(
    query: Query, bucket: ReportBucket, state: State, places: Counter[_Place]
) -> Iterator[Mapping[str, Any]]:
    """What matches, one at a time, since few of many are kept; counted by place."""
    for text in lines_with(query.needles, bucket, state):
        line = json.loads(text)
        if query.matches(line):
            places[_place(line)] += 1
            yield line


def _place(line: Mapping[str, Any]) -> _Place:
    return line["repository"], line["account_id"], line["region"]


def _order(line: Mapping[str, Any]) -> tuple[Any, ...]:
    overdue, running = line["overdue_days"], line["running_in"]
    first = _urgency(
        *(line[name] for name in _WEIGHED),
        running=None if running is None else bool(running),
        overdue=None if overdue is None else bool(overdue),
    )
    return *first, *_place(line)


_WEIGHED = ("vulnerability", "severity", "score", "fix_available", "epss", "known_exploited")


# Since repositories share most of their findings.
@lru_cache(maxsize=10_000)
def _urgency(
    vulnerability: str,
    severity: str,
    score: float | None,
    fix_available: bool | None,
    epss: float | None,
    known_exploited: bool | None,
    *,
    running: bool | None,
    overdue: bool | None,
) -> Urgency:
    finding = Finding(
        vulnerability,
        severity,
        score=score,
        fix_available=fix_available,
        epss=epss,
        known_exploited=known_exploited,
    )
    return urgency(finding, running=running, overdue=overdue)
