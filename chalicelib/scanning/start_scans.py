"""The HTTP door: a listing on demand, started once however often it is asked for, and its state."""

from __future__ import annotations

import hashlib
import json
import re
import time
from secrets import token_hex
from typing import TYPE_CHECKING, Any, NamedTuple

from chalicelib.aws.errors import AWS_ERRORS
from chalicelib.aws.listings import AnsweredBefore, BeingAnswered, OtherRequest
from chalicelib.runtime import logs
from chalicelib.runtime.answers import Answer, fitted, packed, refused, unpacked
from chalicelib.runtime.backoff import Throttled
from chalicelib.runtime.deadline import Deadline
from chalicelib.scanning.list_repositories import dry_run
from chalicelib.scanning.lister import Listing, ListingIncomplete, start_listing
from chalicelib.scanning.progress import facts_of, progress
from chalicelib.scanning.requests import ListingRequest, RequestError

if TYPE_CHECKING:
    from chalice.app import Request

    from chalicelib.aws.listings import Listings
    from chalicelib.services import Services

ANSWER_SECONDS = 24.0
"""How long an answer is worked at: API Gateway waits for 29 seconds at most."""

SAME_REQUEST_SECONDS = 300
"""For how long the same request without a key of its own is taken for a repeat."""

OWN_KEY_SECONDS = 86_400
"""For how long a caller's own key is known."""

OWN_KEY = "Idempotency-Key"
REPEATED = "Idempotent-Replayed"

_SECONDS_TO_NEXT = "10"
_TABLE_ERRORS = (Throttled, *AWS_ERRORS)
_ACCEPTED_KEY = re.compile(r"[\x21-\x7e]{1,255}")
_LISTING_ID = re.compile(r"[0-9a-f]{16}")
_NOTHING_LISTED = 502
_NO_TABLE = (
    "HISTORY_TABLE_NAME is not set: a repeated request is not recognized, and nothing is kept of"
    " what becomes of a listing"
)
_TABLE_SILENT = (
    "the table did not answer: a repeated request may not be recognized, and nothing is kept of"
    " what becomes of this listing"
)


class _Key(NamedTuple):
    """By what a request is known, for how long, and what it asks for."""

    text: str
    seconds: int
    fingerprint: str


def start_scans(request: Request | None, services: Services) -> Answer:
    """Answer a POST, whose body may carry overrides.

    The same request within five minutes, or with the same ``Idempotency-Key`` within a day, starts
    nothing and gets the first one's answer, which says that it is a repeat. One that failed is
    carried out again. A dry run starts nothing, and is carried out each time.
    """
    try:
        asked = ListingRequest.from_http(request)
        key = _key_of(asked, request)
        if asked.dry_run:
            return _answer(dry_run(asked, services, Deadline.seconds(ANSWER_SECONDS)))
        return _once(asked, key, services)
    except RequestError as error:
        return refused(400, "BadRequestError", str(error))
    except BeingAnswered:
        text = "the same request is being answered just now: ask again"
        return refused(409, "ConflictError", text, retry_after=_SECONDS_TO_NEXT)
    except OtherRequest:
        text = f"this {OWN_KEY} belongs to another request"
        return refused(422, "UnprocessableEntityError", text)


def show_listing(listing: str, services: Services) -> Answer:
    """Answer a GET: what became of a listing on demand."""
    if services.listings is None:
        return refused(501, "NotImplementedError", _NO_TABLE)
    try:
        known = services.listings.of(listing) if _LISTING_ID.fullmatch(listing) else None
    except _TABLE_ERRORS as error:
        logs.logger.warning("progress not read", extra={"listing": listing, "error": str(error)})
        text = "the table does not answer: ask again"
        return refused(503, "ServiceUnavailableError", text, retry_after=_SECONDS_TO_NEXT)
    if known is None:
        return refused(404, "NotFoundError", "no such listing in the last 14 days")
    return Answer(fitted(progress(listing, *known)), {}, 200)


def _key_of(asked: ListingRequest, request: Request | None) -> _Key:
    """The caller's own key, or else what the request says.

    :raises RequestError: for a key of its own that is not accepted.
    """
    says = json.dumps(asked.to_values(), sort_keys=True)
    own = request.headers.get(OWN_KEY) if request else None
    if own is None:
        return _Key(_digest("says", says), SAME_REQUEST_SECONDS, _digest(says))
    if not _ACCEPTED_KEY.fullmatch(own):
        raise RequestError(f"{OWN_KEY}; accepted: 1 to 255 printable characters without spaces")
    return _Key(_digest("key", own), OWN_KEY_SECONDS, _digest(says))


def _digest(*texts: str) -> str:
    return hashlib.sha256("\0".join(texts).encode("utf-8", "surrogatepass")).hexdigest()


def _once(asked: ListingRequest, key: _Key, services: Services) -> Answer:
    """Start the listing that is asked for, unless it was; without the table as often as asked."""
    listings = services.listings
    if listings is None:
        return _unkept(asked, services, _NO_TABLE)
    try:
        listings.begin(key.text, key.fingerprint, key.seconds)
    except AnsweredBefore as before:
        return _repeated(unpacked(before.answer))
    except _TABLE_ERRORS as error:
        _warn(error)
        return _unkept(asked, services, _TABLE_SILENT)
    listing_id = token_hex(8)
    try:
        listing = _listed(asked, services, listing_id)
    except Exception:
        _release(key, listings)
        raise
    return _kept(listing, listing_id, key, listings)


def _kept(listing: Listing, listing_id: str, key: _Key, listings: Listings) -> Answer:
    """The answer, kept for those who ask again, unless nothing could be listed."""
    answer = _answer({"id": listing_id, "repeated": False, **listing.to_dict()})
    if answer.status == _NOTHING_LISTED:
        _release(key, listings)
        return answer
    try:
        listings.open(listing_id, facts_of(answer.body, int(time.time())))
        listings.finish(key.text, packed(answer), key.seconds)
    except _TABLE_ERRORS as error:
        _warn(error)
        return _answer(answer.body | {"id": None, "warnings": [_TABLE_SILENT]})
    return answer


def _repeated(answer: Answer) -> Answer:
    body, headers = {**answer.body, "repeated": True}, {**answer.headers, REPEATED: "true"}
    return answer._replace(body=body, headers=headers)


def _unkept(asked: ListingRequest, services: Services, warning: str) -> Answer:
    listing = _listed(asked, services, "")
    return _answer({"id": None, "repeated": False, **listing.to_dict(), "warnings": [warning]})


def _listed(asked: ListingRequest, services: Services, listing_id: str) -> Listing:
    try:
        return start_listing(asked, services, listing_id, Deadline.seconds(ANSWER_SECONDS))
    except ListingIncomplete as incomplete:
        return incomplete.listing


def _answer(body: dict[str, Any]) -> Answer:
    """With 202, with 207 where a part failed, and with 502 where nothing could be listed."""
    if not body["failures"]:
        return Answer(fitted(body), {}, 202)
    is_part = body["listed"] or body["enqueued"]
    return Answer(fitted(body), {}, 207 if is_part else _NOTHING_LISTED)


def _release(key: _Key, listings: Listings) -> None:
    try:
        listings.release(key.text)
    except _TABLE_ERRORS as error:
        _warn(error)


def _warn(error: Exception) -> None:
    logs.logger.warning("request not kept", extra={"error": str(error)})
