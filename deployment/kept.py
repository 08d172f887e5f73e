"""What an earlier stack of the same name left: its table and its bucket, to go on with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


def kept_data(stack_name: str, client: Callable[[str], Any]) -> dict[str, str]:
    """The parameters that name what is there; ``client`` makes a boto3 client."""
    found = {
        "HistoryTableName": _table(f"{stack_name}-history", client("dynamodb")),
        "ReportBucketName": _bucket(f"{stack_name}-reportbucket-".lower(), client("s3")),
    }
    return {parameter: name for parameter, name in found.items() if name}


def _table(name: str, tables: Any) -> str:
    """The table of that name, which the template gives it. Source: DescribeTable."""
    try:
        tables.describe_table(TableName=name)
    except ClientError as error:
        if error.response["Error"]["Code"] == "ResourceNotFoundException":
            return ""
        raise
    return name


def _bucket(prefix: str, buckets: Any) -> str:
    """The latest bucket that CloudFormation named after the stack. Source: ListBuckets."""
    region = buckets.meta.region_name
    pages = buckets.get_paginator("list_buckets").paginate(Prefix=prefix, BucketRegion=region)
    found = [bucket for page in pages for bucket in page["Buckets"]]
    latest = max(found, key=lambda bucket: bucket["CreationDate"], default=None)
    return latest["Name"] if latest else ""
