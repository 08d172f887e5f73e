"""The channels by which people are notified, each of which a setting turns on or off."""

from collections.abc import Iterable

from chalicelib.settings.table import rows_of
from chalicelib.settings.table.reporting import Channels

CHANNELS = tuple(row.name.removeprefix("by_") for row in rows_of(Channels))

ON_TOPIC = ("email", "sms", "json")
"""The channels that one message to the report topic is worded for."""


CHAT = "chat"


def on_topic(channels: Iterable[str]) -> list[str]:
    """Those of the channels that the report topic's message is worded for."""
    return [channel for channel in channels if channel in ON_TOPIC]
