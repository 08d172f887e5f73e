"""Which of a repository's images to review, how often, and what of their findings counts.

A rule that a repository's ECR tags give wins over the same rule of the settings, and there one by a
pattern of names over one for all repositories; what a request names wins over all of them.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

from chalicelib.policy.due_dates import DueTimes
from chalicelib.policy.durations import Duration
from chalicelib.policy.finding_filters import FindingFilters
from chalicelib.policy.globs import GlobIndex
from chalicelib.policy.thresholds import NAMES, Thresholds

_FILTERS = ("fixable_only", "ignore_unfixed", "minimum_score")


@dataclass(frozen=True)
class Rules:
    """The rules of one repository; None where nothing is said."""

    skip: bool | None = None
    duration: Duration | None = None
    tag_pattern: re.Pattern[str] | None = None
    tagged_only: bool | None = None
    newest: int | None = None
    pushed_within: Duration | None = None
    pulled_within: Duration | None = None
    critical: int | None = None
    high: int | None = None
    medium: int | None = None
    low: int | None = None
    informational: int | None = None
    undefined: int | None = None
    kev: int | None = None
    epss: float | None = None
    fixable_only: bool | None = None
    ignore_unfixed: bool | None = None
    minimum_score: float | None = None
    owner: str | None = None
    sla: DueTimes | None = None

    @property
    def select(self) -> bool:
        """Whether any rule keeps some images from being reviewed."""
        choices = (self.tag_pattern, self.newest, self.pushed_within, self.pulled_within)
        return bool(self.tagged_only) or any(choice is not None for choice in choices)

    def over(self, others: "Rules") -> "Rules":
        """These rules, with the others' where these say nothing."""
        said = {field.name: getattr(self, field.name) for field in fields(self)}
        return replace(others, **{name: value for name, value in said.items() if value is not None})

    def thresholds(self, settings: Thresholds) -> Thresholds:
        """The settings' thresholds with those of these rules in their place."""
        return settings.with_others({name: getattr(self, name) for name in NAMES})

    def finding_filters(self, settings: FindingFilters) -> FindingFilters:
        """The settings' finding filters with those of these rules in their place."""
        given = {name: getattr(self, name) for name in _FILTERS}
        return replace(settings, **{name: v for name, v in given.items() if v is not None})


@dataclass(frozen=True)
class RepositoryRules:
    """The rules of the repositories whose names match a glob pattern."""

    pattern: str
    rules: Rules


class RulesByName:
    """Rules of repositories in order, of which the first counts whose pattern matches the name."""

    def __init__(self, entries: Sequence[RepositoryRules]) -> None:
        self._entries = entries
        self._index = GlobIndex([entry.pattern for entry in entries])

    def of(self, repository: str) -> Rules:
        """The rules of a repository; none where no pattern matches its name."""
        matching = self._index.matching(repository) | self._index.unnamed
        return self._entries[min(matching)].rules if matching else Rules()
