"""Lists in parts, as many entries as one call takes."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

Entry = TypeVar("Entry")


def batches(entries: Sequence[Entry], size: int) -> Iterator[Sequence[Entry]]:
    """The entries in order, ``size`` at a time."""
    return (entries[start : start + size] for start in range(0, len(entries), size))
