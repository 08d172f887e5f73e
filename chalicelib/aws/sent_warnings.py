"""Which warnings were sent, in the table, so that each is sent again only when it changes."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

from chalicelib.aws.dynamodb import DAY

if TYPE_CHECKING:
    from collections.abc import Iterable

    from chalicelib.aws.dynamodb import Table

_SECONDS = 400 * DAY


class SentWarnings:
    """What was last warned of, by the kind of a warning and the place that it is about."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def has(self, kind: str, place: str, images: Iterable[str]) -> bool:
        """Whether these very images were warned of last, or none where these are none."""
        item = self._table.get(f"warning#{kind}", place or "all")
        return (item["images"] if item else "") == _fingerprint(images)

    def keep(self, kind: str, place: str, images: Iterable[str]) -> None:
        """Note that these images were warned of."""
        values = {"images": _fingerprint(images)}
        key = (f"warning#{kind}", place or "all")
        self._table.update(*key, "SET #images = :images", _SECONDS, values=values)


def _fingerprint(images: Iterable[str]) -> str:
    names = "\n".join(sorted(images))
    return sha256(names.encode(errors="surrogatepass")).hexdigest() if names else ""
