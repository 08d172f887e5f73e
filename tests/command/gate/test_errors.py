"""Errors in words."""

import pytest
from botocore.exceptions import ClientError, NoCredentialsError

from chalicelib.aws.ecr import TokenExpired
from ecr_scan_reporter.gate.errors import wording_of

DENIED = {"Error": {"Code": "AccessDeniedException", "Message": "not for arn:aws:iam::1:user/x"}}


@pytest.mark.parametrize(
    ("error", "wording"),
    [
        (
            ClientError(DENIED, "StartImageScan"),
            "StartImageScan refused (AccessDeniedException)",
        ),
        (NoCredentialsError(), "Unable to locate credentials"),
        (TokenExpired("shop/api"), "ECR no longer knows the token of a page"),
    ],
)
def test_an_error_says_what_to_look_for(error, wording):
    assert wording_of(error) == wording
