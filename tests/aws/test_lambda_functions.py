"""Lambda: the images that functions are made from."""

import io
import json
import zipfile

import boto3
import pytest

from chalicelib.aws.lambda_functions import LambdaFunctions

HOST = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"


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
