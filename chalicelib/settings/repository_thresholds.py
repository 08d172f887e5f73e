"""Thresholds of repositories, by a pattern of their names, in one line of text."""

import re
from typing import Any

from chalicelib.ecr.severities import SEVERITIES
from chalicelib.policy.rules import RepositoryRules, Rules
from chalicelib.settings.values import (
    COUNT_PATTERN,
    PROBABILITY_PATTERN,
    parse_count,
    parse_probability,
)

ACCEPTED_REPOSITORY_THRESHOLDS = (
    "thresholds of repositories, such as payments/*: CRITICAL=1 HIGH=5 KEV=1 EPSS=0.5; sandbox/*:"
    " CRITICAL=20"
)

_COUNTED = "|".join((*SEVERITIES, "KEV"))
_THRESHOLD = f"(({_COUNTED})={COUNT_PATTERN}|EPSS=({PROBABILITY_PATTERN}))"
_TWICE = rf".*({_COUNTED}|EPSS)=[0-9.]+ [^:;]*\1="
_ENTRY = rf" *[^:; \t\r\n]+ *: *{_THRESHOLD}( +{_THRESHOLD})* *"

REPOSITORY_THRESHOLDS_PATTERN = f"(?!{_TWICE}){_ENTRY}(;{_ENTRY})*;? *"
"""Of texts as a whole; of regular expressions as Python, Java and JavaScript know them."""


def parse_repository_thresholds(text: str) -> tuple[RepositoryRules, ...]:
    """Read :data:`ACCEPTED_REPOSITORY_THRESHOLDS`; :raises ValueError: for anything else."""
    if not re.fullmatch(REPOSITORY_THRESHOLDS_PATTERN, text):
        raise ValueError(text)
    return tuple(_repository_rules(entry) for entry in text.split(";") if entry.strip())


def _repository_rules(entry: str) -> RepositoryRules:
    pattern, _, words = entry.partition(":")
    pairs = (word.split("=") for word in words.split())
    rules: dict[str, Any] = {
        name.lower(): parse_probability(text) if name == "EPSS" else parse_count(text)
        for name, text in pairs
    }
    return RepositoryRules(pattern.strip(), Rules(**rules))
