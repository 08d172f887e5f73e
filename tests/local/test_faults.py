"""Throttling, errors to order and latency."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from local.ecr import EcrError
from tests.local.calls import REPOSITORY, describe_image, refusal, refused_scan, start_scan

if TYPE_CHECKING:
    from mypy_boto3_ecr import ECRClient

    from local.ecr import Clock, LocalRegistry


class TestFaults:
    def test_throttling_by_the_registrys_clock(
        self, registry: LocalRegistry, ecr: ECRClient, clock: Clock
    ) -> None:
        registry.limit_rate("DescribeRepositories", rate=2, burst=3)
        for _ in range(3):
            ecr.describe_repositories()
        with pytest.raises(ClientError) as caught:
            ecr.describe_repositories()
        assert caught.value.response["Error"]["Code"] == "ThrottlingException"
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
        clock.advance(timedelta(seconds=0.5))
        ecr.describe_repositories()
        assert refusal(ecr.describe_repositories) == "ThrottlingException"
        assert registry.calls["DescribeRepositories"] == 6
        assert registry.errors == {"ThrottlingException": 2}

    def test_only_the_operation_that_is_limited(
        self, registry: LocalRegistry, ecr: ECRClient
    ) -> None:
        registry.limit_rate("StartImageScan", rate=0.1)
        first, second = (registry.add_image(REPOSITORY).digest for _ in range(2))
        start_scan(ecr, first)
        assert refused_scan(ecr, second) == "ThrottlingException"
        describe_image(ecr, second)

    def test_clients_retry_when_throttled(self, registry: LocalRegistry) -> None:
        registry.fail_next("DescribeRepositories", "ThrottlingException")
        config = Config(retries={"total_max_attempts": 2, "mode": "standard"})
        boto3.client("ecr", config=config).describe_repositories()
        assert registry.calls["DescribeRepositories"] == 2

    def test_an_error_to_order(self, registry: LocalRegistry, ecr: ECRClient) -> None:
        registry.fail_next("DescribeRepositories", "ServerException", times=2)
        for _ in range(2):
            with pytest.raises(ecr.exceptions.ServerException) as caught:
                ecr.describe_repositories()
            assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 500
        ecr.describe_repositories()

    def test_latency(self, registry: LocalRegistry, ecr: ECRClient) -> None:
        waits: list[float] = []
        registry.faults.sleep = waits.append
        registry.faults.latency_seconds = 0.05
        ecr.describe_repositories()
        assert waits == [0.05]

    @pytest.mark.parametrize(
        "operation",
        ["BatchGetImage", "DescribeImageScanFindings", "DescribeImages", "StartImageScan"],
    )
    def test_each_operation_can_have_a_rate(self, registry: LocalRegistry, operation: str) -> None:
        image = registry.add_image(REPOSITORY)
        identifier = {"imageDigest": image.digest}
        request = {
            "repositoryName": REPOSITORY,
            "imageId": identifier,
            "imageIds": [identifier],
        }
        registry.limit_rate(operation, rate=1, burst=2)
        codes = []
        for _ in range(3):
            try:
                registry.answer(operation, request)
                codes.append("")
            except EcrError as error:
                codes.append(error.code)
        assert "ThrottlingException" not in codes[:2]
        assert codes[2] == "ThrottlingException"
