"""What is known of a repository's lines, in the table."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from chalicelib.aws import leases
from chalicelib.aws.dynamodb import DAY, ConditionFailed
from chalicelib.aws.packed_states import packed, packed_events, unpacked, unpacked_events
from chalicelib.policy.builds import Newest
from chalicelib.policy.states import Line, ReportedState
from chalicelib.runtime.backoff import Throttled

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from chalicelib.aws.dynamodb import Item, Table
    from chalicelib.policy.finding_events import RepositoryEvents

_SECONDS = 400 * DAY
_LINE, _NEWEST, _WALK, _EVENTS = "line#", "newest", "walk", "events"
_UNCHANGED = "attribute_not_exists(#version) OR #version = :version OR #expires_at < :now"
_PLAIN = ("digest", "whole", "time", "status", "digest_before", "since", "event", "reported_at")


class Changed(Throttled):
    """Another invocation has changed what is known meanwhile: to be read again after a while."""


@dataclass(frozen=True)
class Recalled:
    """What is known of a repository.

    ``walked_at`` is when all of its images were last read, in seconds since the epoch. ``events``
    is what was put on the bus; None where nothing was.
    """

    states: Mapping[Line, ReportedState]
    newest: Newest | None
    walked_at: int
    events: RepositoryEvents | None = None


@dataclass(frozen=True)
class Tagged:
    """Which whole had a tag when it was last seen, and which one before that."""

    digest: str
    before: str = ""


class LineStates:
    """The states of lines, by the place of a repository: its account, region and name."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def recall(self, place: str, *, consistent: bool = False) -> Recalled:
        """What is known of a repository, lines that have ended among it."""
        found = self._table.query(_key(place), consistent=consistent)
        items = {item["sk"]: item for item in found}
        lines = [state_of(item) for key, item in items.items() if key.startswith(_LINE)]
        newest, walk, events = items.get(_NEWEST), items.get(_WALK, {}), items.get(_EVENTS)
        return Recalled(
            {state.line: state for state in lines},
            _newest(newest) if newest else None,
            walk.get("walked_at", 0),
            unpacked_events(events["events"], events["version"]) if events else None,
        )

    def keep(self, place: str, state: ReportedState) -> ReportedState:
        """Write a state in place of the version that it was made of; returns it with its own.

        Its ``updated_at`` is later than that of the version before, whatever the clock says.

        :raises Changed: when that is no longer the version which is kept.
        """
        now = self._table.now()
        new = replace(
            state,
            version=state.version + 1,
            updated_at=max(now * 1000, state.updated_at + 1),
        )
        self._put(
            {"pk": _key(place), "sk": _line_key(state.line), **_attributes(new)},
            _UNCHANGED,
            {"version": state.version, "now": now},
        )
        return new

    def keep_newest(self, place: str, before: Newest | None, newest: Newest) -> None:
        """Write which whole is the newest in place of the one before.

        :raises Changed: when that is no longer the one which is kept.
        """
        if newest == before:
            return
        tags = {"tag": newest.tag, "tag_before": newest.tag_before}
        item = {
            "digest": newest.digest,
            "pushed_at": newest.pushed_at.isoformat(),
            **{name: tag for name, tag in tags.items() if tag is not None},
        }
        self._put(
            {"pk": _key(place), "sk": _NEWEST, **item},
            "attribute_not_exists(#digest) OR #digest = :digest OR #expires_at < :now",
            {"digest": before.digest if before else "", "now": self._table.now()},
        )

    def keep_events(self, place: str, events: RepositoryEvents) -> RepositoryEvents:
        """Write what events have said in place of the version that it was made of.

        :raises Changed: when that is no longer the version which is kept.
        """
        new = replace(events, version=events.version + 1)
        self._put(
            {
                "pk": _key(place),
                "sk": _EVENTS,
                "events": packed_events(new),
                "version": new.version,
            },
            _UNCHANGED,
            {"version": events.version, "now": self._table.now()},
        )
        return new

    def begin_walk(self, place: str) -> int:
        """Take the reading of all images of a repository; returns when.

        :raises Changed: when another invocation is at it.
        """
        now = self._table.now()
        try:
            leases.take(self._table, (_key(place), _WALK), _SECONDS)
        except ConditionFailed as error:
            raise Changed(place) from error
        return now

    def end_walk(self, place: str, walked_at: int | None) -> None:
        """Note when all images of a repository were read; None where they could not be."""
        noted = {} if walked_at is None else {"at": walked_at}
        expression = f"SET #walked_at = :at {leases.RELEASE}" if noted else leases.RELEASE
        self._table.update(_key(place), _WALK, expression, _SECONDS, values=noted)

    def tagged(self, place: str, tags: Iterable[str]) -> dict[str, Tagged]:
        """Where these tags were last seen, those that were."""
        items = self._table.batch_get([(_tags_key(place), tag) for tag in tags], consistent=True)
        return {item["sk"]: Tagged(item["digest"], item.get("before", "")) for item in items}

    def keep_tagged(self, place: str, tags: Mapping[str, Tagged]) -> None:
        """Note where tags were seen."""
        items = [
            {"pk": _tags_key(place), "sk": tag, "digest": each.digest, "before": each.before}
            for tag, each in tags.items()
        ]
        self._table.batch_write(items, _SECONDS)

    def _put(self, item: Mapping[str, Any], condition: str, values: Mapping[str, Any]) -> None:
        try:
            self._table.put(item, _SECONDS, condition, values)
        except ConditionFailed as error:
            raise Changed(item["sk"]) from error


def _key(place: str) -> str:
    return f"lines#{place}"


def _tags_key(place: str) -> str:
    return f"tags#{place}"


def _line_key(line: Line) -> str:
    return f"{_LINE}{line.tag}#{line.platform}"


def _newest(item: Item) -> Newest:
    pushed_at = datetime.fromisoformat(item["pushed_at"])
    return Newest(item["digest"], pushed_at, item.get("tag"), item.get("tag_before"))


def _attributes(state: ReportedState) -> dict[str, Any]:
    return {
        **{name: getattr(state, name) for name in _PLAIN},
        "failure_reported_by": sorted(state.failure_reported_by),
        "has_ended": int(state.has_ended),
        "is_shadow": int(state.is_shadow),
        "mirrored": int(state.mirrored),
        "version": state.version,
        "updated_at": state.updated_at,
        "findings": packed(state.findings, state.closed, state.ledger),
    }


def state_of(item: Item) -> ReportedState:
    """The state in a line's item of the table."""
    tag, _, platform = item["sk"].removeprefix(_LINE).partition("#")
    findings, closed, ledger = unpacked(item["findings"])
    return ReportedState(
        line=Line(tag, platform),
        **{name: item[name] for name in _PLAIN},
        failure_reported_by=frozenset(item["failure_reported_by"]),
        has_ended=bool(item["has_ended"]),
        is_shadow=bool(item["is_shadow"]),
        mirrored=bool(item["mirrored"]),
        version=item["version"],
        updated_at=item["updated_at"],
        findings=findings,
        closed=closed,
        ledger=ledger,
    )
