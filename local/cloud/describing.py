"""The operations about repositories and images: what there is, never how it was scanned.

DescribeImages has no `imageScanStatus` and no `imageScanFindingsSummary`, since neither AWS's own
basic scanning nor enhanced scanning fills them. Sources: ECR API reference (2015-09-21);
aws-exporters/ecr 12, turbot/steampipe-plugin-aws 2356 and 2404, aws/containers-roadmap 1662.
"""

from __future__ import annotations

import json
from itertools import islice
from typing import TYPE_CHECKING

from local.cloud.images import epoch
from local.cloud.lookups import image_of, repository_named, requested_repository
from local.cloud.manifests import manifest_of
from local.cloud.requests import (
    image_filter,
    invalid_parameter,
    named,
    next_token,
    page_size,
    position,
)
from local.cloud.scans import DAY

if TYPE_CHECKING:
    from local.cloud.contents import Contents
    from local.cloud.findings import Shape
    from local.cloud.images import Image
    from local.cloud.repositories import Repository

MOST_NAMES = 100
MOST_TAGS = 1000
"""The most tags of an image. Source: ECR user guide, service quotas."""


def describe_repositories(registry: Contents, request: Shape) -> Shape:
    """DescribeRepositories: those named, or a page of all by name."""
    if "repositoryNames" in request:
        names = named(request, "repositoryNames", MOST_NAMES)
        return {"repositories": [_repository_shape(registry, name, request) for name in names]}
    size = page_size(request)
    last = position(request, "DescribeRepositories", "")
    found = list(islice(registry.names_after(last), size + 1))
    answer: Shape = {
        "repositories": [_repository_shape(registry, name, request) for name in found[:size]]
    }
    return answer | next_token(found, size, "DescribeRepositories", lambda name: name)


def _repository_shape(registry: Contents, name: str, request: Shape) -> Shape:
    repository = repository_named(registry, name, request)
    suffix = registry.partition.dns_suffix
    host = f"{registry.account_id}.dkr.ecr.{registry.region}.{suffix}"
    return {
        "repositoryArn": registry.repository_arn(name),
        "registryId": registry.account_id,
        "repositoryName": name,
        "repositoryUri": f"{host}/{name}",
        "createdAt": epoch(repository.created_at),
        "imageTagMutability": "MUTABLE",
        "imageScanningConfiguration": {"scanOnPush": repository.scan_on_push},
        "encryptionConfiguration": {"encryptionType": "AES256"},
    }


def list_images(registry: Contents, request: Shape) -> Shape:
    """ListImages: a page of identifiers, one for each tag and one for an image without tags."""
    repository = requested_repository(registry, request)
    scope = f"ListImages:{repository.name}"
    size = page_size(request)
    passes = image_filter(request.get("filter", {}), "ACTIVE")
    last = position(request, scope, 0)
    images = filter(passes, repository.after(last // MOST_TAGS - 1))
    identifiers = (entry for image in images for entry in _identifiers(image))
    found = list(islice((entry for entry in identifiers if entry[0] > last), size + 1))
    answer: Shape = {"imageIds": [identifier for _, identifier in found[:size]]}
    return answer | next_token(found, size, scope, lambda entry: entry[0])


def _identifiers(image: Image) -> list[tuple[int, Shape]]:
    """The identifiers of an image, each with its place among all of the repository."""
    digest = {"imageDigest": image.digest}
    identifiers = [digest | {"imageTag": tag} for tag in image.tags] or [digest]
    first = image.sequence * MOST_TAGS
    return [(first + number, identifier) for number, identifier in enumerate(identifiers)]


def describe_images(registry: Contents, request: Shape) -> Shape:
    """DescribeImages: the images asked for, or a page of those that pass the filter."""
    repository = requested_repository(registry, request)
    filters = request.get("filter", {})
    if "imageIds" in request:
        images = _identified_images(registry, repository, request)
        passing = filter(image_filter(filters, "ANY"), images)
        return {"imageDetails": [_image_detail(registry, repository, image) for image in passing]}
    scope = f"DescribeImages:{repository.name}"
    size = page_size(request)
    passes = image_filter(filters, "ACTIVE")
    after = repository.after(position(request, scope, 0))
    found = list(islice(filter(passes, after), size + 1))
    answer: Shape = {
        "imageDetails": [_image_detail(registry, repository, image) for image in found[:size]]
    }
    return answer | next_token(found, size, scope, lambda image: image.sequence)


def _identified_images(
    registry: Contents, repository: Repository, request: Shape
) -> dict[Image, None]:
    """The images asked for, each once, archived ones too."""
    identifiers = named(request, "imageIds", MOST_NAMES)
    return {image_of(registry, repository, identifier): None for identifier in identifiers}


def _image_detail(registry: Contents, repository: Repository, image: Image) -> Shape:
    """Return the ImageDetail, less the members that are empty for this image."""
    detail: Shape = {
        "registryId": registry.account_id,
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
    return detail


def batch_get_image(registry: Contents, request: Shape) -> Shape:
    """BatchGetImage: the manifests, which counts as a pull; what is missing is a failure."""
    repository = requested_repository(registry, request)
    images: list[Shape] = []
    failures: list[Shape] = []
    for identifier in named(request, "imageIds", MOST_NAMES):
        image = repository.find(identifier.get("imageDigest"), identifier.get("imageTag"))
        if image is None:
            failures.append(_image_failure(identifier, "ImageNotFound"))
        elif image.status != "ACTIVE":
            failures.append(_image_failure(identifier, "ImageInaccessible"))
        else:
            images.append(_pulled_image(registry, repository, image, identifier))
    return {"images": images, "failures": failures}


def _pulled_image(
    registry: Contents, repository: Repository, image: Image, identifier: Shape
) -> Shape:
    moment = registry.now()
    if image.last_pulled_at is None or moment - image.last_pulled_at >= DAY:
        image.last_pulled_at = moment
    return {
        "registryId": registry.account_id,
        "repositoryName": repository.name,
        "imageId": image.identifier(identifier),
        "imageManifest": json.dumps(manifest_of(image, repository)),
        "imageManifestMediaType": image.media_type,
    }


def _image_failure(identifier: Shape, code: str) -> Shape:
    reasons = {
        "ImageNotFound": "Requested image not found",
        "ImageInaccessible": "Requested image is archived",
    }
    return {"imageId": identifier, "failureCode": code, "failureReason": reasons[code]}


def list_tags_for_resource(registry: Contents, request: Shape) -> Shape:
    """ListTagsForResource: the tags of the repository with this ARN."""
    prefix, arn = registry.repository_arn(""), request["resourceArn"]
    if not arn.startswith(prefix):
        raise invalid_parameter("resourceArn", f"Invalid ARN '{arn}'")
    tags = repository_named(registry, arn.removeprefix(prefix), request).tags
    return {"tags": [{"Key": key, "Value": value} for key, value in tags.items()]}
