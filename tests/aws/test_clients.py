"""The boto3 clients."""

from datetime import UTC, datetime, timedelta
from unittest.mock import patch

import pytest
from botocore.credentials import AssumeRoleCredentialFetcher

from chalicelib.aws.clients import client
from chalicelib.ecr.registries import Role


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


class TestRole:
    ARN = "arn:aws:iam::222222222222:role/scan"

    def test_a_client_of_a_role_acts_in_its_account_and_in_the_region(self, aws):
        sts = client("sts", "us-east-1", Role(self.ARN))
        assert sts.get_caller_identity()["Account"] == "222222222222"
        assert sts.meta.region_name == "us-east-1"

    @pytest.mark.parametrize("external_id", [None, "shared"])
    def test_the_role_is_assumed_when_first_used_once_with_its_external_id(self, aws, external_id):
        requests = []
        fetch = AssumeRoleCredentialFetcher._get_credentials

        def recorded(fetcher):
            requests.append(fetcher._assume_kwargs)
            return fetch(fetcher)

        with patch.object(AssumeRoleCredentialFetcher, "_get_credentials", recorded):
            sts = client("sts", None, Role(self.ARN, external_id))
            assert requests == []
            sts.get_caller_identity()
            sts.get_caller_identity()
        [request] = requests
        assert (request["RoleArn"], request.get("ExternalId")) == (self.ARN, external_id)

    def test_credentials_are_got_again_before_they_expire(self, aws):
        requests = []
        fetch = AssumeRoleCredentialFetcher._get_credentials

        def nearly_expired(fetcher):
            requests.append(1)
            answer = fetch(fetcher)
            answer["Credentials"]["Expiration"] = datetime.now(UTC) + timedelta(minutes=11)
            return answer

        with patch.object(AssumeRoleCredentialFetcher, "_get_credentials", nearly_expired):
            sts = client("sts", None, Role(self.ARN))
            sts.get_caller_identity()
            sts.get_caller_identity()
        assert len(requests) == 2
