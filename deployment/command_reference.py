"""The reference of the command line in the documentation."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import typer

from ecr_scan_reporter.__main__ import NAME, commands

if TYPE_CHECKING:
    from collections.abc import Iterator

_BEGINNING = """\
# Commands

<!-- Made from the commands' own help by `make generate`: do not edit. -->

[The command line](command-line.md) explains how to install it, what its status means and what it
needs. `--help` prints the same as this page.
"""


def command_reference() -> str:
    """The page ``docs/commands.md``."""
    group: Any = typer.main.get_command(commands)
    return "\n".join([_BEGINNING, *(_section(*each) for each in group.commands.items())])


def _section(name: str, command: Any) -> str:
    return "\n".join((f"## {name}\n", f"{_plain(command.help)}\n", *_table(name, command)))


def _table(name: str, command: Any) -> Iterator[str]:
    yield f"`{NAME} {name}`, and:\n"
    yield "| Argument or option | What it is |"
    yield "| --- | --- |"
    for parameter in command.params:
        words, text = parameter.get_help_record(typer.Context(command))
        yield f"| `{words.replace('|', ' or ')}` | {_plain(text)} |"
    yield ""


def _plain(text: str) -> str:
    """A text of the program's, so that Markdown shows it as it is."""
    plain = inspect.cleandoc(text)
    for mark in "\\`*_<>|":
        plain = plain.replace(mark, f"\\{mark}")
    return plain
