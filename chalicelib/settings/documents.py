"""Documents that operators write, in YAML: read strictly, each error with its line and key.

A document is plain data: one document without anchors, aliases, tags, repeated keys and deep
nesting, of a length that is read within a second.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chalicelib.settings.kinds import BOOLEAN, INTEGER, NUMBER, STRING
from chalicelib.text.shown import shown

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

LONGEST_DOCUMENT = 65_536
"""The longest document, in characters."""

OBJECT, LIST = "object", "list"

_MOST_ERRORS = 20
_DEEPEST = 10  # what is deeper is not looked at
_SCALARS = {"str": STRING, "int": INTEGER, "float": NUMBER, "bool": BOOLEAN}


class DocumentNotRead(Exception):
    """A document that is not there or may not be read: says which and why."""


class DocumentError(ValueError):
    """A document with errors: names the line, the key and the value of each, and what is accepted.

    ``errors`` are all of them, of which the message has the first twenty.
    """

    def __init__(self, errors: Iterable[str]) -> None:
        self.errors = tuple(errors)
        more = len(self.errors) - _MOST_ERRORS
        listed = [*self.errors[:_MOST_ERRORS], *([f"and {more} more"] if more > 0 else [])]
        super().__init__("\n".join(listed))


class Document:
    """A document under a name, and what is wrong with it.

    ``root`` is its value; None where it is no YAML or not plain, which :meth:`check` tells.
    """

    def __init__(self, text: str, source_name: str) -> None:
        self._name = source_name
        self._errors: list[str] = []
        node = self._composed(text)
        self.root = None if node is None else Node(self, node, "")

    def note(self, line: int, what: str) -> None:
        """Add an error."""
        self._errors.append(f"{self._name}, line {line}: {what}")

    def check(self) -> None:
        """Do nothing where all is well; :raises DocumentError: with every error that was noted."""
        if self._errors:
            raise DocumentError(self._errors)

    def _composed(self, text: str) -> Any:
        """The text as YAML's nodes, which know their lines; None, with an error, if it is none."""
        # Imported here because only a document needs it, and most applications have none.
        from ruamel.yaml import YAML
        from ruamel.yaml.error import MarkedYAMLError, YAMLError

        if len(text) > LONGEST_DOCUMENT:
            self.note(1, f"{len(text)} characters; accepted: at most {LONGEST_DOCUMENT}")
            return None
        try:
            if not self._is_plain(YAML(typ="safe", pure=True).parse(text)):
                return None
            node = YAML(typ="safe", pure=True).compose(text)
        except MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            self.note(mark.line + 1 if mark else 1, f"not YAML: {error.problem or error.context}")
            return None
        except (YAMLError, ValueError) as error:
            self.note(1, f"not YAML: {str(error).splitlines()[0]}")
            return None
        if node is None:
            self.note(1, "there is nothing in it; accepted: an object")
        return node

    def _is_plain(self, events: Iterable[Any]) -> bool:
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
                    self.note(event.start_mark.line + 1, f"{what}; accepted: none")
                    return False
        return True


class Node:
    """A value of a document: an object, a list, or a scalar as it is written.

    ``path`` are the keys that lead to it, with dots between, and ``line`` is where it begins, or
    its key does, from 1.
    """

    def __init__(self, document: Document, node: Any, path: str, line: int = 0) -> None:
        self._document = document
        self._node = node
        self.path = path
        self.line: int = line or node.start_mark.line + 1

    @property
    def kind(self) -> str:
        """Object, list, or the type of a scalar in JSON Schema's words; empty for any other."""
        if self._node.id == "mapping":
            return OBJECT
        if self._node.id == "sequence":
            return LIST
        return _SCALARS.get(str(self._node.tag).rpartition(":")[2], "")

    @property
    def text(self) -> str:
        """A scalar as it is written; empty for objects and lists."""
        return self._node.value if self._node.id == "scalar" else ""

    def entries(self, keys: Collection[str]) -> dict[str, Node]:
        """An object's values by key, each with its key's line.

        Anything but an object, keys that are not among these and repeated ones are noted as errors.
        """
        if self.kind != OBJECT:
            self.refuse(f"an object with any of {', '.join(keys)}")
            return {}
        found: dict[str, Node] = {}
        for key, value in self._node.value:
            name = key.value if key.id == "scalar" else ""
            line = key.start_mark.line + 1
            if name not in keys:
                said = (shown(name) if name else "what is no text") + (
                    f" in {self.path}" if self.path else ""
                )
                self._document.note(line, f"{said} is no key here; accepted: {', '.join(keys)}")
            elif name in found:
                self._document.note(line, f"{self._below(name)} is there twice; accepted: once")
            else:
                found[name] = Node(self._document, value, self._below(name), line)
        return found

    def items(self) -> list[Node]:
        """A list's values; anything but a list is noted as an error."""
        if self.kind != LIST:
            self.refuse("a list")
            return []
        return [
            Node(self._document, node, f"{self.path}[{number}]")
            for number, node in enumerate(self._node.value)
        ]

    def refuse(self, accepted: str) -> None:
        """Note that the value is wrong, and what is accepted in its place."""
        written = {OBJECT: "an object", LIST: "a list"}.get(self.kind) or shown(self.text)
        self.note(f"is {written}; accepted: {accepted}")

    def note(self, what: str) -> None:
        """Note an error of this value."""
        self._document.note(self.line, f"{self.path or 'the document'} {what}")

    def _below(self, key: str) -> str:
        return f"{self.path}.{key}" if self.path else key
