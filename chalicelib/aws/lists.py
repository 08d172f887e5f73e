"""Lists that operators write, read from a file, Amazon S3 or AWS Systems Manager."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chalicelib.aws.errors import AWS_ERRORS
from chalicelib.policy.accepted_risks import AcceptedRisks
from chalicelib.settings.accepted_risks import LONGEST_LIST, parse_accepted_risks
from chalicelib.settings.sources import ObjectSource, ParameterSource

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_s3 import S3Client
    from mypy_boto3_ssm import SSMClient

    from chalicelib.settings.sources import Source

ROOT = Path(__file__).parents[2]
"""The application's root, which paths of files begin at."""

SECONDS_KEPT = 300
"""How long a list is kept before it is read again."""

_MOST_BYTES = 4 * LONGEST_LIST


class ListNotRead(Exception):
    """A list that is not there or may not be read: says which and why."""


class AcceptedRisksReader:
    """The list of accepted risks at a source, read again every five minutes at most.

    ``client`` makes the boto3 client of a service from its name; a file needs none.
    """

    def __init__(
        self,
        source: Source,
        client: Callable[[str], Any],
        root: Path = ROOT,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._source = source
        self._client = client
        self._root = root
        self._clock = clock
        self._read_at = 0.0
        self._risks: AcceptedRisks | None = None

    def read(self) -> AcceptedRisks:
        """The list as it is, or was up to five minutes ago.

        :raises ListNotRead: when it cannot be read.
        :raises AcceptedRisksError: when there are errors in it.
        """
        now = self._clock()
        if self._risks is None or now - self._read_at >= SECONDS_KEPT:
            text = read_list(self._source, self._client, self._root)
            self._risks = AcceptedRisks(parse_accepted_risks(text, str(self._source)))
            self._read_at = now
        return self._risks


def read_list(source: Source, client: Callable[[str], Any], root: Path = ROOT) -> str:
    """The text of a list; :raises ListNotRead: when it cannot be read as UTF-8."""
    try:
        if isinstance(source, ObjectSource):
            content = _object(client("s3"), source)
        elif isinstance(source, ParameterSource):
            content = _parameter(client("ssm"), source)
        else:
            content = _file(root / source.path)
        return content.decode("utf-8-sig")
    except (*AWS_ERRORS, OSError, UnicodeDecodeError) as error:
        raise ListNotRead(f"{source} cannot be read: {_reason(error)}") from error


def _file(path: Path) -> bytes:
    # A little more than is accepted, so that a list that is too long is seen to be.
    with path.open("rb") as file:
        return file.read(_MOST_BYTES + 1)


def _object(client: S3Client, source: ObjectSource) -> bytes:
    """Read an object. Source: GetObject, which the permission s3:GetObject allows."""
    answer = client.get_object(Bucket=source.bucket, Key=source.key)
    with answer["Body"] as body:
        content: bytes = body.read(_MOST_BYTES + 1)
        return content


def _parameter(client: SSMClient, source: ParameterSource) -> bytes:
    """Read a parameter, also an encrypted one. Source: GetParameter."""
    answer = client.get_parameter(Name=source.name, WithDecryption=True)
    return answer["Parameter"].get("Value", "").encode()


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error)
