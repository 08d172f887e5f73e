"""What travels through the queue: one job a repository, or what is left of one."""

import json
from dataclasses import dataclass
from typing import Any

from chalicelib.durations import Duration
from chalicelib.fields import Fields


class JobError(ValueError):
    """A queue message that is not a scan job: says which key is wrong and what is accepted."""


@dataclass(frozen=True)
class ScanJob:
    """Review a repository and start the scans that are due.

    A job that ran out of time goes on as another one: first start the scans of
    ``image_digests``, then walk on from ``next_token``. ``stalls`` counts how often in a row a
    job was handed on without getting anything done.
    """

    repository: str
    duration: Duration | None = None
    image_digests: tuple[str, ...] = ()
    next_token: str | None = None
    stalls: int = 0

    @property
    def walks(self) -> bool:
        """Whether pages of images are still to be read, from the first or ``next_token`` on."""
        return self.next_token is not None or not self.image_digests

    def to_json(self) -> str:
        """The body of the queue message; what has its default is left out."""
        body: dict[str, Any] = {"repository": self.repository}
        if self.duration is not None:
            body["ecrImagesDurationDelta"] = self.duration.text
        if self.image_digests:
            body["imageDigests"] = self.image_digests
        if self.next_token is not None:
            body["nextToken"] = self.next_token
        if self.stalls:
            body["stalls"] = self.stalls
        return json.dumps(body, separators=(",", ":"))

    @classmethod
    def from_json(cls, body: str) -> "ScanJob":
        """Read the body of a queue message.

        :raises JobError: when it is not what :meth:`to_json` writes.
        """
        try:
            values = json.loads(body)
        except ValueError as error:
            raise JobError(f"the message is not JSON: {error}") from error
        return cls._from_fields(Fields(values, JobError))

    @classmethod
    def _from_fields(cls, fields: Fields) -> "ScanJob":
        job = cls(
            repository=fields.text("repository"),
            duration=fields.optional(fields.duration, "ecrImagesDurationDelta"),
            image_digests=fields.optional(fields.texts, "imageDigests") or (),
            next_token=fields.optional(fields.text, "nextToken"),
            stalls=fields.optional(fields.count, "stalls") or 0,
        )
        fields.refuse_others()
        return job
