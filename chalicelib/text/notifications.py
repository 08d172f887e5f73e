"""What is published to people, whatever it is about, and how much of it there may be."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SUBJECT_LENGTH = 100
"""The longest subject that SNS takes, in ASCII characters. Source: SNS Publish."""

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
