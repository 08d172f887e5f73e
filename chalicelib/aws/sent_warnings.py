"""Which warnings were sent, in the table, so that each is sent again only when it changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chalicelib.aws.dynamodb import DAY
from chalicelib.policy.last_warnings import LastWarning, fingerprint_of, marks_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from chalicelib.aws.dynamodb import Table
    from chalicelib.policy.last_warnings import Change

_SECONDS = 400 * DAY


class SentWarnings:
    """What was last warned of, by the kind of a warning and the place that it is about."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def of(self, kind: str, place: str) -> LastWarning:
        """What was last warned of."""
        item = self._table.get(*_key(kind, place)) or {}
        return LastWarning(frozenset(item.get("marks", ())), item.get("images", ""))

    def note(self, kind: str, place: str, change: Change) -> None:
        """Write what changed, if anything did."""
        if change.kept is not None:
            self._keep(kind, place, change.kept)
        if change.added:
            self._add(kind, place, change.added)
        if change.forgotten:
            self._forget(kind, place, change.forgotten)

    def _keep(self, kind: str, place: str, images: Collection[str]) -> None:
        values: dict[str, Any] = {"images": fingerprint_of(images)}
        change = "SET #images = :images"
        if images:
            values["marks"] = marks_of(images)
            change += ", #marks = :marks"
        else:
            # A set of DynamoDB is never empty.
            change += " REMOVE #marks"
        self._table.update(*_key(kind, place), change, _SECONDS, values=values)

    # Several jobs may add and forget at the same time.

    def _add(self, kind: str, place: str, images: Iterable[str]) -> None:
        values = {"marks": marks_of(images)}
        self._table.update(*_key(kind, place), "ADD #marks :marks", _SECONDS, values=values)

    def _forget(self, kind: str, place: str, images: Iterable[str]) -> None:
        values = {"none": "", "marks": marks_of(images)}
        change = "SET #images = :none DELETE #marks :marks"
        self._table.update(*_key(kind, place), change, _SECONDS, values=values)


def _key(kind: str, place: str) -> tuple[str, str]:
    return f"warning#{kind}", place or "all"
