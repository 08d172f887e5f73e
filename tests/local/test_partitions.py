"""Regions outside the partition aws."""

from __future__ import annotations

import boto3
import pytest
from moto import mock_aws

from local.ecr import Finding, Findings, LocalRegistry, local_ecr
from tests.local.calls import REPOSITORY


@pytest.mark.parametrize(
    ("region", "partition", "suffix"),
    [
        ("eu-west-1", "aws", "amazonaws.com"),
        ("cn-north-1", "aws-cn", "amazonaws.com.cn"),
        ("us-gov-west-1", "aws-us-gov", "amazonaws.com"),
    ],
)
def test_arns_and_host_names_are_those_of_the_regions_partition(
    region: str, partition: str, suffix: str
) -> None:
    registry = LocalRegistry(region=region)
    with mock_aws(), local_ecr(registry):
        ecr = boto3.client("ecr", region_name=region)
        image = registry.add_image(REPOSITORY, findings=Findings((Finding("CVE-1", "HIGH"),)))
        arn = f"arn:{partition}:ecr:{region}:123456789012:repository/{REPOSITORY}"
        [repository] = ecr.describe_repositories()["repositories"]
        assert repository["repositoryArn"] == arn
        host = f"123456789012.dkr.ecr.{region}.{suffix}"
        assert repository["repositoryUri"] == f"{host}/{REPOSITORY}"
        assert ecr.list_tags_for_resource(resourceArn=arn)["tags"] == []
        ecr.start_image_scan(repositoryName=REPOSITORY, imageId={"imageDigest": image.digest})
        registry.finish_scans()
        [event] = registry.completed_events()
        assert (event["region"], event["resources"]) == (region, [arn])
        registry.scan_type = "ENHANCED"
        inspector = boto3.client("inspector2", region_name=region)
        assert inspector.list_coverage()["coveredResources"][0]["resourceId"] == arn
        answer = ecr.describe_image_scan_findings(
            repositoryName=REPOSITORY, imageId={"imageDigest": image.digest}
        )
        [finding] = answer["imageScanFindings"]["enhancedFindings"]
        assert finding["findingArn"].startswith(f"arn:{partition}:inspector2:{region}:")


def test_a_region_of_no_partition_is_refused() -> None:
    with pytest.raises(ValueError, match="'nowhere-1' is no region"):
        LocalRegistry(region="nowhere-1")
