"""Which of a repository's images to review and how often: rules of the settings and of tags.

A rule that a repository's ECR tags give wins over the same rule of the settings; what a request
names wins over both.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from chalicelib.policy.durations import ACCEPTED_DURATIONS, Duration
from chalicelib.policy.thresholds import SEVERITIES, Thresholds
from chalicelib.runtime.patterns import ACCEPTED_PATTERNS, parse_pattern
from chalicelib.settings.values import (
    ACCEPTED_COUNTS,
    ACCEPTED_POSITIVES,
    ACCEPTED_SWITCHES,
    parse_count,
    parse_positive,
    parse_switch,
)

TAG_PREFIX = "ecr-scan-reporter:"
"""How the keys of the ECR resource tags begin that are rules."""


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
        given = {severity: getattr(self, severity.lower()) for severity in SEVERITIES}
        return settings.with_counts(
            {severity: count for severity, count in given.items() if count is not None}
        )


@dataclass(frozen=True)
class BadRule:
    """A tag that is not a rule, and what is accepted in its place."""

    key: str
    value: str
    accepted: str

    def __str__(self) -> str:
        return f"{self.key} is {self.value!r}; accepted: {self.accepted}"


_ACCEPTED: dict[str, tuple[Callable[[str], Any], str]] = {
    "skip": (parse_switch, ACCEPTED_SWITCHES),
    "duration": (Duration.parse, ACCEPTED_DURATIONS),
    "tag-pattern": (parse_pattern, ACCEPTED_PATTERNS),
    "tagged-only": (parse_switch, ACCEPTED_SWITCHES),
    "newest": (parse_positive, ACCEPTED_POSITIVES),
    "pushed-within": (Duration.parse, ACCEPTED_DURATIONS),
    "pulled-within": (Duration.parse, ACCEPTED_DURATIONS),
    **{severity.lower(): (parse_count, ACCEPTED_COUNTS) for severity in SEVERITIES},
}


def rule_texts(tags: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Those of a repository's tags that are meant as rules, by name, without the prefix."""
    return {
        key.removeprefix(TAG_PREFIX): value for key, value in tags if key.startswith(TAG_PREFIX)
    }


def parse_rules(texts: Mapping[str, str]) -> tuple[Rules, tuple[BadRule, ...]]:
    """Read rules by name; a bad one is passed over and named, and the others hold.

    A team's mistake in one tag must not stop the review of its repository.
    """
    rules: dict[str, Any] = {}
    bad: list[BadRule] = []
    for name, text in texts.items():
        parse, accepted = _ACCEPTED.get(name, (None, ", ".join(_ACCEPTED)))
        try:
            if parse is None:
                raise ValueError(name)
            rules[name.replace("-", "_")] = parse(text)
        except ValueError:
            bad.append(BadRule(f"{TAG_PREFIX}{name}", text, accepted))
    return Rules(**rules), tuple(bad)
