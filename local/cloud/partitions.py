"""The AWS partition of a region: how its ARNs begin and its host names end."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from botocore.loaders import create_loader


@dataclass(frozen=True, slots=True)
class Partition:
    """A partition, such as ``aws-cn`` with ``amazonaws.com.cn``."""

    name: str
    dns_suffix: str


@cache
def partition_of(region: str) -> Partition:
    """The partition of a region; :raises ValueError: for one of no partition.

    Source: botocore's table of partitions.
    """
    for partition in create_loader().load_data("partitions")["partitions"]:
        if re.match(partition["regionRegex"], region):
            return Partition(partition["id"], partition["outputs"]["dnsSuffix"])
    raise ValueError(f"{region!r} is no region of AWS")
