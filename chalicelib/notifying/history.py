"""How what was reported is kept: the keys and the contents of the history's items."""

from __future__ import annotations

import json
import zlib
from typing import TYPE_CHECKING

from chalicelib.policy.thresholds import SEVERITIES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chalicelib.notifying.events import ScanResult

MOST_TAGS = 100
"""The most tags of an image that are remembered: as many as BatchGetItem reads at once."""

MOST_BYTES = 300_000
"""The most that an item's findings take, compressed: DynamoDB takes 400 KB an item."""


class AlreadyReported(Exception):
    """The scan was reported before, so that this event is one delivered again."""


class BeingReported(Exception):
    """Another invocation is reporting the scan just now: to be tried again later."""


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


def packed(findings: Mapping[str, str]) -> bytes:
    """Severities by finding, compressed; of more than fit, the worst.

    Those left out count as new in the next report, so that nothing is kept quiet.
    """
    worst = sorted(findings.items(), key=lambda item: SEVERITIES.index(item[1]))
    while len(data := zlib.compress(json.dumps(dict(worst)).encode())) > MOST_BYTES:
        worst = worst[: len(worst) // 2]
    return data


def unpacked(data: bytes) -> dict[str, str]:
    """What :func:`packed` was given."""
    findings: dict[str, str] = json.loads(zlib.decompress(data))
    return findings


def _has_digits(text: str) -> bool:
    return any(character.isdigit() for character in text)
