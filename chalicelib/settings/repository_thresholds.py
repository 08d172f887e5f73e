"""Thresholds of repositories, by a pattern of their names, in one line of text."""

import re
from typing import Any

from chalicelib.ecr.severities import SEVERITIES
from chalicelib.policy.rules import RepositoryRules, Rules
from chalicelib.settings.values import COUNT_PATTERN, parse_count

ACCEPTED_REPOSITORY_THRESHOLDS = (
    "thresholds of repositories, such as payments/*: CRITICAL=1 HIGH=5; sandbox/*: CRITICAL=20"
)

_SEVERITY = f"({'|'.join(SEVERITIES)})"
_COUNT = f"{_SEVERITY}={COUNT_PATTERN}"
_TWICE = rf".*{_SEVERITY}=[0-9]+ [^:;]*\1="
_ENTRY = rf" *[^:; \t\r\n]+ *: *{_COUNT}( +{_COUNT})* *"

REPOSITORY_THRESHOLDS_PATTERN = f"(?!{_TWICE}){_ENTRY}(;{_ENTRY})*;? *"
"""Of texts as a whole; of regular expressions as Python, Java and JavaScript know them."""


def parse_repository_thresholds(text: str) -> tuple[RepositoryRules, ...]:
    """Read :data:`ACCEPTED_REPOSITORY_THRESHOLDS`; :raises ValueError: for anything else."""
    if not re.fullmatch(REPOSITORY_THRESHOLDS_PATTERN, text):
        raise ValueError(text)
    return tuple(_repository_rules(entry) for entry in text.split(";") if entry.strip())


def _repository_rules(entry: str) -> RepositoryRules:
    pattern, _, words = entry.partition(":")
    counts = (word.split("=") for word in words.split())
    rules: dict[str, Any] = {severity.lower(): parse_count(count) for severity, count in counts}
    return RepositoryRules(pattern.strip(), Rules(**rules))
