"""DynamoDB and ECR without HTTP, for simulations of hundreds of thousands of calls.

The table answers what the application asks, as boto3's client does. The expressions are those of
:mod:`chalicelib.aws`: an update sets, removes, and adds to or takes from sets; a condition compares
attributes that an item has.
"""

from __future__ import annotations

import re
from bisect import insort
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from local.direct import DirectEcr

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local.ecr import LocalRegistry

Wired = dict[str, Any]

_CLAUSE = re.compile(r"\b(SET|REMOVE|ADD|DELETE)\b")
_WORD = re.compile(r"\w+\(|[()]|<>|<=|>=|[=<>]|#\w+|:\w+|AND|OR|NOT|,")


class MemoryTable:
    """boto3's DynamoDB client, for one table with the keys ``pk`` and ``sk``."""

    def __init__(self) -> None:
        self._items: dict[str, dict[str, Wired]] = defaultdict(dict)
        self._keys: dict[str, list[str]] = defaultdict(list)
        self.calls = 0

    def get_item(self, *, Key: Wired, **_: Any) -> Wired:  # noqa: N803
        """Source: GetItem."""
        self.calls += 1
        item = self._find(Key)
        return {} if item is None else {"Item": item}

    def put_item(self, *, Item: Wired, **request: Any) -> Wired:  # noqa: N803
        """Source: PutItem."""
        self.calls += 1
        self._check(self._find(Item), request)
        self._put(Item)
        return {}

    def update_item(self, *, Key: Wired, **request: Any) -> Wired:  # noqa: N803
        """Source: UpdateItem."""
        self.calls += 1
        before = self._find(Key)
        self._check(before, request)
        item = dict(before or Key)
        names, values = _given(request)
        parts = _CLAUSE.split(request["UpdateExpression"])[1:]
        for clause, text in zip(parts[::2], parts[1::2], strict=True):
            for change in re.split(r",\s*(?![^(]*\))", text.strip()):
                _change(item, clause, change.strip(), names, values)
        self._put(item)
        return {"Attributes": item}

    def delete_item(self, *, Key: Wired, **_: Any) -> Wired:  # noqa: N803
        """Source: DeleteItem."""
        self.calls += 1
        self._delete(Key)
        return {}

    def query(self, **request: Any) -> Wired:
        """Source: Query."""
        self.calls += 1
        _, values = _given(request)
        pk, prefix = values[":pk"]["S"], values.get(":sk", {"S": ""})["S"]
        items = self._items.get(pk, {})
        keys = [key for key in self._keys.get(pk, ()) if key.startswith(prefix)]
        return {"Items": [items[key] for key in keys]}

    def batch_get_item(self, *, RequestItems: Wired) -> Wired:  # noqa: N803
        """Source: BatchGetItem."""
        self.calls += 1
        [(name, request)] = RequestItems.items()
        found = (self._find(key) for key in request["Keys"])
        return {"Responses": {name: [item for item in found if item is not None]}}

    def batch_write_item(self, *, RequestItems: Wired) -> Wired:  # noqa: N803
        """Source: BatchWriteItem."""
        self.calls += 1
        [requests] = RequestItems.values()
        for request in requests:
            if "PutRequest" in request:
                self._put(request["PutRequest"]["Item"])
            else:
                self._delete(request["DeleteRequest"]["Key"])
        return {}

    def _find(self, key: Wired) -> Wired | None:
        return self._items.get(key["pk"]["S"], {}).get(key["sk"]["S"])

    def _put(self, item: Wired) -> None:
        pk, sk = item["pk"]["S"], item["sk"]["S"]
        if sk not in self._items[pk]:
            insort(self._keys[pk], sk)
        self._items[pk][sk] = item

    def _delete(self, key: Wired) -> None:
        pk, sk = key["pk"]["S"], key["sk"]["S"]
        if self._items.get(pk, {}).pop(sk, None) is not None:
            self._keys[pk].remove(sk)

    def _check(self, item: Wired | None, request: Wired) -> None:
        """Raise what DynamoDB answers where a condition does not hold."""
        if (condition := request.get("ConditionExpression")) is None:
            return
        if not _Condition(condition, item or {}, *_given(request)).holds():
            error = {"Code": "ConditionalCheckFailedException", "Message": "no"}
            answer: Any = {"Error": error, **({"Item": item} if item else {})}
            raise ClientError(answer, "PutItem")


def _given(request: Wired) -> tuple[dict[str, str], Wired]:
    return (
        request.get("ExpressionAttributeNames", {}),
        request.get("ExpressionAttributeValues", {}),
    )


def _change(item: Wired, clause: str, text: str, names: dict[str, str], values: Wired) -> None:
    if clause == "SET":
        left, right = (part.strip() for part in text.split("=", 1))
        name = names[left]
        if right.startswith("if_not_exists"):
            item.setdefault(name, values[right.rpartition(":")[1] + right.rpartition(":")[2][:-1]])
        else:
            item[name] = values[right]
    elif clause == "REMOVE":
        item.pop(names[text], None)
    else:
        left, right = text.split()
        name, given = names[left], set(values[right]["SS"])
        held = set(item.get(name, {"SS": []})["SS"])
        held = held | given if clause == "ADD" else held - given
        item.pop(name, None)
        if held:
            item[name] = {"SS": sorted(held)}


class QuickEcr(DirectEcr):
    """boto3's ECR client, whose most frequent calls are answered by the local registry at once."""

    def __init__(self, registry: LocalRegistry, client: Any) -> None:
        super().__init__(registry)
        self._client = client

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)


class _Condition:
    """A condition, read from left to right: NOT before AND before OR."""

    def __init__(self, text: str, item: Wired, names: dict[str, str], values: Wired) -> None:
        self._words: Iterator[str] = iter([*_WORD.findall(text), ""])
        self._word = next(self._words)
        self._item, self._names, self._values = item, names, values

    def holds(self) -> bool:
        found = self._all()
        while self._word == "OR":
            self._next()
            other = self._all()
            found = found or other
        return found

    def _all(self) -> bool:
        found = self._one()
        while self._word == "AND":
            self._next()
            other = self._one()
            found = found and other
        return found

    def _one(self) -> bool:
        word = self._next()
        if word == "NOT":
            return not self._one()
        if word == "(":
            found = self.holds()
            self._next()
            return found
        if word.endswith("("):
            return self._function(word[:-1])
        left, operator, right = self._value(word), self._next(), self._value(self._next())
        if left is None or right is None:
            return False
        return bool(
            {"=": left == right, "<>": left != right, "<": left < right, ">": left > right}[
                operator
            ]
        )

    def _function(self, name: str) -> bool:
        value = self._value(self._next())
        if name == "contains":
            self._next()
            wanted = self._value(self._next())
            self._next()
            return value is not None and wanted in value
        self._next()
        return (value is None) == (name == "attribute_not_exists")

    def _next(self) -> str:
        word = self._word
        self._word = next(self._words, "")
        return word

    def _value(self, word: str) -> Any:
        wired = self._values[word] if word[0] == ":" else self._item.get(self._names[word])
        if wired is None:
            return None
        [(kind, value)] = wired.items()
        if kind == "L":
            return [next(iter(each.values())) for each in value]
        return int(value) if kind == "N" else value
