"""The feeds that say what is exploited: CISA's KEV catalogue and FIRST's EPSS scores.

Each is read whole before it is believed: one that is cut short, is a page of HTML, lies in the
future or has lost much of what it had is an error, and the last good one serves.

Formats: CISA, "Known Exploited Vulnerabilities Catalog" (JSON); FIRST, "EPSS Data" (CSV, gzip).
"""

from __future__ import annotations

import gzip
import io
import json
import re
import zlib
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from chalicelib.policy.scores import CVE, Scores
from chalicelib.text.shown import shown

if TYPE_CHECKING:
    from collections.abc import Iterator

KEV, EPSS = "KEV", "EPSS"

MOST_BYTES = {KEV: 8 << 20, EPSS: 32 << 20}
"""The longest feeds that are taken, as they are sent; KEV has 2 MB, EPSS 3, and 11 unpacked."""

_MOST_UNPACKED = 128 << 20
_LONGEST_LINE = 1000

_SKEW = timedelta(days=1)
_EPSS_HEADER = re.compile(r"#\s*model_version:[^,]*,\s*score_date:(\S+)")
_COLUMNS = "cve,epss,percentile"
_GZIP = b"\x1f\x8b"


class FeedError(ValueError):
    """A feed that is not taken: says what is wrong."""


@dataclass(frozen=True)
class Catalogue:
    """CISA's catalogue: since when each vulnerability is in it, and when it was released."""

    dated: datetime
    added: dict[str, str]


def read_kev(body: bytes, now: datetime) -> Catalogue:
    """Read CISA's catalogue; :raises FeedError: when anything in it is not as it should be."""
    try:
        document = json.loads(body)
        listed = document["vulnerabilities"]
        added = {_cve(each["cveID"]): _day(each["dateAdded"], now) for each in listed}
        dated = _not_ahead(datetime.fromisoformat(document["dateReleased"]), now)
        if document["count"] != len(listed) or not listed:
            raise FeedError(f"it says {shown(document['count'])} entries and has {len(listed)}")
    except FeedError:
        raise
    except KeyError as error:
        raise FeedError(f"{error} is missing") from error
    except (ValueError, TypeError, RecursionError) as error:
        raise FeedError(_what_is(body, "JSON")) from error
    return Catalogue(dated, added)


def read_epss(body: bytes, now: datetime) -> tuple[datetime, Scores]:
    """Of what day EPSS scores are, and all of them.

    :raises FeedError: when anything in them is not as it should be.
    """
    lines = _lines(body)
    found = _EPSS_HEADER.fullmatch(next(lines, "").strip())
    if not found or next(lines, "").strip() != _COLUMNS:
        raise FeedError(_what_is(body, "CSV of EPSS scores"))
    try:
        dated = datetime.fromisoformat(found[1])
    except ValueError as error:
        raise FeedError(f"its date is {shown(found[1])}") from error
    dated = _not_ahead(dated, now)
    scores = Scores.of(map(_score, lines))
    if not scores:
        raise FeedError("it has no scores")
    return dated, scores


@dataclass(frozen=True)
class FeedState:
    """What is kept of a feed: of when it is, when it was fetched, and how the last try went.

    Without ``fetched`` there is none yet. ``problem`` is why the last try to fetch it failed.
    """

    name: str
    dated: datetime | None = None
    fetched: datetime | None = None
    entries: int = 0
    problem: str = ""

    def accepts(self, dated: datetime, entries: int) -> None:
        """See that a feed goes on from the kept one; :raises FeedError: when it does not."""
        if self.dated is not None and dated < self.dated:
            raise FeedError(f"it is of {dated:%Y-%m-%d}, older than the kept one")
        if 2 * entries < self.entries:
            raise FeedError(f"it has {entries:,} entries, and the kept one {self.entries:,}")

    def warning(self, now: datetime) -> str:
        """What to say of a feed that is not as it should be; empty where it is."""
        if self.fetched is None:
            return f"{self.name} is not there yet" + (f": {self.problem}" if self.problem else "")
        if self.problem or now - self.fetched > _FRESH[self.name]:
            why = f": {self.problem}" if self.problem else ""
            return f"{self.name} was last fetched on {self.fetched:%Y-%m-%d}{why}"
        if self.dated is not None and now - self.dated > _CURRENT[self.name]:
            return f"{self.name} is of {self.dated:%Y-%m-%d}, and no newer one is published there"
        return ""


_FRESH = {KEV: timedelta(days=2), EPSS: timedelta(days=2)}
# EPSS is published every day, KEV when there is something to add.
_CURRENT = {KEV: timedelta(days=60), EPSS: timedelta(days=7)}


def _lines(body: bytes) -> Iterator[str]:
    """The lines of a text, packed or not, each of which must end."""
    file = gzip.GzipFile(fileobj=io.BytesIO(body)) if body.startswith(_GZIP) else io.BytesIO(body)
    total = 0
    try:
        while line := file.readline(_LONGEST_LINE):
            total += len(line)
            if total > _MOST_UNPACKED:
                raise FeedError(f"it has more than {_MOST_UNPACKED >> 20} MB")
            if not line.endswith(b"\n"):
                raise FeedError("it is cut short, or no text")
            yield line.decode("ascii")
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise FeedError("it is cut short, or damaged") from error
    except UnicodeDecodeError as error:
        raise FeedError("it is no text") from error


def _score(line: str) -> tuple[str, float]:
    try:
        name, epss, percentile = line.split(",")
        if CVE.fullmatch(name) and 0 <= float(epss) <= 1 and 0 <= float(percentile) <= 1:
            return name, float(epss)
    except ValueError:
        pass
    raise FeedError(f"it has a line {shown(line)}")


def _cve(name: Any) -> str:
    if not isinstance(name, str) or not CVE.fullmatch(name):
        raise FeedError(f"it has an entry {shown(name)}")
    return name


def _day(text: Any, now: datetime) -> str:
    day = date.fromisoformat(text)
    if day > (now + _SKEW).date():
        raise FeedError(f"it has an entry of {day}, in the future")
    return day.isoformat()


def _not_ahead(moment: datetime, now: datetime) -> datetime:
    moment = _aware(moment)
    if moment > now + _SKEW:
        raise FeedError(f"it is of {moment:%Y-%m-%d}, in the future")
    return moment


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _what_is(body: bytes, wanted: str) -> str:
    start = body[:200].lstrip().lower()
    found = "HTML" if start.startswith((b"<!doctype", b"<html")) else "cut short, or something else"
    return f"it is {found} and not {wanted}"
