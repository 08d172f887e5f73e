"""AWS Security Hub: an image's findings in the AWS Security Finding Format (ASFF).

A finding keeps its id from scan to scan and from image to image of a tag, so that a later scan
updates it; one that is gone is archived, which is how a finding's provider resolves it. Sources:
AWS Security Hub user guide, "AWS Security Finding Format" and "BatchImportFindings for finding
providers"; API reference, AwsSecurityFinding.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from chalicelib.ecr import finding_texts
from chalicelib.ecr.findings import parts_of
from chalicelib.notifying.texts import console_url
from chalicelib.text.templating import link, plain

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chalicelib.ecr.findings import Finding, Package
    from chalicelib.notifying.report import Report
    from chalicelib.services import Services

TITLE_LENGTH, DESCRIPTION_LENGTH, ID_LENGTH, RECOMMENDATION_LENGTH = 256, 1024, 512, 512
"""The longest texts, in characters. Source: API reference, AwsSecurityFinding, Recommendation."""

_TYPE = "Software and Configuration Checks/Vulnerabilities/CVE"
_LONGEST_TEXT = 512
_LONGEST_URL = 2048
_MOST_TAGS = 50
_MOST_PACKAGES = 50


def deliver(report: Report, services: Services) -> None:
    """Import the findings of a report, and archive those that are gone.

    After a scan that failed nothing is known, so nothing is changed.
    """
    hub = services.security_hub
    hub.import_findings(security_findings(report, hub.account, hub.product_arn, hub.partition))


def security_findings(
    report: Report, account: str, product_arn: str, partition: str
) -> list[dict[str, Any]]:
    """The findings in ASFF, those that are there and those that are gone, each id once."""
    if report.result.failed or report.findings is None:
        return []
    common = {
        "SchemaVersion": "2018-10-08",
        "ProductArn": product_arn,
        "ProductName": "ECR Scan Reporter",
        "AwsAccountId": account,
        "CreatedAt": report.result.time,
        "UpdatedAt": report.result.time,
    }
    found: dict[str, dict[str, Any]] = {}
    for finding in (*_present(report, partition), *_gone(report, partition)):
        found.setdefault(finding["Id"], common | finding)
    return list(found.values())


def _present(report: Report, partition: str) -> Iterator[dict[str, Any]]:
    resource = _image(report, report.result.image_digest, partition)
    for finding in report.new_first:
        # When a finding was first seen is known of a new one alone, and not to be overwritten.
        first = {"FirstObservedAt": report.result.time} if report.is_new(finding) else {}
        yield {
            **_described(report, finding.key, finding.severity, finding_texts.packages(finding)),
            **first,
            **_remediation(finding),
            "LastObservedAt": report.result.time,
            "Description": _text(finding.description, DESCRIPTION_LENGTH)
            or f"A vulnerability without a description, of severity {finding.severity}.",
            "Resources": [resource],
            "RecordState": "ACTIVE",
            "Vulnerabilities": [_vulnerability(finding)],
        }


def _gone(report: Report, partition: str) -> Iterator[dict[str, Any]]:
    """What is left of a finding that is gone: its name, its severity and the image it was in."""
    if report.changes is None:
        return
    digest = report.changes.digest_before or report.result.image_digest
    resource = _image(report, digest, partition)
    seen = {"LastObservedAt": report.changes.since} if report.changes.since else {}
    for key, severity in report.changes.fixed.items():
        identifier, names, _ = parts_of(key)
        yield {
            **_described(report, key, severity, finding_texts.names_in(names)),
            **seen,
            "Description": "No longer found, or accepted or left out since.",
            "Resources": [resource],
            "RecordState": "ARCHIVED",
            "Vulnerabilities": [{"Id": _named(identifier)}],
        }


def _described(report: Report, key: str, severity: str, packages: str) -> dict[str, Any]:
    """What identifies a finding and says how bad it is.

    Severity and types are given as the provider's, so that what people set in their place stays.
    """
    identifier = parts_of(key)[0]
    return {
        "Id": _id(f"{report.result.account}/{report.result.region}/{report.name}/{key}"),
        "GeneratorId": _text(f"ecr-scan-reporter/{_named(identifier)}", ID_LENGTH),
        "Title": _title(report, identifier, packages),
        "SourceUrl": _text(console_url(report.result), _LONGEST_URL),
        "FindingProviderFields": {
            "Severity": {"Label": _label(severity), "Original": severity},
            "Types": [_TYPE],
        },
    }


def _title(report: Report, identifier: str, packages: str) -> str:
    where = f" in {packages}" if packages else ""
    return _text(f"{_named(identifier)}{where} of {report.name}", TITLE_LENGTH)


def _image(report: Report, digest: str, partition: str) -> dict[str, Any]:
    result = report.result
    tags = [tag for tag in result.image_tags[:_MOST_TAGS] if tag.strip()]
    named = {"ImageTags": tags} if tags and digest == result.image_digest else {}
    return {
        "Type": "AwsEcrContainerImage",
        "Id": f"arn:{partition}:ecr:{result.region}:{result.account}"
        f":repository/{result.repository}/{digest}",
        "Region": result.region,
        "Details": {
            "AwsEcrContainerImage": {
                "RegistryId": result.account,
                "RepositoryName": result.repository,
                "ImageDigest": digest,
                **named,
            }
        },
    }


def _vulnerability(finding: Finding) -> dict[str, Any]:
    """What is known of a vulnerability; what is not is left out, for ASFF takes no empty text."""
    packages = [_package(package) for package in finding.packages[:_MOST_PACKAGES]]
    url = _url(finding.url)
    known = {
        "VulnerablePackages": [package for package in packages if package],
        "RelatedVulnerabilities": [
            name for name in map(_text, finding.related[:_MOST_PACKAGES]) if name
        ],
        "Cvss": [] if finding.score is None else [{"BaseScore": finding.score}],
        "EpssScore": finding.epss,
        "ReferenceUrls": [url] if url else [],
        "FixAvailable": _said(_is_fixable_in_part(finding), finding.fix_available),
        "ExploitAvailable": _said(False, finding.exploit_available),
    }
    return {
        "Id": _named(finding.identifier),
        **{name: value for name, value in known.items() if value},
    }


def _package(package: Package) -> dict[str, str]:
    known = {
        "Name": _text(package.name),
        "Version": _text(package.version),
        "FixedInVersion": _text(package.fixed_version),
        "PackageManager": _text(package.manager),
        "FilePath": _text(package.file_path),
    }
    return {name: value for name, value in known.items() if value}


def _said(in_part: bool, whether: bool | None) -> str:
    """YES, NO or PARTIAL; empty where nothing is said."""
    if whether is None:
        return ""
    return "PARTIAL" if in_part else "YES" if whether else "NO"


def _is_fixable_in_part(finding: Finding) -> bool:
    """Whether some of the packages have a fixed version and some have none."""
    return finding.fixable and len({bool(each.fixed_version) for each in finding.packages}) > 1


def _remediation(finding: Finding) -> dict[str, Any]:
    updates = [f"{_text(name)} to {_text(version)}" for name, version in _updates(finding)]
    if not updates:
        return {}
    text = _text(f"Update {', '.join(updates)}.", RECOMMENDATION_LENGTH)
    url = _url(finding.url)
    return {"Remediation": {"Recommendation": {"Text": text} | ({"Url": url} if url else {})}}


def _updates(finding: Finding) -> list[tuple[str, str]]:
    updates = finding_texts.updates(finding)
    return [pair for pair in updates if all(map(_text, pair))][: finding_texts.MOST_PACKAGES]


def _label(severity: str) -> str:
    """The severity's label; ASFF has none for those that nobody has defined yet."""
    return "INFORMATIONAL" if severity == "UNDEFINED" else severity


def _named(identifier: str) -> str:
    return _text(identifier) or "Unnamed vulnerability"


def _id(name: str) -> str:
    """The name as an id: a long one ends in a digest of all of it, in place of what is cut."""
    if len(name) <= ID_LENGTH and name.isprintable():
        return name
    digest = hashlib.sha256(name.encode(errors="surrogatepass")).hexdigest()
    return f"{plain(name)[: ID_LENGTH - len(digest) - 1]}#{digest}"


def _url(text: str) -> str:
    address = link(text)
    return address if len(address) <= _LONGEST_URL else ""


def _text(text: str, length: int = _LONGEST_TEXT) -> str:
    """The text as one line, cut after the last whole word that fits."""
    line = " ".join(plain(text).split())
    if len(line) <= length:
        return line
    kept = length - len("...")
    return f"{line[: kept + 1].rpartition(' ')[0] or line[:kept]}..."
