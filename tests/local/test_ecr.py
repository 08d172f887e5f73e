"""How boto3 reaches the embedded cloud."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config
from moto import mock_aws
from moto.ecr import urls
from moto.server import ThreadedMotoServer

from local.ecr import EcrError, LocalRegistry, local_ecr
from tests.local.calls import REPOSITORY, refusal

if TYPE_CHECKING:
    from mypy_boto3_ecr import ECRClient


class TestInstallation:
    def test_moto_answers_what_concerns_no_repository(self, ecr: ECRClient) -> None:
        [authorization] = ecr.get_authorization_token()["authorizationData"]
        assert authorization["proxyEndpoint"].endswith(".dkr.ecr.eu-west-1.amazonaws.com")

    def test_what_is_not_there_says_so(self, ecr: ECRClient) -> None:
        code = refusal(ecr.create_repository, repositoryName="new")
        assert code == "UnknownOperationException"

    def test_another_region_is_empty(self, registry: LocalRegistry) -> None:
        registry.add_repository(REPOSITORY)
        elsewhere = boto3.client("ecr", region_name="us-east-1")
        assert elsewhere.describe_repositories()["repositories"] == []

    def test_moto_has_its_own_again_afterwards(self) -> None:
        before = dict(urls.url_paths)
        with local_ecr() as registry:
            registry.add_repository(REPOSITORY)
            assert urls.url_paths != before
        assert urls.url_paths == before
        with mock_aws():
            assert boto3.client("ecr").describe_repositories()["repositories"] == []

    def test_the_clock_is_the_real_one_unless_set(self) -> None:
        assert abs(LocalRegistry().now() - datetime.now(UTC)) < timedelta(minutes=1)

    def test_over_http(self) -> None:
        with local_ecr() as registry:
            registry.limit_rate("DescribeRepositories", rate=0.001, burst=1)
            digests = {registry.add_image(REPOSITORY, tags=(str(n),)).digest for n in range(1_500)}
            server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
            server.start()
            try:
                host, port = server.get_host_and_port()
                ecr = boto3.client(
                    "ecr",
                    endpoint_url=f"http://{host}:{port}",
                    config=Config(retries={"total_max_attempts": 1}),
                )
                pages = ecr.get_paginator("describe_images").paginate(
                    repositoryName=REPOSITORY, PaginationConfig={"PageSize": 1_000}
                )
                found = {one["imageDigest"] for page in pages for one in page["imageDetails"]}
                ecr.describe_repositories()
                assert refusal(ecr.describe_repositories) == "ThrottlingException"
                ecr.close()
            finally:
                server.stop()
        assert found == digests
        assert registry.calls == {"DescribeImages": 2, "DescribeRepositories": 2}

    def test_threads_share_a_registry(self) -> None:
        registry = LocalRegistry()
        registry.scans_per_day = 50
        digests = [registry.add_image(REPOSITORY).digest for _ in range(80)]

        def scan(digest: str) -> None:
            request = {"repositoryName": REPOSITORY, "imageId": {"imageDigest": digest}}
            with suppress(EcrError):
                registry.answer("StartImageScan", request)

        with ThreadPoolExecutor(max_workers=16) as threads:
            list(threads.map(scan, digests))
        registry.finish_scans()
        assert len(registry.completed_events()) == 50
        assert registry.errors == {"LimitExceededException": 30}
