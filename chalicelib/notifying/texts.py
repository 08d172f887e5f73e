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
    """What is the matter, in a few words: counts that reach thresholds, or what is fixed."""
    if report.result.failed:
        return "scan failed"
    if report.counts is None:
        return "findings unknown"
    counts = [f"{report.counts.get(level, 0)} {level}" for level in report.crossed]
    unknown = [f"{report.unlisted} of unknown severity"] if report.unlisted else []
    if report.changes and not counts and not unknown:
        return f"{len(report.changes.fixed)} fixed"
    return ", ".join(counts + unknown)


def new_count(report: Report) -> str:
    """How many findings are new, to follow the headline; empty where nothing is compared."""
    if not report.is_compared or report.changes is None or not report.crossed:
        return ""
    return f" ({len(report.changes.new)} new)"


def image_page(account: str, region: str, repository: str, digest: str) -> str:
    """The page of an image in the AWS console of the region's partition."""
    hosts = (host for prefix, host in _CONSOLE_HOSTS.items() if region.startswith(prefix))
    host = next(hosts, f"{region}.console.aws.amazon.com")
    return (
        f"https://{host}/ecr/repositories/private/{account}/{repository}"
        f"/_/image/{digest}/details?region={region}"
    )


def console_url(result: ScanResult) -> str:
    """The page of a scan's image."""
    return image_page(result.account, result.region, result.repository, result.image_digest)


def cut(text: str) -> str:
    """The text as one line; one of unlikely length is cut, and says so."""
    text = plain(text)
    return text if len(text) <= LONGEST_TEXT else f"{text[:LONGEST_TEXT]}…"
