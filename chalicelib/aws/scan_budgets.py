"""Days' budgets of scans in the table: how many of a day are reserved, and which by each job."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

from chalicelib.aws.dynamodb import DAY, ConditionFailed
from chalicelib.runtime.backoff import Throttled
from chalicelib.runtime.batches import batches

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import date

    from chalicelib.aws.dynamodb import Item, Table

MOST_IN_ITEM = 50_000
"""How many scans one item has room for, of DynamoDB's 400 KB."""

MOST_JOBS = 5_000
"""How many jobs a day's item tells apart; what earlier ones reserved stays counted."""

_SECONDS = 4 * DAY
_ATTEMPTS = 20
_BYTES = 8  # of each image's hash: enough to tell a registry's images apart


@dataclass(frozen=True)
class Held:
    """What is held of a day's budget: which images, and by ``jobs`` that chose some.

    A job that is named may hold nothing yet, for it chooses before it reserves.
    """

    jobs: frozenset[str] = frozenset()
    shorts: frozenset[bytes] = frozenset()

    def __contains__(self, image: str) -> bool:
        """Whether a scan of the image is reserved."""
        return _short(image) in self.shorts


class ScanBudgets:
    """What is reserved of each day's budget, by the place of a registry: its account and region.

    Of each day there is an item that says how many scans each job reserved, and beside it what
    each job chose, most important first. That never changes, so that a job which is delivered to
    two functions at once gets the same scans; what it holds it sees when it is delivered again.
    """

    def __init__(self, table: Table) -> None:
        self._table = table

    def held(self, place: str, day: date) -> Held:
        """What all jobs hold of a day; takes a call for each megabyte, or 130,000 scans.

        :raises Throttled: where DynamoDB asks for a slower pace.
        """
        name = day.isoformat()
        choices: dict[str, bytes] = defaultdict(bytes)
        counts: Mapping[str, str] = {}
        for item in self._table.query(f"budget#{place}", name, consistent=True):
            if item["sk"] == name:
                counts = item["jobs"]
            else:
                choices[item["sk"].split("#")[1]] += item["chosen"]
        its = (
            short
            for job, choice in choices.items()
            for short in _split(choice[: int(counts.get(job, 0)) * _BYTES])
        )
        return Held(frozenset(choices), frozenset(its))

    def reserve(
        self, place: str, day: date, job: str, chosen: Sequence[str], size: int, seen: int = 0
    ) -> list[str]:
        """Reserve scans of the chosen images; gives those of them that the job may start.

        Images are named with their repositories, each of which has a scan of its own. ``size`` is
        the day's budget, ``job`` what names the job's choice, and ``seen`` how many scans are known
        to have begun on the day that are not among what is held of it: these are taken from the
        budget too. Takes a call to read and two to write.

        :raises Throttled: also where others change the same day again and again.
        """
        if not chosen:
            return []
        its = self._reserved(place, day, job, chosen, size, seen)
        return [image for image in chosen if _short(image) in its]

    def _reserved(
        self, place: str, day: date, job: str, chosen: Sequence[str], size: int, seen: int
    ) -> frozenset[bytes]:
        """What of these images, or of those that the job chose before, is the job's."""
        pk, name = f"budget#{place}", day.isoformat()
        own = [f"{name}#{job}#{number}" for number in range(-(-size // MOST_IN_ITEM))]
        keys = [(pk, sk) for sk in (name, *own)]
        found = {item["sk"]: item for item in self._table.batch_get(keys, consistent=True)}
        item = found.get(name, {})
        choice = b"".join(found[sk]["chosen"] for sk in own if sk in found)
        if not choice:
            choice = self._keep(pk, own, chosen[: _left(item, size, seen)])
        shorts = list(_split(choice))
        count = self._count(pk, name, job, len(shorts), item, size, seen) if shorts else 0
        return frozenset(shorts[:count])

    def _keep(self, pk: str, own: Sequence[str], chosen: Sequence[str]) -> bytes:
        """Keep what a job chooses; gives what is kept, which may be another delivery's choice."""
        kept = b""
        parts = batches([_short(image) for image in chosen], MOST_IN_ITEM)
        for sk, part in zip(own, parts, strict=False):
            values = {"chosen": b"".join(part)}
            try:
                self._table.update(
                    pk,
                    sk,
                    "SET #chosen = :chosen",
                    _SECONDS,
                    condition="attribute_not_exists(#chosen)",
                    values=values,
                )
            except ConditionFailed as error:
                values = {"chosen": error.item["chosen"]}
            kept += values["chosen"]
        return kept

    def _count(
        self, pk: str, name: str, job: str, wanted: int, item: Item, size: int, seen: int
    ) -> int:
        """How many scans are the job's: those that it has, or as many as the day has left."""
        for _ in range(_ATTEMPTS):
            jobs: Mapping[str, str] = item.get("jobs", {})
            if job in jobs:
                return int(jobs[job])
            count = min(wanted, _left(item, size, seen))
            if not count:
                return 0
            try:
                self._write(pk, name, item, {job: str(count)}, seen)
            except ConditionFailed as error:
                item = error.item
            else:
                return count
        raise Throttled(f"{self._table.name}: the budget of {name} changes all the time")

    def _write(self, pk: str, name: str, item: Item, new: Mapping[str, str], seen: int) -> None:
        """Add a job to a day's item as it was read; :raises ConditionFailed: when it is not so."""
        jobs, earlier = item.get("jobs", {}), item.get("earlier", 0)
        if len(jobs) >= MOST_JOBS:
            jobs, earlier = {}, _total(item)
        version = item.get("version", 0)
        values = {
            "jobs": {**jobs, **new},
            "earlier": earlier,
            "others": _others(item, seen),
            "next": version + 1,
        }
        self._table.update(
            pk,
            name,
            "SET #jobs = :jobs, #earlier = :earlier, #others = :others, #version = :next",
            _SECONDS,
            condition="#version = :version" if version else "attribute_not_exists(#version)",
            values=values | ({"version": version} if version else {}),
        )


def _total(item: Item) -> int:
    """How many scans of a day are reserved."""
    jobs: Mapping[str, str] = item.get("jobs", {})
    earlier: int = item.get("earlier", 0)
    return earlier + sum(map(int, jobs.values()))


def _others(item: Item, seen: int) -> int:
    """How many scans of a day have begun that nobody reserved, at least."""
    others: int = item.get("others", 0)
    earlier: int = item.get("earlier", 0)
    # Which images earlier jobs reserved is not held any more: their scans may be among those seen.
    return max(others, seen - earlier)


def _left(item: Item, size: int, seen: int) -> int:
    return max(0, size - _total(item) - _others(item, seen))


def _short(image: str) -> bytes:
    return sha256(image.encode()).digest()[:_BYTES]


def _split(choice: bytes) -> Iterator[bytes]:
    return (choice[at : at + _BYTES] for at in range(0, len(choice), _BYTES))
