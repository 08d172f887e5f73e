"""Where a document is kept that operators write: a file, an S3 object or a parameter."""

from __future__ import annotations

import re
from dataclasses import dataclass

ACCEPTED_SOURCES = (
    "a file's path below the application's root (chalicelib/accepted-risks.yaml),"
    " s3://BUCKET/KEY, ssm:/PARAMETER/NAME"
)

BUCKET_PATTERN = "[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]"
_PATH = "[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*"

# No wildcard, for what is named is what the functions may read.
SOURCE_PATTERN = rf"(?!.*\.\.)(s3://{BUCKET_PATTERN}/[A-Za-z0-9_.=+@/-]{{1,1024}}|(ssm:/)?{_PATH})"
"""Of texts as a whole; of regular expressions as Python, Java and JavaScript know them."""


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
    """Read where a document is kept.

    :raises ValueError: for anything but :data:`ACCEPTED_SOURCES`.
    """
    if not re.fullmatch(SOURCE_PATTERN, text):
        raise ValueError(text)
    if text.startswith("s3://"):
        bucket, _, key = text.removeprefix("s3://").partition("/")
        return ObjectSource(bucket, key)
    if text.startswith("ssm:"):
        return ParameterSource(text.removeprefix("ssm:"))
    return FileSource(text)
