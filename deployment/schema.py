"""The JSON Schema of the configuration file, by which editors complete and check it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chalicelib.settings.configuration import ACCOUNT, ACCOUNTS, OWNER_KEYS, RULES, THRESHOLDS, tree
from chalicelib.settings.rows import Setting
from chalicelib.settings.table.reporting import Reporting

if TYPE_CHECKING:
    from chalicelib.settings.configuration import Tree
    from chalicelib.settings.kinds import Kind

Schema = dict[str, Any]


def configuration_schema() -> Schema:
    """The schema. What only the deployment can act on is not in it, as it is not in a file."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "The configuration file of ECR Scan Reporter, version 1",
        **_object(tree()),
    }


def _object(keys: Tree) -> Schema:
    properties = {key: schema for key, below in keys.items() if (schema := _schema(below))}
    if not properties:
        return {}
    return {"type": "object", "additionalProperties": False, "properties": properties}


def _schema(below: Setting[Any] | Tree) -> Schema:
    if not isinstance(below, Setting):
        return _object(below)
    if below.by_deployment:
        return {}
    schema = {"description": below.description, **_of_setting(below)}
    return schema | {"default": below.parsed_default} if _plain(below) else schema


def _plain(row: Setting[Any]) -> bool:
    """Whether the default is written as JSON writes it."""
    return isinstance(row.parsed_default, bool | int | float | str)


def _of_setting(row: Setting[Any]) -> Schema:
    if row.variable in ACCOUNTS:
        return {"type": "array", "items": _account()}
    if row.variable == Reporting.repository_rules.variable:
        return {"type": "array", "items": _repository_rules()}
    if row.variable == Reporting.owner_topics.variable:
        return {"type": "array", "items": _owner()}
    return _of_kind(row.kind)


def _owner() -> Schema:
    return {
        "type": "object",
        "additionalProperties": False,
        "required": ["name"],
        "minProperties": 2,
        "properties": {key: _of_kind(kind) for key, kind in OWNER_KEYS.items()},
    }


def _of_kind(kind: Kind[Any]) -> Schema:
    schema: Schema = {"type": kind.written}
    if kind.bounds:
        return schema | {"minimum": kind.bounds[0], "maximum": kind.bounds[1]}
    if kind.written == "boolean":
        return schema
    if kind.values:
        return schema | {"enum": list(kind.values)}
    if kind.pattern:
        return schema | {"pattern": f"^(?:{kind.pattern})$"}
    return schema | {"minLength": 1, "maxLength": kind.longest, "format": "regex"}


def _account() -> Schema:
    return {
        "type": "object",
        "additionalProperties": False,
        "required": ["role"],
        "properties": {key: _of_kind(kind) for key, kind in ACCOUNT.items()},
    }


def _repository_rules() -> Schema:
    thresholds = {
        "type": "object",
        "additionalProperties": False,
        "minProperties": 1,
        "properties": {name: _of_kind(kind) for name, kind in THRESHOLDS.items()},
    }
    pattern = {
        "type": "string",
        "minLength": 1,
        "description": "A glob pattern of names, such as payments/*; the first entry that matches"
        " counts",
    }
    return {
        "type": "object",
        "additionalProperties": False,
        "required": ["pattern"],
        "minProperties": 2,
        "properties": {
            "pattern": pattern,
            "thresholds": thresholds,
            **{key: _of_kind(kind) for key, kind in RULES.items()},
        },
    }
