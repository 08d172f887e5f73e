"""The message about a scan: one report, worded for email, SMS and machines."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from chalicelib.notifying.documents import MOST_LISTED, document
from chalicelib.notifying.emails import email
from chalicelib.notifying.texts import headline
from chalicelib.policy.news import UNOWNED
from chalicelib.settings.channels import ON_TOPIC, on_topic
from chalicelib.text.notifications import MESSAGE_BYTES, SMS_LENGTH, SUBJECT_LENGTH, Message, short

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from chalicelib.notifying.report import Report


def message_of(report: Report, channels: Sequence[str] = ON_TOPIC) -> Message:
    """The message about a report, with as many whole findings as there is room for."""
    texts = {"email": email(report), "sms": _sms(report)}
    most = MOST_LISTED
    while len(body := _body(report, most, texts).encode()) > MESSAGE_BYTES and most:
        most //= 2
    return Message(
        subject=_short("[ECR]", report, SUBJECT_LENGTH),
        body=body.decode(),
        attributes=_attributes(report),
        lists={"channels": on_topic(channels)},
    )


def _body(report: Report, most: int, texts: Mapping[str, str]) -> str:
    # What has no text of its own gets the default: http, https, sqs, lambda and firehose.
    default = json.dumps(document(report, most), separators=(",", ":"))
    return json.dumps({"default": default, **texts})


def _sms(report: Report) -> str:
    return _short("ECR:", report, SMS_LENGTH)


def _short(start: str, report: Report, length: int) -> str:
    """The image and what is the matter, of which the image's name is cut first."""
    return short(f"{start} {{}}: {headline(report)}", report.title, length)


def _attributes(report: Report) -> dict[str, str]:
    """What subscribers may filter by; a failed scan has no ``severity``."""
    severity = {"severity": report.worst} if report.worst else {}
    result = report.result
    return {
        **severity,
        "repository": result.repository,
        "scan-status": result.status,
        "owner": report.owner or UNOWNED,
    }
