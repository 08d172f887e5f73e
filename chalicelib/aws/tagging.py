"""AWS Resource Groups Tagging: the tags of all repositories, in few calls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chalicelib.aws.ecr import at_once
from chalicelib.settings.repository_tags import rule_texts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mypy_boto3_resourcegroupstaggingapi import ResourceGroupsTaggingAPIClient

PAGE_SIZE = 100
"""The most resources that GetResources returns at once."""


class RepositoryTags:
    """The tags of the repositories of one account and region."""

    def __init__(self, client: ResourceGroupsTaggingAPIClient) -> None:
        self._client = client

    def rules(self, call: Callable[..., Any] = at_once) -> dict[str, dict[str, str]]:
        """The texts of the rules in the tags, by repository and rule.

        A hundred repositories a ``call``, and only those with tags, where ECR's ListTagsForResource
        takes a call for each. Source: GetResources.
        """
        found = {
            resource["ResourceARN"].partition(":repository/")[2]: rule_texts(
                (tag["Key"], tag["Value"]) for tag in resource.get("Tags", ())
            )
            for page in self._pages(call)
            for resource in page["ResourceTagMappingList"]
        }
        return {repository: rules for repository, rules in found.items() if rules}

    def _pages(self, call: Callable[..., Any]) -> Iterator[Any]:
        page = call(self._page, "")
        yield page
        while token := page.get("PaginationToken"):
            page = call(self._page, token)
            yield page

    def _page(self, token: str) -> Any:
        return self._client.get_resources(
            ResourceTypeFilters=["ecr:repository"],
            ResourcesPerPage=PAGE_SIZE,
            PaginationToken=token,
        )
