"""Where images are in use, kept in the table for the notifier by what lists the workloads."""

from __future__ import annotations

import json
import zlib
from typing import TYPE_CHECKING

from chalicelib.aws.dynamodb import DAY

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from chalicelib.aws.dynamodb import Table

# A week and a day, for listings that run once a week.
_SECONDS = 8 * DAY
_KEY = "images"
_FOUND_KEY = "repositories"


class ImageUses:
    """Where the images of a repository are in use, by digest, and which repositories have any.

    An item for each repository that has, compressed: DynamoDB takes 400 KB, and the names of
    workloads repeat. That a repository has none says the item of its registry.
    """

    def __init__(self, table: Table) -> None:
        self._table = table

    def keep(self, repository: str, uses: Mapping[str, Sequence[str]]) -> None:
        """Keep them; ``repository`` is its account, region and name, with slashes between."""
        text = json.dumps({digest: list(where) for digest, where in uses.items()})
        item = {"pk": f"uses#{repository}", "sk": _KEY, "uses": zlib.compress(text.encode())}
        self._table.put(item, _SECONDS)

    def of(self, repository: str) -> dict[str, list[str]] | None:
        """Those of a repository; None where none are known lately."""
        item = self._table.get(f"uses#{repository}", _KEY)
        if item is None:
            return None
        uses: dict[str, list[str]] = json.loads(zlib.decompress(item["uses"]))
        return uses

    def keep_found(self, registries: Mapping[str, Iterable[str]]) -> None:
        """Keep which repositories of registries have images in use, when all others have none.

        The registries are by account and region, with a slash between.
        """
        items = [
            {
                "pk": f"uses#{registry}",
                "sk": _FOUND_KEY,
                "repositories": zlib.compress("\n".join(sorted(names)).encode()),
            }
            for registry, names in registries.items()
        ]
        self._table.batch_write(items, _SECONDS)

    def found(self, registry: str) -> frozenset[str] | None:
        """The repositories of a registry that have images in use; None where that is not known."""
        item = self._table.get(f"uses#{registry}", _FOUND_KEY)
        if item is None:
            return None
        return frozenset(zlib.decompress(item["repositories"]).decode().split("\n"))
