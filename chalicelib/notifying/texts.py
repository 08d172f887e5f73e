"""What the messages about a scan have in common, whatever the channel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.text.templating import plain

if TYPE_CHECKING:
    from chalicelib.notifying.events import ScanResult
    from chalicelib.notifying.report import Report

MOST_TAGS = 100
"""The most tags that a report names: an image may have 1,000."""

LONGEST_TEXT = 300
_CONSOLE_HOSTS = {
    "cn-": "console.amazonaws.cn",
    "us-gov-": "console.amazonaws-us-gov.com",
}


def headline(report: Report) -> str:
    """What is the matter, in a few words: the counts that reached their thresholds."""
    if report.result.failed:
        return "scan failed"
    if report.counts is None:
        return "findings unknown"
    counts = [f"{report.counts.get(level, 0)} {level}" for level in report.crossed]
    unknown = [f"{report.unlisted} of unknown severity"] if report.unlisted else []
    return ", ".join(counts + unknown)


def new_count(report: Report) -> str:
    """How many findings are new, to follow the headline; empty where nothing is compared."""
    return f" ({len(report.changes.new)} new)" if report.is_compared and report.changes else ""


def console_url(result: ScanResult) -> str:
    """The page of the image in the AWS console of the region's partition."""
    hosts = (host for prefix, host in _CONSOLE_HOSTS.items() if result.region.startswith(prefix))
    host = next(hosts, f"{result.region}.console.aws.amazon.com")
    return (
        f"https://{host}/ecr/repositories/private/{result.account}/{result.repository}"
        f"/_/image/{result.image_digest}/details?region={result.region}"
    )


def cut(text: str) -> str:
    """The text as one line; one of unlikely length is cut, and says so."""
    text = plain(text)
    return text if len(text) <= LONGEST_TEXT else f"{text[:LONGEST_TEXT]}…"
