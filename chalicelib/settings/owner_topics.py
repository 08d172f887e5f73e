"""Topics of owners' own, in one line of text: payments=arn:...; payments=chat:arn:..."""

from __future__ import annotations

import re
from dataclasses import dataclass

from chalicelib.settings.values import OWNER_PATTERN

TOPIC_ARN_PATTERN = "arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]{1,256}"

ACCEPTED_OWNER_TOPICS = (
    "topics of owners, such as payments=arn:aws:sns:eu-west-1:123456789012:payments;"
    " payments=chat:arn:aws:sns:eu-west-1:123456789012:payments-chat"
)

_CHAT = "chat:"
_ENTRY = f" *{OWNER_PATTERN}=({_CHAT})?{TOPIC_ARN_PATTERN} *"

OWNER_TOPICS_PATTERN = f"{_ENTRY}(;{_ENTRY})*;?"
"""Of texts as a whole; of regular expressions as Python, Java and JavaScript know them."""


@dataclass(frozen=True)
class OwnerTopic:
    """A topic of an owner's own, for reports or for chat."""

    owner: str
    arn: str
    is_chat: bool = False

    @property
    def channel(self) -> str:
        """What it is called in logs, metrics and the table: a channel by itself."""
        kind = "owner-chat" if self.is_chat else "owner"
        return f"{kind}:{self.owner}:{self.arn.rpartition(':')[2]}"


def parse_owner_topics(text: str) -> tuple[OwnerTopic, ...]:
    """Read :data:`ACCEPTED_OWNER_TOPICS`; :raises ValueError: for anything else."""
    if not re.fullmatch(OWNER_TOPICS_PATTERN, text):
        raise ValueError(text)
    return tuple(_owner_topic(entry) for entry in text.split(";") if entry.strip())


def _owner_topic(entry: str) -> OwnerTopic:
    owner, _, arn = entry.strip().partition("=")
    return OwnerTopic(owner.rstrip(), arn.removeprefix(_CHAT), is_chat=arn.startswith(_CHAT))
