"""The channels by which people are notified, a module of this package each.

Email, SMS and JSON are three channels with one sender, since SNS takes them in one message.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.notifying.channels import chat, security_hub, topic
from chalicelib.settings.channels import ON_TOPIC

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from chalicelib.notifying.report import Report
    from chalicelib.services import Services


@dataclass(frozen=True)
class Sender:
    """What delivers a report by some channels; ``deliver`` raises what goes wrong.

    It gets what is news to people. With ``follows_every_scan`` it gets the reports of the other
    scans too, to say what has become of the findings that were reported before.
    """

    name: str
    channels: tuple[str, ...]
    deliver: Callable[[Report, Services], None]
    follows_every_scan: bool = False


SENDERS = (
    Sender("topic", ON_TOPIC, topic.deliver),
    Sender("chat", ("chat",), chat.deliver),
    Sender("security_hub", ("security_hub",), security_hub.deliver, follows_every_scan=True),
)


def senders(channels: Collection[str]) -> tuple[Sender, ...]:
    """Those that deliver by these channels."""
    return tuple(sender for sender in SENDERS if not set(channels).isdisjoint(sender.channels))
