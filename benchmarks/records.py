"""The application's table as the benchmark needs it: records of scans in DynamoDB, and its bill.

Query gives a megabyte a call, BatchGetItem and BatchWriteItem take 100 and 25 items. Source:
DynamoDB API reference. An item is taken to be as long as its JSON, which is somewhat longer than it
is to DynamoDB.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any

from local.cloud.faults import EcrError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from local.cloud.findings import Shape

ACCOUNT = "123456789012"
PAGE_BYTES = 2**20
READ_UNIT_BYTES, WRITE_UNIT_BYTES = 4096, 1024
EVENTUALLY = 0.5
"""A read that need not be consistent takes half a unit. Source: DynamoDB, "Read consistency"."""


class RecordsTable:
    """Items by partition and sort key; ``units`` are those that are billed."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self.units: defaultdict[str, float] = defaultdict(float)
        self._partitions: dict[str, dict[str, Shape]] = {}

    def put(self, item: Shape) -> None:
        """Hold an item."""
        self._partitions.setdefault(item["pk"]["S"], {})[item["sk"]["S"]] = item

    def answer(self, operation: str, request: Shape) -> Shape:
        """Answer a request; :raises EcrError: for an operation that there is not."""
        self.calls[operation] += 1
        if operation == "Query":
            return self._query(request)
        if operation == "BatchGetItem":
            return self._get(request)
        if operation == "BatchWriteItem":
            return self._write(request)
        raise EcrError("UnknownOperationException", f"The table has no {operation}.")

    def _query(self, request: Shape) -> Shape:
        key = request["ExpressionAttributeValues"][":pk"]["S"]
        partition = self._partitions.get(key, {})
        after = request.get("ExclusiveStartKey", {}).get("sk", {}).get("S", "")
        page: list[Shape] = []
        size = 0
        for sort_key in sorted(partition):
            if sort_key > after:
                page.append(partition[sort_key])
                size += _size(partition[sort_key])
            if size >= PAGE_BYTES:
                break
        self._bill_read(size)
        last = {name: page[-1][name] for name in ("pk", "sk")} if size >= PAGE_BYTES else None
        return {"Items": page, **({"LastEvaluatedKey": last} if last else {})}

    def _get(self, request: Shape) -> Shape:
        [(name, asked)] = request["RequestItems"].items()
        keys = ((key["pk"]["S"], key["sk"]["S"]) for key in asked["Keys"])
        found = (self._partitions.get(pk, {}).get(sk) for pk, sk in keys)
        items = [item for item in found if item]
        for item in items:
            self._bill_read(_size(item))
        return {"Responses": {name: items}}

    def _write(self, request: Shape) -> Shape:
        [requests] = request["RequestItems"].values()
        for each in requests:
            item = each["PutRequest"]["Item"]
            self.units["write"] += -(-_size(item) // WRITE_UNIT_BYTES)
            self.put(item)
        return {}

    def _bill_read(self, size: int) -> None:
        self.units["read"] += EVENTUALLY * max(1, -(-size // READ_UNIT_BYTES))


def records(repository: str, scans: Mapping[str, int]) -> Iterable[Shape]:
    """The records of a repository's images, by digest, each with when it was scanned, or 0."""
    for digest, scanned_at in scans.items():
        item: dict[str, Any] = {
            "pk": {"S": f"scans#{ACCOUNT}/eu-west-1/{repository}"},
            "sk": {"S": digest},
            "at": {"N": str(scanned_at)},
            "expires_at": {"N": "9999999999"},
        }
        yield {**item, **({"status": {"S": "COMPLETE"}} if scanned_at else {})}


def _size(item: Shape) -> int:
    return len(json.dumps(item))
