"""EPSS scores of all vulnerabilities in a form that is small, and read at once."""

from __future__ import annotations

import re
import zlib
from array import array
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Mapping
from itertools import chain
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

CVE = re.compile(r"CVE-\d{4}-\d{4,}")

_BITS = 32
_PARTS = 10**9  # scores are published with nine decimals at most
_NUMBERS = 10**7  # of a year's CVEs; there is none yet of more than seven digits
_FIRST_YEAR = 1999


class Scores(Mapping[str, float]):
    """Scores by CVE: a number of 64 bits each, in order, the upper half of which is the CVE.

    300,000 take 2.4 MB. A CVE whose number does not fit has no score.
    """

    def __init__(self, rows: array[int]) -> None:
        self._rows = rows

    @classmethod
    def of(cls, scores: Iterable[tuple[str, float]]) -> Scores:
        """These, in any order."""
        by_year: dict[int, array[int]] = defaultdict(lambda: array("Q"))
        for name, score in scores:
            if (number := _number(name)) is not None:
                row = (number << _BITS) + round(score * _PARTS)
                by_year[number // _NUMBERS].append(row)
        # Year by year, so that few of them are objects at a time.
        years = (sorted(by_year[year]) for year in sorted(by_year))
        return cls(array("Q", chain.from_iterable(years)))

    @classmethod
    def unpacked(cls, data: bytes) -> Scores:
        """Those that were packed; :raises ValueError: where they are damaged."""
        rows = array("Q")
        try:
            rows.frombytes(zlib.decompress(data))
        except zlib.error as error:
            raise ValueError(str(error)) from error
        return cls(rows)

    def packed(self) -> bytes:
        """The same as bytes, in the order of the processors that Lambda has, little-endian."""
        return zlib.compress(self._rows.tobytes())

    def __getitem__(self, name: str) -> float:
        number = _number(name)
        if number is not None:
            at = bisect_left(self._rows, number << _BITS)
            if at < len(self._rows) and self._rows[at] >> _BITS == number:
                return (self._rows[at] & ((1 << _BITS) - 1)) / _PARTS
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        for row in self._rows:
            year, number = divmod(row >> _BITS, _NUMBERS)
            yield f"CVE-{_FIRST_YEAR + year}-{number:04}"

    def __len__(self) -> int:
        return len(self._rows)


def _number(name: str) -> int | None:
    """A CVE as a number of 32 bits, in the order of the CVEs."""
    if not CVE.fullmatch(name) or not name.isascii():
        return None
    year, number = int(name[4:8]) - _FIRST_YEAR, int(name[9:])
    return year * _NUMBERS + number if 0 <= year < 400 and number < _NUMBERS else None
