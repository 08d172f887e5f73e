"""The answers of the HTTP door: what they say, and how they are made to fit."""

from __future__ import annotations

import json
import zlib
from typing import Any, NamedTuple

MOST_BYTES = 5_500_000
"""How long an answer may be within Lambda's 6 MB; the rest is for status and headers."""

MOST_KEPT_BYTES = 300_000
"""The most that an answer takes in the table, compressed: DynamoDB takes 400 KB an item."""

_LISTS = (
    *("failures", "warnings", "repositories", "jobFailures", "imagesNotFound", "images"),
    "findings",
)


class Answer(NamedTuple):
    """What Chalice's ``Response`` is made of."""

    body: dict[str, Any]
    headers: dict[str, str | list[str]]
    status: int


def refused(status: int, code: str, message: str, retry_after: str = "") -> Answer:
    """An answer as Chalice's own errors are; ``retry_after`` is in seconds."""
    headers: dict[str, str | list[str]] = {"Retry-After": retry_after} if retry_after else {}
    return Answer({"Code": code, "Message": message}, headers, status)


def fitted(body: dict[str, Any], most: int = MOST_BYTES) -> dict[str, Any]:
    """The body with its lists cut where it would be too long.

    Beside a list that was cut stands ``…Complete: false``, such as ``repositoriesComplete``.
    """
    room = most - size(body)
    if room >= 0:
        return body
    lists = {name: body[name] for name in _LISTS if isinstance(body.get(name), list)}
    marks = {f"{name}Complete": False for name in lists}
    room = most - size({**body, **{name: [] for name in lists}, **marks})
    cut = dict(body)
    for left, (name, values) in zip(range(len(lists), 0, -1), lists.items(), strict=True):
        kept = _beginning(values, room // left)
        room -= sum(size(value) + 1 for value in kept)
        cut[name] = kept
        if len(kept) < len(values):
            cut[f"{name}Complete"] = False
    return cut


def _beginning(values: list[Any], room: int) -> list[Any]:
    """As many of the first values as there is room for."""
    for number, value in enumerate(values):
        room -= size(value) + 1
        if room < 0:
            return values[:number]
    return values


def size(value: Any) -> int:
    """How many bytes a value takes in the function's answer: as JSON in a text in JSON."""
    return len(json.dumps(json.dumps(value)))


def packed(answer: Answer) -> bytes:
    """An answer to be kept, compressed; one that is too long goes without its lists."""
    data = _compressed(answer)
    if len(data) <= MOST_KEPT_BYTES:
        return data
    return _compressed(answer._replace(body=fitted(answer.body, most=MOST_KEPT_BYTES)))


def unpacked(data: bytes) -> Answer:
    """What :func:`packed` was given."""
    return Answer(*json.loads(zlib.decompress(data)))


def _compressed(answer: Answer) -> bytes:
    return zlib.compress(json.dumps(answer).encode())
