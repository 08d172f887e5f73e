"""The fleet report in each form that people and machines read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.fleet import to_json
from chalicelib.renderings.pages import as_html, as_markdown
from chalicelib.renderings.sarif import as_sarif
from chalicelib.renderings.spreadsheet import as_csv

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from chalicelib.fleet import FleetReport

RENDERINGS: Mapping[str, Callable[[FleetReport], str]] = {
    "html": as_html,
    "json": to_json,
    "csv": as_csv,
    "markdown": as_markdown,
    "sarif": as_sarif,
}
"""What makes a text of a fleet report, by the name of its form."""
