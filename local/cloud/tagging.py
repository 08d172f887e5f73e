"""The Resource Groups Tagging API's answers about the repositories of a local registry.

moto's own knows no ECR repositories.
"""

from __future__ import annotations

from itertools import islice
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from local.cloud.registry import LocalRegistry


def tagged_repositories(
    registry: LocalRegistry | None, request: dict[str, Any]
) -> tuple[str, list[Any]]:
    """GetResources: a page of the repositories that have tags, and the token of the next page."""
    if registry is None or "ecr:repository" not in request["resource_type_filters"]:
        return "", []
    registry.calls["GetResources"] += 1
    size = request["resources_per_page"]
    tagged = sorted(name for name, repository in registry.repositories.items() if repository.tags)
    rest = (name for name in tagged if name > (request["pagination_token"] or ""))
    page = list(islice(rest, size + 1))
    resources = [
        SimpleNamespace(arn=registry.repository_arn(name), tags=registry.repositories[name].tags)
        for name in page[:size]
    ]
    return page[size - 1] if len(page) > size else "", resources
