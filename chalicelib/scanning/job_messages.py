"""The bodies of queue messages, and what is wrong with those that are no jobs."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

VERSION = 2
"""The version of the jobs; one that an earlier version would misread has a greater one.

Version 2 knows that a job may carry only some of the images in use, and a plan leave out
repositories.
"""


class JobError(ValueError):
    """A queue message that is not a scan job: says which key is wrong and what is accepted."""


class NewerJob(Exception):
    """A job of a newer version of this application, as while one is deployed or taken back."""


@dataclass(frozen=True)
class UnreadJob:
    """A job that only a newer version can read: its body, as it came."""

    body: str
    repository: str = "job of a newer version"

    def to_json(self) -> str:
        """The body of the queue message."""
        return self.body


def to_message(body: Mapping[str, Any]) -> str:
    """The body of a queue message, in as few bytes as can be."""
    return json.dumps(given(body), separators=(",", ":"))


def given(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values that are not those of a job to which nothing was said."""
    return {key: value for key, value in values.items() if value}


def values_of(body: str) -> Any:
    """What the body of a queue message holds; :raises JobError: when it is not JSON."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise JobError(f"the message is not JSON: {error}") from error


def is_newer(version: Any) -> bool:
    """Whether a job has the version of a newer application."""
    return isinstance(version, int) and version > VERSION
