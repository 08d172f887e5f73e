"""The repository and the image that a request names, or the error where there is none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from local.cloud.faults import EcrError
from local.cloud.requests import invalid_parameter

if TYPE_CHECKING:
    from local.cloud.contents import Contents
    from local.cloud.findings import Shape
    from local.cloud.images import Image
    from local.cloud.repositories import Repository


def requested_repository(registry: Contents, request: Shape) -> Repository:
    """Return the repository that the request is about."""
    return repository_named(registry, request["repositoryName"], request)


def repository_named(registry: Contents, name: str, request: Shape) -> Repository:
    """Return a repository of the registry that the request names, by default this one."""
    registry_id = request.get("registryId", registry.account_id)
    if registry_id != registry.account_id or name not in registry.repositories:
        message = (
            f"The repository with name '{name}' does not exist "
            f"in the registry with id '{registry_id}'"
        )
        raise EcrError("RepositoryNotFoundException", message)
    return registry.repositories[name]


def image_of(registry: Contents, repository: Repository, identifier: Shape) -> Image:
    """Return the image that an ImageIdentifier names by digest, by tag or by both."""
    digest, tag = identifier.get("imageDigest"), identifier.get("imageTag")
    if not digest and not tag:
        raise invalid_parameter("imageId", "An image needs a digest or a tag")
    image = repository.find(digest, tag)
    if image is None:
        message = (
            f"The image with imageId {{imageDigest:'{digest}', imageTag:'{tag}'}} does not "
            f"exist within the repository with name '{repository.name}' "
            f"in the registry with id '{registry.account_id}'"
        )
        raise EcrError("ImageNotFoundException", message)
    return image
