"""Amazon S3: the bucket in which fleet reports are kept."""

from __future__ import annotations

from itertools import takewhile
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from chalicelib.aws.errors import code_of

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

# The first is the answer to a key that is there, the second to one that is being written.
_CREATED_BY_ANOTHER = frozenset({"PreconditionFailed", "ConditionalRequestConflict"})


class ReportBucket:
    """A bucket; its own default says how objects are encrypted."""

    def __init__(self, client: S3Client, name: str) -> None:
        self._client = client
        self.name = name

    def put(self, key: str, body: str | bytes, content_type: str) -> None:
        """Write an object, in place of the one that is there. Source: PutObject."""
        body = body.encode() if isinstance(body, str) else body
        self._client.put_object(Bucket=self.name, Key=key, Body=body, ContentType=content_type)

    def create(self, key: str, text: str) -> bool:
        """Write an object of plain text unless there is one; says whether it did.

        Of several that try at the same time, one succeeds. Source: PutObject, If-None-Match.
        """
        try:
            self._client.put_object(
                Bucket=self.name,
                Key=key,
                Body=text.encode(),
                ContentType="text/plain; charset=utf-8",
                IfNoneMatch="*",
            )
        except ClientError as error:
            if code_of(error) in _CREATED_BY_ANOTHER:
                return False
            raise
        return True

    def get(self, key: str) -> str | None:
        """The text of an object, or None where there is none."""
        body = self.read(key)
        return None if body is None else body.decode()

    def read(self, key: str) -> bytes | None:
        """What an object holds, or None where there is none. Source: GetObject."""
        try:
            answer = self._client.get_object(Bucket=self.name, Key=key)
        except ClientError as error:
            if code_of(error) == "NoSuchKey":
                return None
            raise
        return answer["Body"].read()

    def delete(self, key: str) -> None:
        """Delete an object, if it is there. Source: DeleteObject."""
        self._client.delete_object(Bucket=self.name, Key=key)

    def keys_before(self, prefix: str, key: str) -> list[str]:
        """The keys with a prefix that sort before another, in order. Source: ListObjectsV2."""
        paginator = self._client.get_paginator("list_objects_v2")
        pages = paginator.paginate(Bucket=self.name, Prefix=prefix)
        keys = (entry["Key"] for page in pages for entry in page.get("Contents", ()))
        return list(takewhile(lambda each: each < key, keys))

    def presigned_url(self, key: str, seconds: int) -> str:
        """An address at which anyone may read the object for so long; seven days at most.

        It ends earlier with the credentials that sign it, if these are a role's. Makes no call.
        Source: S3 user guide, "Download and upload objects with presigned URLs".
        """
        return self._client.generate_presigned_url(
            "get_object", Params={"Bucket": self.name, "Key": key}, ExpiresIn=seconds
        )
