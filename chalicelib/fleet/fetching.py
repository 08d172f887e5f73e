"""Fetching a file from the web, within bounds of size and time."""

from __future__ import annotations

from concurrent.futures import Future
from functools import partial
from http.client import HTTPException
from threading import Event, Thread
from typing import TYPE_CHECKING
from urllib.error import HTTPError
from urllib.request import (
    HTTPDefaultErrorHandler,
    HTTPErrorProcessor,
    HTTPHandler,
    HTTPRedirectHandler,
    HTTPSHandler,
    OpenerDirector,
    ProxyHandler,
    Request,
)

from chalicelib.policy.feeds import FeedError

if TYPE_CHECKING:
    from collections.abc import Callable

SECONDS = 40
"""For how long one file may take, all of it."""

_SECONDS_SILENT = 10
_CHUNK = 1 << 18
# Nothing that reads files, or speaks anything but HTTP; not even after a redirection.
_HANDLERS = (
    *(ProxyHandler, HTTPHandler, HTTPSHandler),
    *(HTTPDefaultErrorHandler, HTTPRedirectHandler, HTTPErrorProcessor),
)


def fetch(address: str, most: int, seconds: float = SECONDS) -> bytes:
    """What is at an address of the web, so many bytes at most.

    A server may send a byte now and then, of its headers too, so that no call of the library ends
    in time. A thread waits for it, and is left alone when the time is over.

    :raises FeedError: when it cannot be had.
    """
    fetched: Future[bytes] = Future()
    is_over = Event()
    run = partial(_settle, fetched, partial(_fetched, address, most, is_over))
    Thread(target=run, name="fetch", daemon=True).start()
    try:
        return fetched.result(seconds)
    except TimeoutError:
        is_over.set()
        raise FeedError(f"it took more than {seconds:g} seconds") from None


def _settle(future: Future[bytes], call: Callable[[], bytes]) -> None:
    try:
        future.set_result(call())
    except BaseException as error:
        future.set_exception(error)


def _fetched(address: str, most: int, is_over: Event) -> bytes:
    opener = OpenerDirector()
    for handler in _HANDLERS:
        opener.add_handler(handler())
    request = Request(address, headers={"User-Agent": "ecr-scan-reporter"})  # noqa: S310
    try:
        with opener.open(request, timeout=_SECONDS_SILENT) as answer:
            length = answer.headers.get("Content-Length")
            body = bytearray()
            # What there is, since all of a chunk may take for ever.
            while not is_over.is_set() and (chunk := answer.read1(_CHUNK)):
                body += chunk
                if len(body) > most:
                    raise FeedError(f"it has more than {most >> 20} MB")
    except HTTPError as error:
        error.close()
        raise FeedError(f"the answer was {error.code}") from error
    except (OSError, HTTPException) as error:
        raise FeedError(f"it could not be fetched ({error})") from error
    if length is not None and length.isdecimal() and len(body) != int(length):
        raise FeedError(f"it is cut short: {len(body):,} of {int(length):,} bytes came")
    return bytes(body)
