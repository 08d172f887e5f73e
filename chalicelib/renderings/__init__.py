"""The fleet report in each form that people and machines read."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chalicelib.fleet import FleetReport

_FORMS = {
    "html": ("chalicelib.renderings.pages", "as_html"),
    "json": ("chalicelib.fleet", "to_json"),
    "csv": ("chalicelib.renderings.spreadsheet", "as_csv"),
    "markdown": ("chalicelib.renderings.pages", "as_markdown"),
    "sarif": ("chalicelib.renderings.sarif", "as_sarif"),
}

FORMS = tuple(_FORMS)
"""The names of the forms."""


def rendered(form: str, report: FleetReport) -> str:
    """The text of a fleet report in one of :data:`FORMS`, of which the others are not loaded."""
    module, function = _FORMS[form]
    text: str = getattr(import_module(module), function)(report)
    return text
