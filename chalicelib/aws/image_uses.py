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
_ALL = "uses"


class ImageUses:
    """Where the images of a repository are in use, by digest, and which repositories have any.

    An item for each repository that has, compressed: DynamoDB takes 400 KB, and the names of
    workloads repeat. Where only some are known they are beside the others, each with an end of its
    own, so that neither an old use lives on nor one is lost. That a repository has none says the
    item of its registry.
    """

    def __init__(self, table: Table) -> None:
        self._table = table

    def keep(self, repository: str, uses: Mapping[str, Sequence[str]]) -> None:
        """Keep all that there are, in place of what was kept.

        ``repository`` is its account, region and name, with slashes between.
        """
        item = {"pk": f"uses#{repository}", "sk": _KEY, _ALL: _packed(uses)}
        self._table.put({**item, f"{_ALL}_end": self._table.now() + _SECONDS}, _SECONDS)

    def add(self, repository: str, uses: Mapping[str, Sequence[str]], which: str) -> None:
        """Keep some beside what was kept, in place of the last ones of the same ``which``."""
        values = {"some": _packed(uses), "end": self._table.now() + _SECONDS}
        change = f"SET #{which} = :some, #{which}_end = :end"
        self._table.update(f"uses#{repository}", _KEY, change, _SECONDS, values=values)

    def of(self, repository: str, *, complete: bool = False) -> dict[str, list[str]] | None:
        """Those of a repository; None where none are known lately, or not ``complete``."""
        item = self._table.get(f"uses#{repository}", _KEY) or {}
        now = self._table.now()
        packed = {
            name: value
            for name, value in item.items()
            if isinstance(value, bytes) and item.get(f"{name}_end", now) >= now
        }
        if not packed or (complete and _ALL not in packed):
            return None
        found: dict[str, list[str]] = {}
        for value in packed.values():
            for digest, where in json.loads(zlib.decompress(value)).items():
                known = found.setdefault(digest, [])
                known += [each for each in where if each not in known]
        return found

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


def _packed(uses: Mapping[str, Sequence[str]]) -> bytes:
    text = json.dumps({digest: list(where) for digest, where in uses.items()})
    return zlib.compress(text.encode())
