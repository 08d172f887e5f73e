"""Texts from templates, in which every value is escaped for the channel that it goes to.

The templates are in ``chalicelib/text/templates``. What a template's name ends in decides how the
values in it are escaped, unless it says ``| safe``, which none does for a value from outside:

- ``.html``: for HTML.
- ``.md``: for Markdown, whose own marks and HTML both lose their meaning.
- ``.txt``: control characters and line breaks become spaces, so that no value can look like a line
  of its own.
"""

from __future__ import annotations

import html
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Callable

    from jinja2 import Environment

TEMPLATES = Path(__file__).parent / "templates"

# What CommonMark and GitHub give a meaning to anywhere in a line, addresses of the web included.
_MARKS = re.compile(r"[\\`*_\[\]|~$]|:(?=//)|(?<=www)\.", re.IGNORECASE)
# What begins a list or a heading, or makes the line before it one.
_FIRST_MARK = re.compile(r"^(?:[-+=#]|\d+[.)](?=\s|$))")
# What GitHub takes for a user's name, the number of an issue, or a commit. An entity is none.
_REFERENCE = re.compile(
    r"@|(?<!&)#(?=\d)|\bGH-(?=\d)|\b[0-9a-f](?=\d*[a-f])(?=[0-9a-f]{6,39}\b)", re.IGNORECASE
)
# Without a user name before the host, which makes one site look like another.
_LINK = re.compile(r"https?://[^\s/?#@\"'<>`{}|\\^]+([/?#][^\s\"'<>`{}|\\^]*)?", re.IGNORECASE)
# A quick look is enough for all others.
_NOT_ASCII = re.compile("[^ -~]")
_KEPT_IN_LINKS = "/:?#&=+$,;!*~%"


def render(template: str, **values: Any) -> str:
    """The text of a template in ``chalicelib/text/templates``, with these values in it."""
    return _environment(Path(template).suffix).get_template(template).render(**values)


def plain(value: Any) -> str:
    """The value as one line of text: what cannot be printed becomes a space.

    Among this are line breaks, control characters, and marks that turn the direction of writing.
    """
    return _NOT_ASCII.sub(lambda found: found[0] if found[0].isprintable() else " ", str(value))


def markdown(value: Any) -> str:
    """The value as one line of Markdown that shows it as it is, without formatting or links.

    An empty comment after an ``@`` keeps GitHub from notifying a user of that name, and others keep
    it from taking a text for a reference to an issue or a commit. Source: GitHub, "Autolinked
    references and URLs".
    """
    text = _MARKS.sub(r"\\\g<0>", html.escape(plain(value).strip(), quote=False))
    text = _FIRST_MARK.sub(lambda found: f"{found[0][:-1]}\\{found[0][-1]}", text)
    return _REFERENCE.sub(r"\g<0><!-- -->", text)


def link(value: Any) -> str:
    """The value if it is an address of the web (http or https), otherwise nothing.

    Nothing in it ends a quoted attribute of HTML or a link of Markdown; what is not ASCII is
    percent-encoded.
    """
    text = str(value)
    return quote(text, _KEPT_IN_LINKS) if _LINK.fullmatch(text) and text.isprintable() else ""


def count_of(number: int, one: str, many: str = "") -> str:
    """A number with its noun: ``1 image``, ``1,204 images``."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def without_middle(text: str, length: int) -> str:
    """The text, the middle of a longer one replaced by two dots."""
    if len(text) <= length:
        return text
    kept = max(0, length - 2)
    return f"{text[: kept - kept // 2]}..{text[len(text) - kept // 2 :]}"


def short(value: Any, length: int) -> str:
    """The value as one line, cut between words, if there are any, where it is longer than that."""
    text = " ".join(plain(value).split())
    if len(text) <= length:
        return text
    words, space, _ = text[:length].rpartition(" ")
    return f"{words if space else text[: length - 1]}…"


def _finalizer(escape: Callable[[Any], str]) -> Callable[[Any], Any]:
    """What Jinja2 does to every value, unless a macro or a filter has escaped it already."""
    from markupsafe import Markup

    def finalize(value: Any) -> Any:
        return value if isinstance(value, Markup) else Markup(escape(value))  # noqa: S704  # nosec B704

    return finalize


def _html(value: Any) -> str:
    return html.escape(plain(value))


def _link_in_markdown(value: Any) -> Any:
    """A link's address for between ``<`` and ``>``, where no mark needs a backslash."""
    from markupsafe import Markup

    return Markup(html.escape(link(value), quote=False))  # noqa: S704  # nosec B704


_ESCAPES = {".html": _html, ".md": markdown, ".txt": plain}


@cache
def _environment(channel: str) -> Environment:
    # Imported here because only what renders a text needs it, and it takes a while.
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        # So that what a macro gives counts as escaped; what is not, the finalizer escapes.
        autoescape=True,
        finalize=_finalizer(_ESCAPES[channel]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(
        count_of=count_of, short=short, link=_link_in_markdown if channel == ".md" else link
    )
    return environment
