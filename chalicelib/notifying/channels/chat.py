"""Chat channels of Slack and Microsoft Teams, by Amazon Q Developer in chat applications.

Source: Amazon Q Developer in chat applications, "Custom notifications". Its ``client-markdown`` is
the chat client's own, so that only what Slack and Microsoft Teams both take is used: values in code
spans, and addresses between ``<`` and ``>``.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from chalicelib.ecr import finding_texts
from chalicelib.ecr.findings import counts_of
from chalicelib.notifying.texts import console_url, headline
from chalicelib.policy.exploitation import exploitation
from chalicelib.policy.news import UNOWNED
from chalicelib.text.chat import (
    DESCRIPTION_LENGTH,
    STEP_LENGTH,
    TITLE_LENGTH,
    custom,
    entities,
    line,
    unique,
    words,
)
from chalicelib.text.templating import count_of, link, without_middle

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from chalicelib.aws.sns import ChatTopic
    from chalicelib.ecr.findings import Finding
    from chalicelib.notifying.report import Report
    from chalicelib.policy.changes import Changes
    from chalicelib.services import Services

MOST_FINDINGS = 10
"""The most findings that a message lists; the rest is counted."""

_MOST_STEPS = 4
_MOST_NAMES = 3
_LONGEST_NAME, _LONGEST_NAMES = 60, 200
_LONGEST_LINE = 500
_LONGEST_ADDRESS = 600


def deliver(report: Report, services: Services) -> None:
    """Publish the report to the chat topic. Source: SNS Publish."""
    publish(notification(report), services)


def content_of_report(report: Report, _: Services) -> dict[str, Any]:
    """The notification about a report, to be published later."""
    return notification(report)


def publish(content: Mapping[str, Any], services: Services) -> None:
    """Publish a notification. Source: SNS Publish."""
    publish_to(services.chat_topic, content)


def publish_to(topic: ChatTopic, content: Mapping[str, Any]) -> None:
    """Publish a notification to a topic. Source: SNS Publish."""
    topic.publish(json.dumps(content))


def notification(report: Report) -> dict[str, Any]:
    """The custom notification about a report.

    What is about one image name, in one account and region, is one thread.
    """
    result = report.result
    place = f"{result.account}/{result.region}"
    matter = _headline(report)
    content = {
        "title": _title(report.title, matter),
        "description": _description(report),
        "nextSteps": list(_next_steps(report)),
        "keywords": ["Amazon ECR", *([report.worst] if report.worst else [])],
    }
    metadata = {
        "threadId": unique(f"{place}/{report.name}"),
        "summary": matter,
        "eventType": "ECR image scan",
        "relatedResources": [words(_cut(report.name, TITLE_LENGTH))],
        "additionalContext": {
            "account": words(_cut(result.account)),
            "region": words(_cut(result.region)),
            "scanStatus": words(_cut(result.status)),
            "owner": words(_cut(report.owner or UNOWNED)),
        },
    }
    return custom(content, metadata, unique(f"{place}/{result.image_digest}/{result.time}"))


def _headline(report: Report) -> str:
    return headline(report) or "no threshold reached"


def _title(image: str, matter: str) -> str:
    """The image's name and what is the matter, the name's middle cut where it is too long."""
    return f"{line(image, TITLE_LENGTH - len(f': {matter}'))}: {matter}"


def _description(report: Report) -> str:
    """What is new first, then findings, as many whole ones as fit between all else."""
    opening, closing = list(_opening(report)), list(_closing(report))
    findings = _fitting(report, DESCRIPTION_LENGTH - len("\n".join([*opening, "", "", *closing])))
    return "\n".join([*opening, *findings, "", *closing])


def _opening(report: Report) -> Iterator[str]:
    if report.result.failed:
        yield "The scan failed, so the findings of this image are unknown."
        if report.result.description:
            yield f"ECR says: {words(_cut(report.result.description))}"
        yield "Another one is started after a day; if that fails too, after up to 30 days."
        return
    if report.changes:
        yield _news(report.changes)
    overdue = f" {count_of(report.overdue, 'finding')} overdue." if report.overdue else ""
    yield f"Found: {_counts(report)}.{overdue}"
    if fixes := finding_texts.fix_summary(report.findings or ()):
        yield fixes
    yield from (f"{line(each, _LONGEST_NAMES)}." for each in report.feed_warnings)


def _counts(report: Report) -> str:
    if report.counts is None:
        return "unknown, since the scan has neither findings nor counts"
    counts = [f"{count} {level}" for level, count in report.counts.items()]
    unknown = [f"{report.unlisted} of unknown severity"] if report.unlisted else []
    return ", ".join(counts + unknown) or "nothing"


def _news(changes: Changes) -> str:
    if changes.first:
        return "First report of this image."
    numbers = f"*{len(changes.new)} new*, {len(changes.fixed)} fixed, {changes.unchanged} unchanged"
    before = _code(changes.digest_before[:19])
    return f"{numbers} since the scan of {_code(_cut(changes.since))} ({before})."


def _fitting(report: Report, room: int) -> list[str]:
    """The lines of the worst findings that fit, new ones first, and how many more there are."""
    findings = report.new_first
    lines: list[str] = []
    listed: list[Finding] = []
    room -= len(_more(findings)) + 1
    for finding in findings:
        line = _finding_line(report, finding)
        if len(listed) == MOST_FINDINGS:
            break
        if line and len(line) < room:
            room -= len(line) + 1
            lines.append(line)
            listed.append(finding)
    rest = list((Counter(findings) - Counter(listed)).elements())
    return [*lines, *([_more(rest)] if rest else [])]


def _finding_line(report: Report, finding: Finding) -> str:
    """What one finding is and what to do about it; nothing for one that is far too long."""
    score = "" if finding.score is None else f" {finding.score:.1f}"
    about = f" ({_some(finding.related)})" if finding.related else ""
    exploit = exploitation(finding.known_exploited, finding.epss, exploitable=finding.exploitable)
    parts = [
        f"{finding.severity}{score} {_code(finding.identifier or 'unnamed')}{about}",
        *filter(None, [_where(finding), _fix(finding), exploit, report.age_of(finding)]),
    ]
    mark = "*NEW* " if _is_news(report, finding) else ""
    line = f"• {mark}{', '.join(parts)} {_address(finding.url)}".rstrip()
    return line if len(line) <= _LONGEST_LINE else ""


def _where(finding: Finding) -> str:
    """The packages, each with its version; of many the first, and how many more there are."""
    pairs = dict.fromkeys((each.name, each.version) for each in finding.packages)
    named = [" ".join(map(_code, filter(None, pair))) for pair in pairs]
    more = len(named) - _MOST_NAMES
    return ", ".join(filter(None, named[:_MOST_NAMES])) + (f" and {more} more" if more > 0 else "")


def _fix(finding: Finding) -> str:
    versions = finding_texts.fixes(finding)
    return f"fixed in {_code(versions)}" if versions else finding_texts.fix(finding)


def _more(findings: Sequence[Finding]) -> str:
    counts = ", ".join(f"{count} {level}" for level, count in counts_of(findings).items())
    return f"• {len(findings)} more: {counts}"


def _closing(report: Report) -> Iterator[str]:
    """What else there is to say, a line each, and where the image is."""
    result, changes = report.result, report.changes
    if report.is_compared and changes and changes.fixed:
        yield f"Fixed: {_some(map(finding_texts.vulnerability_of, changes.fixed))}"
    if report.where_in_use:
        yield f"In use by: {_some(report.where_in_use)}"
    if report.accepted:
        accepted = (finding_texts.vulnerability_of(finding.key) for finding, _ in report.accepted)
        yield f"Accepted risks, not counted: {_some(accepted)}"
    if report.expired:
        expired = (f"{entry.expires} {entry.covered}" for entry in report.expired)
        yield f"No longer accepted: {_some(expired)}"
    if report.left_out:
        counts = ", ".join(f"{count} {words(_cut(why))}" for why, count in report.left_out.items())
        yield f"Left out: {counts}"
    yield f"Owner: {_code(_cut(report.owner or UNOWNED))}"
    yield f"Tags: {_some(result.image_tags) or 'none'}"
    if address := _address(console_url(result)):
        yield address


def _next_steps(report: Report) -> Iterator[str]:
    """The updates that fix the worst findings."""
    updates = Counter(
        update for finding in report.findings or () for update in finding_texts.updates(finding)
    )
    for (package, version), count in list(updates.items())[:_MOST_STEPS]:
        findings = "1 finding" if count == 1 else f"{count} findings"
        step = f"Update {_code(package)} to {_code(version)}: {findings}"
        if len(step) <= STEP_LENGTH:
            yield step


def _is_news(report: Report, finding: Finding) -> bool:
    return report.is_compared and report.is_new(finding)


def _some(names: Iterable[str]) -> str:
    """The first names, and how many more there are; a long name's middle is cut."""
    everything = list(names)
    named: list[str] = []
    for name in everything[:_MOST_NAMES]:
        if len(", ".join([*named, _code(_cut(name))])) <= _LONGEST_NAMES:
            named.append(_code(_cut(name)))
    more = len(everything) - len(named)
    return " and ".join(filter(None, [", ".join(named), f"{more} more" if more else ""]))


def _cut(name: str, length: int = _LONGEST_NAME) -> str:
    return without_middle(name, length)


def _address(url: str) -> str:
    """A link, unless the text is no address of the web or a very long one."""
    address = link(url).replace("&", "&amp;")
    return f"<{address}>" if address and len(address) <= _LONGEST_ADDRESS else ""


def _code(value: str) -> str:
    """The value as a code span, in which marks and names of people have no meaning."""
    return f"`{entities(value).replace('`', chr(39)) or ' '}`"
