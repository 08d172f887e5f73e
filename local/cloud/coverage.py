"""Amazon Inspector's ListCoverage: the status and the use of every image, in bulk.

Source: Amazon Inspector API reference, ListCoverage, CoveredResource and ScanStatus. Indexes are
left out, since Inspector covers the images in them. That a registry without enhanced scanning has
an empty coverage is an assumption.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from local.cloud.faults import EcrError
from local.cloud.findings import Shape
from local.cloud.images import epoch
from local.cloud.requests import next_token, position

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from local.cloud.images import Image
    from local.cloud.repositories import Repository
    from local.cloud.scans import Scans

LARGEST_PAGE = 200
IMAGE, REPOSITORY = "AWS_ECR_CONTAINER_IMAGE", "AWS_ECR_REPOSITORY"

_REASONS = {
    None: ("INACTIVE", "SCAN_FREQUENCY_MANUAL"),
    "COMPLETE": ("ACTIVE", "SUCCESSFUL"),
    "ACTIVE": ("ACTIVE", "SUCCESSFUL"),
    "IN_PROGRESS": ("ACTIVE", "PENDING_INITIAL_SCAN"),
    "PENDING": ("ACTIVE", "PENDING_INITIAL_SCAN"),
    "SCAN_ELIGIBILITY_EXPIRED": ("INACTIVE", "SCAN_ELIGIBILITY_EXPIRED"),
    "IMAGE_SIZE_EXCEEDED": ("INACTIVE", "IMAGE_SIZE_EXCEEDED"),
}
"""The code and the reason of a ScanStatus, by ECR's status; of any other, an internal error."""

Covered = tuple[str, Shape]
"""A resource and its place among all, repository by repository."""


def list_coverage(registry: Scans, request: Shape) -> Shape:
    """ListCoverage: a page of the repositories and images that pass the filter."""
    size = request.get("maxResults", LARGEST_PAGE)
    if not 1 <= size <= LARGEST_PAGE:
        raise EcrError("ValidationException", f"maxResults must be between 1 and {LARGEST_PAGE}")
    criteria = request.get("filterCriteria", {})
    if unknown := criteria.keys() - _TEXTS.keys() - _RANGES.keys():
        raise EcrError("ValidationException", f"There is no filter {sorted(unknown)} here")
    try:
        last = position(request, "ListCoverage", "")
    except EcrError as error:
        raise EcrError("ValidationException", error.message) from error
    covered = _covered(registry, criteria, last) if registry.is_enhanced else iter(())
    passing = (each for each in covered if _passes(each[1], criteria))
    found = list(islice(passing, size + 1))
    answer = {"coveredResources": [resource for _, resource in found[:size]]}
    return answer | next_token(found, size, "ListCoverage", lambda each: each[0])


def _covered(registry: Scans, criteria: Shape, last: str) -> Iterator[Covered]:
    """The resources after a place, which is a repository's name and an image's sequence number."""
    after, _, sequence = last.partition(":")
    for name in _names(registry, criteria, after):
        repository = registry.repositories[name]
        if name != after:
            yield f"{name}:0", _resource(registry, repository)
        for image in repository.after(int(sequence) if name == after else 0):
            if not image.is_index:
                yield f"{name}:{image.sequence}", _resource(registry, repository, image)


def _names(registry: Scans, criteria: Shape, after: str) -> Iterable[str]:
    """The repositories from one on, only those that the filter names where it names some."""
    filters = criteria.get("ecrRepositoryName", ())
    wanted = {each["value"] for each in filters if each["comparison"] == "EQUALS"}
    if not wanted:
        return registry.names_after(after, inclusive=True)
    return sorted(name for name in wanted & registry.repositories.keys() if name >= after)


def _resource(registry: Scans, repository: Repository, image: Image | None = None) -> Shape:
    """Return the CoveredResource of a repository, or of an image in it."""
    arn = registry.repository_arn(repository.name)
    frequency, _ = registry.frequency(repository.name)
    resource: Shape = {
        "accountId": registry.account_id,
        "provider": "AWS",
        "resourceId": f"{arn}/{image.digest}" if image else arn,
        "resourceType": IMAGE if image else REPOSITORY,
        "scanType": "PACKAGE",
        "scanStatus": _status(image, frequency),
        "resourceMetadata": {
            "ecrRepository": {"name": repository.name, "scanFrequency": frequency}
        },
    }
    if image:
        resource["resourceMetadata"]["ecrImage"] = _use(image)
        if image.scan_completed_at:
            resource["lastScannedAt"] = epoch(image.scan_completed_at)
    return resource


def _use(image: Image) -> Shape:
    use: Shape = {"tags": list(image.tags), "inUseCount": image.in_use_count}
    if image.last_pulled_at:
        use["imagePulledAt"] = epoch(image.last_pulled_at)
    if image.last_in_use_at:
        use["lastInUseAt"] = epoch(image.last_in_use_at)
    return use


def _status(image: Image | None, frequency: str) -> Shape:
    code, reason = "ACTIVE", "SUCCESSFUL"
    if image is None:
        if frequency == "MANUAL":
            code, reason = _REASONS[None]
    elif image.status == "ARCHIVED":
        code, reason = "INACTIVE", "IMAGE_ARCHIVED"
    elif not image.is_scannable:
        code, reason = "INACTIVE", "UNSUPPORTED_MEDIA_TYPE"
    elif image.is_unsupported:
        code, reason = "INACTIVE", "UNSUPPORTED_OS"
    else:
        code, reason = _REASONS.get(image.scan_status, ("INACTIVE", "INTERNAL_ERROR"))
        if reason == "SUCCESSFUL" and frequency == "SCAN_ON_PUSH":
            code, reason = "INACTIVE", "SCAN_FREQUENCY_SCAN_ON_PUSH"
    return {"statusCode": code, "reason": reason}


def _passes(resource: Shape, criteria: Shape) -> bool:
    """Whether a resource passes each of the filters: one of its values, and none that is not to."""
    return all(
        _passes_texts(_TEXTS[name](resource), filters)
        if name in _TEXTS
        else any(_is_within(_RANGES[name](resource), each) for each in filters)
        for name, filters in criteria.items()
    )


def _passes_texts(texts: list[str], filters: list[Shape]) -> bool:
    wanted = [each["value"] for each in filters if each["comparison"] == "EQUALS"]
    unwanted = [each["value"] for each in filters if each["comparison"] == "NOT_EQUALS"]
    return (not wanted or any(text in wanted for text in texts)) and not any(
        text in unwanted for text in texts
    )


def _is_within(value: float | None, limits: Shape) -> bool:
    least = limits.get("lowerInclusive", limits.get("startInclusive"))
    most = limits.get("upperInclusive", limits.get("endInclusive"))
    if value is None:
        return False
    return (least is None or value >= least) and (most is None or value <= most)


def _image_member(name: str) -> Callable[[Shape], Any]:
    return lambda resource: resource["resourceMetadata"].get("ecrImage", {}).get(name)


_TEXTS: dict[str, Callable[[Shape], list[str]]] = {
    "accountId": lambda resource: [resource["accountId"]],
    "ecrImageTags": lambda resource: _image_member("tags")(resource) or [],
    "ecrRepositoryName": lambda resource: [resource["resourceMetadata"]["ecrRepository"]["name"]],
    "resourceId": lambda resource: [resource["resourceId"]],
    "resourceType": lambda resource: [resource["resourceType"]],
    "scanStatusCode": lambda resource: [resource["scanStatus"]["statusCode"]],
    "scanStatusReason": lambda resource: [resource["scanStatus"]["reason"]],
    "scanType": lambda resource: [resource["scanType"]],
}

_RANGES: dict[str, Callable[[Shape], float | None]] = {
    "ecrImageInUseCount": _image_member("inUseCount"),
    "ecrImageLastInUseAt": _image_member("lastInUseAt"),
    "imagePulledAt": _image_member("imagePulledAt"),
    "lastScannedAt": lambda resource: resource.get("lastScannedAt"),
}
