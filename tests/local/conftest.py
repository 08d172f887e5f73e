from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import boto3
import pytest
from botocore.config import Config
from moto import mock_aws

from local.ecr import Clock, LocalRegistry, local_ecr

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_ecr import ECRClient

NO_RETRIES = Config(retries={"total_max_attempts": 1, "mode": "standard"})


@pytest.fixture(autouse=True)
def _credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")


@pytest.fixture
def clock() -> Clock:
    return Clock(datetime(2024, 5, 1, 12, tzinfo=UTC))


@pytest.fixture
def registry(clock: Clock) -> Iterator[LocalRegistry]:
    with mock_aws(), local_ecr(LocalRegistry(now=clock)) as registry:
        yield registry


@pytest.fixture
def ecr(registry: LocalRegistry) -> ECRClient:
    return boto3.client("ecr", config=NO_RETRIES)
