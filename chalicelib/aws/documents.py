"""Documents that operators write, read from a file, Amazon S3 or AWS Systems Manager."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

from botocore.exceptions import ClientError

from chalicelib.aws.errors import AWS_ERRORS, code_of
from chalicelib.runtime import logs
from chalicelib.settings.documents import LONGEST_DOCUMENT, DocumentNotRead
from chalicelib.settings.sources import ObjectSource, ParameterSource

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_s3 import S3Client
    from mypy_boto3_ssm import SSMClient

    from chalicelib.settings.sources import Source

Value = TypeVar("Value")

ROOT = Path(__file__).parents[2]
"""The application's root, which paths of files begin at."""

SECONDS_KEPT = 300
"""How long a document is kept before it is looked at again."""

# A little more than is accepted, so that a document that is too long is seen to be.
_MOST_BYTES = 4 * LONGEST_DOCUMENT + 1


class Text(NamedTuple):
    """What a document holds, and its version: an object's ETag, a parameter's number."""

    text: str
    version: str


class KeptDocument(Generic[Value]):
    """The document at a source, as ``parse`` reads it.

    It is looked at again every five minutes at most, and parsed again where it has changed.
    ``client`` makes the boto3 client of a service from its name; a file needs none.
    """

    def __init__(
        self,
        source: Source,
        parse: Callable[[str], Value],
        client: Callable[[str], Any],
        root: Path | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._source = source
        self._parse = parse
        self._client = client
        self._root = root
        self._clock = clock
        self._looked_at = 0.0
        self._version = ""
        self._value: Value | None = None

    def read(self) -> Value:
        """The document as it is, or was up to five minutes ago.

        :raises DocumentNotRead: when it cannot be read.
        :raises ValueError: as ``parse`` does, when there are errors in it.
        """
        now = self._clock()
        if self._value is None or now - self._looked_at >= SECONDS_KEPT:
            document = changed_document(self._source, self._version, self._client, self._root)
            if document is not None:
                self._value = self._parse(document.text)
                self._version = document.version
            self._looked_at = now
        if self._value is None:
            raise DocumentNotRead(f"{self._source} cannot be read: no answer has a document")
        return self._value

    def last_read(self) -> Value:
        """As :meth:`read`, but what was read before where that fails, which is logged and counted.

        Tried again after five minutes.
        """
        try:
            return self.read()
        except (DocumentNotRead, ValueError) as error:
            if self._value is None:
                raise
            self._looked_at = self._clock()
            logs.logger.error("document not read", extra={"error": str(error)})
            logs.count("DocumentsNotRead", 1)
            return self._value


def read_document(source: Source, client: Callable[[str], Any], root: Path | None = None) -> str:
    """A document's text; :raises DocumentNotRead: when it cannot be read as UTF-8."""
    found = changed_document(source, "", client, root)
    return found.text if found else ""


def changed_document(
    source: Source, known: str, client: Callable[[str], Any], root: Path | None = None
) -> Text | None:
    """A document; None when it is still of the version that is known.

    :raises DocumentNotRead: when it cannot be read as UTF-8.
    """
    try:
        if isinstance(source, ObjectSource):
            found = _object(client("s3"), source, known)
        elif isinstance(source, ParameterSource):
            found = _parameter(client("ssm"), source)
        else:
            found = _file((root or ROOT) / source.path)
        if found is None or (known and found[1] == known):
            return None
        return Text(found[0].decode("utf-8-sig"), found[1])
    except (*AWS_ERRORS, OSError, UnicodeDecodeError) as error:
        raise DocumentNotRead(f"{source} cannot be read: {_reason(error)}") from error


def _file(path: Path) -> tuple[bytes, str]:
    with path.open("rb") as file:
        return file.read(_MOST_BYTES), str(path.stat().st_mtime_ns)


def _object(client: S3Client, source: ObjectSource, known: str) -> tuple[bytes, str] | None:
    """Read an object unless it is the known one, which S3 answers with 304.

    Source: GetObject, which the permission s3:GetObject allows.
    """
    try:
        if known:
            answer = client.get_object(Bucket=source.bucket, Key=source.key, IfNoneMatch=known)
        else:
            answer = client.get_object(Bucket=source.bucket, Key=source.key)
    except ClientError as error:
        if code_of(error) == "304":
            return None
        raise
    with answer["Body"] as body:
        return body.read(_MOST_BYTES), answer["ETag"]


def _parameter(client: SSMClient, source: ParameterSource) -> tuple[bytes, str]:
    """Read a parameter, also an encrypted one. Source: GetParameter."""
    parameter = client.get_parameter(Name=source.name, WithDecryption=True)["Parameter"]
    return parameter.get("Value", "").encode(), str(parameter.get("Version", ""))


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error)
