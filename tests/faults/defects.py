"""Mistakes that an application could have, each made on purpose: the harness must find them all.

A defect replaces a part of the application for as long as it is made.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass, replace
from typing import Any
from unittest.mock import patch

from chalicelib.aws import dynamodb, ecr, sqs
from chalicelib.aws.ecr import MOST_MANIFESTS
from chalicelib.aws.line_states import LineStates
from chalicelib.aws.news import Sending
from chalicelib.aws.repositories import RepositoryImages
from chalicelib.notifying.channels import security_hub
from chalicelib.notifying.delivery import Reporting
from chalicelib.policy.acknowledgements import reported
from chalicelib.policy.budget import Budget
from chalicelib.scanning import planner, scanner, starts, walk
from tests.faults.engine import carry_out

MOST_RUNS = 100
"""Within how many runs each is to be found."""

_ONE_IN = 1000


@dataclass(frozen=True)
class Defect:
    """A mistake: the function or text of a class or module that has it, made from the right one."""

    name: str
    target: Any
    attribute: str
    wrong: Callable[[Any], Any]

    @contextmanager
    def made(self) -> Iterator[None]:
        """The application with this mistake, until the end."""
        right = getattr(self.target, self.attribute)
        with patch.object(self.target, self.attribute, self.wrong(right)):
            yield


@dataclass(frozen=True)
class Found:
    """After how many runs a defect was found, and what did not hold."""

    runs: int
    sentence: str


def find(defect: Defect, first_seed: int = 0, most: int = MOST_RUNS) -> Found | None:
    """Look for a defect; None where so many runs do not find it."""
    with defect.made():
        for number in range(most):
            result = carry_out(first_seed + number)
            if result.broken:
                return Found(number + 1, result.broken[0])
    return None


def _skips_some(sort: Callable[..., None]) -> Callable[..., None]:
    def sort_most(self: Any, digest: str, record: Any) -> None:
        if int(digest[-8:], 16) % _ONE_IN:
            sort(self, digest, record)

    return sort_most


def _twice(function: Callable[..., Any]) -> Callable[..., Any]:
    def call_twice(*arguments: Any) -> Any:
        function(*arguments)
        return function(*arguments)

    return call_twice


def _nothing(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *_: None


def _all_chosen(reserved: Callable[..., list[str]]) -> Callable[..., list[str]]:
    return lambda job, services, day, chosen, *_: list(chosen)


def _not_noticed(tried: Callable[..., bool]) -> Callable[..., bool]:
    def succeeded(self: Any, *arguments: Any) -> bool:
        tried(self, *arguments)
        self.failures.clear()
        return True

    return succeeded


def _as_reported(keep: Callable[..., Any]) -> Callable[..., Any]:
    return lambda self, place, state: keep(self, place, reported(state, "topic"))


def _archived(found: Callable[..., Iterator[Any]]) -> Callable[..., Iterator[Any]]:
    return lambda *line: (each | {"RecordState": "ARCHIVED"} for each in found(*line))


def _taken_for_sent(failed: Callable[..., list[Any]]) -> Callable[..., list[Any]]:
    def only_whole_failures(self: Any, entries: list[Any]) -> list[Any]:
        refused = failed(self, entries)
        return refused if len(refused) == len(entries) else []

    return only_whole_failures


def _without_last_page(pages: Callable[..., Iterator[Any]]) -> Callable[..., Iterator[Any]]:
    def all_but_one(*arguments: Any) -> Iterator[Any]:
        first, *others = pages(*arguments)
        yield from [first, *others[:-1]]

    return all_but_one


class _LastPageLost:
    """A client of DynamoDB, to whose queries the last of several pages is empty."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def query(self, **request: Any) -> Any:
        answer = self._client.query(**request)
        if "ExclusiveStartKey" in request and "LastEvaluatedKey" not in answer:
            answer["Items"] = []
        return answer


def _without_last_items(query: Callable[..., Iterator[Any]]) -> Callable[..., Iterator[Any]]:
    def query_less(self: Any, *arguments: Any, **options: Any) -> Iterator[Any]:
        table = copy(self)
        table._client = _LastPageLost(self._client)
        return query(table, *arguments, **options)

    return query_less


def _first_batch(entries: Callable[..., Any]) -> Callable[..., Any]:
    return lambda self, repository, indexes, backoff: entries(
        self, repository, list(indexes)[:MOST_MANIFESTS], backoff
    )


def _newest_first(offer: Callable[..., None]) -> Callable[..., None]:
    def offer_upside_down(self: Any, digest: str, scanned_at: int, tier: Any, job: int) -> None:
        offer(self, digest, 2**32 - scanned_at, tier, job)

    return offer_upside_down


def _stops_all(_: Callable[..., None]) -> Callable[..., None]:
    def stop(self: Any, address: Any, error: Exception) -> None:
        raise error

    return stop


def _but_the_third(review: Callable[..., None]) -> Callable[..., None]:
    def review_others(self: Any, number: int, job: Any) -> None:
        if number != 2:
            review(self, number, job)

    return review_others


def _sent_at_once(begin: Callable[..., None]) -> Callable[..., None]:
    def begin_and_note(self: Any, keys: Any) -> None:
        begin(self, keys)
        self.sent()

    return begin_and_note


def _earlier(keep: Callable[..., Any]) -> Callable[..., Any]:
    return lambda self, place, state: keep(self, place, replace(state, time="2000-01-01T00:00:00Z"))


DEFECTS = (
    Defect("skips one due image in a thousand", starts.ScanStarts, "_sort", _skips_some),
    Defect("starts a scan twice", ecr.Registry, "start_scan", _twice),
    Defect("drops what is left at the deadline", scanner._RepositoryScan, "_re_enqueue", _nothing),
    Defect("reports twice", Reporting, "_deliver", _twice),
    Defect("does not notice that a channel failed", Reporting, "_tried", _not_noticed),
    Defect("marks as reported before it is", LineStates, "keep", _as_reported),
    Defect("archives live findings", security_hub, "_open", _archived),
    Defect("loses the rest of a batch", sqs.JobsQueue, "_failed", _taken_for_sent),
    Defect("forgets the last page of images", ecr.Registry, "image_pages", _without_last_page),
    Defect("plans without a repository", planner._Planning, "_review_repository", _but_the_third),
    Defect("notes news as sent before it is", Sending, "begin", _sent_at_once),
    Defect("remembers a scan as an earlier one", LineStates, "keep", _earlier),
    Defect("forgets the last page of the table", dynamodb.Table, "query", _without_last_items),
    Defect("reads the first 100 indexes only", RepositoryImages, "entries", _first_batch),
    Defect("spends a budget on the newest scans", Budget, "offer", _newest_first),
    Defect("spends what others have of a day's budget", planner, "reserved", _all_chosen),
    Defect("stops at a registry that cannot be read", walk.Walk, "_fail", _stops_all),
)
