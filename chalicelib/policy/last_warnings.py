"""Which images that are missing or out of reach are news, as of what was warned of last."""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

# In characters: ten thousand images take 200 KB of the 400 that an item has.
_MARK = 16


@dataclass(frozen=True)
class Change:
    """What images bring since the last warning: those that are ``news``, and what is kept then.

    ``kept`` are all that were warned of from then on, None where the others stay; ``added`` come to
    them, and ``forgotten`` are warned of again once they are missing again.
    """

    news: Mapping[str, str] = field(default_factory=dict)
    kept: Collection[str] | None = None
    added: Collection[str] = ()
    forgotten: Collection[str] = ()


@dataclass(frozen=True)
class LastWarning:
    """Of which images was warned last: a mark of each.

    ``fingerprint`` is that of all images when they were last known, empty for none and where some
    were forgotten since. An earlier version kept nothing else.
    """

    marks: frozenset[str] = frozenset()
    fingerprint: str = ""

    def change_by_all(self, images: Mapping[str, str]) -> Change:
        """What changes where no others are missing: all are news, unless they were the last too."""
        are_marked = not self._is_unmarked and self.marks == marks_of(images)
        were_last = are_marked or self.fingerprint == fingerprint_of(images)
        return Change({} if were_last else images, kept=None if are_marked else images)

    def change_by_some(self, images: Mapping[str, str], found: Iterable[str]) -> Change:
        """What changes where others may be missing too, other than those ``found``.

        Nothing is news where it is not known which ones an earlier version warned of.
        """
        added = {name: where for name, where in images.items() if _mark(name) not in self.marks}
        forgotten = [name for name in found if _mark(name) in self.marks]
        return Change({} if self._is_unmarked else added, added=added, forgotten=forgotten)

    @property
    def _is_unmarked(self) -> bool:
        return bool(self.fingerprint) and not self.marks


def fingerprint_of(images: Iterable[str]) -> str:
    """One text for all of them, whatever their order; empty for none."""
    names = sorted(images)
    return _hash("\n".join(names)) if names else ""


def marks_of(images: Iterable[str]) -> set[str]:
    """A short text for each of them."""
    return {_mark(name) for name in images}


def _mark(image: str) -> str:
    return _hash(image)[:_MARK]


def _hash(text: str) -> str:
    return sha256(text.encode(errors="surrogatepass")).hexdigest()
