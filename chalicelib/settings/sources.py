"""Where a list is kept that operators write: a file, an S3 object or a parameter."""

from __future__ import annotations

import re
from dataclasses import dataclass

ACCEPTED_SOURCES = (
    "a file's path below the application's root (chalicelib/accepted-risks.yaml),"
    " s3://BUCKET/KEY, ssm:/PARAMETER/NAME"
)

BUCKET_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", re.ASCII)
_PARAMETER = re.compile(r"/?[\w.-]+(/[\w.-]+)*", re.ASCII)
_PATH = re.compile(r"[\w.-]+(/[\w.-]+)*", re.ASCII)


@dataclass(frozen=True)
class FileSource:
    """A file that is shipped with the application."""

    path: str

    def __str__(self) -> str:
        return self.path


@dataclass(frozen=True)
class ObjectSource:
    """An object in Amazon S3."""

    bucket: str
    key: str

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.key}"


@dataclass(frozen=True)
class ParameterSource:
    """A parameter of AWS Systems Manager."""

    name: str

    def __str__(self) -> str:
        return f"ssm:{self.name}"


Source = FileSource | ObjectSource | ParameterSource


def parse_source(text: str) -> Source:
    """Read where a list is kept.

    :raises ValueError: for anything but :data:`ACCEPTED_SOURCES`.
    """
    if text.startswith("s3://"):
        bucket, _, key = text.removeprefix("s3://").partition("/")
        if BUCKET_NAME.fullmatch(bucket) and 0 < len(key) <= 1024 and key.isprintable():
            return ObjectSource(bucket, key)
    elif text.startswith("ssm:"):
        name = text.removeprefix("ssm:")
        if _PARAMETER.fullmatch(name) and len(name) <= 1011:
            return ParameterSource(name)
    elif _PATH.fullmatch(text) and ".." not in text.split("/"):
        return FileSource(text)
    raise ValueError(text)
