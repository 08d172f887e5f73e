"""The channels by which people are notified, a module of this package each.

Email, SMS and JSON are three channels with one sender, since SNS takes them in one message.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from chalicelib.notifying.channels import chat, chat_roundups, owners, security_hub, topic
from chalicelib.settings.channels import ON_TOPIC

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from chalicelib.notifying.mirroring import MirroredLine
    from chalicelib.notifying.report import Report
    from chalicelib.policy.roundups import Roundup
    from chalicelib.runtime.backoff import Backoff
    from chalicelib.services import Services
    from chalicelib.settings.owner_topics import OwnerTopic
    from chalicelib.settings.settings import Settings

    Content = Mapping[str, Any]


@dataclass(frozen=True)
class Wording:
    """What is published of one report, or of news of several images, before it is.

    It is made of texts, numbers, lists and mappings; ``publish`` raises what goes wrong.
    """

    of_report: Callable[[Report, Services], Content]
    of_roundup: Callable[[Roundup, Services], Content]
    publish: Callable[[Content, Services], None]


@dataclass(frozen=True)
class Sender:
    """What delivers reports by some channels; ``deliver`` raises what goes wrong.

    With a ``wording``, news is collected for it; without one it gets each report at once.
    """

    name: str
    channels: tuple[str, ...]
    deliver: Callable[[Report, Services], None]
    wording: Wording | None = None


@dataclass(frozen=True)
class Mirror:
    """What is to have exactly the findings that are open, of every line whose state changes.

    ``follow`` raises what goes wrong; it may be called again with what was followed before.
    """

    name: str
    channels: tuple[str, ...]
    follow: Callable[[Sequence[MirroredLine], Services, Backoff], None]


SENDERS = (
    Sender(
        "topic",
        ON_TOPIC,
        topic.deliver,
        Wording(topic.content_of_report, topic.content_of_roundup, topic.publish),
    ),
    Sender(
        "chat",
        ("chat",),
        chat.deliver,
        Wording(chat.content_of_report, chat_roundups.content_of_roundup, chat.publish),
    ),
)

MIRRORS = (Mirror(security_hub.NAME, ("security_hub",), security_hub.follow),)


def senders(channels: Collection[str]) -> tuple[Sender, ...]:
    """Those that deliver by these channels."""
    return tuple(sender for sender in SENDERS if not set(channels).isdisjoint(sender.channels))


def senders_to(owner: str, settings: Settings) -> tuple[Sender, ...]:
    """Those that deliver what is about an owner's repositories, to its own topics too."""
    own = [each for each in settings.owner_topics or () if each.owner == owner]
    return (*senders(settings.channels), *owner_senders(own))


def owner_senders(topics: Iterable[OwnerTopic]) -> tuple[Sender, ...]:
    """Those that deliver to topics of owners' own, each a channel by itself."""
    return tuple(_to_owner(own) for own in topics)


def _to_owner(own: OwnerTopic) -> Sender:
    to = owners.ToOwner(own)
    return Sender(own.channel, (), to.deliver, Wording(to.of_report, to.of_roundup, to.publish))


def mirrors(channels: Collection[str]) -> tuple[Mirror, ...]:
    """Those that mirror open findings in these channels."""
    return tuple(mirror for mirror in MIRRORS if not set(channels).isdisjoint(mirror.channels))


def mirror_names(channels: Collection[str]) -> frozenset[str]:
    """The names of those that mirror open findings in these channels."""
    return frozenset(mirror.name for mirror in mirrors(channels))
