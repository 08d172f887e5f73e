"""The message about several images, grouped by vulnerability: for email, SMS and machines."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from chalicelib.notifying import roundup_texts as texts
from chalicelib.policy.news import INVENTORY
from chalicelib.settings.channels import ON_TOPIC, on_topic
from chalicelib.text.notifications import (
    MESSAGE_BYTES,
    SMS_LENGTH,
    SUBJECT_LENGTH,
    Message,
    short,
)
from chalicelib.text.templating import count_of, link, render

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import date

    from chalicelib.policy.news import News
    from chalicelib.policy.roundups import Group, Roundup

MOST_GROUPS, MOST_IMAGES, MOST_ACTIONS = 20, 30, 5
"""The most vulnerabilities, images and next steps that an email lists; the rest is counted."""

MOST_WORST, MOST_NAMED = 10, 3
"""The same for an inventory, and how many images it names of each vulnerability."""

_NAMES_OF_ALL = 12_000  # characters of names of images in an email
_ROUNDUP_VERSION = "1"


def message_of_roundup(roundup: Roundup, channels: Sequence[str] = ON_TOPIC) -> Message:
    """The message about several images, the JSON as long as there is room."""
    headline = texts.headline(roundup)
    by_protocol = {
        "email": email(roundup, headline),
        "sms": short("ECR: {}", headline, SMS_LENGTH),
    }
    most = max(len(roundup.images), len(roundup.groups), 1)
    while len(body := _body(roundup, most, by_protocol).encode()) > MESSAGE_BYTES and most:
        most //= 2
    return Message(
        subject=short("[ECR] {}", headline, SUBJECT_LENGTH),
        body=body.decode(),
        attributes={"report": roundup.kind}
        | ({"severity": roundup.worst} if roundup.worst else {}),
        lists={"channels": on_topic(channels), "owner": list(roundup.owners[:_MOST_OWNERS])},
    )


_MOST_OWNERS = 100


def email(roundup: Roundup, headline: str) -> str:
    """The text of an email: what is the matter, what to do, and then what is where."""
    is_inventory = roundup.kind == INVENTORY
    groups, images = roundup.groups, roundup.images
    most = MOST_WORST if is_inventory else MOST_GROUPS
    return render(
        "roundup.txt",
        headline=headline,
        feed_warnings=roundup.feed_warnings,
        is_inventory=is_inventory,
        number=count_of(len(images), "image"),
        actions=texts.actions(roundup, MOST_ACTIONS),
        groups=list(_group_rows(roundup, groups[:most])),
        more_groups=max(0, len(groups) - most),
        images=[_image_row(roundup, each) for each in images[:most]],
        more_images=max(0, len(images) - most),
        failed=[roundup.called(each) for each in roundup.failed[:MOST_IMAGES]],
        more_failed=max(0, len(roundup.failed) - MOST_IMAGES),
    ).rstrip()


def _group_rows(roundup: Roundup, groups: Sequence[Group]) -> Iterator[dict[str, Any]]:
    """A row each; images that are the same as those of the row before are not named again."""
    is_inventory = roundup.kind == INVENTORY
    room, before = _NAMES_OF_ALL, None
    for group in groups:
        names = texts.image_names(roundup, group.images)
        if names == before:
            shown, more = ["the same"], 0
        else:
            shown = names[:MOST_NAMED] if is_inventory else _fitting(names, room)
            more = len(names) - len(shown)
            room -= len(", ".join(shown))
        before = names
        yield {
            "severity": f"{group.flaw.severity:<8}",
            "what": texts.what(group, roundup.day),
            "where": texts.where(group),
            "names": ", ".join(shown),
            "more": more,
            "url": "" if is_inventory else link(group.flaw.url),
        }


def _fitting(names: Sequence[str], room: int) -> list[str]:
    fitting: list[str] = []
    for name in names:
        room -= len(name) + 2
        if room < 0 and fitting:
            break
        fitting.append(name)
    return fitting


def _image_row(roundup: Roundup, news: News) -> dict[str, str]:
    return {"name": roundup.called(news), "about": texts.about(news)}


def _body(roundup: Roundup, most: int, by_protocol: Mapping[str, str]) -> str:
    default = json.dumps(document(roundup, most), separators=(",", ":"))
    return json.dumps({"default": default, **by_protocol})


def document(roundup: Roundup, most: int) -> dict[str, Any]:
    """What machines get, as ``docs/schemas/roundup-1.json`` describes it.

    Images are named by their number in the list of images, from 0 on.
    """
    images = roundup.images[:most]
    numbers = {each.key: number for number, each in enumerate(images)}
    return {
        "kind": "roundup",
        "version": _ROUNDUP_VERSION,
        "report": roundup.kind,
        "findingSeverityCounts": roundup.counts,
        "newSeverityCounts": roundup.new_counts,
        "overdueFindings": roundup.overdue,
        "feedWarnings": list(roundup.feed_warnings),
        "repositoryCount": len(roundup.repositories),
        "imageCount": len(roundup.images),
        "imagesNotListed": len(roundup.images) - len(images),
        "images": [_image(each) for each in images],
        "vulnerabilityCount": len(roundup.groups),
        "vulnerabilitiesNotListed": len(roundup.groups) - len(roundup.groups[:most]),
        "vulnerabilities": [
            _vulnerability(each, numbers, roundup.day) for each in roundup.groups[:most]
        ],
        "failedScanCount": len(roundup.failed),
        "failedScans": [_image(each) for each in roundup.failed[:most]],
    }


def _image(news: News) -> dict[str, Any]:
    return {
        "account": news.account,
        "region": news.region,
        "repository": news.repository,
        "image": news.name,
        "imageDigest": news.digest,
        "owner": news.owner or None,
        "time": news.time,
        "findingSeverityCounts": None if news.counts is None else dict(news.counts),
        "newSeverityCounts": dict(news.new_counts),
        "overdueFindings": news.overdue,
        "fixed": news.fixed,
        "inUseBy": list(news.where_in_use[:100]),
    }


def _vulnerability(group: Group, numbers: Mapping[str, int], day: date) -> dict[str, Any]:
    flaw = group.flaw
    since, due = flaw.age.first_seen, flaw.age.due
    return {
        "id": flaw.identifier,
        "package": flaw.packages or None,
        "severity": flaw.severity,
        "fixedVersion": flaw.fixed_in or None,
        "exploitAvailable": flaw.is_exploitable,
        "knownExploited": flaw.known_exploited,
        "epss": flaw.epss,
        "openSince": since and since.isoformat(),
        "due": due and due.isoformat(),
        "daysOpen": flaw.age.days(day),
        "daysOverdue": flaw.age.overdue_days(day),
        "url": flaw.url or None,
        "imageCount": len(group.images),
        "images": [numbers[each.key] for each in group.images if each.key in numbers],
    }
