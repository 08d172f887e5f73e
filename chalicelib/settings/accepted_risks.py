"""The list of accepted risks as YAML, every error in it with its line."""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING, Any

from chalicelib.policy.accepted_risks import AcceptedRisk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

LONGEST_LIST = 65_536
"""The longest list, in characters: some hundred entries, which are read within a second."""

_LONGEST_TEXT = 1000
_MOST_ERRORS = 20
_DEEPEST = 10  # a list has three levels; what is deeper is not looked at
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)

_A_LIST = "an object with the key accepted, a list of entries"
_AN_ENTRY = "an object with reason, expires and any of vulnerability, package, repository"
_A_TEXT = f"a text of 1 to {_LONGEST_TEXT} characters, in quotes if it looks like anything else"
_A_DAY = "a day, such as 2027-03-31"
_COVERS = ("vulnerability", "package", "repository")


class AcceptedRisksError(ValueError):
    """A list with errors: names the line, the key and the value of each, and what is accepted."""

    def __init__(self, errors: Iterable[str]) -> None:
        self.errors = tuple(errors)
        more = len(self.errors) - _MOST_ERRORS
        shown = [*self.errors[:_MOST_ERRORS], *([f"and {more} more"] if more > 0 else [])]
        super().__init__("\n".join(shown))


def parse_accepted_risks(text: str, source_name: str) -> tuple[AcceptedRisk, ...]:
    """Read the list, which is YAML.

    Neither anchors nor tags are accepted, since a list has no use for them, and a short text with
    them can unfold into a huge one.

    :raises AcceptedRisksError: with all that is wrong.
    """
    errors: list[str] = []

    def note(line: int, what: str) -> None:
        errors.append(f"{source_name}, line {line}: {what}")

    entries: list[AcceptedRisk] = []
    if (node := _yaml(text, note)) is not None:
        entries = [entry for each in _entry_nodes(node, note) if (entry := _entry(each, note))]
    if errors:
        raise AcceptedRisksError(errors)
    return tuple(entries)


def _yaml(text: str, note: Callable[[int, str], None]) -> Any:
    """The text as YAML's nodes, which know their lines; None, with an error, if it is none."""
    # Imported here because only a list needs it, and most applications have none.
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    if len(text) > LONGEST_LIST:
        note(1, f"{len(text)} characters; accepted: at most {LONGEST_LIST}")
        return None
    try:
        if not _is_simple(YAML(typ="safe", pure=True).parse(text), note):
            return None
        node = YAML(typ="safe", pure=True).compose(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        note(mark.line + 1 if mark else 1, f"not YAML: {error.problem or error.context}")
        return None
    except (YAMLError, ValueError) as error:
        note(1, f"not YAML: {str(error).splitlines()[0]}")
        return None
    if node is None:
        note(1, f"nothing; accepted: {_A_LIST}")
    return node


def _is_simple(events: Iterable[Any], note: Callable[[int, str], None]) -> bool:
    """Whether the events are of one document without anchors, tags and deep nesting."""
    from ruamel.yaml import events as kinds

    depth = documents = 0
    for event in events:
        depth += isinstance(event, kinds.CollectionStartEvent)
        depth -= isinstance(event, kinds.CollectionEndEvent)
        documents += isinstance(event, kinds.DocumentStartEvent)
        refused = (
            ("an anchor or alias", getattr(event, "anchor", None) is not None),
            ("a tag", getattr(event, "tag", None) is not None),
            ("nesting", depth > _DEEPEST),
            ("a second document", documents > 1),
        )
        for what, found in refused:
            if found:
                note(event.start_mark.line + 1, f"{what}; accepted: none")
                return False
    return True


def _entry_nodes(node: Any, note: Callable[[int, str], None]) -> Iterator[Any]:
    values = _object(node, ("accepted",), _A_LIST, note)
    if values is None:
        return
    if "accepted" not in values:
        note(_line(node), f"accepted is missing; accepted: {_A_LIST}")
        return
    line, entries = values["accepted"]
    if entries.id == "sequence":
        yield from entries.value
    else:
        note(line, f"accepted is {_shown(entries)}; accepted: a list of entries")


def _entry(node: Any, note: Callable[[int, str], None]) -> AcceptedRisk | None:
    values = _object(node, (*_COVERS, "reason", "expires"), _AN_ENTRY, note)
    if values is None:
        return None
    for key, accepted in (("reason", _A_TEXT), ("expires", _A_DAY)):
        if key not in values:
            note(_line(node), f"{key} is missing; accepted: {accepted}")
    if not values.keys() & set(_COVERS):
        note(_line(node), f"nothing is covered; accepted: any of {', '.join(_COVERS)}")
    expires = _day(*values.pop("expires"), note) if "expires" in values else None
    texts = {key: _text(key, *place, note) for key, place in values.items()}
    reason = texts.pop("reason", None)
    if reason is None or expires is None:
        return None
    return AcceptedRisk(reason=reason, expires=expires, line=_line(node), **texts)


def _object(
    node: Any, keys: tuple[str, ...], accepted: str, note: Callable[[int, str], None]
) -> dict[str, tuple[int, Any]] | None:
    """An object's values by key, each with the key's line; unknown and repeated keys are errors."""
    if node.id != "mapping":
        note(_line(node), f"{_shown(node)}; accepted: {accepted}")
        return None
    values: dict[str, tuple[int, Any]] = {}
    for key, value in node.value:
        if key.id != "scalar" or key.value not in keys:
            note(_line(key), f"{_shown(key)} is no key here; accepted: {', '.join(keys)}")
        elif key.value in values:
            note(_line(key), f"{key.value} is there twice; accepted: once")
        else:
            values[key.value] = (_line(key), value)
    return values


def _text(key: str, line: int, node: Any, note: Callable[[int, str], None]) -> str | None:
    is_text = node.id == "scalar" and str(node.tag) == "tag:yaml.org,2002:str"
    text: str = node.value.strip() if is_text else ""
    if 0 < len(text) <= _LONGEST_TEXT:
        return text
    note(line, f"{key} is {_shown(node)}; accepted: {_A_TEXT}")
    return None


def _day(line: int, node: Any, note: Callable[[int, str], None]) -> date | None:
    try:
        if node.id == "scalar" and _DAY.fullmatch(node.value):
            return date.fromisoformat(node.value)
    except ValueError:
        pass
    note(line, f"expires is {_shown(node)}; accepted: {_A_DAY}")
    return None


def _line(node: Any) -> int:
    line: int = node.start_mark.line + 1
    return line


def _shown(node: Any) -> str:
    if node.id != "scalar":
        return {"mapping": "an object", "sequence": "a list"}[node.id]
    text = node.value if len(node.value) <= 100 else f"{node.value[:100]}..."
    return repr(text)
