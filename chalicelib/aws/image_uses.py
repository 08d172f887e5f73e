"""Where images are in use, kept in the table for the notifier by what lists the workloads."""

from __future__ import annotations

import json
import zlib
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.aws.dynamodb import DAY
from chalicelib.ecr.uses import KnownUses

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from chalicelib.aws.dynamodb import Table

# A week and a day, for listings that run once a week.
_SECONDS = 8 * DAY
_KEY = "images"
_PARTS = f"{_KEY}#part_of_"
_FOUND_KEY = "repositories"


@dataclass(frozen=True)
class FoundUses:
    """The repositories of a registry that have images in use, and until when that is kept."""

    repositories: frozenset[str]
    end: int


class ImageUses:
    """Where the images of a repository are in use, by digest, and which repositories have any.

    Where all uses of a repository are known they are one item, and where only some are, or they
    come in parts, one each, compressed: DynamoDB takes 400 KB, and the names of workloads repeat.
    That a repository has none says the item of its registry. What is older than the last that was
    complete does not count any more.
    """

    def __init__(self, table: Table) -> None:
        self._table = table

    def keep(self, repository: str, uses: Mapping[str, Sequence[str]]) -> None:
        """Keep all that there are.

        ``repository`` is its account, region and name, with slashes between.
        """
        self._put(repository, _KEY, uses)

    def add(
        self,
        repository: str,
        uses: Mapping[str, Sequence[str]],
        part: int,
        of: int | None = None,
        whole: str = "",
    ) -> None:
        """Keep some beside what was kept, in place of the last ones of the same part.

        Parts 1 to ``of`` of the same ``whole``, a name without ``#``, are together all that there
        are.
        """
        key = f"{_PARTS}{of}#{whole}#{part}" if of else f"{_KEY}#some#{part}"
        self._put(repository, key, uses)

    def _put(self, repository: str, key: str, uses: Mapping[str, Sequence[str]]) -> None:
        text = json.dumps({digest: list(where) for digest, where in uses.items()})
        item = {"pk": f"uses#{repository}", "sk": key, "uses": zlib.compress(text.encode())}
        self._table.put(item, _SECONDS)

    def of(self, repository: str, found: FoundUses | None = None) -> KnownUses:
        """Those of a repository that are known lately.

        ``found`` is what was found in its registry: a repository that is not among it had none.
        """
        items = {item["sk"]: item for item in self._table.query(f"uses#{repository}", _KEY)}
        ends = {key: item["expires_at"] for key, item in items.items()}
        complete = [*_ends_of_whole(ends)]
        if found is not None and repository.split("/", 2)[2] not in found.repositories:
            complete.append(found.end)
        last = max(complete, default=0)
        uses: dict[str, list[str]] = {}
        for item in items.values():
            if item["expires_at"] >= last:
                for digest, where in json.loads(zlib.decompress(item["uses"])).items():
                    known = uses.setdefault(digest, [])
                    known += [workload for workload in where if workload not in known]
        return KnownUses(uses, complete=bool(complete))

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

    def found(self, registry: str) -> FoundUses | None:
        """What was found in a registry lately; None where nothing is known of all of it."""
        item = self._table.get(f"uses#{registry}", _FOUND_KEY)
        if item is None:
            return None
        names = zlib.decompress(item["repositories"]).decode().split()
        return FoundUses(frozenset(names), item["expires_at"])


def _ends_of_whole(ends: Mapping[str, int]) -> Iterator[int]:
    """Until when all uses of a repository are kept: as one, or as parts that are all there."""
    if _KEY in ends:
        yield ends[_KEY]
    wholes: dict[tuple[str, str], list[int]] = defaultdict(list)
    for key, end in ends.items():
        if key.startswith(_PARTS):
            count, whole, _ = key.removeprefix(_PARTS).split("#")
            wholes[count, whole].append(end)
    yield from (min(parts) for (count, _), parts in wholes.items() if len(parts) == int(count))
