"""The channels by which people are notified, a module of this package each.

Email, SMS and JSON are three channels with one sender, since SNS takes them in one message.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.notifying.channels import chat, security_hub, topic
from chalicelib.settings.channels import ON_TOPIC

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from chalicelib.notifying.mirroring import MirroredLine
    from chalicelib.notifying.report import Report
    from chalicelib.runtime.backoff import Backoff
    from chalicelib.services import Services


@dataclass(frozen=True)
class Sender:
    """What delivers reports by some channels; ``deliver`` raises what goes wrong."""

    name: str
    channels: tuple[str, ...]
    deliver: Callable[[Report, Services], None]


@dataclass(frozen=True)
class Mirror:
    """What is to have exactly the findings that are open, of every line whose state changes.

    ``follow`` raises what goes wrong; it may be called again with what was followed before.
    """

    name: str
    channels: tuple[str, ...]
    follow: Callable[[Sequence[MirroredLine], Services, Backoff], None]


SENDERS = (
    Sender("topic", ON_TOPIC, topic.deliver),
    Sender("chat", ("chat",), chat.deliver),
)

MIRRORS = (Mirror(security_hub.NAME, ("security_hub",), security_hub.follow),)


def senders(channels: Collection[str]) -> tuple[Sender, ...]:
    """Those that deliver by these channels."""
    return tuple(sender for sender in SENDERS if not set(channels).isdisjoint(sender.channels))


def mirrors(channels: Collection[str]) -> tuple[Mirror, ...]:
    """Those that mirror open findings in these channels."""
    return tuple(mirror for mirror in MIRRORS if not set(channels).isdisjoint(mirror.channels))


def mirror_names(channels: Collection[str]) -> frozenset[str]:
    """The names of those that mirror open findings in these channels."""
    return frozenset(mirror.name for mirror in mirrors(channels))
