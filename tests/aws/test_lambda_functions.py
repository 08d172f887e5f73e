"""Lambda: the images that functions are made from."""

import io
import json
import zipfile
from types import SimpleNamespace

import boto3
import pytest
from botocore.exceptions import ClientError

from chalicelib.aws.lambda_functions import LambdaFunctions
from chalicelib.aws.workloads import MOST_FAILURES_IN_A_ROW

HOST = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"


class Refusing:
    """A client of ten functions, some of which it answers with an error."""

    def __init__(self, **errors):
        self.errors = errors
        self.asked = 0

    def get_paginator(self, _):
        names = [{"PackageType": "Image", "FunctionName": name} for name in "abcdefghij"]
        return SimpleNamespace(paginate=lambda: [{"Functions": names}])

    def get_function(self, **request):
        self.asked += 1
        name = request["FunctionName"]
        if code := self.errors.get(name):
            raise ClientError({"Error": {"Code": code}}, "GetFunction")
        return {"Code": {"ImageUri": f"{HOST}/{name}:1"}}


def found(client):
    """The functions that are found, and whether it is said that others were not."""
    names = []
    try:
        names.extend(use.where[-1] for use in LambdaFunctions(client).images())
    except ClientError:
        return "".join(names), False
    return "".join(names), True


def test_a_function_that_was_deleted_meanwhile_is_skipped():
    assert found(Refusing(b="ResourceNotFoundException")) == ("acdefghij", True)


@pytest.mark.parametrize("code", ["ServiceException", "AccessDeniedException"])
def test_a_function_that_cannot_be_read_costs_no_other_and_is_said_to_be_missing(code):
    assert found(Refusing(b=code, e=code)) == ("acdfghij", False)


def test_where_no_function_can_be_read_not_all_of_them_are_asked_for():
    client = Refusing(**dict.fromkeys("abcdefghij", "AccessDeniedException"))
    assert found(client) == ("", False)
    assert client.asked == MOST_FAILURES_IN_A_ROW


def test_a_service_that_asks_for_a_slower_pace_is_not_asked_on():
    client = Refusing(b="TooManyRequestsException")
    assert found(client) == ("a", False)
    assert client.asked == 2


@pytest.fixture
def functions(aws):
    trust = json.dumps({"Version": "2012-10-17", "Statement": []})
    role = boto3.client("iam").create_role(RoleName="x", AssumeRolePolicyDocument=trust)
    client = boto3.client("lambda")

    def create(name, **how):
        client.create_function(FunctionName=name, Role=role["Role"]["Arn"], **how)

    create("image", PackageType="Image", Code={"ImageUri": f"{HOST}/api:1"})
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("main.py", "")
    code = {"ZipFile": archive.getvalue()}
    create("archive", Runtime="python3.13", Handler="main.handler", Code=code)
    return client


def test_functions_from_container_images_are_found_and_archives_are_not(functions):
    [use] = LambdaFunctions(functions).images()
    assert (use.uri, use.where) == (f"{HOST}/api:1", "Lambda function image")
    assert use.digest.startswith("sha256:")
