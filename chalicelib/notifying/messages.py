"""What subscribers of the report topic read: one report, worded for each channel."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from chalicelib.ecr.findings import counts_of
from chalicelib.ecr.severities import SEVERITIES
from chalicelib.settings.channels import ON_TOPIC, on_topic
from chalicelib.text.notifications import MESSAGE_BYTES, SMS_LENGTH, SUBJECT_LENGTH, Message
from chalicelib.text.templating import link, plain, render, without_middle

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from chalicelib.ecr.findings import Finding
    from chalicelib.notifying.events import ScanResult
    from chalicelib.notifying.report import Report
    from chalicelib.policy.accepted_risks import AcceptedRisk
    from chalicelib.policy.changes import Changes

MOST_TAGS = 100
"""The most tags that a report names: an image may have 1,000."""

MOST_IN_EMAIL, MOST_IN_JSON = 10, 100
"""The most findings that an email and the JSON list; the rest is counted."""

_LONGEST_TEXT = 300
_CONSOLE_HOSTS = {
    "cn-": "console.amazonaws.cn",
    "us-gov-": "console.amazonaws-us-gov.com",
}


def message_of(report: Report, channels: Sequence[str] = ON_TOPIC) -> Message:
    """The message about a report, with as many whole findings as there is room for."""
    result = report.result
    texts = {"email": email(report), "sms": _sms(report)}
    most = MOST_IN_JSON
    while len(body := _body(report, most, texts).encode()) > MESSAGE_BYTES and most:
        most //= 2
    return Message(
        subject=short(f"[ECR] {{}}: {headline(report)}", result.repository, SUBJECT_LENGTH),
        body=body.decode(),
        attributes=_attributes(report),
        lists={"channels": on_topic(channels)},
    )


def headline(report: Report) -> str:
    """What is the matter, in a few words: the counts that reached their thresholds."""
    if report.result.failed:
        return "scan failed"
    return ", ".join(f"{report.counts.get(level, 0)} {level}" for level in report.crossed)


def new_count(report: Report) -> str:
    """How many findings are new, to follow the headline; empty where nothing is compared."""
    return f" ({len(report.changes.new)} new)" if report.is_compared and report.changes else ""


def summary(report: Report) -> str:
    """What is new and what can be fixed, in one line, as far as that is known."""
    return " ".join(filter(None, (_news(report), _fixes(report))))


def _news(report: Report) -> str:
    changes = report.changes
    if changes is None or report.result.failed:
        return ""
    if changes.first:
        return "First report of this image."
    numbers = f"{len(changes.new)} new, {len(changes.fixed)} fixed, {changes.unchanged} unchanged"
    return f"{numbers} since the scan of {changes.since} ({changes.digest_before[:19]})."


def _fixes(report: Report) -> str:
    if not report.findings:
        return ""
    fixable = sum(finding.fixable for finding in report.findings)
    return f"{fixable} of {len(report.findings)} have a known fix."


def email(report: Report) -> str:
    """The text of an email: what is the matter first, then what to do about it."""
    result = report.result
    listed = (report.findings or ())[:MOST_IN_EMAIL]
    return render(
        "email.txt",
        repository=result.repository,
        headline=headline(report),
        summary=summary(report),
        findings=[_row(report, finding) for finding in listed],
        more=_more((report.findings or ())[MOST_IN_EMAIL:]),
        groups=list(_groups(report)),
        failed=result.failed,
        severities=[_severity_row(report, level) for level in _levels(report)],
        tags=_tags(result) or "none (untagged)",
        digest=result.image_digest,
        account=result.account,
        region=result.region,
        status=result.status,
        time=result.time,
        console_url=console_url(result),
    ).rstrip()


def document(report: Report, most: int = MOST_IN_JSON) -> dict[str, Any]:
    """What machines get, as ``docs/schemas/scan-report-1.json`` describes it."""
    result = report.result
    listed = (report.findings or ())[:most]
    return {
        "version": "1",
        "account": result.account,
        "region": result.region,
        "repository": result.repository,
        "imageDigest": result.image_digest,
        "imageTags": list(result.image_tags[:MOST_TAGS]),
        "imageTagCount": len(result.image_tags),
        "scanStatus": result.status,
        "time": result.time,
        "findingSeverityCounts": dict(report.counts),
        "thresholds": report.thresholds.by_severity(),
        "crossed": list(report.crossed),
        "findings": [_finding(report, finding) for finding in listed],
        "findingsNotListed": counts_of((report.findings or ())[most:]),
        "leftOut": dict(report.left_out),
        "acceptedRisks": [
            {"finding": _finding(report, finding), **_entry(entry)}
            for finding, entry in report.accepted[:most]
        ],
        "acceptedRiskCount": len(report.accepted),
        "expiredRisks": [_entry(entry) for entry in report.expired[:most]],
        "changes": report.changes and _changes(report.changes, most),
        "inUseBy": list(report.where_in_use[:MOST_TAGS]),
        "consoleUrl": console_url(result),
    }


def console_url(result: ScanResult) -> str:
    """The page of the image in the AWS console of the region's partition."""
    hosts = (host for prefix, host in _CONSOLE_HOSTS.items() if result.region.startswith(prefix))
    host = next(hosts, f"{result.region}.console.aws.amazon.com")
    return (
        f"https://{host}/ecr/repositories/private/{result.account}/{result.repository}"
        f"/_/image/{result.image_digest}/details?region={result.region}"
    )


def short(template: str, name: str, length: int) -> str:
    """The template with the name in it, in ASCII, the name's middle cut to fit the length."""
    room = length - len(_ascii(template.format("")))
    return _ascii(template.format(without_middle(_ascii(name), room)))[:length]


def _body(report: Report, most: int, texts: Mapping[str, str]) -> str:
    # What has no text of its own gets the default: http, https, sqs, lambda and firehose.
    default = json.dumps(document(report, most), separators=(",", ":"))
    return json.dumps({"default": default, **texts})


def _sms(report: Report) -> str:
    text = f"ECR: {{}} {headline(report)}{new_count(report)}"
    return short(text, report.result.repository, SMS_LENGTH)


def _row(report: Report, finding: Finding) -> dict[str, str]:
    package = " ".join(filter(None, (finding.package, finding.installed_version)))
    fix = f"fixed in {finding.fixed_version}" if finding.fixed_version else finding.fix
    exploit = ["exploit known"] if finding.exploitable else []
    return {
        "mark": "NEW" if report.is_new(finding) and report.is_compared else "   ",
        "severity": f"{finding.severity:<8}",
        "score": "   -" if finding.score is None else f"{finding.score:>4.1f}",
        "identifier": _cut(finding.identifier),
        "where": _cut(f"  {', '.join(filter(None, [package, fix, *exploit]))}"),
        "url": link(finding.url) if len(finding.url) <= _LONGEST_TEXT else "",
    }


def _groups(report: Report) -> Iterable[dict[str, Any]]:
    """The parts of an email that are there only where there is something to say."""
    if report.where_in_use:
        yield _group("In use by", list(report.where_in_use))
    if report.changes and report.changes.fixed and report.is_compared:
        yield _group("Fixed", [f"{level} {key}" for key, level in report.changes.fixed.items()])
    if report.accepted:
        accepted = [
            f"{finding.key}: {entry.reason} (until {entry.expires})"
            for finding, entry in report.accepted
        ]
        yield _group("Accepted risks, not counted", accepted)
    if report.expired:
        expired = [f"{entry.covered}: expired {entry.expires}" for entry in report.expired]
        yield _group("No longer accepted", expired)
    if report.left_out:
        yield _group("Left out", [f"{count} {why}" for why, count in report.left_out.items()])


def _group(title: str, lines: list[str]) -> dict[str, Any]:
    listed = [_cut(line) for line in lines[:MOST_IN_EMAIL]]
    return {"title": title, "lines": listed, "more": len(lines) - len(listed)}


def _more(findings: Sequence[Finding]) -> str:
    counts = ", ".join(f"{count} {level}" for level, count in counts_of(findings).items())
    return f"{len(findings)} more: {counts}" if findings else ""


def _levels(report: Report) -> list[str]:
    thresholds = report.thresholds.by_severity()
    return [level for level in SEVERITIES if level in thresholds or report.counts.get(level)]


def _severity_row(report: Report, level: str) -> str:
    threshold = report.thresholds.of(level)
    limit = "" if threshold is None else threshold
    reached = "  reached" if level in report.crossed else ""
    return f"{level:<14}{report.counts.get(level, 0):>10}{limit:>11}{reached}".rstrip()


def _tags(result: ScanResult) -> str:
    named = ", ".join(result.image_tags[:MOST_TAGS])
    more = len(result.image_tags) - MOST_TAGS
    return f"{named} and {more} more" if more > 0 else named


def _finding(report: Report, finding: Finding) -> dict[str, Any]:
    return {
        "id": _cut(finding.identifier),
        "severity": finding.severity,
        "score": finding.score,
        "package": _cut(finding.package) or None,
        "installedVersion": _cut(finding.installed_version) or None,
        "fixedVersion": _cut(finding.fixed_version) or None,
        "fixAvailable": finding.fixable if finding.fixable or finding.unfixed else None,
        "exploitAvailable": finding.exploitable,
        "url": link(finding.url) or None,
        "isNew": report.is_new(finding) if report.changes else None,
    }


def _changes(changes: Changes, most: int) -> dict[str, Any]:
    return {
        "first": changes.first,
        "new": len(changes.new),
        "fixed": len(changes.fixed),
        "unchanged": changes.unchanged,
        "since": changes.since or None,
        "imageDigestBefore": changes.digest_before or None,
        "fixedFindings": [_cut(key) for key in list(changes.fixed)[:most]],
    }


def _entry(entry: AcceptedRisk) -> dict[str, Any]:
    return {
        "covers": _cut(entry.covered),
        "reason": _cut(entry.reason),
        "expires": entry.expires.isoformat(),
    }


def _attributes(report: Report) -> dict[str, str]:
    """What subscribers may filter by; a failed scan has no ``severity``."""
    severity = {"severity": report.worst} if report.worst else {}
    result = report.result
    return {**severity, "repository": result.repository, "scan-status": result.status}


def _cut(text: str) -> str:
    """The text as one line; one of unlikely length is cut, and says so."""
    text = plain(text)
    return text if len(text) <= _LONGEST_TEXT else f"{text[:_LONGEST_TEXT]}…"


def _ascii(text: str) -> str:
    return plain(text).encode("ascii", "replace").decode()
