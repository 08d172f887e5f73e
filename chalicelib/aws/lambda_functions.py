"""AWS Lambda: which images its functions are made from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.aws.workloads import EachWorkload
from chalicelib.ecr.image_uris import ImageUri
from chalicelib.ecr.uses import ImageUse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_lambda import LambdaClient


class LambdaFunctions:
    """The functions of one account and region."""

    def __init__(self, client: LambdaClient) -> None:
        self._client = client

    def images(self) -> Iterator[ImageUse]:
        """The images of the functions that are deployed as container images.

        The digest is that which Lambda resolved the tag to. Source: ListFunctions, GetFunction.

        :raises ClientError: at the end, when some could not be read; sooner, when none can.
        """
        functions = EachWorkload()
        paginator = self._client.get_paginator("list_functions")
        for page in paginator.paginate():
            for function in page["Functions"]:
                if function.get("PackageType") == "Image":
                    yield from functions.of_one(self._image(function["FunctionName"]))
        functions.raise_failure()

    def _image(self, name: str) -> Iterator[ImageUse]:
        code = self._client.get_function(FunctionName=name).get("Code", {})
        resolved = ImageUri.parse(code.get("ResolvedImageUri", ""))
        if uri := code.get("ImageUri"):
            yield ImageUse(uri, f"Lambda function {name}", resolved.digest if resolved else None)
