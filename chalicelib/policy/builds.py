"""What a repository holds now, as far as it is looked up, and what is known of its lines."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from chalicelib.policy.states import Line, ReportedState

UNKNOWN = ""
"""In place of the digest of a whole that was not looked up."""


@dataclass(frozen=True)
class Whole:
    """What tags stand on, as it is now: an image, or an index with its platforms.

    ``platforms`` is None where they are not known, and ``{""}`` for an image that is no index.
    """

    digest: str
    pushed_at: datetime
    tags: frozenset[str] = frozenset()
    platforms: frozenset[str] | None = None


@dataclass(frozen=True)
class Newest:
    """The newest whole of a repository, the tag of its line, and that of the newest before it.

    A tag is None where the whole was in no line.
    """

    digest: str
    pushed_at: datetime
    tag: str | None = None
    tag_before: str | None = None


@dataclass(frozen=True)
class Repository:
    """A repository: the states of its lines, and its wholes as far as they were looked up.

    ``wholes`` are by digest; None is one that was deleted. ``holders`` say which digest has a tag
    that none of these has, and None where nothing has it. ``moving`` are tags that were seen on
    several wholes, and ``previous`` says which whole had a tag before.
    """

    states: Mapping[Line, ReportedState] = field(default_factory=dict)
    newest: Newest | None = None
    wholes: Mapping[str, Whole | None] = field(default_factory=dict)
    holders: Mapping[str, str | None] = field(default_factory=dict)
    moving: frozenset[str] = frozenset()
    previous: Mapping[str, str] = field(default_factory=dict)

    @property
    def live(self) -> dict[Line, ReportedState]:
        """The lines that have an image."""
        return {line: state for line, state in self.states.items() if not state.has_ended}

    @property
    def lost_tags(self) -> frozenset[str]:
        """The tags of lines whose image was looked up and has the tag no more, nor has another."""
        held = {tag for whole in self.wholes.values() if whole for tag in whole.tags}
        tags = {line.tag for line, state in self.live.items() if state.whole in self.wholes}
        return frozenset(tags - held - {""})

    def own_tags(self, whole: Whole) -> frozenset[str]:
        """The tags by which a whole is in lines.

        Those that move from build to build: they were seen to, or their name has no digit, so that
        it names no single build. The newest whole without any is in the line without a tag.
        """
        moving = frozenset(tag for tag in whole.tags if tag in self.moving or has_no_digit(tag))
        is_newest = self.newest is not None and self.newest.digest == whole.digest
        return moving or (frozenset({""}) if is_newest else frozenset())

    def holder(self, tag: str) -> str | None:
        """The digest of the whole that holds a line's tag now; None where nothing does."""
        if not tag:
            whole = self.wholes.get(self.newest.digest) if self.newest else None
            if whole is None:
                return UNKNOWN
            return whole.digest if "" in self.own_tags(whole) else None
        holders = (whole.digest for whole in self.wholes.values() if whole and tag in whole.tags)
        return next(holders, self.holders.get(tag, UNKNOWN))

    def with_newest_of(self, wholes: Iterable[Whole]) -> Repository:
        """The same, where the newest is one of these if it is newer than the newest so far.

        A newest one that was deleted is none.
        """
        newest = last = self.newest
        if newest is not None and self.wholes.get(newest.digest, newest) is None:
            newest = None
        for whole in wholes:
            if newest is None or whole.pushed_at > newest.pushed_at:
                tag_before = None if last is None else last.tag
                newest = last = Newest(whole.digest, whole.pushed_at, tag_before=tag_before)
        return replace(self, newest=newest)


def has_no_digit(tag: str) -> bool:
    """Whether a tag's name has no digit: latest, main, prod."""
    return not any(character.isdigit() for character in tag)
