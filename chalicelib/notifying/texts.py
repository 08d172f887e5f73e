"""What the messages about a scan have in common, whatever the channel."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from chalicelib.ecr import finding_texts
from chalicelib.ecr.findings import counts_of
from chalicelib.policy.exploitation import percent
from chalicelib.text.templating import count_of, plain

if TYPE_CHECKING:
    from collections.abc import Iterator

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
    """What is the matter, in a few words: what is new, then the counts that reach thresholds."""
    if report.result.failed:
        return "scan failed"
    if report.counts is None:
        return "findings unknown"
    counts = [f"{report.counts.get(level, 0)} {level}" for level in report.crossed]
    unknown = [f"{report.unlisted} of unknown severity"] if report.unlisted else []
    reached = ", ".join([*counts, *unknown, *_exploitation_reached(report)])
    if not report.is_compared or report.changes is None:
        return reached
    new = counts_of(report.new)
    news = ", ".join(f"{count} {level}" for level, count in new.items())
    if not news and report.changes.fixed:
        news = f"{len(report.changes.fixed)} fixed"
        return f"{news}; {reached} left" if reached else news
    parts = [f"{news} new" if news else "", f"{reached} in all" if reached else ""]
    return "; ".join(filter(None, parts))


def _exploitation_reached(report: Report) -> Iterator[str]:
    """What reaches a threshold of exploitation, of which EPSS is only a probability."""
    thresholds, findings = report.thresholds, report.findings or ()
    reached = thresholds.exploited_by(findings)
    if "KEV" in reached:
        yield f"{sum(each.known_exploited is True for each in findings)} known exploited"
    if "EPSS" in reached:
        yield f"EPSS {percent(max(each.epss or 0 for each in findings))}"


def steps(report: Report, most: int) -> list[str]:
    """What to do first: the updates that fix the worst findings, new ones before the others."""
    updates = Counter(
        update for finding in report.new_first for update in finding_texts.updates(finding)
    )
    if not updates and not all(finding.unfixed for finding in report.new_first):
        return ["rebuild the image on a current base; the scanner names no fixed version"]
    return [
        f"update {package} to {version} ({count_of(number, 'finding')})"
        for (package, version), number in list(updates.items())[:most]
    ]


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
