"""The operations of the ECR API, as its reference (version 2015-09-21) describes them."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import timedelta
from fnmatch import fnmatchcase
from itertools import islice
from typing import TYPE_CHECKING

from local.faults import EcrError
from local.images import Finding, Image, Repository, Shape, epoch
from local.requests import (
    image_filter,
    invalid_parameter,
    named,
    next_token,
    page_size,
    position,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from local.registry import LocalRegistry

DAY = timedelta(days=1)
MOST_NAMES = 100
MOST_SCANNING_CONFIGURATIONS = 25
MOST_TAGS = 1000
"""The most tags of an image. Source: ECR user guide, service quotas."""


@dataclass(frozen=True, slots=True)
class ScanningRule:
    """A RegistryScanningRule: how often the repositories that match a wildcard are scanned."""

    frequency: str
    wildcards: tuple[str, ...] = ("*",)

    def matches(self, repository_name: str) -> tuple[str, ...]:
        """Return the wildcards that apply; one without an asterisk matches any part of a name."""
        return tuple(
            wildcard
            for wildcard in self.wildcards
            if fnmatchcase(repository_name, wildcard if "*" in wildcard else f"*{wildcard}*")
        )

    def shape(self) -> Shape:
        """Return the rule as GetRegistryScanningConfiguration gives it."""
        return {
            "scanFrequency": self.frequency,
            "repositoryFilters": _wildcard_filters(self.wildcards),
        }


class Operations:
    """What a registry answers to the requests that this application makes."""

    def __init__(self, registry: LocalRegistry) -> None:
        self.registry = registry
        self._operations: dict[str, Callable[[Shape], Shape]] = {
            "BatchGetImage": self._batch_get_image,
            "BatchGetRepositoryScanningConfiguration": self._batch_get_scanning_configuration,
            "DescribeImageScanFindings": self._describe_image_scan_findings,
            "DescribeImages": self._describe_images,
            "DescribeRepositories": self._describe_repositories,
            "GetRegistryScanningConfiguration": self._get_registry_scanning_configuration,
            "ListImages": self._list_images,
            "ListTagsForResource": self._list_tags_for_resource,
            "StartImageScan": self._start_image_scan,
        }

    def answer(self, operation: str, request: Shape) -> Shape:
        """Answer one request, or raise the EcrError that it gives."""
        if operation not in self._operations:
            raise EcrError("UnknownOperationException", f"The local ECR has no {operation}.")
        return self._operations[operation](request)

    def _describe_repositories(self, request: Shape) -> Shape:
        """DescribeRepositories: those named, or a page of all by name."""
        if "repositoryNames" in request:
            names = named(request, "repositoryNames", MOST_NAMES)
            return {"repositories": [self._repository_shape(name, request) for name in names]}
        size = page_size(request)
        last = position(request, "DescribeRepositories", "")
        found = [name for name in sorted(self.registry.repositories) if name > last][: size + 1]
        answer: Shape = {
            "repositories": [self._repository_shape(name, request) for name in found[:size]]
        }
        return answer | next_token(found, size, "DescribeRepositories", lambda name: name)

    def _repository_shape(self, name: str, request: Shape) -> Shape:
        repository = self._repository(name, request)
        host = f"{self.registry.account_id}.dkr.ecr.{self.registry.region}.amazonaws.com"
        return {
            "repositoryArn": self.registry.repository_arn(name),
            "registryId": self.registry.account_id,
            "repositoryName": name,
            "repositoryUri": f"{host}/{name}",
            "createdAt": epoch(repository.created_at),
            "imageTagMutability": "MUTABLE",
            "imageScanningConfiguration": {"scanOnPush": repository.scan_on_push},
            "encryptionConfiguration": {"encryptionType": "AES256"},
        }

    def _list_images(self, request: Shape) -> Shape:
        """ListImages: a page of identifiers, one for each tag and one for an image without tags."""
        repository = self._requested_repository(request)
        scope = f"ListImages:{repository.name}"
        size = page_size(request)
        passes = image_filter(request.get("filter", {}), "ACTIVE")
        last = position(request, scope, 0)
        images = filter(passes, repository.after(last // MOST_TAGS - 1))
        identifiers = (entry for image in images for entry in _identifiers(image))
        found = list(islice((entry for entry in identifiers if entry[0] > last), size + 1))
        answer: Shape = {"imageIds": [identifier for _, identifier in found[:size]]}
        return answer | next_token(found, size, scope, lambda entry: entry[0])

    def _describe_images(self, request: Shape) -> Shape:
        """DescribeImages: the images asked for, or a page of those that pass the filter."""
        repository = self._requested_repository(request)
        filters = request.get("filter", {})
        if "imageIds" in request:
            return self._describe_identified_images(repository, request, filters)
        scope = f"DescribeImages:{repository.name}"
        size = page_size(request)
        passes = image_filter(filters, "ACTIVE")
        images = repository.after(position(request, scope, 0))
        found = list(islice(filter(passes, images), size + 1))
        answer: Shape = {
            "imageDetails": [self._image_detail(repository, image) for image in found[:size]]
        }
        return answer | next_token(found, size, scope, lambda image: image.sequence)

    def _describe_identified_images(
        self, repository: Repository, request: Shape, filters: Shape
    ) -> Shape:
        """Describe the images asked for, each once, archived ones too unless filtered out."""
        identifiers = named(request, "imageIds", MOST_NAMES)
        images = {self._image(repository, identifier): None for identifier in identifiers}
        passing = filter(image_filter(filters, "ANY"), images)
        return {"imageDetails": [self._image_detail(repository, image) for image in passing]}

    def _image_detail(self, repository: Repository, image: Image) -> Shape:
        """Return the ImageDetail, less the members that are empty for this image."""
        detail: Shape = {
            "registryId": self.registry.account_id,
            "repositoryName": repository.name,
            "imageDigest": image.digest,
            "imageSizeInBytes": image.size_in_bytes,
            "imagePushedAt": epoch(image.pushed_at),
            "imageManifestMediaType": image.media_type,
            "imageStatus": image.status,
        }
        if not image.is_index:
            detail["artifactMediaType"] = image.artifact_media_type
        if image.tags:
            detail["imageTags"] = image.tags
        if image.last_pulled_at:
            detail["lastRecordedPullTime"] = epoch(image.last_pulled_at)
        if image.archived_at:
            detail["lastArchivedAt"] = epoch(image.archived_at)
        if image.subject_digest:
            detail["subjectManifestDigest"] = image.subject_digest
        if image.scan_status and self.registry.reports_scans_in_describe_images:
            detail |= self._scan_members(image)
        return detail

    def _scan_members(self, image: Image) -> Shape:
        members: Shape = {"imageScanStatus": image.scan_state(enhanced=self._is_enhanced)}
        summary = image.summary(enhanced=self._is_enhanced)
        return members | ({"imageScanFindingsSummary": summary} if summary else {})

    def _start_image_scan(self, request: Shape) -> Shape:
        """StartImageScan: one scan an image in 24 hours, on-push scans included."""
        if self._is_enhanced:
            message = "This feature is disabled: the registry's scanning is enhanced."
            raise EcrError("ValidationException", message)
        repository = self._requested_repository(request)
        image = self._image(repository, request["imageId"])
        self._refuse_unscannable(image)
        self._refuse_beyond_limits(image)
        self.registry.begin_scan(repository, image)
        return self._scan_answer(repository, image, request)

    def _refuse_unscannable(self, image: Image) -> None:
        if image.status != "ACTIVE":
            message = f"The image with digest '{image.digest}' is {image.status}, not ACTIVE."
            raise EcrError("ImageArchivedException", message)
        if not image.is_scannable:
            media_type = image.media_type if image.is_index else image.artifact_media_type
            message = f"Images of type '{media_type}' cannot be scanned."
            raise EcrError("UnsupportedImageTypeException", message)

    def _refuse_beyond_limits(self, image: Image) -> None:
        if image.scan_started_at and self.registry.now() - image.scan_started_at < DAY:
            message = "The scan quota per image has been exceeded. Wait and try again."
            raise EcrError("LimitExceededException", message)
        quota = self.registry.scans_per_day
        if quota is not None and self.registry.scans_in_the_last_day() >= quota:
            message = "The scan quota per registry has been exceeded. Wait and try again."
            raise EcrError("LimitExceededException", message)

    def _describe_image_scan_findings(self, request: Shape) -> Shape:
        """DescribeImageScanFindings: the status, and a page of the last completed scan."""
        repository = self._requested_repository(request)
        image = self._image(repository, request["imageId"])
        if image.scan_status is None:
            message = f"Image scan does not exist for the image with '{image.digest}'"
            raise EcrError("ScanNotFoundException", message)
        answer = self._scan_answer(repository, image, request)
        scope = f"DescribeImageScanFindings:{repository.name}@{image.digest}"
        size, start = page_size(request), position(request, scope, 0)
        summary = image.summary(enhanced=self._is_enhanced)
        if summary is None or image.reported is None:
            return answer
        found = image.reported.entries[start : start + size + 1]
        answer["imageScanFindings"] = summary | self._finding_members(
            repository, image, found[:size]
        )
        return answer | next_token(found, size, scope, lambda _: start + size)

    def _finding_members(
        self, repository: Repository, image: Image, findings: tuple[Finding, ...]
    ) -> Shape:
        if not self._is_enhanced:
            return {"findings": [finding.basic() for finding in findings]}
        particulars = self._enhanced_particulars(repository, image)
        return {
            "enhancedFindings": [
                finding.enhanced() | particulars | {"findingArn": self._finding_arn(image, finding)}
                for finding in findings
            ]
        }

    def _finding_arn(self, image: Image, finding: Finding) -> str:
        text = f"{image.digest}@{finding.name}@{finding.package_name}"
        identity = hashlib.sha256(text.encode()).hexdigest()[:32]
        owner = f"{self.registry.region}:{self.registry.account_id}"
        return f"arn:aws:inspector2:{owner}:finding/{identity}"

    def _enhanced_particulars(self, repository: Repository, image: Image) -> Shape:
        """Return what every EnhancedImageScanFinding of an image says of the image."""
        seen = epoch(image.scan_completed_at or image.pushed_at)
        container_image = {
            "architecture": "amd64",
            "imageHash": image.digest,
            "imageTags": list(image.tags),
            "platform": "UBUNTU_22_04",
            "pushedAt": epoch(image.pushed_at),
            "registry": self.registry.account_id,
            "repositoryName": repository.name,
        }
        return {
            "awsAccountId": self.registry.account_id,
            "firstObservedAt": seen,
            "lastObservedAt": seen,
            "updatedAt": seen,
            "resources": [
                {
                    "id": f"{self.registry.repository_arn(repository.name)}/{image.digest}",
                    "type": "AWS_ECR_CONTAINER_IMAGE",
                    "details": {"awsEcrContainerImage": container_image},
                }
            ],
        }

    def _scan_answer(self, repository: Repository, image: Image, request: Shape) -> Shape:
        return {
            "registryId": self.registry.account_id,
            "repositoryName": repository.name,
            "imageId": image.identifier(request["imageId"]),
            "imageScanStatus": image.scan_state(enhanced=self._is_enhanced),
        }

    def _batch_get_image(self, request: Shape) -> Shape:
        """BatchGetImage: the manifests, which counts as a pull; what is missing is a failure."""
        repository = self._requested_repository(request)
        images: list[Shape] = []
        failures: list[Shape] = []
        for identifier in named(request, "imageIds", MOST_NAMES):
            image = repository.find(identifier.get("imageDigest"), identifier.get("imageTag"))
            if image is None:
                failures.append(_image_failure(identifier, "ImageNotFound"))
            elif image.status != "ACTIVE":
                failures.append(_image_failure(identifier, "ImageInaccessible"))
            else:
                images.append(self._pulled_image(repository, image, identifier))
        return {"images": images, "failures": failures}

    def _pulled_image(self, repository: Repository, image: Image, identifier: Shape) -> Shape:
        if image.last_pulled_at is None or self.registry.now() - image.last_pulled_at >= DAY:
            image.last_pulled_at = self.registry.now()
        return {
            "registryId": self.registry.account_id,
            "repositoryName": repository.name,
            "imageId": image.identifier(identifier),
            "imageManifest": json.dumps(image.manifest(repository)),
            "imageManifestMediaType": image.media_type,
        }

    def _get_registry_scanning_configuration(self, _: Shape) -> Shape:
        """GetRegistryScanningConfiguration: BASIC or ENHANCED, and the rules."""
        rules = [rule.shape() for rule in self.registry.scanning_rules]
        return {
            "registryId": self.registry.account_id,
            "scanningConfiguration": {"scanType": self.registry.scan_type, "rules": rules},
        }

    def _batch_get_scanning_configuration(self, request: Shape) -> Shape:
        """BatchGetRepositoryScanningConfiguration: the rule in force for each repository."""
        names = named(request, "repositoryNames", MOST_SCANNING_CONFIGURATIONS)
        known = [name for name in names if name in self.registry.repositories]
        return {
            "scanningConfigurations": [self._scanning_configuration(name) for name in known],
            "failures": [
                {
                    "repositoryName": name,
                    "failureCode": "REPOSITORY_NOT_FOUND",
                    "failureReason": "REPOSITORY_NOT_FOUND",
                }
                for name in names
                if name not in self.registry.repositories
            ],
        }

    def _scanning_configuration(self, name: str) -> Shape:
        on_push = self.registry.repositories[name].scan_on_push
        frequency, wildcards = "SCAN_ON_PUSH" if on_push else "MANUAL", tuple[str, ...]()
        for rule in self.registry.scanning_rules:
            if matching := rule.matches(name):
                frequency, wildcards = rule.frequency, matching
                break
        return {
            "repositoryArn": self.registry.repository_arn(name),
            "repositoryName": name,
            "scanOnPush": frequency != "MANUAL",
            "scanFrequency": frequency,
            "appliedScanFilters": _wildcard_filters(wildcards),
        }

    def _list_tags_for_resource(self, request: Shape) -> Shape:
        """ListTagsForResource: the tags of the repository with this ARN."""
        prefix, arn = self.registry.repository_arn(""), request["resourceArn"]
        if not arn.startswith(prefix):
            raise invalid_parameter("resourceArn", f"Invalid ARN '{arn}'")
        tags = self._repository(arn.removeprefix(prefix), request).tags
        return {"tags": [{"Key": key, "Value": value} for key, value in tags.items()]}

    @property
    def _is_enhanced(self) -> bool:
        return self.registry.scan_type == "ENHANCED"

    def _requested_repository(self, request: Shape) -> Repository:
        return self._repository(request["repositoryName"], request)

    def _repository(self, name: str, request: Shape) -> Repository:
        registry_id = request.get("registryId", self.registry.account_id)
        if registry_id != self.registry.account_id or name not in self.registry.repositories:
            message = (
                f"The repository with name '{name}' does not exist "
                f"in the registry with id '{registry_id}'"
            )
            raise EcrError("RepositoryNotFoundException", message)
        return self.registry.repositories[name]

    def _image(self, repository: Repository, identifier: Shape) -> Image:
        digest, tag = identifier.get("imageDigest"), identifier.get("imageTag")
        if not digest and not tag:
            raise invalid_parameter("imageId", "An image needs a digest or a tag")
        image = repository.find(digest, tag)
        if image is None:
            message = (
                f"The image with imageId {{imageDigest:'{digest}', imageTag:'{tag}'}} does not "
                f"exist within the repository with name '{repository.name}' "
                f"in the registry with id '{self.registry.account_id}'"
            )
            raise EcrError("ImageNotFoundException", message)
        return image


def _identifiers(image: Image) -> list[tuple[int, Shape]]:
    """The identifiers of an image, each with its place among all of the repository."""
    digest = {"imageDigest": image.digest}
    identifiers = [digest | {"imageTag": tag} for tag in image.tags] or [digest]
    first = image.sequence * MOST_TAGS
    return [(first + number, identifier) for number, identifier in enumerate(identifiers)]


def _image_failure(identifier: Shape, code: str) -> Shape:
    reasons = {
        "ImageNotFound": "Requested image not found",
        "ImageInaccessible": "Requested image is archived",
    }
    return {"imageId": identifier, "failureCode": code, "failureReason": reasons[code]}


def _wildcard_filters(wildcards: tuple[str, ...]) -> list[Shape]:
    return [{"filter": wildcard, "filterType": "WILDCARD"} for wildcard in wildcards]
