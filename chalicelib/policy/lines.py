"""Lines: which builds of a repository follow one another, and which image is current in each.

A line is a chain of builds of one platform that share a tag which moves from build to build, such
as ``latest``. A build that shares none is current while it is the repository's newest; these are
one line too, without a tag. An image is in one line, however many such tags it holds, and what is
no longer current is in none.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from chalicelib.policy.builds import UNKNOWN, Newest, Repository, Whole
from chalicelib.policy.states import NO_CHANNELS, Line, ReportedState
from chalicelib.policy.transitions import ended, promoted, shadow_of, shadowed

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Placement:
    """Where an image belongs: its line and its whole, both None where it is not current.

    ``bases`` are the states that its findings are compared with, the first before the others;
    ``shadows`` are the other lines that it is in. ``states`` are those of further lines that
    change, and ``newest`` is the repository's newest.
    """

    line: Line | None
    whole: Whole | None
    bases: tuple[ReportedState, ...]
    shadows: tuple[Line, ...]
    states: Mapping[Line, ReportedState]
    newest: Newest | None


def placed(
    digest: str,
    places: Mapping[str, str],
    repository: Repository,
    mirrors: frozenset[str] = NO_CHANNELS,
) -> Placement:
    """Where an image belongs, and what that means for the other lines.

    ``places`` are the platforms that the image is for, by the digest of each whole that it is part
    of, itself for an image in no index; nothing for one that was deleted. ``mirrors`` are the
    channels that mirror open findings.
    """
    wholes = [whole for each in places if (whole := repository.wholes.get(each))]
    repository = repository.with_newest_of(wholes)
    newest = repository.newest
    held = {
        Line(tag, places[whole.digest]): whole
        for whole in wholes
        for tag in repository.own_tags(whole)
    }
    # As the newest alone, an image is current for a while; by a tag, for as long as it has it.
    options = {line: whole for line, whole in held.items() if line.tag} or held
    line = min(options, key=lambda each: _preference(each, digest, repository), default=None)
    if line and newest and newest.digest in places:
        newest = replace(newest, tag=line.tag)
    return Placement(
        line,
        options[line] if line else None,
        _bases(digest, line, places, repository) if line else (),
        tuple(sorted(options.keys() - {line})),
        _Settling(digest, held, frozenset(options), repository, mirrors).states(),
        newest,
    )


def _preference(
    line: Line, digest: str, repository: Repository
) -> tuple[bool, bool, bool, float, int, str]:
    """What to choose a line by.

    The one that the image is in, one that has an image, the last one to end, a short one, by name.
    """
    state = repository.states.get(line)
    is_live = state is not None and not state.has_ended
    is_own = is_live and state is not None and state.digest == digest and not state.is_shadow
    is_over = state is not None and state.has_ended
    ended_at = datetime.fromisoformat(state.time).timestamp() if state and is_over else 0.0
    return not is_own, not is_live, state is None, -ended_at, len(line.tag), line.tag


def _bases(
    digest: str, line: Line, places: Mapping[str, str], repository: Repository
) -> tuple[ReportedState, ...]:
    """The state that an image's findings are compared with, and its own in lines that it was in.

    The first of these that there is: the line's; the image's, even in a line that has ended; that
    of the image which had the tag before; what is known of the tag's line where it had ended; that
    of the image that was the newest.
    """
    newest = repository.newest
    known = [state for state in repository.states.values() if state.findings is not None]
    own = [state for state in known if state.digest == digest]
    own = [state for state in own if not state.has_ended] or sorted(own, key=_time)[-1:]
    tag = None
    if newest is not None:
        tag = newest.tag_before if newest.digest in places else newest.tag
    previous = repository.previous.get(line.tag)
    candidates = [
        *(state for state in known if state.line == line and not state.has_ended),
        *own,
        *(
            state
            for state in known
            if state.whole == previous
            and state.line.platform == line.platform
            and not state.has_ended
        ),
        *(state for state in known if state.line == line and line.tag),
        *(
            state
            for state in known
            if state.line == Line(tag or "", line.platform) and tag is not None
        ),
    ]
    if not candidates:
        return ()
    # The image of a line that has ended may have been scanned in another one since.
    first = max((state for state in known if state.digest == candidates[0].digest), key=_time)
    return (first if candidates[0].has_ended else candidates[0], *own)


def _time(state: ReportedState) -> str:
    return state.time


class _Settling:
    """What becomes of the lines that an image is not in, as it comes into its own."""

    def __init__(
        self,
        digest: str,
        held: Mapping[Line, Whole],
        own: frozenset[Line],
        repository: Repository,
        mirrors: frozenset[str],
    ) -> None:
        self._digest = digest
        self._held = held
        self._own = own
        self._repository = repository
        self._mirrors = mirrors
        self._states = dict(repository.live)
        self._changed: dict[Line, ReportedState] = {}

    def states(self) -> dict[Line, ReportedState]:
        """The states that change.

        Lines end that have no image any more. An image is reported in one of those that it still is
        in; where that is another than before, it goes on there.
        """
        for line, state in self._repository.live.items():
            if line in self._own:
                self._go_on(state)
            elif line in self._held or _has_ended(line, state, self._repository):
                self._go_on(state)
                self._change(ended(state, self._mirrors))
        for digest in {state.digest for state in self._states.values()}:
            self._choose(digest)
        return self._changed

    def _change(self, state: ReportedState) -> None:
        self._changed[state.line] = state
        self._states.pop(state.line, None)
        if not state.has_ended:
            self._states[state.line] = state

    def _lines_of(self, digest: str) -> list[Line]:
        return [
            line
            for line, state in self._states.items()
            if state.digest == digest and line not in self._own
        ]

    def _go_on(self, state: ReportedState) -> None:
        """Let an image that loses a line go on in one that it has come into since its last scan."""
        whole = self._repository.wholes.get(state.whole)
        if whole is None or state.digest == self._digest:
            return
        tags = self._repository.own_tags(whole)
        lines = {Line(tag, state.line.platform) for tag in tags} - self._own - {state.line}
        known = {line: self._states.get(line) for line in lines}
        if not lines or any(each and each.digest == state.digest for each in known.values()):
            return
        line = min(lines, key=lambda each: _preference(each, state.digest, self._repository))
        before = self._repository.states.get(line)
        self._change(promoted(shadow_of(state, line, before, self._mirrors), self._mirrors))
        if taken := known[line]:
            self._go_on(taken)

    def _choose(self, digest: str) -> None:
        """Let an image be reported in one of its lines."""
        lines = self._lines_of(digest)
        held = [line for line in lines if self._holds(line)]
        reported = None
        if digest != self._digest or not self._own:
            reported = min(
                held, key=lambda line: _preference(line, digest, self._repository), default=None
            )
            if reported is None:
                return
        for line in lines:
            state = self._states[line]
            if line == reported and state.is_shadow:
                self._change(promoted(state, self._mirrors))
            elif line != reported and not state.is_shadow:
                self._change(shadowed(state, self._mirrors))

    def _holds(self, line: Line) -> bool:
        return self._repository.holder(line.tag) == self._states[line].whole


def _has_ended(line: Line, state: ReportedState, repository: Repository) -> bool:
    """Whether a line has no image of its own any more, as far as that is known."""
    if repository.wholes.get(state.whole, UNKNOWN) is None:
        return True
    holder = repository.holder(line.tag)
    whole = repository.wholes.get(holder) if holder else None
    platforms = whole.platforms if whole else None
    return holder is None or (platforms is not None and line.platform not in platforms)
