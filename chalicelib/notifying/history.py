"""What an image is remembered by, and what it is called."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chalicelib.notifying.events import ScanResult

MOST_TAGS = 100
"""The most tags of an image that are remembered: as many as BatchGetItem reads at once."""


def image_keys(result: ScanResult) -> tuple[str, ...]:
    """What an image is remembered by: each of its tags, or its digest where it has none."""
    repository = f"{result.account}/{result.region}/{result.repository}"
    tags = tuple(f"image#{repository}:{tag}" for tag in result.image_tags[:MOST_TAGS])
    return tags or (f"image#{repository}@{result.image_digest}",)


def image_name(result: ScanResult) -> str:
    """What an image is called that is reported for the first time.

    By that of its tags which most likely goes on to the next image: one without digits, such as
    ``latest``, and a short one.
    """
    if not result.image_tags:
        return f"{result.repository}@{result.image_digest}"
    tag = min(result.image_tags, key=lambda tag: (_has_digits(tag), len(tag), tag))
    return f"{result.repository}:{tag}"


def _has_digits(text: str) -> bool:
    return any(character.isdigit() for character in text)
