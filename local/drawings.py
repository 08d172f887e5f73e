"""``make drawings``: the drawings of the documents as pictures, for a site that loads nothing."""

from __future__ import annotations

import json
import re
import sys
import tempfile
from pathlib import Path

from deployment.site import drawings
from local.browser import browser_page

DRAW = """(async () => {
  mermaid.initialize({startOnLoad: false, theme: 'neutral', htmlLabels: false,
                      flowchart: {htmlLabels: false, useMaxWidth: false}, deterministicIds: true});
  return (await mermaid.render('drawing', %s)).svg;
})()"""
PAGE = '<!doctype html><meta charset="utf-8"><script src="%s"></script><body>'
PAPER = '<svg style="background: white" '


def main() -> None:
    """Draw each anew with the Mermaid given, and delete pictures of drawings that are no more."""
    mermaid, project = Path(sys.argv[1]).resolve(), Path()
    wanted = drawings(project)
    for old in (project / "docs/images").glob("drawing-*.svg"):
        if f"images/{old.name}" not in wanted:
            old.unlink()
    with tempfile.TemporaryDirectory() as temporary, browser_page() as page:
        file = Path(temporary) / "page.html"
        file.write_text(PAGE % mermaid.as_uri())
        for name, source in wanted.items():
            page.show(file, 1400)
            picture = str(page.evaluate(DRAW % json.dumps(source)))
            text = _rounded(picture).replace("<svg ", PAPER, 1) + "\n"
            (project / "docs" / name).write_text(text)
            print(f"docs/{name}: {len(text):,} bytes")


def _rounded(picture: str) -> str:
    """The picture with tenths of pixels, and without what Mermaid keeps of its lines' points."""
    return re.sub(r"(\d\.\d)\d+", r"\1", re.sub(r' data-points="[^"]*"', "", picture))


if __name__ == "__main__":
    main()
