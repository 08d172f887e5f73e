"""A local Amazon ECR, for development and tests, which real boto3 clients can talk to.

moto answers no pages, no scan status in DescribeImages and no scan events, so the
operations that this application calls are answered here, as the Amazon ECR API
reference (2015-09-21) and the user guide describe them::

    with mock_aws(), local_ecr() as registry:
        registry.add_image("shop/basket", tags=("1.0",), scanned_at=a_week_ago)
        boto3.client("ecr").describe_images(repositoryName="shop/basket")

A `moto.server.ThreadedMotoServer` must be started inside `local_ecr()`, and stopped
before it ends. The registry is that of one account and one region; in another region a
client meets moto's own ECR, which is empty.
"""

from __future__ import annotations

import hashlib
import heapq
import json
import uuid
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from itertools import count, islice
from threading import RLock
from typing import TYPE_CHECKING, Any, ClassVar
from unittest.mock import patch

from moto.ecr import urls
from moto.ecr.responses import ECRResponse

from local.faults import EcrError, Faults
from local.images import (
    DOCKER_IMAGE,
    DOCKER_MANIFEST,
    NO_FINDINGS,
    Finding,
    Findings,
    Image,
    Repository,
    Shape,
    epoch,
)
from local.requests import (
    image_filter,
    invalid_parameter,
    named,
    next_token,
    page_size,
    position,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

__all__ = [
    "Clock",
    "EcrError",
    "Finding",
    "Findings",
    "Image",
    "LocalRegistry",
    "Repository",
    "ScanningRule",
    "local_ecr",
]

DAY = timedelta(days=1)
MOST_NAMES = 100
MOST_SCANNING_CONFIGURATIONS = 25

LEFT_TO_MOTO = frozenset(
    {
        "DeleteRegistryPolicy",
        "DescribeRegistry",
        "GetAuthorizationToken",
        "GetRegistryPolicy",
        "PutRegistryPolicy",
        "PutReplicationConfiguration",
    }
)
"""Operations that touch no repository, so that moto's own state cannot contradict ours."""


@dataclass(slots=True)
class Clock:
    """A clock that stands still until it is moved."""

    moment: datetime

    def __call__(self) -> datetime:
        """Return the time."""
        return self.moment

    def advance(self, duration: timedelta) -> None:
        """Let time pass."""
        self.moment += duration


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


class LocalRegistry:
    """The ECR registry of one account and region: its state, its operations, its clock.

    Set the attributes at any time. `calls` counts the requests by operation, refused ones
    included, and `errors` the refusals by error code.
    """

    def __init__(
        self,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        account_id: str = "123456789012",
        region: str = "eu-west-1",
    ) -> None:
        self.now = now
        self.account_id = account_id
        self.region = region
        self.repositories: dict[str, Repository] = {}
        self.calls: Counter[str] = Counter()
        self.errors: Counter[str] = Counter()
        self.faults = Faults()
        self.scan_type = "BASIC"
        self.scanning_rules: list[ScanningRule] = []
        self.reports_scans_in_describe_images = True
        self.scan_duration = timedelta(seconds=30)
        self.scans_per_day: int | None = 100_000
        self._lock = RLock()
        self._sequence = count(1)
        self._scans_in_progress: list[tuple[datetime, int, Repository, Image]] = []
        self._recent_scans: list[datetime] = []
        self._events: list[Shape] = []
        self._operations: dict[str, Callable[[Shape], Shape]] = {
            "BatchGetImage": self._batch_get_image,
            "BatchGetRepositoryScanningConfiguration": self._batch_get_scanning_configuration,
            "DescribeImageScanFindings": self._describe_image_scan_findings,
            "DescribeImages": self._describe_images,
            "DescribeRepositories": self._describe_repositories,
            "GetRegistryScanningConfiguration": self._get_registry_scanning_configuration,
            "ListTagsForResource": self._list_tags_for_resource,
            "StartImageScan": self._start_image_scan,
        }

    # State

    def add_repository(
        self,
        name: str,
        *,
        created_at: datetime | None = None,
        scan_on_push: bool = False,
        tags: Mapping[str, str] | None = None,
    ) -> Repository:
        """Create a repository, with resource tags."""
        repository = Repository(name, created_at or self.now(), scan_on_push, dict(tags or {}))
        self.repositories[name] = repository
        return repository

    def add_image(
        self,
        repository_name: str,
        *,
        tags: tuple[str, ...] = (),
        digest: str | None = None,
        pushed_at: datetime | None = None,
        size_in_bytes: int = 52_428_800,
        media_type: str = DOCKER_MANIFEST,
        artifact_media_type: str = DOCKER_IMAGE,
        status: str = "ACTIVE",
        last_pulled_at: datetime | None = None,
        archived_at: datetime | None = None,
        subject_digest: str | None = None,
        children: tuple[str, ...] = (),
        findings: Findings | Mapping[str, int] = NO_FINDINGS,
        scanned_at: datetime | None = None,
        scan_status: str | None = None,
        scan_description: str = "",
        next_scan_status: str = "COMPLETE",
        next_scan_description: str = "",
    ) -> Image:
        """Hold an image, in a repository which is created if need be.

        `findings` (or only their counts by severity) are what every scan finds. An image
        with `scanned_at` has had a scan, COMPLETE unless `scan_status` says otherwise; an
        IN_PROGRESS one began then. `next_scan_status` is how scans yet to come end.
        """
        repository = self.repositories.get(repository_name) or self.add_repository(repository_name)
        sequence = next(self._sequence)
        image = Image(
            sequence,
            digest or _digest(f"{repository_name}@{sequence}"),
            pushed_at or scanned_at or self.now(),
            tags=tags,
            size_in_bytes=size_in_bytes,
            media_type=media_type,
            artifact_media_type=artifact_media_type,
            status=status,
            last_pulled_at=last_pulled_at,
            archived_at=archived_at,
            subject_digest=subject_digest,
            children=children,
            findings=findings if isinstance(findings, Findings) else Findings.counting(findings),
            next_scan_status=next_scan_status,
            next_scan_description=next_scan_description,
            scan_status=scan_status,
            scan_description=scan_description,
        )
        with self._lock:
            repository.add(image)
            if scanned_at is not None:
                self._add_past_scan(repository, image, scanned_at)
        return image

    def _add_past_scan(self, repository: Repository, image: Image, moment: datetime) -> None:
        image.scan_started_at = moment
        image.scan_status = image.scan_status or "COMPLETE"
        if image.scan_status in ("COMPLETE", "ACTIVE"):
            image.report(moment)
        if image.scan_status == "IN_PROGRESS":
            self._await_scan(repository, image, moment)
        if self.now() - moment < DAY:
            heapq.heappush(self._recent_scans, moment)

    def remove_image(self, repository_name: str, digest: str) -> None:
        """Delete an image, as BatchDeleteImage or a lifecycle policy would."""
        repository = self.repositories[repository_name]
        with self._lock:
            repository.remove(repository.images[digest])

    # Scans over time

    def finish_scans(self) -> None:
        """Complete every scan in progress now, however long it should have taken."""
        with self._lock:
            while self._scans_in_progress:
                _, _, repository, image = heapq.heappop(self._scans_in_progress)
                self._end_scan(repository, image, self.now())

    def completed_events(self) -> list[Shape]:
        """Return the EventBridge events of the scans completed since the last call."""
        with self._lock:
            self._end_due_scans()
            events, self._events = self._events, []
            return events

    def _await_scan(self, repository: Repository, image: Image, begun_at: datetime) -> None:
        due = begun_at + self.scan_duration
        heapq.heappush(self._scans_in_progress, (due, image.sequence, repository, image))

    def _end_due_scans(self) -> None:
        moment = self.now()
        while self._scans_in_progress and self._scans_in_progress[0][0] <= moment:
            due, _, repository, image = heapq.heappop(self._scans_in_progress)
            self._end_scan(repository, image, due)

    def _end_scan(self, repository: Repository, image: Image, moment: datetime) -> None:
        if repository.images.get(image.digest) is image:
            image.end_scan(moment)
            self._events.append(self._scan_event(repository, image, moment))

    def _scan_event(self, repository: Repository, image: Image, moment: datetime) -> Shape:
        """Return the event of the user guide's "Event for a completed image scan".

        Severities without findings are absent from the counts. What a scan that is not
        COMPLETE counts is not documented: here, nothing.
        """
        is_complete = image.scan_status == "COMPLETE" and image.reported
        arn = self.repository_arn(repository.name)
        return {
            "version": "0",
            "id": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{arn}@{image.digest}@{moment}")),
            "detail-type": "ECR Image Scan",
            "source": "aws.ecr",
            "account": self.account_id,
            "time": moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "region": self.region,
            "resources": [arn],
            "detail": {
                "scan-status": image.scan_status,
                "repository-name": repository.name,
                "finding-severity-counts": dict(is_complete.severity_counts) if is_complete else {},
                "image-digest": image.digest,
                "image-tags": list(image.tags),
            },
        }

    # Faults

    def fail_next(self, operation: str, error_code: str, times: int = 1) -> None:
        """Answer the next calls of an operation with an error, such as a ServerException."""
        self.faults.fail_next(operation, error_code, times)

    def limit_rate(self, operation: str, rate: float, burst: float | None = None) -> None:
        """Answer ThrottlingException to calls beyond `rate` a second."""
        self.faults.limit_rate(operation, rate, burst)

    # Operations

    def answer(self, operation: str, request: Shape) -> Shape:
        """Answer one request of the ECR API, or raise the EcrError that it gives."""
        self.faults.delay()
        with self._lock:
            self.calls[operation] += 1
            try:
                self.faults.check(operation)
                self._end_due_scans()
                return self._operation(operation)(request)
            except EcrError as error:
                self.errors[error.code] += 1
                raise

    def _operation(self, operation: str) -> Callable[[Shape], Shape]:
        if operation not in self._operations:
            raise EcrError("UnknownOperationException", f"The local ECR has no {operation}.")
        return self._operations[operation]

    def _describe_repositories(self, request: Shape) -> Shape:
        """DescribeRepositories: those named, or a page of all by name."""
        if "repositoryNames" in request:
            names = named(request, "repositoryNames", MOST_NAMES)
            return {"repositories": [self._repository_shape(name, request) for name in names]}
        size = page_size(request)
        last = position(request, "DescribeRepositories", "")
        found = [name for name in sorted(self.repositories) if name > last][: size + 1]
        answer: Shape = {
            "repositories": [self._repository_shape(name, request) for name in found[:size]]
        }
        return answer | next_token(found, size, "DescribeRepositories", lambda name: name)

    def _repository_shape(self, name: str, request: Shape) -> Shape:
        repository = self._repository(name, request)
        return {
            "repositoryArn": self.repository_arn(name),
            "registryId": self.account_id,
            "repositoryName": name,
            "repositoryUri": f"{self.account_id}.dkr.ecr.{self.region}.amazonaws.com/{name}",
            "createdAt": epoch(repository.created_at),
            "imageTagMutability": "MUTABLE",
            "imageScanningConfiguration": {"scanOnPush": repository.scan_on_push},
            "encryptionConfiguration": {"encryptionType": "AES256"},
        }

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
            "registryId": self.account_id,
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
        if image.scan_status and self.reports_scans_in_describe_images:
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
        moment = self.now()
        image.begin_scan(moment)
        heapq.heappush(self._recent_scans, moment)
        self._await_scan(repository, image, moment)
        return self._scan_answer(repository, image, request)

    def _refuse_unscannable(self, image: Image) -> None:
        if image.status != "ACTIVE":
            message = f"The image with digest '{image.digest}' is archived."
            raise EcrError("ImageArchivedException", message)
        if not image.is_scannable:
            media_type = image.media_type if image.is_index else image.artifact_media_type
            message = f"Images of type '{media_type}' cannot be scanned."
            raise EcrError("UnsupportedImageTypeException", message)

    def _refuse_beyond_limits(self, image: Image) -> None:
        moment = self.now()
        while self._recent_scans and moment - self._recent_scans[0] >= DAY:
            heapq.heappop(self._recent_scans)
        if image.scan_started_at and moment - image.scan_started_at < DAY:
            message = "The scan quota per image has been exceeded. Wait and try again."
            raise EcrError("LimitExceededException", message)
        if self.scans_per_day is not None and len(self._recent_scans) >= self.scans_per_day:
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
        return {"enhancedFindings": [finding.enhanced() | particulars for finding in findings]}

    def _enhanced_particulars(self, repository: Repository, image: Image) -> Shape:
        """Return what every EnhancedImageScanFinding of an image says of the image."""
        seen = epoch(image.scan_completed_at or image.pushed_at)
        container_image = {
            "architecture": "amd64",
            "imageHash": image.digest,
            "imageTags": list(image.tags),
            "platform": "UBUNTU_22_04",
            "pushedAt": epoch(image.pushed_at),
            "registry": self.account_id,
            "repositoryName": repository.name,
        }
        return {
            "awsAccountId": self.account_id,
            "findingArn": f"arn:aws:inspector2:{self.region}:{self.account_id}:finding/"
            + image.digest.removeprefix("sha256:")[:32],
            "firstObservedAt": seen,
            "lastObservedAt": seen,
            "updatedAt": seen,
            "resources": [
                {
                    "id": f"{self.repository_arn(repository.name)}/{image.digest}",
                    "type": "AWS_ECR_CONTAINER_IMAGE",
                    "details": {"awsEcrContainerImage": container_image},
                }
            ],
        }

    def _scan_answer(self, repository: Repository, image: Image, request: Shape) -> Shape:
        return {
            "registryId": self.account_id,
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
        if image.last_pulled_at is None or self.now() - image.last_pulled_at >= DAY:
            image.last_pulled_at = self.now()
        return {
            "registryId": self.account_id,
            "repositoryName": repository.name,
            "imageId": image.identifier(identifier),
            "imageManifest": json.dumps(image.manifest(repository)),
            "imageManifestMediaType": image.media_type,
        }

    def _get_registry_scanning_configuration(self, _: Shape) -> Shape:
        """GetRegistryScanningConfiguration: BASIC or ENHANCED, and the rules."""
        rules = [rule.shape() for rule in self.scanning_rules]
        return {
            "registryId": self.account_id,
            "scanningConfiguration": {"scanType": self.scan_type, "rules": rules},
        }

    def _batch_get_scanning_configuration(self, request: Shape) -> Shape:
        """BatchGetRepositoryScanningConfiguration: the rule in force for each repository."""
        names = named(request, "repositoryNames", MOST_SCANNING_CONFIGURATIONS)
        known = [name for name in names if name in self.repositories]
        return {
            "scanningConfigurations": [self._scanning_configuration(name) for name in known],
            "failures": [
                {
                    "repositoryName": name,
                    "failureCode": "REPOSITORY_NOT_FOUND",
                    "failureReason": "REPOSITORY_NOT_FOUND",
                }
                for name in names
                if name not in self.repositories
            ],
        }

    def _scanning_configuration(self, name: str) -> Shape:
        on_push = self.repositories[name].scan_on_push
        frequency, wildcards = "SCAN_ON_PUSH" if on_push else "MANUAL", tuple[str, ...]()
        for rule in self.scanning_rules:
            if matching := rule.matches(name):
                frequency, wildcards = rule.frequency, matching
                break
        return {
            "repositoryArn": self.repository_arn(name),
            "repositoryName": name,
            "scanOnPush": frequency != "MANUAL",
            "scanFrequency": frequency,
            "appliedScanFilters": _wildcard_filters(wildcards),
        }

    def _list_tags_for_resource(self, request: Shape) -> Shape:
        """ListTagsForResource: the tags of the repository with this ARN."""
        prefix, arn = self.repository_arn(""), request["resourceArn"]
        if not arn.startswith(prefix):
            raise invalid_parameter("resourceArn", f"Invalid ARN '{arn}'")
        tags = self._repository(arn.removeprefix(prefix), request).tags
        return {"tags": [{"Key": key, "Value": value} for key, value in tags.items()]}

    # Look-ups

    @property
    def _is_enhanced(self) -> bool:
        return self.scan_type == "ENHANCED"

    def repository_arn(self, name: str) -> str:
        """Return the ARN of a repository."""
        return f"arn:aws:ecr:{self.region}:{self.account_id}:repository/{name}"

    def _requested_repository(self, request: Shape) -> Repository:
        return self._repository(request["repositoryName"], request)

    def _repository(self, name: str, request: Shape) -> Repository:
        registry_id = request.get("registryId", self.account_id)
        if registry_id != self.account_id or name not in self.repositories:
            message = (
                f"The repository with name '{name}' does not exist "
                f"in the registry with id '{registry_id}'"
            )
            raise EcrError("RepositoryNotFoundException", message)
        return self.repositories[name]

    def _image(self, repository: Repository, identifier: Shape) -> Image:
        digest, tag = identifier.get("imageDigest"), identifier.get("imageTag")
        if not digest and not tag:
            raise invalid_parameter("imageId", "An image needs a digest or a tag")
        image = repository.find(digest, tag)
        if image is None:
            message = (
                f"The image with imageId {{imageDigest:'{digest}', imageTag:'{tag}'}} does not "
                f"exist within the repository with name '{repository.name}' "
                f"in the registry with id '{self.account_id}'"
            )
            raise EcrError("ImageNotFoundException", message)
        return image


def _image_failure(identifier: Shape, code: str) -> Shape:
    reasons = {
        "ImageNotFound": "Requested image not found",
        "ImageInaccessible": "Requested image is archived",
    }
    return {"imageId": identifier, "failureCode": code, "failureReason": reasons[code]}


def _wildcard_filters(wildcards: tuple[str, ...]) -> list[Shape]:
    return [{"filter": wildcard, "filterType": "WILDCARD"} for wildcard in wildcards]


def _digest(text: str) -> str:
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


# Transport


class _LocalEcrResponse(ECRResponse):
    """moto's handler of ECR requests, which asks a LocalRegistry first."""

    registry: ClassVar[LocalRegistry]

    def call_action(self) -> tuple[int, dict[str, Any], str | bytes]:
        operation = self._get_action()
        if self.region != self.registry.region or operation in LEFT_TO_MOTO:
            return super().call_action()
        headers = {**self.response_headers, "Content-Type": "application/x-amz-json-1.1"}
        try:
            answer = self.registry.answer(operation, json.loads(self.body or "{}"))
        except EcrError as error:
            refusal = {"__type": error.code, "message": error.message}
            return error.status, headers, json.dumps(refusal)
        return 200, headers, json.dumps(answer)


@contextmanager
def local_ecr(registry: LocalRegistry | None = None) -> Iterator[LocalRegistry]:
    """Let moto answer ECR requests from a registry, an empty one by default, until the end."""
    asked = registry or LocalRegistry()

    class Handler(_LocalEcrResponse):
        registry = asked

    with patch.dict(urls.url_paths, dict.fromkeys(urls.url_paths, Handler.dispatch)):
        yield asked
