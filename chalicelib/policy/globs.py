"""Which of many glob patterns match a name, without holding it against each of them."""

from __future__ import annotations

import re
from collections import defaultdict
from fnmatch import translate
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_WILDCARD = re.compile(r"[*?\[]")


class GlobIndex:
    """Glob patterns by number, as :func:`fnmatch.fnmatchcase` reads them; None matches any name.

    Names are looked up, and patterns by what they begin with up to the first wildcard, so that a
    name is held only against patterns that begin as it does. What matches a name is remembered.
    """

    def __init__(self, patterns: Sequence[str | None]) -> None:
        self.comparisons = 0
        """How many times a name was held against a pattern."""
        self.unnamed = frozenset(
            number for number, pattern in enumerate(patterns) if pattern in (None, "*")
        )
        """Those that match any name."""
        self._exact: dict[str, list[int]] = defaultdict(list)
        self._by_start: dict[str, list[tuple[int, re.Pattern[str]]]] = defaultdict(list)
        for number, pattern in enumerate(patterns):
            if pattern is None or number in self.unnamed:
                continue
            if wildcard := _WILDCARD.search(pattern):
                compiled = re.compile(translate(pattern))
                self._by_start[pattern[: wildcard.start()]].append((number, compiled))
            else:
                self._exact[pattern].append(number)
        self._lengths = sorted({len(start) for start in self._by_start})
        self._matching: dict[str, frozenset[int]] = {}

    def matching(self, name: str) -> frozenset[int]:
        """The numbers of the patterns that match the name, but for :attr:`unnamed`."""
        if name not in self._matching:
            self._matching[name] = frozenset(self._matches(name))
        return self._matching[name]

    def _matches(self, name: str) -> list[int]:
        found = list(self._exact.get(name, ()))
        for length in self._lengths:
            if length > len(name):
                break
            for number, pattern in self._by_start.get(name[:length], ()):
                self.comparisons += 1
                if pattern.match(name):
                    found.append(number)
        return found
