"""AWS Security Hub: the findings of current images in the AWS Security Finding Format (ASFF).

A finding keeps its id from scan to scan and from image to image of a line, so that a later scan
updates it; one that is open no more is archived, which is how a finding's provider resolves it.
Sources: AWS Security Hub user guide, "AWS Security Finding Format" and "BatchImportFindings for
finding providers"; API reference, AwsSecurityFinding.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from chalicelib.ecr import finding_texts
from chalicelib.ecr.findings import parts_of
from chalicelib.notifying.report import line_name
from chalicelib.notifying.texts import image_page
from chalicelib.text.templating import link, plain

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from chalicelib.ecr.findings import Finding, Package
    from chalicelib.notifying.mirroring import MirroredLine
    from chalicelib.runtime.backoff import Backoff
    from chalicelib.services import Services

TITLE_LENGTH, DESCRIPTION_LENGTH, ID_LENGTH, RECOMMENDATION_LENGTH = 256, 1024, 512, 512
"""The longest texts, in characters. Source: API reference, AwsSecurityFinding, Recommendation."""

NAME = "security_hub"
"""What it is called among the channels that hear of what is closed."""

_TYPE = "Software and Configuration Checks/Vulnerabilities/CVE"
_LONGEST_TEXT = 512
_LONGEST_URL = 2048
_MOST_TAGS = 50
_MOST_PACKAGES = 50


def follow(lines: Sequence[MirroredLine], services: Services, backoff: Backoff) -> None:
    """Import what is open in lines, and archive what is open no more."""
    hub = services.security_hub
    hub.import_findings(
        [
            finding
            for line in lines
            for finding in security_findings(line, hub.account, hub.product_arn, hub.partition)
        ],
        backoff,
    )


def security_findings(
    line: MirroredLine, account: str, product_arn: str, partition: str
) -> list[dict[str, Any]]:
    """A line's findings in ASFF, those that are open and those that are no more, each id once.

    ``UpdatedAt`` is that of the line's state, which is later for each version of it: Security Hub
    leaves what a later one has set as it is, in whatever order they come.
    """
    state = line.state
    updated_at = datetime.fromtimestamp(state.updated_at / 1000, UTC)
    common = {
        "SchemaVersion": "2018-10-08",
        "ProductArn": product_arn,
        "ProductName": "ECR Scan Reporter",
        "AwsAccountId": account,
        "CreatedAt": state.time,
        "UpdatedAt": updated_at.isoformat(timespec="milliseconds"),
    }
    found: dict[str, dict[str, Any]] = {}
    for finding in (*_open(line, partition), *_closed(line, partition)):
        found.setdefault(finding["Id"], common | finding)
    return list(found.values())


def _open(line: MirroredLine, partition: str) -> Iterator[dict[str, Any]]:
    if not line.state.is_mirrored_as_open:
        return
    resource = _image(line, partition)
    detailed = {finding.key: finding for finding in line.findings}
    for key, known in line.state.open_findings.items():
        yield {
            **_described(line, key, known.severity),
            **(_detailed(detailed[key]) if key in detailed else _undetailed(key, known.severity)),
            "FirstObservedAt": known.found_at,
            "LastObservedAt": line.state.time,
            "Resources": [resource],
            "RecordState": "ACTIVE",
        }


def _detailed(finding: Finding) -> dict[str, Any]:
    return {
        **_remediation(finding),
        "Description": _text(finding.description, DESCRIPTION_LENGTH)
        or f"A vulnerability without a description, of severity {finding.severity}.",
        "Vulnerabilities": [_vulnerability(finding)],
    }


def _undetailed(key: str, severity: str) -> dict[str, Any]:
    """What is known of a finding until the next scan of its image tells more."""
    return {
        "Description": f"Found by the last scan of the image, with severity {severity}.",
        "Vulnerabilities": [{"Id": _named(parts_of(key)[0])}],
    }


def _closed(line: MirroredLine, partition: str) -> Iterator[dict[str, Any]]:
    """What is left of a finding that is open no more: its name, severity and the line's image."""
    resource = _image(line, partition)
    for key, closed in line.state.closed.items():
        if NAME not in closed.waiting:  # so that nothing is imported which never was
            continue
        yield {
            **_described(line, key, closed.severity),
            "Description": "No longer found, or accepted or left out since, or its image was"
            " deleted or replaced.",
            "Resources": [resource],
            "RecordState": "ARCHIVED",
            "Vulnerabilities": [{"Id": _named(parts_of(key)[0])}],
        }


def _described(line: MirroredLine, key: str, severity: str) -> dict[str, Any]:
    """What identifies a finding and says how bad it is.

    Severity and types are given as the provider's, so that what people set in their place stays.
    """
    identifier, names, _ = parts_of(key)
    tag, platform = line.state.line
    name = f"{line.account}/{line.region}/{line.repository}:{tag}/{platform}/{key}"
    url = image_page(line.account, line.region, line.repository, line.state.digest)
    return {
        "Id": _id(name),
        "GeneratorId": _text(f"ecr-scan-reporter/{_named(identifier)}", ID_LENGTH),
        "Title": _title(line, identifier, finding_texts.names_in(names)),
        "SourceUrl": _text(url, _LONGEST_URL),
        "FindingProviderFields": {
            "Severity": {"Label": _label(severity), "Original": severity},
            "Types": [_TYPE],
        },
    }


def _title(line: MirroredLine, identifier: str, packages: str) -> str:
    where = f" in {packages}" if packages else ""
    name = line_name(line.repository, line.state.line)
    return _text(f"{_named(identifier)}{where} of {name}", TITLE_LENGTH)


def _image(line: MirroredLine, partition: str) -> dict[str, Any]:
    tags = [tag for tag in line.tags[:_MOST_TAGS] if tag.strip()]
    digest = line.state.digest
    return {
        "Type": "AwsEcrContainerImage",
        "Id": f"arn:{partition}:ecr:{line.region}:{line.account}"
        f":repository/{line.repository}/{digest}",
        "Region": line.region,
        "Details": {
            "AwsEcrContainerImage": {
                "RegistryId": line.account,
                "RepositoryName": line.repository,
                "ImageDigest": digest,
                **({"ImageTags": tags} if tags else {}),
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
