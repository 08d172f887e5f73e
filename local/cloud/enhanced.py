"""How Amazon Inspector spells what it finds, as enhanced scanning hands it on."""

from __future__ import annotations

import hashlib
from random import Random
from typing import TYPE_CHECKING

from local.cloud.images import epoch

if TYPE_CHECKING:
    from collections.abc import Mapping

    from local.cloud.findings import Finding, Package, Shape
    from local.cloud.images import Image

NO_FIX = "NotAvailable"
_ARCHITECTURES = {"amd64": "X86_64", "arm64": "ARM64"}


def enhanced_counts(counts: Mapping[str, int]) -> dict[str, int]:
    """Return counts with Inspector's word for UNDEFINED, which is UNTRIAGED."""
    return {_severity(severity): count for severity, count in counts.items()}


def enhanced_finding(finding: Finding, image: Image, repository_arn: str) -> Shape:
    """Return an EnhancedImageScanFinding.

    Sources: ECR API reference, EnhancedImageScanFinding and VulnerablePackage; recorded answers, in
    which ``fixedInVersion`` is the word NotAvailable where there is no fix, and the packages come
    in no order.
    """
    observed_at = image.scan_completed_at or image.pushed_at
    return {
        "awsAccountId": repository_arn.split(":")[4],
        "description": finding.description,
        "findingArn": _finding_arn(finding, image, repository_arn),
        "firstObservedAt": epoch(finding.first_observed_at or image.pushed_at),
        "lastObservedAt": epoch(observed_at),
        "updatedAt": epoch(observed_at),
        "packageVulnerabilityDetails": _vulnerability(finding, image, epoch(observed_at)),
        "remediation": {"recommendation": {"text": "None Provided"}},
        "resources": [_resource(image, repository_arn)],
        "score": finding.score or 0.0,
        "severity": _severity(finding.severity),
        "status": "ACTIVE",
        "title": f"{finding.name} - {', '.join(each.name for each in finding.packages)}",
        "type": "PACKAGE_VULNERABILITY",
        "fixAvailable": _fix_available(finding.packages),
        "exploitAvailable": "YES" if finding.exploit_available else "NO",
    }


def inspector_finding(finding: Finding, image: Image, repository_arn: str) -> Shape:
    """Return Inspector's own Finding, which has the score of EPSS where there is one.

    Source: Amazon Inspector API reference, Finding.
    """
    shape = enhanced_finding(finding, image, repository_arn)
    shape["inspectorScore"] = shape.pop("score")
    return shape | ({} if finding.epss is None else {"epss": {"score": finding.epss}})


def _vulnerability(finding: Finding, image: Image, observed_at: float) -> Shape:
    packages = [_package(package, image) for package in finding.packages]
    Random(f"{finding.name} {image.digest} {observed_at}").shuffle(packages)
    scored = {"baseScore": finding.score, "scoringVector": finding.vector, "version": "3.1"}
    return {
        "cvss": [scored | {"source": "NVD"}] if finding.score is not None else [],
        "referenceUrls": [],
        "relatedVulnerabilities": [],
        "source": "NVD",
        "sourceUrl": finding.uri,
        "vendorSeverity": finding.severity.title(),
        "vulnerabilityId": finding.name,
        "vulnerablePackages": packages,
    }


def _package(package: Package, image: Image) -> Shape:
    """Return a VulnerablePackage: of the system's packages epoch, version and release apart."""
    shape: Shape = {"name": package.name, "packageManager": package.manager}
    if package.file_path:
        fix = package.fixed_in_version or NO_FIX
        return shape | {
            "epoch": 0,
            "version": package.version,
            "filePath": package.file_path,
            "fixedInVersion": fix,
        }
    number, _, rest = package.version.rpartition(":")
    version, _, release = rest.rpartition("-")
    fix = package.fixed_in_version
    if fix and ":" not in fix:
        fix = f"{number or 0}:{fix}"
    return shape | {
        "arch": _ARCHITECTURES.get(image.architecture, image.architecture.upper()),
        "epoch": int(number or 0),
        "version": version or rest,
        **({"release": release} if version else {}),
        "fixedInVersion": fix or NO_FIX,
    }


def _resource(image: Image, repository_arn: str) -> Shape:
    name = repository_arn.partition(":repository/")[2]
    details: Shape = {
        "architecture": image.architecture,
        "imageHash": image.digest,
        "imageTags": list(image.tags),
        "inUseCount": image.in_use_count,
        "platform": "UBUNTU_22_04",
        "pushedAt": epoch(image.pushed_at),
        "registry": repository_arn.split(":")[4],
        "repositoryName": name,
    }
    if image.last_in_use_at:
        details["lastInUseAt"] = epoch(image.last_in_use_at)
    return {
        "id": f"{repository_arn}/{image.digest}",
        "type": "AWS_ECR_CONTAINER_IMAGE",
        "details": {"awsEcrContainerImage": details},
    }


def _finding_arn(finding: Finding, image: Image, repository_arn: str) -> str:
    text = f"{image.digest}@{finding.name}@{finding.package_name}"
    identity = hashlib.sha256(text.encode()).hexdigest()[:32]
    _, partition, _, region, account, _ = repository_arn.split(":", 5)
    return f"arn:{partition}:inspector2:{region}:{account}:finding/{identity}"


def _fix_available(packages: tuple[Package, ...]) -> str:
    fixed = [bool(package.fixed_in_version) for package in packages]
    if all(fixed):
        return "YES"
    return "PARTIAL" if any(fixed) else "NO"


def _severity(severity: str) -> str:
    return "UNTRIAGED" if severity == "UNDEFINED" else severity
