"""Fetching a file from the web, within bounds of size and time."""

from __future__ import annotations

import time
from http.client import HTTPException
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


def fetch(address: str, most: int, clock: Callable[[], float] = time.monotonic) -> bytes:
    """What is at an address of the web, so many bytes at most.

    :raises FeedError: when it cannot be had.
    """
    opener = OpenerDirector()
    for handler in _HANDLERS:
        opener.add_handler(handler())
    end = clock() + SECONDS
    request = Request(address, headers={"User-Agent": "ecr-scan-reporter"})  # noqa: S310
    try:
        with opener.open(request, timeout=_SECONDS_SILENT) as answer:
            length = answer.headers.get("Content-Length")
            body = bytearray()
            while chunk := answer.read(_CHUNK):
                body += chunk
                if len(body) > most:
                    raise FeedError(f"it has more than {most >> 20} MB")
                if clock() > end:
                    raise FeedError(f"it took more than {SECONDS} seconds")
    except HTTPError as error:
        raise FeedError(f"the answer was {error.code}") from error
    except (OSError, HTTPException) as error:
        raise FeedError(f"it could not be fetched ({error})") from error
    if length is not None and length.isdecimal() and len(body) != int(length):
        raise FeedError(f"it is cut short: {len(body):,} of {int(length):,} bytes came")
    return bytes(body)
