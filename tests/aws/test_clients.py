"""The boto3 clients."""

import pytest

from chalicelib.aws.clients import client


@pytest.mark.usefixtures("aws")
def test_a_client_is_made_once():
    assert client("ecr") is client("ecr")


@pytest.mark.usefixtures("aws")
def test_a_call_ends_well_before_the_function_does():
    config = client("ecr").meta.config
    longest = config.retries["total_max_attempts"] * (config.connect_timeout + config.read_timeout)
    assert longest == 39


def test_a_second_scan_within_a_day_is_asked_for_once(aws):
    digest = aws.add_image("shop/api").digest
    aws.fail_next("StartImageScan", "LimitExceededException", times=3)

    with pytest.raises(client("ecr").exceptions.LimitExceededException):
        client("ecr").start_image_scan(repositoryName="shop/api", imageId={"imageDigest": digest})

    assert aws.calls["StartImageScan"] == 1
