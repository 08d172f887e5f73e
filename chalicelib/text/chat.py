"""What chat channels are given: words without marks, and notifications of no single image.

Source: Amazon Q Developer in chat applications, "Custom notifications".
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any
from uuid import NAMESPACE_URL, uuid5

from chalicelib.text.templating import link, plain, without_middle

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

TITLE_LENGTH, DESCRIPTION_LENGTH, STEP_LENGTH = 150, 2900, 300
"""The longest texts, in characters, so that Slack shows them whole.

A header takes 150 there, and the text of a section 3,000. Source: Slack API, Block Kit.
"""

LINE_LENGTH = 600
"""The longest line of a list, in characters, so that several have room."""

_MENTION = re.compile(r"@(?=here|channel|everyone|group|all)", re.IGNORECASE)
# Marks, but for underscores within words, as names of repositories have them.
_MARKS = re.compile(r"[*~`|\[\]\\]|(?<![^\W_]|_)_+|_+(?![^\W_]|_)")


def words(value: str) -> str:
    """The value as text, without what would be a mark in it."""
    return _MARKS.sub("-", entities(value))


def entities(value: str) -> str:
    """Without what calls everybody in a channel, or begins a link or an entity."""
    text = plain(value).strip().replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _MENTION.sub("@\N{WORD JOINER}", text)


def unique(name: str) -> str:
    """A short identifier that is the same for the same name."""
    return str(uuid5(NAMESPACE_URL, name.encode(errors="replace").decode()))


def line(text: str, length: int) -> str:
    """A text without marks, its middle cut where it is too long once it is escaped."""
    kept = length
    while len(shown := words(without_middle(text, kept))) > length and kept > 0:
        kept -= 1
    return shown


def joined(lines: Iterable[str], length: int = DESCRIPTION_LENGTH) -> str:
    """As many whole lines as there is room for."""
    kept: list[str] = []
    for each in lines:
        if len("\n".join([*kept, each])) > length:
            break
        kept.append(each)
    return "\n".join(kept)


def custom(
    content: Mapping[str, Any], metadata: Mapping[str, Any], identity: str = ""
) -> dict[str, Any]:
    """A custom notification; one that is sent again has the same ``identity``, if it has any."""
    return {
        "version": "1.0",
        "source": "custom",
        **({"id": identity} if identity else {}),
        "content": {"textType": "client-markdown", **content},
        "metadata": metadata,
    }


def announcement(title: str, lines: Iterable[str], thread: str, address: str = "") -> str:
    """A notification as JSON; what has no room is left out, the address never in part.

    ``thread`` names what such notifications are about, one after the other.
    """
    title = line(title, TITLE_LENGTH) or "ECR Scan Reporter"
    shown = link(address).replace("&", "&amp;")
    closing = f"\n<{shown}>" if shown and len(shown) < DESCRIPTION_LENGTH // 2 else ""
    text = joined((line(each, LINE_LENGTH) for each in lines), DESCRIPTION_LENGTH - len(closing))
    content = {"title": title, "description": text + closing, "keywords": ["Amazon ECR"]}
    return json.dumps(custom(content, {"threadId": unique(thread), "summary": title}))
