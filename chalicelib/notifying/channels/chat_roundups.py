"""News of several images in chat channels: one notification, grouped by vulnerability."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import NAMESPACE_URL, uuid5

from chalicelib.notifying import roundup_texts as texts
from chalicelib.notifying.channels.chat import MOST_FINDINGS
from chalicelib.policy.news import INVENTORY
from chalicelib.text.chat import DESCRIPTION_LENGTH, STEP_LENGTH, TITLE_LENGTH, words
from chalicelib.text.templating import without_middle

if TYPE_CHECKING:
    from chalicelib.policy.news import Group, News, Roundup
    from chalicelib.services import Services

_MOST_STEPS = 4
_MOST_NAMES = 8
_LONGEST_LINE = 600


def content_of_roundup(roundup: Roundup, _: Services) -> dict[str, Any]:
    """The custom notification about several images; what is sent again has the same id."""
    headline = _line(texts.headline(roundup), TITLE_LENGTH)
    identity = str(uuid5(NAMESPACE_URL, "\n".join(each.key for each in roundup.news)))
    return {
        "version": "1.0",
        "source": "custom",
        "id": identity,
        "content": {
            "textType": "client-markdown",
            "title": headline,
            "description": _description(roundup),
            "nextSteps": [
                _line(f"{step[:1].upper()}{step[1:]}", STEP_LENGTH)
                for step in texts.actions(roundup, _MOST_STEPS)
            ],
            "keywords": ["Amazon ECR", *([roundup.worst] if roundup.worst else [])],
        },
        "metadata": {
            "threadId": identity,
            "summary": headline,
            "eventType": "ECR image scans",
            "relatedResources": [_line(each.name, TITLE_LENGTH) for each in roundup.news[:5]],
            "additionalContext": {"report": roundup.kind},
        },
    }


def _description(roundup: Roundup) -> str:
    lines = [_opening(roundup)]
    lines += [_group_line(group) for group in roundup.groups[:MOST_FINDINGS]]
    more = len(roundup.groups) - MOST_FINDINGS
    if more > 0:
        lines.append(f"• and {more} more vulnerabilities")
    if roundup.failed:
        names = texts.some([each.name for each in roundup.failed])
        lines.append(_line(f"Scans that failed: {names}", _LONGEST_LINE))
    if roundup.running:
        lines.append(_line(f"Running: {_in_use(roundup.running)}", _LONGEST_LINE))
    if roundup.owners:
        lines.append(_line(f"Owners: {texts.some(roundup.owners)}", _LONGEST_LINE))
    return _joined(lines)


def _opening(roundup: Roundup) -> str:
    if roundup.kind == INVENTORY:
        return (
            "What was open before there was a history. From now on you hear of what is new only;"
            " the digest says what is open."
        )
    return f"New: {texts.counted(roundup.new_counts) or 'nothing'}."


def _group_line(group: Group) -> str:
    names = texts.image_names(group.images)
    more = len(names) - _MOST_NAMES
    listed = ", ".join(names[:_MOST_NAMES]) + (f" and {more} more" if more > 0 else "")
    start = f"{group.flaw.severity} {texts.what(group)}: {texts.where(group)} ({listed})"
    return f"• {_line(start, _LONGEST_LINE)}"


def _in_use(running: tuple[News, ...]) -> str:
    return texts.some([f"{each.name} ({texts.some(each.where_in_use)})" for each in running])


def _joined(lines: list[str]) -> str:
    """As many whole lines as there is room for."""
    kept: list[str] = []
    for line in lines:
        if len("\n".join([*kept, line])) > DESCRIPTION_LENGTH:
            break
        kept.append(line)
    return "\n".join(kept)


def _line(text: str, length: int) -> str:
    """A text without marks, its middle cut where it is too long once it is escaped."""
    kept = length
    while len(line := words(without_middle(text, kept))) > length and kept > 0:
        kept -= 1
    return line
