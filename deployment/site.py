"""What makes a site of the documents: more pages, links to sources, and drawings as pictures."""

from __future__ import annotations

import hashlib
import os.path
import re
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from mkdocs.structure.files import File

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

PROJECT = Path(__file__).parents[1]
PAGES = {
    "README.md": "index.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
}
"""The documents beside the folder of the others, and the pages that they become."""

_LINK = re.compile(r"\]\(([\w.-][\w./-]*)(#[\w-]+)?\)")
_DRAWING = re.compile(r"```mermaid\n(.*?)```", re.DOTALL)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages. Called by MkDocs when it has found the files."""
    for source, page in PAGES.items():
        text = (PROJECT / source).read_text()
        files.append(File.generated(config, page, content=text))
    return files


def on_page_markdown(markdown: str, *, page: Page, config: MkDocsConfig, **_: object) -> str:
    """Fit a page's links and drawings to the site. Called by MkDocs before it renders a page."""
    home = PurePosixPath("" if page.file.src_uri in PAGES.values() else "docs")
    text = _DRAWING.sub(_picture, markdown)
    return _LINK.sub(lambda found: f"]({_fitted(found[1], home, config)}{found[2] or ''})", text)


def drawing_of(source: str) -> str:
    """Where the picture of a drawing is, below docs; another drawing has another name."""
    return f"images/drawing-{hashlib.sha256(source.encode()).hexdigest()[:12]}.svg"


def drawings(project: Path) -> dict[str, str]:
    """The source of every drawing of the pages, by where its picture is, below docs."""
    pages = sorted((project / "docs").glob("*.md"))
    found = [source for page in pages for source in _DRAWING.findall(page.read_text())]
    return {drawing_of(source): source for source in found}


def _picture(drawing: re.Match[str]) -> str:
    """The picture of a drawing, or its source where `make drawings` has yet to make one."""
    name = drawing_of(drawing[1])
    is_there = (PROJECT / "docs" / name).exists()
    return f"[![Drawing]({name})]({name})" if is_there else drawing[0].replace("mermaid", "text")


def _fitted(link: str, home: PurePosixPath, config: MkDocsConfig) -> str:
    """A link, for the site: to a page or file of it, or else to the repository's file."""
    if link.startswith("images/drawing-"):
        return link
    path = os.path.normpath(home / link)
    if path in PAGES:
        return PAGES[path]
    if path.startswith("docs/"):
        return path.removeprefix("docs/")
    return f"{config.repo_url}/blob/main/{path}"
