"""The reference of settings and parameters in the documentation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chalicelib.settings.configuration import ACCOUNTS
from chalicelib.settings.table import GROUPS, label_of, rows_of
from chalicelib.settings.table.reporting import Reporting
from deployment.parameters import parameters_by_group

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chalicelib.settings.rows import Setting

_BEGINNING = """\
# Settings

<!-- Made from the table of settings by `make generate`: do not edit. -->

Every setting has an environment variable, and a key in the [configuration file](configuration.md)
where the functions can act on it by themselves. Those that change resources or permissions have a
[parameter](#parameters) of the template, as have those that nearly everyone sets. A variable wins
over the file; an empty one counts as not set.

A setting that is wrong is refused when the application is packaged or deployed. In a function it
stops what uses it and nothing else, and is logged and counted at the start (`WrongSettings`).
"""


def settings_reference() -> str:
    """The page ``docs/settings.md``."""
    return "\n".join([_BEGINNING, *_settings(), *_parameters()]) + "\n"


def _settings() -> Iterator[str]:
    for group in GROUPS:
        yield f"## {label_of(group)}\n"
        yield "| Variable | In the file | Parameter | Default | Accepted | What it is |"
        yield "| --- | --- | --- | --- | --- | --- |"
        for row in rows_of(group):
            cells = (_code(row.variable), _key(row), _code(row.parameter), _default(row))
            yield f"| {' | '.join((*cells, _escaped(row.kind.accepted), _about(row)))} |"
        yield ""


def _parameters() -> Iterator[str]:
    yield "## Parameters\n"
    yield "Of the template, for either way of [deploying](deployment.md). Those of settings accept"
    yield "what the settings do. Where one has no default and nothing is given, the configuration"
    yield "file's value counts, and without one the setting's default.\n"
    yield "| Parameter | Default | What it is |"
    yield "| --- | --- | --- |"
    for group in parameters_by_group().values():
        for each in group:
            default = _code(str(each.spec["Default"])) or "none"
            yield f"| {_code(each.name)} | {default} | {_escaped(each.description)} |"


def _key(row: Setting[Any]) -> str:
    if row.by_deployment:
        return "no"
    if row.variable == Reporting.repository_rules.variable or row.variable in ACCOUNTS:
        return f"[{_code(row.key)}](configuration.md#{row.key.rpartition('.')[2]})"
    return _code(row.key)


def _default(row: Setting[Any]) -> str:
    if row.resource:
        return "set by the deployment"
    return _code(row.default) or "none"


def _about(row: Setting[Any]) -> str:
    about = _escaped(row.description)
    if row.permissions:
        about += f". Permissions: {', '.join(row.permissions)}"
    return about


def _code(text: str) -> str:
    return f"`{text}`" if text else ""


def _escaped(text: str) -> str:
    return text.replace("|", "\\|").replace("*", "\\*").replace("<", "&lt;")
