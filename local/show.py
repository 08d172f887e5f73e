"""How the demo prints what the application did and said."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from rich.markup import escape
from rich.panel import Panel
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local.application import Notification

CHANNELS = {"email": "email", "sms": "sms", "default": "json (http, https, sqs, lambda, firehose)"}
"""The texts of a message, and what the channels are called that get them."""

_COUNTS = {"ImagesSeen": "Images", "ImagesDue": "Due", "ScansStarted": "Started"}
_MOST_LISTED = 2


def reviews(summaries: list[dict[str, Any]]) -> Table:
    """What the scanner did with each repository."""
    table = Table(title="What the scanner did", title_justify="left", show_footer=True)
    totals = {name: sum(summary[name] for summary in summaries) for name in _COUNTS}
    table.add_column("Repository", f"{len(summaries)} repositories")
    for name, title in _COUNTS.items():
        table.add_column(title, str(totals[name]), justify="right")
    table.add_column("Skipped, and why")
    for summary in summaries:
        skipped = ", ".join(f"{count} {reason}" for reason, count in summary["skipped"].items())
        table.add_row(summary["repository"], *(str(summary[name]) for name in _COUNTS), skipped)
    return table


def email(notification: Notification, lines: int | None = None) -> Panel:
    """A message as email, all of it or its first lines."""
    text = notification.texts["email"]
    if lines is not None:
        written = text.splitlines()
        text = "\n".join(written[:lines]).rstrip() + f"\n… and {len(written) - lines} more lines"
    return _panel(notification.subject, text)


def channels(notification: Notification) -> Iterator[Panel | str]:
    """A message as the subscribers of each protocol get it; of the JSON's lists the beginning."""
    for protocol, name in CHANNELS.items():
        text = notification.texts[protocol]
        yield _panel(name, _shortened(json.loads(text)) if protocol == "default" else text)
    yield escape(f"Attributes to filter by: {notification.attributes}")


def chat(notification: dict[str, Any]) -> Iterator[Panel]:
    """A notification as the chat client draws it, from title, text and next steps."""
    content = notification["content"]
    steps = "\n".join(f"→ {step}" for step in content.get("nextSteps", ()))
    text = f"{content['title']}\n\n{content['description']}\n\n{steps}".rstrip()
    yield _panel("chat (Amazon Q Developer in Slack or Teams)", text)


def security_hub(findings: list[dict[str, Any]]) -> Iterator[Panel]:
    """How many findings Security Hub has, and one of them."""
    archived = [finding for finding in findings if finding["RecordState"] == "ARCHIVED"]
    title = (
        f"AWS Security Hub: {len(findings)} findings, {len(archived)} of them archived; the first"
    )
    yield _panel(title, json.dumps(findings[0], indent=2, default=str))


def _shortened(document: dict[str, Any]) -> str:
    """A message's JSON with the first entries of its long lists."""
    lists = [name for name, value in document.items() if isinstance(value, list)]
    cut = {name: [_first(each) for each in document[name][:_MOST_LISTED]] for name in lists}
    more = {name: len(document[name]) - _MOST_LISTED for name in lists}
    notes = [
        f"({count} more {name} are not shown here)" for name, count in more.items() if count > 0
    ]
    return "\n".join([json.dumps(document | cut, indent=2), *notes])


def _first(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return {
        name: each[:_MOST_LISTED] if isinstance(each, list) else each
        for name, each in value.items()
    }


def _panel(title: str, text: str) -> Panel:
    return Panel(escape(text), title=escape(title), title_align="left")
