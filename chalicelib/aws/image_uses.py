"""Where images are in use, kept in the table for the notifier by what lists the workloads."""

from __future__ import annotations

import json
import zlib
from typing import TYPE_CHECKING

from chalicelib.aws.dynamodb import DAY

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from chalicelib.aws.dynamodb import Table

# A week and a day, for listings that run once a week.
_SECONDS = 8 * DAY
_KEY = "images"


class ImageUses:
    """Where the images of a repository are in use, by digest.

    An item each, compressed: DynamoDB takes 400 KB, and the names of workloads repeat.
    """

    def __init__(self, table: Table) -> None:
        self._table = table

    def keep(self, repository: str, uses: Mapping[str, Sequence[str]]) -> None:
        """Keep them; ``repository`` is its account, region and name, with slashes between."""
        text = json.dumps({digest: list(where) for digest, where in uses.items()})
        item = {"pk": f"uses#{repository}", "sk": _KEY, "uses": zlib.compress(text.encode())}
        self._table.put(item, _SECONDS)

    def of(self, repository: str) -> dict[str, list[str]]:
        """Those of a repository, as far as they are known lately."""
        item = self._table.get(f"uses#{repository}", _KEY)
        uses: dict[str, list[str]] = json.loads(zlib.decompress(item["uses"])) if item else {}
        return uses
