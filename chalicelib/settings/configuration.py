"""The configuration file: settings in YAML, by group, for which the environment has no room.

It holds whatever the functions can act on by themselves. What only the deployment can act on is
refused, so that nobody waits for a schedule or a permission that does not come.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chalicelib.ecr.registries import Role
from chalicelib.policy.rules import RepositoryRules, Rules
from chalicelib.policy.thresholds import NAMES
from chalicelib.settings.documents import LIST, OBJECT, Document
from chalicelib.settings.kinds import (
    COUNT,
    DUE_TIMES,
    DURATION,
    EXTERNAL_ID,
    INTEGER,
    NUMBER,
    OWNER,
    PATTERN,
    POSITIVE,
    PROBABILITY,
    ROLE,
    SCORE,
    STRING,
    SWITCH,
    TOPIC_ARN,
)
from chalicelib.settings.owner_topics import OwnerTopic
from chalicelib.settings.rows import Setting
from chalicelib.settings.table import ROWS
from chalicelib.settings.table.reporting import Reporting
from chalicelib.settings.table.scanning import ImagesInUse, Registries

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from chalicelib.settings.documents import Node
    from chalicelib.settings.kinds import Kind

RULES: Mapping[str, Kind[Any]] = {
    "duration": DURATION,
    "tag-pattern": PATTERN,
    "tagged-only": SWITCH,
    "newest": POSITIVE,
    "pushed-within": DURATION,
    "pulled-within": DURATION,
    "fixable-only": SWITCH,
    "ignore-unfixed": SWITCH,
    "minimum-score": SCORE,
    "owner": OWNER,
    "sla": DUE_TIMES,
}
"""What the rules of repositories may hold beside their pattern and thresholds."""

THRESHOLDS: Mapping[str, Kind[Any]] = dict.fromkeys(NAMES, COUNT) | {"epss": PROBABILITY}

OWNER_KEYS: Mapping[str, Kind[Any]] = {"name": OWNER, "topic": TOPIC_ARN, "chat-topic": TOPIC_ARN}
"""The keys of an owner's entry."""

ACCOUNT: Mapping[str, Kind[Any]] = {"role": ROLE, "external-id": EXTERNAL_ID}
"""The keys of an account's entry."""

_A_PATTERN = "a glob pattern of names, such as payments/*"

Tree = dict[str, Any]
"""Settings, or trees of them, by key."""


def tree() -> Tree:
    """Every setting that has a key, by the parts of its key."""
    found: Tree = {}
    for row in ROWS:
        *parts, last = row.key.split(".")
        branch = found
        for part in parts:
            branch = branch.setdefault(part, {})
        if last:
            branch[last] = row
    return found


def parse_configuration(text: str, source_name: str) -> dict[str, Any]:
    """The values of a configuration file, by the variable of each setting.

    :raises DocumentError: with every error in it; then nothing of it counts.
    """
    document = Document(text, source_name)
    values = dict(_values(document.root, tree())) if document.root else {}
    document.check()
    return values


def _values(node: Node, keys: Tree) -> Mapping[str, Any]:
    found: dict[str, Any] = {}
    for key, entry in node.entries(keys).items():
        below = keys[key]
        if not isinstance(below, Setting):
            found |= _values(entry, below)
        elif below.by_deployment:
            entry.note(f"is {_by_deployment(below)}; accepted: nothing here")
        else:
            found[below.variable] = _READ.get(below.variable, _scalar(below.kind))(entry)
    return found


def _by_deployment(setting: Setting[Any]) -> str:
    return (
        f"for the deployment to set, by the parameter {setting.parameter}"
        f" or the variable {setting.variable}"
    )


def _scalar(kind: Kind[Any]) -> Callable[[Node], Any]:
    return lambda node: _value(node, kind)


def _value(node: Node, kind: Kind[Any]) -> Any:
    """A scalar of the kind; None, with an error, where it is anything else."""
    if node.kind == kind.written or (kind.written == NUMBER and node.kind == INTEGER):
        try:
            # YAML knows True and TRUE too.
            return kind.parse(node.text.lower() if kind is SWITCH else node.text)
        except ValueError:
            node.refuse(kind.accepted)
    elif kind.written == STRING and node.kind not in (OBJECT, LIST):
        node.refuse(f"{kind.accepted}, in quotes if it looks like anything else")
    else:
        node.refuse(kind.accepted)
    return None


def _accounts(node: Node) -> tuple[Role, ...]:
    roles: dict[str, Role] = {}
    for item in node.items():
        values = item.entries(ACCOUNT)
        found = {key: _value(value, ACCOUNT[key]) for key, value in values.items()}
        if item.kind == OBJECT and "role" not in values:
            item.note(f"has no role; accepted: {', '.join(ACCOUNT)}")
        if arn := found.get("role"):
            role = Role(arn, found.get("external-id"))
            if role.account in roles:
                values["role"].note(f"is the second of {role.account}; accepted: one an account")
            roles[role.account] = role
    return tuple(roles.values())


def _repositories(node: Node) -> tuple[RepositoryRules, ...]:
    return tuple(found for item in node.items() if (found := _repository_rules(item)))


def _repository_rules(node: Node) -> RepositoryRules | None:
    values = node.entries(("pattern", "thresholds", *RULES))
    thresholds = values["thresholds"].entries(THRESHOLDS) if "thresholds" in values else {}
    rules = {
        **{key: _value(value, RULES[key]) for key, value in values.items() if key in RULES},
        **{name: _value(value, THRESHOLDS[name]) for name, value in thresholds.items()},
    }
    if values and not rules:
        node.note(f"has no rule; accepted: any of thresholds, {', '.join(RULES)}")
    pattern = values.get("pattern")
    if pattern is None:
        if node.kind == OBJECT:
            node.note(f"has no pattern; accepted: {_A_PATTERN}")
        return None
    if pattern.kind != STRING or not pattern.text:
        pattern.refuse(_A_PATTERN)
    named = {key.replace("-", "_"): value for key, value in rules.items()}
    return RepositoryRules(pattern.text, Rules(**named))


def _owners(node: Node) -> tuple[OwnerTopic, ...]:
    topics: list[OwnerTopic] = []
    for item in node.items():
        values = item.entries(OWNER_KEYS)
        found = {key: _value(value, OWNER_KEYS[key]) for key, value in values.items()}
        if item.kind == OBJECT and ("name" not in values or len(values) < 2):
            item.note(f"has no name or no topic; accepted: {', '.join(OWNER_KEYS)}")
        name = found.pop("name", None)
        if name:
            topics += [
                OwnerTopic(name, arn, is_chat=key == "chat-topic")
                for key, arn in found.items()
                if arn
            ]
    return tuple(topics)


ACCOUNTS = (Registries.scan_accounts.variable, ImagesInUse.discovery_accounts.variable)
"""The settings that are lists of accounts."""

_READ: Mapping[str, Callable[[Node], Any]] = {
    **dict.fromkeys(ACCOUNTS, _accounts),
    Reporting.repository_rules.variable: _repositories,
    Reporting.owner_topics.variable: _owners,
}


def shown_values(values: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What a configuration file says, for people: each key with its value."""
    by_variable = {row.variable: row for row in ROWS}
    return [(by_variable[name].key, _shown(value)) for name, value in values.items()]


def _shown(value: Any) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(_shown, value))
    if isinstance(value, bool):
        return str(value).lower()
    # What a duration, a role, a rule of repositories or a pattern is known by.
    names = ("text", "owner", "arn", "pattern")
    return str(next((found for name in names if (found := getattr(value, name, None))), value))
