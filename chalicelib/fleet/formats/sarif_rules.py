"""The rules of a SARIF run, one a vulnerability. Source: GitHub, "SARIF support"."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chalicelib.ecr import finding_texts
from chalicelib.text.templating import link, markdown, plain, short

if TYPE_CHECKING:
    from chalicelib.ecr.findings import Finding

LONGEST_DESCRIPTION = 1024
"""The longest description, in characters."""

LONGEST_NAME = 255
_LONGEST_HELP = 4096
_MOST_UPDATES = 10

LEVELS = {
    "CRITICAL": "error",
    "HIGH": "error",
    "MEDIUM": "warning",
    "LOW": "note",
    "INFORMATIONAL": "note",
    "UNDEFINED": "warning",
}
"""SARIF's level of each severity."""

# What stands for a score that the scanner does not give: GitHub shows above 9.0 as critical, from
# 7.0 as high, from 4.0 as medium and from 0.1 as low, and without one no security result.
_SCORES = {
    "CRITICAL": 9.5,
    "HIGH": 8.0,
    "MEDIUM": 5.5,
    "LOW": 2.0,
    "INFORMATIONAL": 0.1,
    "UNDEFINED": 4.0,
}


def rule_id(finding: Finding) -> str:
    """The name of the finding's rule."""
    return finding.identifier if _line(finding.identifier) else "unnamed"


class Rules:
    """The rules in the order in which they are first needed; each is that of its worst finding."""

    def __init__(self) -> None:
        self._rules: dict[str, _Rule] = {}

    def index_of(self, finding: Finding) -> int:
        """The place of the finding's rule."""
        name = rule_id(finding)
        if name not in self._rules:
            self._rules[name] = _Rule(len(self._rules), finding)
        rule = self._rules[name]
        rule.add(finding)
        return rule.index

    def documents(self) -> list[dict[str, Any]]:
        """All rules."""
        return [rule.document() for rule in self._rules.values()]


class _Rule:
    def __init__(self, index: int, finding: Finding) -> None:
        self.index = index
        self._worst = finding
        self._score = 0.0
        self._updates: dict[tuple[str, str], None] = {}

    def add(self, finding: Finding) -> None:
        """Count in another finding of the vulnerability."""
        self._worst = min(self._worst, finding, key=lambda each: each.importance)
        score = _SCORES[finding.severity] if finding.score is None else finding.score
        self._score = max(self._score, score)
        if len(self._updates) < _MOST_UPDATES:
            self._updates |= dict.fromkeys(finding_texts.updates(finding))

    def document(self) -> dict[str, Any]:
        """The rule as SARIF has it."""
        finding, name = self._worst, rule_id(self._worst)
        address = link(finding.url)
        rule = {
            "id": name,
            "shortDescription": {"text": short(name, LONGEST_NAME)},
            "fullDescription": {"text": short(self._description, LONGEST_DESCRIPTION)},
            "help": {"text": self._help(address), "markdown": self._markdown(address)},
            "defaultConfiguration": {"level": LEVELS[finding.severity]},
            "properties": {
                "tags": ["security", "vulnerability"],
                "security-severity": f"{max(self._score, 0.1):.1f}",
            },
        }
        return {**rule, "helpUri": address} if address else rule

    @property
    def _description(self) -> str:
        text = _line(self._worst.description) or rule_id(self._worst)
        return short(text, _LONGEST_HELP)

    def _help(self, address: str) -> str:
        updates = [f"Update {name} to {version}." for name, version in self._updates]
        more = [f"See {address}"] if address else []
        return "\n".join(filter(None, [self._description, *map(plain, updates), *more]))

    def _markdown(self, address: str) -> str:
        updates = [f"- Update {markdown(name)} to {markdown(v)}" for name, v in self._updates]
        more = [f"[{markdown(rule_id(self._worst))}](<{address}>)"] if address else []
        parts = [markdown(self._description), "\n".join(updates), *more]
        return "\n\n".join(filter(None, parts))


def _line(text: str) -> str:
    """The text as one line; empty where nothing of it can be seen."""
    return " ".join(plain(text).split())
