"""Events as they come, so that the application itself says what is wrong with one."""

from typing import Any, TypeVar

from chalice.app import BaseLambdaEvent, EventSourceHandler

Handler = TypeVar("Handler", bound=EventSourceHandler)


class AnyEvent(BaseLambdaEvent):
    """An event of any shape; Chalice's own classes fail with a KeyError on a missing key."""

    def _extract_attributes(self, event_dict: dict[str, Any]) -> None:
        """Take nothing out of the event."""


def accept_any_event(handler: Handler) -> Handler:
    """Let a function decorated with an event source take any event, direct invocations too."""
    handler.event_class = AnyEvent
    return handler
