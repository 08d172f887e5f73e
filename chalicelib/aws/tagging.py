"""AWS Resource Groups Tagging: the tags of all repositories, in few calls."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.settings.repository_tags import rule_texts

if TYPE_CHECKING:
    from mypy_boto3_resourcegroupstaggingapi import ResourceGroupsTaggingAPIClient

PAGE_SIZE = 100
"""The most resources that GetResources returns at once."""


class RepositoryTags:
    """The tags of the repositories of one account and region."""

    def __init__(self, client: ResourceGroupsTaggingAPIClient) -> None:
        self._client = client

    def rules(self) -> dict[str, dict[str, str]]:
        """The texts of the rules in the tags, by repository and rule.

        A hundred repositories a call, and only those with tags, where ECR's ListTagsForResource
        takes a call for each. Source: GetResources.
        """
        paginator = self._client.get_paginator("get_resources")
        pages = paginator.paginate(
            ResourceTypeFilters=["ecr:repository"], PaginationConfig={"PageSize": PAGE_SIZE}
        )
        found = {
            resource["ResourceARN"].partition(":repository/")[2]: rule_texts(
                (tag["Key"], tag["Value"]) for tag in resource.get("Tags", ())
            )
            for page in pages
            for resource in page["ResourceTagMappingList"]
        }
        return {repository: rules for repository, rules in found.items() if rules}
