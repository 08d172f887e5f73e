"""Rules that a repository's ECR tags give: the settings of one repository."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from chalicelib.ecr.severities import SEVERITIES
from chalicelib.policy.durations import ACCEPTED_DURATIONS, Duration
from chalicelib.policy.rules import Rules
from chalicelib.runtime.patterns import ACCEPTED_PATTERNS, parse_pattern
from chalicelib.settings.values import (
    ACCEPTED_COUNTS,
    ACCEPTED_OWNERS,
    ACCEPTED_POSITIVES,
    ACCEPTED_PROBABILITIES,
    ACCEPTED_SWITCHES,
    parse_count,
    parse_owner,
    parse_positive,
    parse_probability,
    parse_switch,
)

TAG_PREFIX = "ecr-scan-reporter:"
"""How the keys of the ECR resource tags begin that are rules."""


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
    "kev": (parse_count, ACCEPTED_COUNTS),
    "epss": (parse_probability, ACCEPTED_PROBABILITIES),
    "owner": (parse_owner, ACCEPTED_OWNERS),
}


def rule_texts(tags: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Those of a repository's tags that are meant as rules, by name, without the prefix."""
    return {
        key.removeprefix(TAG_PREFIX): value for key, value in tags if key.startswith(TAG_PREFIX)
    }


def parse_rules(texts: Mapping[str, str]) -> tuple[Rules, tuple[BadRule, ...]]:
    """Read rules by name; a bad one is skipped and named, and the others hold.

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
