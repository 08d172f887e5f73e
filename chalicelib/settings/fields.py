"""Reading a JSON object from outside: every key checked, every error names its key."""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypeVar

from chalicelib.policy.durations import Duration
from chalicelib.runtime.patterns import parse_pattern
from chalicelib.text.shown import shown, shown_names

Value = TypeVar("Value")


class Fields:
    """The values of a JSON object, read key by key.

    Every method raises the given error, with the key, what it held and what is accepted.
    """

    def __init__(self, values: Any, error: type[ValueError], path: str = "") -> None:
        if not isinstance(values, Mapping):
            raise error(f"{path or 'the message'} is {shown(values)}; accepted: a JSON object")
        self._values = values
        self._error = error
        self._path = path
        self._known: set[str] = set()

    def optional(self, read: Callable[[str], Value], key: str) -> Value | None:
        """What ``read`` makes of the key, or None where it is absent or null."""
        self._known.add(key)
        return None if self._values.get(key) is None else read(key)

    def text(self, key: str) -> str:
        """A string that is not empty."""
        value = self._get(key)
        if not isinstance(value, str) or not value:
            raise self._refuse(key, value, "a string that is not empty")
        return value

    def moment(self, key: str) -> str:
        """A date and time with its zone in ISO 8601, as it is."""
        value = self.text(key)
        try:
            known = datetime.fromisoformat(value).tzinfo is not None
        except ValueError:
            known = False
        if not known:
            raise self._refuse(key, value, "a date and time with its zone in ISO 8601")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of strings that are not empty."""
        value = self._get(key)
        if not isinstance(value, list) or not all(isinstance(v, str) and v for v in value):
            raise self._refuse(key, value, "a list of strings that are not empty")
        return tuple(value)

    def count(self, key: str) -> int:
        """A whole number, 0 or more."""
        value = self._get(key)
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise self._refuse(key, value, "a whole number, 0 or more")
        return value

    def switch(self, key: str) -> bool:
        """True or false."""
        value = self._get(key)
        if not isinstance(value, bool):
            raise self._refuse(key, value, "true, false")
        return value

    def pattern(self, key: str) -> re.Pattern[str]:
        """A regular expression."""
        return self._parsed(key, parse_pattern)

    def duration(self, key: str) -> Duration:
        """A duration such as ``1m2w3d``."""
        return self._parsed(key, Duration.parse)

    def object(self, key: str) -> "Fields":
        """A JSON object, to be read key by key."""
        return Fields(self._get(key), self._error, self._name(key))

    def first_object(self, key: str) -> "Fields":
        """The first of a list of JSON objects."""
        values = self._get(key)
        if not isinstance(values, list) or not values:
            raise self._refuse(key, values, "a list of JSON objects, one or more")
        return Fields(values[0], self._error, f"{self._name(key)}[0]")

    def counts(self, key: str) -> dict[str, int] | None:
        """A JSON object of whole numbers, 0 or more; None where one of them is null."""
        inner = self.object(key)
        counts = {name: inner.optional(inner.count, name) for name in inner._values}
        known = {name: count for name, count in counts.items() if count is not None}
        return known if len(known) == len(counts) else None

    def mapping(self, key: str) -> Mapping[str, Any]:
        """A JSON object, as it is."""
        return self.object(key)._values

    def text_by_key(self, key: str) -> dict[str, str]:
        """A JSON object of strings that are not empty."""
        inner = self.object(key)
        return {name: inner.text(name) for name in inner._values}

    def any_text_by_key(self, key: str) -> dict[str, str]:
        """A JSON object of strings, empty ones too."""
        inner = self.object(key)
        for name, value in inner._values.items():
            if not isinstance(value, str):
                raise inner._refuse(name, value, "a string")
        return dict(inner._values)

    def refuse_others(self) -> None:
        """Refuse the keys that nothing has read."""
        unknown = sorted(set(self._values) - self._known)
        if unknown:
            accepted = ", ".join(sorted(self._known))
            raise self._error(f"unknown: {shown_names(unknown)}; accepted: {accepted}")

    def _parsed(self, key: str, parse: Callable[[str], Value]) -> Value:
        try:
            return parse(self.text(key))
        except ValueError as error:
            raise self._error(f"{self._name(key)}: {error}") from error

    def _get(self, key: str) -> Any:
        self._known.add(key)
        if key not in self._values:
            raise self._error(f"{self._name(key)} is missing")
        return self._values[key]

    def _name(self, key: str) -> str:
        return f"{self._path}.{key}" if self._path else key

    def _refuse(self, key: str, value: Any, accepted: str) -> ValueError:
        return self._error(f"{self._name(key)} is {shown(value)}; accepted: {accepted}")
