"""The channels by which people are notified, each of which a setting turns on or off."""

from collections.abc import Iterable

ON_TOPIC = ("email", "sms", "json")
"""The channels that one message to the report topic is worded for."""

CHANNELS = (*ON_TOPIC, "chat", "security_hub")

ON_BY_DEFAULT = ON_TOPIC


def on_topic(channels: Iterable[str]) -> list[str]:
    """Those of the channels that the report topic's message is worded for."""
    return [channel for channel in channels if channel in ON_TOPIC]
