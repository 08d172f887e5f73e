"""What subscribers read: one report, worded for each medium."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chalicelib.scan_events import ScanResult
from chalicelib.thresholds import SEVERITIES, Thresholds

SUBJECT_LENGTH = 100
"""The longest subject that SNS takes, in ASCII characters. Source: SNS Publish."""

SMS_LENGTH = 140
"""The longest short text, so that it goes out as a single SMS."""

MOST_TAGS = 100
"""The most tags that a report names: an image may have 1,000, and SNS takes 256 KB in all."""

_CONSOLE_HOSTS = {
    "cn-": "console.amazonaws.cn",
    "us-gov-": "console.amazonaws-us-gov.com",
}


@dataclass(frozen=True)
class Message:
    """What is published: a subject, a JSON object of texts by protocol, and attributes."""

    subject: str
    body: str
    attributes: Mapping[str, str]


def report(result: ScanResult, thresholds: Thresholds) -> Message | None:
    """The message about a scan, or None when it is nothing to report.

    A failed scan is reported, and one whose findings reach the threshold of a severity.
    """
    crossed = () if result.failed else thresholds.crossed_by(result.severity_counts)
    if not crossed and not result.failed:
        return None
    headline = _headline(result, crossed)
    email = _email(result, thresholds, crossed, headline)
    document = json.dumps(_document(result, thresholds, crossed), separators=(",", ":"))
    texts = {
        "default": email,
        "email": email,
        "sms": _short(f"ECR: {{}} {headline}", result.repository, SMS_LENGTH),
        **dict.fromkeys(("http", "https", "sqs", "lambda", "firehose"), document),
    }
    subject = _short(f"[ECR] {{}}: {headline}", result.repository, SUBJECT_LENGTH)
    return Message(subject, json.dumps(texts), _attributes(result, crossed))


def console_url(result: ScanResult) -> str:
    """The page of the image in the AWS console of the region's partition."""
    hosts = (host for prefix, host in _CONSOLE_HOSTS.items() if result.region.startswith(prefix))
    host = next(hosts, f"{result.region}.console.aws.amazon.com")
    return (
        f"https://{host}/ecr/repositories/private/{result.account}/{result.repository}"
        f"/_/image/{result.image_digest}/details?region={result.region}"
    )


def _headline(result: ScanResult, crossed: tuple[str, ...]) -> str:
    if result.failed:
        return "scan failed"
    return ", ".join(f"{result.severity_counts[severity]} {severity}" for severity in crossed)


def _email(
    result: ScanResult, thresholds: Thresholds, crossed: tuple[str, ...], headline: str
) -> str:
    lines = [
        f"{_plain(result.repository)}: {headline}",
        "",
        f"Repository  {_plain(result.repository)}",
        f"Tags        {_plain(_tags(result)) or 'none (untagged)'}",
        f"Digest      {_plain(result.image_digest)}",
        f"Account     {_plain(result.account)}",
        f"Region      {_plain(result.region)}",
        f"Scan        {_plain(result.status)} at {_plain(result.time)}",
        "",
        *(_failure() if result.failed else _table(result, thresholds, crossed)),
        "",
        console_url(result),
    ]
    return "\n".join(lines)


def _tags(result: ScanResult) -> str:
    named = ", ".join(result.image_tags[:MOST_TAGS])
    more = len(result.image_tags) - MOST_TAGS
    return f"{named} and {more} more" if more > 0 else named


def _failure() -> list[str]:
    return [
        "The scan failed, so the findings of this image are unknown.",
        "A new one is started when the image is reviewed next.",
    ]


def _table(result: ScanResult, thresholds: Thresholds, crossed: tuple[str, ...]) -> list[str]:
    rows = [f"{'Severity':<14}{'Findings':>10}{'Threshold':>11}"]
    for severity in SEVERITIES:
        reached = "  reached" if severity in crossed else ""
        found = result.severity_counts.get(severity, 0)
        threshold = thresholds.of(severity)
        if threshold is not None or found:
            limit = "" if threshold is None else threshold
            rows.append(f"{severity:<14}{found:>10}{limit:>11}{reached}".rstrip())
    return rows


def _document(
    result: ScanResult, thresholds: Thresholds, crossed: tuple[str, ...]
) -> dict[str, Any]:
    return {
        "version": "1",
        "account": result.account,
        "region": result.region,
        "repository": result.repository,
        "imageDigest": result.image_digest,
        "imageTags": result.image_tags[:MOST_TAGS],
        "imageTagCount": len(result.image_tags),
        "scanStatus": result.status,
        "time": result.time,
        "findingSeverityCounts": dict(result.severity_counts),
        "thresholds": thresholds.by_severity(),
        "crossed": crossed,
        "consoleUrl": console_url(result),
    }


def _attributes(result: ScanResult, crossed: tuple[str, ...]) -> dict[str, str]:
    """What subscribers may filter by; a failed scan has no ``severity``."""
    severity = {"severity": crossed[0]} if crossed else {}
    return {**severity, "repository": result.repository, "scan-status": result.status}


def _short(template: str, name: str, length: int) -> str:
    """The template with the name in it, in ASCII, the name's middle cut to fit the length."""
    name = _ascii(name)
    room = length - len(_ascii(template.format("")))
    if len(name) > room:
        kept = max(0, room - 2)
        name = f"{name[: kept - kept // 2]}..{name[len(name) - kept // 2 :]}"
    return _ascii(template.format(name))[:length]


def _ascii(text: str) -> str:
    return _plain(text).encode("ascii", "replace").decode()


def _plain(text: str) -> str:
    """The text without line breaks and other control characters."""
    return "".join(character if character.isprintable() else " " for character in text)
