"""``make screenshots``: the demo's fleet report in headless Chromium, on a phone and a desk."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from chalicelib.fleet.formats import rendered
from local.browser import browser_page
from local.fleet import demo_report

SIZES = {390: 1500, 1280: 1400}
"""How much of the page's height is shown, by its width."""

OPEN_ALL = "document.querySelectorAll('details').forEach(details => { details.open = true })"
ROOM = "document.documentElement.scrollWidth - window.innerWidth"
"""By how many pixels the page is wider than the window."""


def main() -> None:
    """Write a picture of each width and colour scheme; fail where the page is too wide."""
    directory = Path(sys.argv[1])
    directory.mkdir(parents=True, exist_ok=True)
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


if __name__ == "__main__":
    main()
