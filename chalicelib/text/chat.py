"""What chat channels are given: words without marks, and notifications of no single image.

Source: Amazon Q Developer in chat applications, "Custom notifications".
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING
from uuid import NAMESPACE_URL, uuid5

from chalicelib.text.templating import link, plain

if TYPE_CHECKING:
    from collections.abc import Iterable

TITLE_LENGTH, DESCRIPTION_LENGTH, STEP_LENGTH = 150, 2900, 300
"""The longest texts, in characters, so that Slack shows them whole.

A header takes 150 there, and the text of a section 3,000. Source: Slack API, Block Kit.
"""

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
    return str(uuid5(NAMESPACE_URL, plain(name)))


def announcement(title: str, lines: Iterable[str], thread: str, address: str = "") -> str:
    """A notification as JSON; what has no room is left out, the address never in part.

    ``thread`` names what such notifications are about, one after the other.
    """
    title = words(title)[:TITLE_LENGTH].strip() or "ECR Scan Reporter"
    shown = link(address).replace("&", "&amp;")
    closing = f"\n<{shown}>" if shown and len(shown) < DESCRIPTION_LENGTH // 2 else ""
    text = "\n".join(map(words, lines))[: DESCRIPTION_LENGTH - len(closing)]
    content = {
        "textType": "client-markdown",
        "title": title,
        # An entity that is cut shows as it is.
        "description": re.sub(r"&[a-z]*$", "", text) + closing,
        "keywords": ["Amazon ECR"],
    }
    metadata = {"threadId": unique(thread), "summary": title}
    return json.dumps(
        {"version": "1.0", "source": "custom", "content": content, "metadata": metadata}
    )
