"""News of several images in chat channels: one notification, grouped by vulnerability."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chalicelib.notifying import roundup_texts as texts
from chalicelib.notifying.channels.chat import MOST_FINDINGS
from chalicelib.policy.news import INVENTORY
from chalicelib.text.chat import (
    LINE_LENGTH,
    STEP_LENGTH,
    TITLE_LENGTH,
    custom,
    joined,
    line,
    unique,
)
from chalicelib.text.templating import count_of

if TYPE_CHECKING:
    from chalicelib.policy.roundups import Group, Roundup
    from chalicelib.services import Services

_MOST_STEPS = 4
_MOST_NAMES = 8


def content_of_roundup(roundup: Roundup, _: Services) -> dict[str, Any]:
    """The custom notification about several images; what is sent again has the same id."""
    headline = line(texts.headline(roundup), TITLE_LENGTH)
    identity = unique("\n".join(each.key for each in roundup.news))
    steps = texts.actions(roundup, _MOST_STEPS)
    content = {
        "title": headline,
        "description": _description(roundup),
        "nextSteps": [line(f"{step[:1].upper()}{step[1:]}", STEP_LENGTH) for step in steps],
        "keywords": ["Amazon ECR", *([roundup.worst] if roundup.worst else [])],
    }
    metadata = {
        "threadId": identity,
        "summary": headline,
        "eventType": "ECR image scans",
        "relatedResources": [line(roundup.called(each), TITLE_LENGTH) for each in roundup.news[:5]],
        "additionalContext": {"report": roundup.kind},
    }
    return custom(content, metadata, identity)


def _description(roundup: Roundup) -> str:
    lines = [_opening(roundup)]
    lines += [_group_line(roundup, group) for group in roundup.groups[:MOST_FINDINGS]]
    more = len(roundup.groups) - MOST_FINDINGS
    if more > 0:
        lines.append(f"• and {more} more vulnerabilities")
    lines += [line(f"{each}.", LINE_LENGTH) for each in roundup.feed_warnings]
    if roundup.failed:
        names = texts.some([roundup.called(each) for each in roundup.failed])
        lines.append(line(f"Scans that failed: {names}", LINE_LENGTH))
    if roundup.running:
        lines.append(line(f"Running: {_in_use(roundup)}", LINE_LENGTH))
    if roundup.owners:
        lines.append(line(f"Owners: {texts.some(roundup.owners)}", LINE_LENGTH))
    return joined(lines)


def _opening(roundup: Roundup) -> str:
    if roundup.kind == INVENTORY:
        return (
            "What was open before there was a history. From now on you hear of what is new only;"
            " the digest says what is open."
        )
    overdue = f" {count_of(roundup.overdue, 'finding')} overdue." if roundup.overdue else ""
    return f"New: {texts.counted(roundup.new_counts) or 'nothing'}.{overdue}"


def _group_line(roundup: Roundup, group: Group) -> str:
    names, day = texts.image_names(roundup, group.images), roundup.day
    more = len(names) - _MOST_NAMES
    listed = ", ".join(names[:_MOST_NAMES]) + (f" and {more} more" if more > 0 else "")
    start = f"{group.flaw.severity} {texts.what(group, day)}: {texts.where(group)} ({listed})"
    return f"• {line(start, LINE_LENGTH)}"


def _in_use(roundup: Roundup) -> str:
    images = ((roundup.called(each), each.where_in_use) for each in roundup.running)
    return texts.some([f"{name} ({texts.some(where)})" for name, where in images])
