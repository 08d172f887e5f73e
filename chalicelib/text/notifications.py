"""What is published to people, whatever it is about, and how much of it there may be."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from chalicelib.text.templating import plain, without_middle

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SUBJECT_LENGTH = 99
"""The longest subject, in ASCII characters: SNS takes fewer than 100. Source: SNS Publish."""

SMS_LENGTH = 140
"""The longest short text, so that it goes out as a single SMS."""

MESSAGE_BYTES = 250_000
"""The longest message, with some room left of the 256 KB that SNS takes. Source: SNS Publish."""


@dataclass(frozen=True)
class Message:
    """What is published: a subject, a JSON object of texts by protocol, and attributes.

    ``lists`` are attributes with several values each.
    """

    subject: str
    body: str
    attributes: Mapping[str, str]
    lists: Mapping[str, Sequence[str]] = field(default_factory=dict)


def short(template: str, name: str, length: int) -> str:
    """The template with the name in it, in ASCII, the name's middle cut to fit the length."""
    room = length - len(_ascii(template.format("")))
    return _ascii(template.format(without_middle(_ascii(name), room)))[:length]


def _ascii(text: str) -> str:
    return plain(text).encode("ascii", "replace").decode()
