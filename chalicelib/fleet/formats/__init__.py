"""The fleet report in each form that people and machines read."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from chalicelib.fleet.report import FleetReport

_FORMS = {
    "html": ("chalicelib.fleet.formats.html_page", "as_html"),
    "json": ("chalicelib.fleet.formats.json_form", "to_json"),
    "csv": ("chalicelib.fleet.formats.spreadsheet", "as_csv"),
    "markdown": ("chalicelib.fleet.formats.pages", "as_markdown"),
    "sarif": ("chalicelib.fleet.formats.sarif", "as_sarif"),
}

FORMS = tuple(_FORMS)
"""The names of the forms."""


def rendered(form: str, report: FleetReport, *options: Any) -> str:
    """The text of a fleet report in one of :data:`FORMS`, of which the others are not loaded.

    ``options`` are those of the form, such as :class:`chalicelib.fleet.formats.sarif.Choice`.
    """
    module, function = _FORMS[form]
    text: str = getattr(import_module(module), function)(report, *options)
    return text
