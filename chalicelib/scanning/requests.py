"""What a listing may be asked to do otherwise than the settings say."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from chalicelib.policy.durations import Duration
from chalicelib.settings.fields import Fields

if TYPE_CHECKING:
    from chalice.app import Request


class RequestError(ValueError):
    """A request that is not accepted: says which key is wrong and what is accepted."""


@dataclass(frozen=True)
class ListingRequest:
    """The overrides of one listing; None stands for what the settings say.

    ``repositories`` names repositories in place of the settings' filter; a filter given with
    them narrows them further. ``dry_run`` sends nothing.
    """

    repositories: tuple[str, ...] | None = None
    repositories_filter: re.Pattern[str] | None = None
    images_duration: Duration | None = None
    dry_run: bool = False

    @classmethod
    def from_values(cls, values: Any) -> "ListingRequest":
        """Read ``{repositoriesFilterRegexp, repositories, ecrImagesDurationDelta, dryRun}``.

        Every key is optional.

        :raises RequestError: for an unknown key, a wrong type or a value that does not parse.
        """
        fields = Fields(values, RequestError)
        request = cls(
            repositories=fields.optional(fields.texts, "repositories"),
            repositories_filter=fields.optional(fields.pattern, "repositoriesFilterRegexp"),
            images_duration=fields.optional(fields.duration, "ecrImagesDurationDelta"),
            dry_run=fields.optional(fields.switch, "dryRun") or False,
        )
        fields.refuse_others()
        return request

    def to_values(self) -> dict[str, Any]:
        """What :meth:`from_values` reads as the same request."""
        values = {
            "repositories": self.repositories and list(self.repositories),
            "repositoriesFilterRegexp": self.repositories_filter
            and self.repositories_filter.pattern,
            "ecrImagesDurationDelta": self.images_duration and self.images_duration.text,
            "dryRun": self.dry_run or None,
        }
        return {key: value for key, value in values.items() if value is not None}

    @classmethod
    def from_body(cls, body: bytes | str) -> "ListingRequest":
        """Read the body of an HTTP request; an empty one asks for the settings' own listing.

        :raises RequestError: when it is not JSON, or as :meth:`from_values` does.
        """
        if not body.strip():
            return cls()
        try:
            values = json.loads(body)
        except (ValueError, RecursionError) as error:
            raise RequestError(f"the body is not JSON: {error}") from error
        return cls.from_values(values)

    @classmethod
    def from_http(cls, request: "Request | None") -> "ListingRequest":
        """Read an HTTP request; :raises RequestError: as :meth:`from_body` does.

        Also when the body is said to be base64 and is not, or is no text.
        """
        try:
            body = request.raw_body if request else b""
        except ValueError as error:
            raise RequestError(f"the body cannot be read: {error}") from error
        return cls.from_body(body)

    @classmethod
    def from_event(cls, event: Mapping[str, Any] | None) -> "ListingRequest":
        """Read a scheduled event, whose ``detail`` holds the overrides, or a direct invocation's.

        :raises RequestError: as :meth:`from_values` does.
        """
        values: Any = event
        if isinstance(event, Mapping) and "detail-type" in event:
            values = event.get("detail")
        return cls.from_values({} if values is None else values)
