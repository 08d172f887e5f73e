"""The media by which people are told, a module of this package each.

A medium is a module with a function ``deliver(report, services)``, which tells of a
:class:`chalicelib.notifying.report.Report` and raises what goes wrong. A module that is put here is
a medium with that: ``NOTIFY_BY_PAGER=true`` turns on ``pager.py``. It is told of what is news to
people. One that sets ``FOLLOWS_EVERY_SCAN = True`` is told, of the other scans too, what has become
of the findings that were reported before.

Email, SMS and JSON are three media with one module, ``topic.py``, since SNS takes them in one
message.
"""

from __future__ import annotations

from pkgutil import iter_modules
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

TOPIC = "topic"

ON_TOPIC = ("email", "sms", "json")
"""The media that one message to the report topic is worded for."""

ON_BY_DEFAULT = ON_TOPIC


def media_names() -> tuple[str, ...]:
    """All media, each of which a setting turns on or off."""
    modules = {module.name for module in iter_modules(__path__)} - {TOPIC}
    return (*ON_TOPIC, *sorted(modules))


def senders(media: Collection[str]) -> tuple[str, ...]:
    """The modules that tell by these media."""
    return tuple(dict.fromkeys(TOPIC if name in ON_TOPIC else name for name in media))


def on_topic(media: Iterable[str]) -> list[str]:
    """Those of the media that the report topic's message is worded for."""
    return [medium for medium in media if medium in ON_TOPIC]
