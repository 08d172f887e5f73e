"""``make screenshots``: what the demo prints, and its fleet report in headless Chromium."""

from __future__ import annotations

import io
import re
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.terminal_theme import DIMMED_MONOKAI
from rich.text import Text

from chalicelib.fleet.formats import rendered
from local import demo
from local.browser import browser_page
from local.fleet import demo_report

if TYPE_CHECKING:
    from collections.abc import Callable

COLUMNS, MOST_LINES = 100, 90

SIZES = {390: 1500, 1280: 900}
"""How much of the page's height is shown, by its width."""

OPEN_ALL = "document.querySelectorAll('details').forEach(details => { details.open = true })"
ROOM = "document.documentElement.scrollWidth - window.innerWidth"
"""By how many pixels the page is wider than the window."""


def main() -> None:
    """Write the terminal, and the page in every width and scheme; fail where it is too wide."""
    directory = Path(sys.argv[1])
    directory.mkdir(parents=True, exist_ok=True)
    terminal = directory / "demo.svg"
    terminal.write_text(terminal_picture(demo.run, "make demo"))
    print(f"{terminal}: {terminal.stat().st_size:,} bytes")
    with tempfile.TemporaryDirectory() as temporary, browser_page() as page:
        file = Path(temporary) / "report.html"
        file.write_bytes(rendered("html", demo_report()).encode())
        for width, height in SIZES.items():
            for scheme in ("light", "dark"):
                page.show(file, width, dark=scheme == "dark")
                picture = directory / f"fleet-report-{width}-{scheme}.png"
                picture.write_bytes(page.screenshot(height))
                print(f"{picture}: {picture.stat().st_size:,} bytes")
                page.evaluate(OPEN_ALL)
                if page.evaluate(ROOM) > 0:
                    sys.exit(f"the page is wider than {width} pixels")


def terminal_picture(run: Callable[[Console], None], title: str) -> str:
    """What a program prints first, as SVG, in fonts that are at hand where it is shown."""
    printed = Console(record=True, width=COLUMNS, file=io.StringIO())
    run(printed)
    lines = printed.export_text(styles=True).splitlines()
    shown = Console(record=True, width=COLUMNS, file=io.StringIO())
    shown.print(Text.from_ansi("\n".join(lines[:MOST_LINES])))
    if len(lines) > MOST_LINES:
        shown.print("…")
    drawn = shown.export_svg(title=title, theme=DIMMED_MONOKAI, unique_id="terminal")
    return re.sub(r"@font-face \{.*?\}", "", drawn, flags=re.DOTALL)


if __name__ == "__main__":
    main()
