"""The list of accepted risks as YAML, every error in it with its line."""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING

from chalicelib.policy.accepted_risks import AcceptedRisk
from chalicelib.settings.documents import OBJECT, Document
from chalicelib.settings.kinds import STRING

if TYPE_CHECKING:
    from chalicelib.settings.documents import Node

_LONGEST_TEXT = 1000
_DAY = "[0-9]{4}-[0-9]{2}-[0-9]{2}"

_A_TEXT = f"a text of 1 to {_LONGEST_TEXT} characters, in quotes if it looks like anything else"
_A_DAY = "a day, such as 2027-03-31"
_COVERS = ("vulnerability", "package", "repository")


def parse_accepted_risks(text: str, source_name: str) -> tuple[AcceptedRisk, ...]:
    """Read the list: an object with the key accepted, a list of entries.

    :raises DocumentError: with all that is wrong.
    """
    document = Document(text, source_name)
    entries = _entries(document.root) if document.root else []
    document.check()
    return tuple(entries)


def _entries(root: Node) -> list[AcceptedRisk]:
    values = root.entries(("accepted",))
    if "accepted" in values:
        return [entry for item in values["accepted"].items() if (entry := _entry(item))]
    if root.kind == OBJECT:
        root.note("has no key accepted; accepted: a list of entries under it")
    return []


def _entry(node: Node) -> AcceptedRisk | None:
    values = node.entries((*_COVERS, "reason", "expires"))
    if node.kind != OBJECT:
        return None
    for key, accepted in (("reason", _A_TEXT), ("expires", _A_DAY)):
        if key not in values:
            node.note(f"has no {key}; accepted: {accepted}")
    if not values.keys() & set(_COVERS):
        node.note(f"covers nothing; accepted: any of {', '.join(_COVERS)}")
    expires = _day(values.pop("expires")) if "expires" in values else None
    texts = {key: _text(value) for key, value in values.items()}
    reason = texts.pop("reason", None)
    if reason is None or expires is None:
        return None
    return AcceptedRisk(reason=reason, expires=expires, line=node.line, **texts)


def _text(node: Node) -> str | None:
    text = node.text.strip() if node.kind == STRING else ""
    if 0 < len(text) <= _LONGEST_TEXT:
        return text
    node.refuse(_A_TEXT)
    return None


def _day(node: Node) -> date | None:
    try:
        if re.fullmatch(_DAY, node.text):
            return date.fromisoformat(node.text)
    except ValueError:
        pass
    node.refuse(_A_DAY)
    return None
