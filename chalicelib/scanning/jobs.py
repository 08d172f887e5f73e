"""What travels through the queue: one job a repository, or what is left of one."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256

from chalicelib.ecr.registries import RegistryAddress
from chalicelib.policy.durations import Duration
from chalicelib.scanning.job_messages import (
    VERSION,
    JobError,
    NewerJob,
    is_newer,
    to_message,
    values_of,
)
from chalicelib.scanning.registry_jobs import ListJob, PlanJob
from chalicelib.settings.fields import Fields

LONGEST_JOB = 240_000
"""In bytes: less than an SQS message may have, for a job grows when it is numbered."""

MOST_ATTEMPTS = 10
"""How often in a row a job may be re-enqueued without progress before it fails."""

RETRY_DELAY_SECONDS = 60
"""How long a job without progress, or what failed, waits before it is tried again."""

MOST_NAMES = 500
"""How many repositories one job names, so that it fits into a queue message."""

_SMALLEST_SPLIT = 2
_MOST_PARTS = 999
_WHOLE = 16


@dataclass(frozen=True)
class ScanJob:
    """Review a repository and start the scans that are due.

    A job that ran out of time goes on as others, which start the scans of ``image_digests``.
    ``attempts`` counts how often in a row a job was re-enqueued without getting anything done.

    ``account`` and ``region`` are the registry's, None for the function's own. ``rules`` are the
    texts of the repository's tags, by rule. ``images_in_use`` says by tag or digest where an image
    is in use. ``scan_frequency`` is how Amazon Inspector scans the repository, None under basic
    scanning. Before ``not_before``, in seconds since the epoch, nothing is started.

    ``force`` is whether to start scans whatever the age of the last ones. ``images`` are the tags
    and digests of the only images that are wanted, if there are any. ``listing`` is which listing
    on demand the job belongs to, and as which job: ``<id>/<number>``; empty where nobody asks.

    Where ``uses_incomplete``, images may be in use that ``images_in_use`` lacks, for not every
    source of them could be read. A job too long for a message is sent in parts, each with some of
    the images in use, whose number is ``part`` of ``parts``: the first reviews the repository, each
    further one what only its own images in use bring. ``whole`` tells parts of the same uses from
    those of others.
    """

    repository: str
    duration: Duration | None = None
    image_digests: tuple[str, ...] = ()
    attempts: int = 0
    account: str | None = None
    region: str | None = None
    rules: Mapping[str, str] = field(default_factory=dict)
    images_in_use: Mapping[str, str] = field(default_factory=dict)
    scan_frequency: str | None = None
    not_before: int = 0
    force: bool = False
    images: tuple[str, ...] = ()
    listing: str = ""
    uses_incomplete: bool = False
    part: int = 0
    parts: int = 0
    whole: str = ""

    @property
    def knows_all_uses(self) -> bool:
        """Whether what ``images_in_use`` lacks is not in use: not of single images, nor of some."""
        return not (self.uses_incomplete or self.part or self.images or self.image_digests)

    @property
    def address(self) -> RegistryAddress:
        """The registry that the repository is in."""
        return RegistryAddress(self.account, self.region)

    def to_json(self) -> str:
        """The body of the queue message; what has its default is left out."""
        body = {
            "repository": self.repository,
            "ecrImagesDurationDelta": self.duration and self.duration.text,
            "imageDigests": self.image_digests,
            "attempts": self.attempts,
            "registry": self.account,
            "region": self.region,
            "rules": self.rules,
            "imagesInUse": self.images_in_use,
            "scanFrequency": self.scan_frequency,
            "notBefore": self.not_before,
            "force": self.force,
            "images": self.images,
            "listing": self.listing,
            "usesIncomplete": self.uses_incomplete,
            "part": self.part,
            "parts": self.parts,
            "whole": self.whole,
            # To an earlier version these would be all images in use.
            "version": VERSION if self.uses_incomplete or self.part else None,
        }
        return to_message(body)

    @classmethod
    def from_json(cls, body: str) -> "ScanJob":
        """Read the body of a queue message.

        :raises JobError: when it is not what :meth:`to_json` writes.
        """
        return cls._from_fields(Fields(values_of(body), JobError))

    @classmethod
    def _from_fields(cls, fields: Fields) -> "ScanJob":
        job = cls(
            repository=fields.text("repository"),
            duration=fields.optional(fields.duration, "ecrImagesDurationDelta"),
            image_digests=fields.optional(fields.texts, "imageDigests") or (),
            attempts=fields.optional(fields.count, "attempts") or 0,
            account=fields.optional(fields.text, "registry"),
            region=fields.optional(fields.text, "region"),
            # A tag may have an empty value, which is no rule, and is named as such.
            rules=fields.optional(fields.any_text_by_key, "rules") or {},
            images_in_use=fields.optional(fields.text_by_key, "imagesInUse") or {},
            scan_frequency=fields.optional(fields.text, "scanFrequency"),
            not_before=fields.optional(fields.count, "notBefore") or 0,
            force=fields.optional(fields.switch, "force") or False,
            images=fields.optional(fields.texts, "images") or (),
            listing=fields.optional(fields.text, "listing") or "",
            uses_incomplete=fields.optional(fields.switch, "usesIncomplete") or False,
            part=fields.optional(fields.count, "part") or 0,
            parts=fields.optional(fields.count, "parts") or 0,
            whole=fields.optional(fields.text, "whole") or "",
        )
        fields.optional(fields.count, "version")
        fields.refuse_others()
        return job


def parts_of(job: "ScanJob") -> "list[ScanJob]":
    """The job, as several where what is in use makes it longer than a message may be."""
    if _fits(job):
        return [job]
    uses = json.dumps(sorted(job.images_in_use.items()))
    whole = sha256(uses.encode()).hexdigest()[:_WHOLE]
    # With the longest numbers, so that the parts fit with their own.
    parts = _halved(replace(job, part=_MOST_PARTS, parts=_MOST_PARTS, whole=whole))
    return [replace(part, part=number, parts=len(parts)) for number, part in enumerate(parts, 1)]


def _halved(job: "ScanJob") -> "list[ScanJob]":
    if _fits(job):
        return [job]
    uses = list(job.images_in_use.items())
    half = len(uses) // 2
    halves = (replace(job, images_in_use=dict(part)) for part in (uses[:half], uses[half:]))
    return [part for each in halves for part in _halved(each)]


def _fits(job: "ScanJob") -> bool:
    return len(job.images_in_use) < _SMALLEST_SPLIT or len(job.to_json()) <= LONGEST_JOB


AnyJob = ScanJob | PlanJob | ListJob


def parse_job(body: str) -> AnyJob:
    """Read the body of a queue message.

    :raises JobError: when it is no job that this application sends.
    :raises NewerJob: when a newer version of it sent the job.
    """
    values = values_of(body)
    if isinstance(values, dict) and is_newer(values.get("version")):
        raise NewerJob
    if isinstance(values, dict) and "plan" in values:
        return PlanJob.from_fields(Fields(values, JobError).object("plan"))
    if isinstance(values, dict) and "list" in values:
        return ListJob.from_fields(Fields(values, JobError).object("list"))
    return ScanJob.from_json(body)
