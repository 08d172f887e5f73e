"""Which warnings were sent, in the table, so that each is sent again only when it changes."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from chalicelib.aws.dynamodb import DAY

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from chalicelib.aws.dynamodb import Table

_SECONDS = 400 * DAY
# In characters: ten thousand images take 200 KB of the 400 that an item has.
_MARK = 16


@dataclass(frozen=True)
class LastWarning:
    """Of which images was warned last: a mark of each, None as an earlier version kept none.

    ``fingerprint`` is that of all of them, empty for none.
    """

    marks: frozenset[str] | None = None
    fingerprint: str = ""

    def are(self, images: Iterable[str]) -> bool:
        """Whether these very images were warned of, or none where these are none."""
        if self.marks is None:
            return self.fingerprint == _fingerprint(images)
        return self.marks == {_mark(name) for name in images}

    def __contains__(self, image: str) -> bool:
        return _mark(image) in (self.marks or ())


class SentWarnings:
    """What was last warned of, by the kind of a warning and the place that it is about."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def of(self, kind: str, place: str) -> LastWarning:
        """What was last warned of."""
        item = self._table.get(*_key(kind, place)) or {}
        marks = item.get("marks")
        return LastWarning(marks and frozenset(marks), item.get("images", ""))

    def keep(self, kind: str, place: str, images: Collection[str]) -> None:
        """Note that these images were warned of, and no others."""
        values: dict[str, Any] = {"images": _fingerprint(images)}
        change = "SET #images = :images"
        if images:
            values["marks"] = {_mark(name) for name in images}
            change += ", #marks = :marks"
        else:
            # A set of DynamoDB is never empty.
            change += " REMOVE #marks"
        self._table.update(*_key(kind, place), change, _SECONDS, values=values)

    def add(self, kind: str, place: str, images: Collection[str]) -> None:
        """Note that these images were warned of too; several may at the same time."""
        values = {"none": "", "marks": {_mark(name) for name in images}}
        change = "SET #images = if_not_exists(#images, :none) ADD #marks :marks"
        self._table.update(*_key(kind, place), change, _SECONDS, values=values)


def _key(kind: str, place: str) -> tuple[str, str]:
    return f"warning#{kind}", place or "all"


def _fingerprint(images: Iterable[str]) -> str:
    names = "\n".join(sorted(images))
    return _hash(names) if names else ""


def _mark(image: str) -> str:
    return _hash(image)[:_MARK]


def _hash(text: str) -> str:
    return sha256(text.encode(errors="surrogatepass")).hexdigest()
