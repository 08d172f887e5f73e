"""The feeds as they were last fetched into the bucket, which whatever reports findings reads.

| Key below ``fleet-reports/feeds/`` | What it is |
| --- | --- |
| ``kev.json`` | the last good catalogue of CISA: since when each vulnerability is in it |
| ``epss.bin`` | FIRST's last good EPSS scores, in the form of :mod:`chalicelib.policy.scores` |
| ``state.json`` | of when they are, when they were fetched, and how the last try went |
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from chalicelib.aws.errors import AWS_ERRORS
from chalicelib.policy.exploitation import Exploitation
from chalicelib.policy.feeds import EPSS, KEV, FeedState
from chalicelib.policy.scores import Scores
from chalicelib.runtime import logs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from chalicelib.aws.s3 import ReportBucket

PREFIX = "fleet-reports/feeds/"
STATE_KEY = f"{PREFIX}state.json"
KEYS = {KEV: f"{PREFIX}kev.json", EPSS: f"{PREFIX}epss.bin"}

KEPT_FOR = timedelta(hours=1)
"""How long what was read serves before it is asked whether there is a newer feed."""

_PARSERS: dict[str, Callable[[bytes], Any]] = {
    KEV: lambda body: frozenset(json.loads(body)),
    EPSS: Scores.unpacked,
}


class KeptFeeds:
    """What the feeds say, read once a container and again when a newer one was fetched."""

    def __init__(
        self, bucket: ReportBucket, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._bucket = bucket
        self._now = now
        self._asked_at: datetime | None = None
        self._fetched: dict[str, datetime | None] = {}
        self._known: dict[str, Any] = {}
        self._warnings: tuple[str, ...] = ()

    def exploitation(self) -> Exploitation:
        """What they said up to an hour ago; nothing of one that could never be read.

        What cannot be read holds up nothing: the last one serves, and it is tried again after an
        hour. Calls: s3:GetObject on ``fleet-reports/feeds/*``, s3:ListBucket.
        """
        now = self._now()
        if self._asked_at is None or now - self._asked_at >= KEPT_FOR:
            self._asked_at = now
            states = states_by_name(self._bucket)
            for name, state in states.items():
                if name not in self._known or state.fetched != self._fetched[name]:
                    self._read(state)
            warnings = (warning_of(each, now, self._known) for each in states.values())
            self._warnings = tuple(filter(None, warnings))
        return Exploitation(self._known.get(KEV), self._known.get(EPSS), self._warnings)

    def _read(self, state: FeedState) -> None:
        value = read_feed(self._bucket, state.name)
        if value is not None:
            self._known[state.name], self._fetched[state.name] = value, state.fetched


def states_by_name(bucket: ReportBucket) -> dict[str, FeedState]:
    """What is kept of each feed; where it cannot be read, the state says so."""
    try:
        states = {state.name: state for state in read_states(bucket)}
    except AWS_ERRORS as error:
        logs.logger.warning("state of feeds not read", extra={"error": str(error)})
        states = {name: FeedState(name, problem="its state cannot be read") for name in KEYS}
    return {name: states.get(name, FeedState(name)) for name in KEYS}


def warning_of(state: FeedState, now: datetime, known: dict[str, Any]) -> str:
    """What to say of a feed that is stale, failed, or cannot be read; empty of any other."""
    unread = "" if state.name in known else f"{state.name} cannot be read"
    return state.warning(now) or unread


def read_feed(bucket: ReportBucket, name: str) -> Any:
    """What a kept feed says: the CVEs of the catalogue, or scores; None where it cannot be read."""
    try:
        body = bucket.read(KEYS[name])
        return None if body is None else _PARSERS[name](body)
    except (ValueError, TypeError, *AWS_ERRORS) as error:
        logs.logger.warning("feed not read", extra={"feed": name, "error": str(error)})
        return None


def read_exploitation(bucket: ReportBucket) -> Exploitation:
    """What the kept feeds say; nothing of a feed that cannot be read.

    Calls: s3:GetObject on ``fleet-reports/feeds/*``.
    """
    return Exploitation(read_feed(bucket, KEV), read_feed(bucket, EPSS))


def read_states(bucket: ReportBucket) -> tuple[FeedState, ...]:
    """What is kept of the feeds; nothing where there is none, or none that can be read."""
    try:
        document = json.loads(bucket.get(STATE_KEY) or "[]")
        return tuple(_state(each) for each in document)
    except (ValueError, KeyError, TypeError) as error:
        logs.logger.warning("state of feeds not read", extra={"error": str(error)})
        return ()


def keep_states(bucket: ReportBucket, states: Iterable[FeedState]) -> None:
    """Write what is kept of the feeds. Calls: s3:PutObject."""
    document = [
        {
            "name": state.name,
            "dated": state.dated and state.dated.isoformat(),
            "fetched": state.fetched and state.fetched.isoformat(),
            "entries": state.entries,
            "problem": state.problem,
        }
        for state in states
    ]
    bucket.put(STATE_KEY, json.dumps(document), "application/json")


def _state(values: dict[str, Any]) -> FeedState:
    dated, fetched = (
        None if text is None else datetime.fromisoformat(text)
        for text in (values["dated"], values["fetched"])
    )
    return FeedState(values["name"], dated, fetched, values["entries"], values["problem"])
