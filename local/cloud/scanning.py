"""The operations about scans: starting one, and what the last one found.

Sources: ECR API reference, StartImageScan and DescribeImageScanFindings; ECR user guide, "Scan
images for OS vulnerabilities"; recorded answers, named where they are followed.
"""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING

from local.cloud.enhanced import enhanced_counts, enhanced_finding
from local.cloud.faults import EcrError
from local.cloud.images import epoch
from local.cloud.lookups import image_of, requested_repository
from local.cloud.requests import next_token, page_size, position

if TYPE_CHECKING:
    from datetime import datetime

    from local.cloud.findings import Finding, Findings, Shape
    from local.cloud.images import Image
    from local.cloud.repositories import Repository
    from local.cloud.scans import Scans

MOST_ENHANCED_FINDINGS = 100
"""The most enhanced findings of a page, whatever `maxResults` says: seen, not documented."""


def start_image_scan(registry: Scans, request: Shape) -> Shape:
    """StartImageScan: one scan an image in 24 hours, and none where Inspector scans."""
    if registry.is_enhanced:
        # go-to-k/ecr-scan-verifier knows the refusal by these words.
        raise EcrError("ValidationException", "This feature is disabled")
    repository = requested_repository(registry, request)
    image = image_of(registry, repository, request["imageId"])
    _refuse_unscannable(image)
    registry.refuse_beyond_limits(image)
    registry.begin_scan(repository, image)
    state = {"status": image.scan_status, "description": ""}
    return _answer(registry, repository, image, request) | {"imageScanStatus": state}


def _refuse_unscannable(image: Image) -> None:
    if image.status != "ACTIVE":
        message = f"The image with digest '{image.digest}' is {image.status}, not ACTIVE."
        raise EcrError("ImageArchivedException", message)
    if not image.is_scannable:
        media_type = image.media_type if image.is_index else image.artifact_media_type
        message = f"Images of type '{media_type}' cannot be scanned."
        raise EcrError("UnsupportedImageTypeException", message)


def describe_image_scan_findings(registry: Scans, request: Shape) -> Shape:
    """DescribeImageScanFindings: the status of the last scan, and a page of its findings."""
    repository = requested_repository(registry, request)
    image = image_of(registry, repository, request["imageId"])
    if image.scan_status is None or _is_unseen(registry, image):
        message = f"Image scan does not exist for the image with '{image.digest}'"
        raise EcrError("ScanNotFoundException", message)
    answer = _answer(registry, repository, image, request)
    answer["imageScanStatus"] = scan_state(registry, repository, image)
    size, scope = page_size(request), f"DescribeImageScanFindings:{image.digest}"
    if registry.is_enhanced:
        size = min(size, MOST_ENHANCED_FINDINGS)
    start = position(request, scope, 0)
    if image.scan_status == "IN_PROGRESS":
        # As recorded in alexjurkiewicz/ecr-scan-image 51.
        return answer | {"imageScanFindings": {"findings": [], "enhancedFindings": []}}
    if image.scan_status not in ("COMPLETE", "ACTIVE"):
        return answer | {"imageScanFindings": None}
    if image.reported is None or image.scan_completed_at is None:
        return answer
    found = image.reported.entries[start : start + size + 1]
    answer["imageScanFindings"] = _summary(
        registry, image.reported, image.scan_completed_at
    ) | _findings(registry, repository, image, found[:size])
    return answer | next_token(found, size, scope, lambda _: start + size)


def scan_state(registry: Scans, repository: Repository, image: Image) -> Shape:
    """Return the ImageScanStatus.

    A scan waits as PENDING before it is IN_PROGRESS. Done, a basic one is COMPLETE, an enhanced one
    ACTIVE while Inspector goes on, or COMPLETE where it scans on push only. What cannot be scanned
    is FAILED in basic and UNSUPPORTED_IMAGE in enhanced scanning (aws/containers-roadmap 2301).
    """
    status, description = image.scan_status, image.scan_description
    if status == "IN_PROGRESS" and _scanned_for_less(registry, image, "pending_duration"):
        status, description = "PENDING", "Pending start of the image scan."
    elif registry.is_enhanced and image.is_unsupported:
        status = "UNSUPPORTED_IMAGE"
    elif status in ("COMPLETE", "ACTIVE") and _is_continuous(registry, repository):
        status, description = "ACTIVE", "Continuous scan is selected for image."
    elif status == "COMPLETE":
        description = "The scan was completed successfully."
    return {"status": status, "description": description}


def _is_continuous(registry: Scans, repository: Repository) -> bool:
    return registry.is_enhanced and registry.frequency(repository.name)[0] != "SCAN_ON_PUSH"


def _is_unseen(registry: Scans, image: Image) -> bool:
    """Whether ECR does not know yet of the scan of an image that has just been pushed.

    Seen by tools that push, scan and look, among them go-to-k/ecr-scan-verifier.
    """
    begun_at = image.scan_started_at
    if image.scan_status != "IN_PROGRESS" or begun_at is None or image.scan_completed_at:
        return False
    fresh = begun_at - image.pushed_at < registry.fresh_duration
    return fresh and _scanned_for_less(registry, image, "unseen_duration")


def _scanned_for_less(registry: Scans, image: Image, duration: str) -> bool:
    begun_at = image.scan_started_at
    return begun_at is not None and registry.now() - begun_at < getattr(registry, duration)


def _answer(registry: Scans, repository: Repository, image: Image, request: Shape) -> Shape:
    return {
        "registryId": registry.account_id,
        "repositoryName": repository.name,
        "imageId": image.identifier(request["imageId"]),
    }


def _summary(registry: Scans, reported: Findings, completed_at: datetime) -> Shape:
    counts = reported.severity_counts
    midnight = completed_at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return {
        "imageScanCompletedAt": epoch(completed_at),
        "vulnerabilitySourceUpdatedAt": epoch(midnight),
        "findingSeverityCounts": enhanced_counts(counts) if registry.is_enhanced else counts,
    }


def _findings(
    registry: Scans, repository: Repository, image: Image, findings: tuple[Finding, ...]
) -> Shape:
    if not registry.is_enhanced:
        return {"findings": [finding.basic() for finding in findings]}
    arn = registry.repository_arn(repository.name)
    return {"enhancedFindings": [enhanced_finding(finding, image, arn) for finding in findings]}
