"""Listings on demand in the table: how requests were answered, and what became of the jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chalicelib.aws import leases
from chalicelib.aws.dynamodb import DAY, ConditionFailed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chalicelib.aws.dynamodb import Item, Table

LEASE_SECONDS = 40
"""How long a request is being answered at most: the function's time-out of 29 seconds, and more."""

# As long as dead jobs are kept, so that one that is sent again is still counted.
_PROGRESS_SECONDS = 14 * DAY
_ANSWER, _LISTING = "answer", "listing"


class AnsweredBefore(Exception):
    """The request was answered already: ``answer`` is what was kept of it."""

    def __init__(self, answer: bytes) -> None:
        super().__init__("the request was answered before")
        self.answer = answer


class BeingAnswered(Exception):
    """The same request is being answered just now: to be tried again later."""


class OtherRequest(Exception):
    """The key belongs to a request that asks for something else."""


class Listings:
    """Requests by their idempotency key, and listings by their id.

    A request is taken with a lease, so that of several like it one at a time starts a listing.

    Every job of a listing has an item of its own, to which each delivery adds. So a job that is
    delivered twice counts once.
    """

    def __init__(self, table: Table) -> None:
        self._table = table

    def begin(self, key: str, fingerprint: str, seconds: int) -> None:
        """Take a request, which is known by its key for so many seconds.

        :raises AnsweredBefore: with the answer.
        :raises BeingAnswered: when another invocation has it.
        :raises OtherRequest: when the fingerprint kept with the key is another one.
        """
        values = leases.of(self._table.now(), LEASE_SECONDS)
        try:
            self._note_request(
                key,
                f"{leases.TAKE}, #fingerprint = :fingerprint REMOVE #answer",
                seconds,
                # An item that has ended may still be there for some days.
                condition="attribute_not_exists(#pk) OR #expires_at < :now OR #holder = :holder"
                " OR (attribute_not_exists(#answer) AND #lease < :now)",
                values=values | {"fingerprint": fingerprint},
            )
        except ConditionFailed as error:
            raise _refusal(error.item, fingerprint) from error

    def finish(self, key: str, answer: bytes, seconds: int) -> None:
        """Keep a request's answer for so many seconds from now."""
        self._note_request(key, "SET #answer = :answer", seconds, values={"answer": answer})

    def release(self, key: str) -> None:
        """Let the next try have the request at once."""
        self._note_request(key, "SET #lease = :none", 1, values={"none": 0})

    def open(self, listing: str, facts: Mapping[str, Any]) -> None:
        """Keep what a listing found and sent."""
        self._note(listing, _LISTING, facts)

    def note(self, listing: str, job: str, outcome: Mapping[str, Any], started: int) -> None:
        """Keep what a delivery of a job came to, and add the scans that it started."""
        self._note(listing, f"job/{job}", outcome, " ADD #started :started", {"started": started})

    def of(self, listing: str) -> tuple[Item, list[Item]] | None:
        """What a listing found and sent, and what its jobs came to; None where none is known."""
        items = {item["sk"]: item for item in self._table.query(f"listing#{listing}")}
        facts = items.pop(_LISTING, None)
        return None if facts is None else (facts, list(items.values()))

    def _note_request(
        self,
        key: str,
        expression: str,
        seconds: int,
        condition: str = "",
        values: Mapping[str, Any] | None = None,
    ) -> None:
        self._table.update(f"request#{key}", _ANSWER, expression, seconds, condition, values)

    def _note(
        self,
        listing: str,
        sk: str,
        attributes: Mapping[str, Any],
        added: str = "",
        values: Mapping[str, Any] | None = None,
    ) -> None:
        expression = "SET " + ", ".join(f"#{name} = :{name}" for name in attributes) + added
        given = {**attributes, **(values or {})}
        self._table.update(f"listing#{listing}", sk, expression, _PROGRESS_SECONDS, "", given)


def _refusal(item: Mapping[str, Any], fingerprint: str) -> Exception:
    if item.get("fingerprint") != fingerprint:
        return OtherRequest()
    return AnsweredBefore(item["answer"]) if "answer" in item else BeingAnswered()
