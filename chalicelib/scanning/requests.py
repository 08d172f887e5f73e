"""What a listing may be asked to do otherwise than the settings say."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from chalicelib.policy.durations import Duration
from chalicelib.settings.fields import Fields
from chalicelib.text.shown import shown_names

if TYPE_CHECKING:
    from chalice.app import Request


class RequestError(ValueError):
    """A request that is not accepted: says which key is wrong and what is accepted."""


MOST_IMAGES = 100
"""The most images that a request names, so that ten of its jobs fit into one call."""

_IMAGE = re.compile(
    r"[a-z0-9][a-z0-9._/-]{0,255}(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}|@sha256:[0-9a-f]{64})"
)


@dataclass(frozen=True)
class ListingRequest:
    """The overrides of one listing; None stands for what the settings say.

    ``repositories`` names repositories in place of the settings' filter; a filter given with
    them narrows them further. ``images`` names single images in place of both, each by its
    repository and its tag or digest. ``force`` starts scans whatever the age of the last ones.
    ``dry_run`` sends nothing.
    """

    repositories: tuple[str, ...] | None = None
    repositories_filter: re.Pattern[str] | None = None
    images_duration: Duration | None = None
    dry_run: bool = False
    force: bool = False
    images: tuple[str, ...] | None = None

    @property
    def named(self) -> tuple[str, ...] | None:
        """The repositories that are named, by themselves or with images; None where none is."""
        if self.repositories is not None or self.images is None:
            return self.repositories
        return tuple(dict.fromkeys(_split(each)[0] for each in self.images))

    def images_of(self, repository: str) -> tuple[str, ...]:
        """The tags and digests of the images that are named in a repository."""
        named = dict.fromkeys(map(_split, self.images or ()))
        return tuple(name for named_in, name in named if named_in == repository)

    @classmethod
    def from_values(cls, values: Any) -> "ListingRequest":
        """Read ``{repositoriesFilterRegexp, repositories, images, ecrImagesDurationDelta, …}``.

        Also ``force`` and ``dryRun``. Every key is optional.

        :raises RequestError: for an unknown key, a wrong type or a value that does not parse, and
            for images beside repositories or a filter.
        """
        fields = Fields(values, RequestError)
        request = cls(
            repositories=fields.optional(fields.texts, "repositories"),
            repositories_filter=fields.optional(fields.pattern, "repositoriesFilterRegexp"),
            images_duration=fields.optional(fields.duration, "ecrImagesDurationDelta"),
            dry_run=fields.optional(fields.switch, "dryRun") or False,
            force=fields.optional(fields.switch, "force") or False,
            images=fields.optional(fields.texts, "images"),
        )
        fields.refuse_others()
        request._check_images()
        return request

    def _check_images(self) -> None:
        if self.images is None:
            return
        if self.repositories is not None or self.repositories_filter is not None:
            raise RequestError("images are named without repositories and repositoriesFilterRegexp")
        if len(self.images) > MOST_IMAGES:
            raise RequestError(f"images: there are {len(self.images)}; accepted: {MOST_IMAGES}")
        if wrong := [each for each in self.images if not _IMAGE.fullmatch(each)]:
            raise RequestError(
                f"images: {shown_names(wrong)}; accepted: repository:tag, repository@sha256:…"
            )

    def to_values(self) -> dict[str, Any]:
        """What :meth:`from_values` reads as the same request."""
        values = {
            "repositories": self.repositories and list(self.repositories),
            "repositoriesFilterRegexp": self.repositories_filter
            and self.repositories_filter.pattern,
            "ecrImagesDurationDelta": self.images_duration and self.images_duration.text,
            "dryRun": self.dry_run or None,
            "force": self.force or None,
            "images": self.images and list(self.images),
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


def _split(image: str) -> tuple[str, str]:
    """The repository of an image, and its tag or digest."""
    repository, name = re.split("[:@]", image, maxsplit=1)
    return repository, name
