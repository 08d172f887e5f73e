"""What travels through the queue: one job a repository, or what is left of one."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from chalicelib.ecr.registries import RegistryAddress
from chalicelib.policy.durations import Duration
from chalicelib.scanning.requests import ListingRequest, RequestError
from chalicelib.settings.fields import Fields

VERSION = 1
"""The version of the jobs; one that an earlier version would misread has a greater one."""

LONGEST_JOB = 240_000
"""In bytes: less than an SQS message may have, for a job grows when it is numbered."""

MOST_ATTEMPTS = 10
"""How often in a row a job may be re-enqueued without progress before it fails."""

RETRY_DELAY_SECONDS = 60
"""How long a job without progress, or what failed, waits before it is tried again."""

MOST_NAMES = 500
"""How many repositories one job names, so that it fits into a queue message."""

_SMALLEST_SPLIT = 2


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
        }
        return _json(body)

    @classmethod
    def from_json(cls, body: str) -> "ScanJob":
        """Read the body of a queue message.

        :raises JobError: when it is not what :meth:`to_json` writes.
        """
        return cls._from_fields(Fields(_values(body), JobError))

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
        )
        fields.optional(fields.count, "version")
        fields.refuse_others()
        return job


@dataclass(frozen=True)
class _RegistryJob:
    """What jobs about a listing's request in one registry have in common.

    One that ran out of time goes on as another, with the repositories ``after`` the last one, by
    name. ``attempts`` and ``listing`` are as those of a :class:`ScanJob`.
    """

    request: ListingRequest
    account: str | None = None
    region: str | None = None
    after: str = ""
    attempts: int = 0
    listing: str = ""

    @property
    def address(self) -> RegistryAddress:
        """The registry that it is about, or that is the next one."""
        return RegistryAddress(self.account, self.region)

    def _body(self, kind: str, own: Mapping[str, Any]) -> str:
        """The body of the queue message, with a job's own values."""
        common = {
            "registry": self.account,
            "region": self.region,
            "after": self.after,
            "attempts": self.attempts,
            "listing": self.listing,
        }
        return _json({kind: {"request": self.request.to_values(), **_given(common), **own}})

    @staticmethod
    def _common(fields: Fields) -> dict[str, Any]:
        """The common values of a queue message; :raises JobError: for those that are not."""
        return {
            "request": _request_of(fields),
            "account": fields.optional(fields.text, "registry"),
            "region": fields.optional(fields.text, "region"),
            "after": fields.optional(fields.text, "after") or "",
            "attempts": fields.optional(fields.count, "attempts") or 0,
            "listing": fields.optional(fields.text, "listing") or "",
        }


@dataclass(frozen=True)
class PlanJob(_RegistryJob):
    """Choose the scans of one registry within the day's budget, and send the jobs that start them.

    Planning that goes on has what is left of the budget, and the time from which scans may start,
    in seconds since the epoch. Where ``only`` names repositories it is about these.
    """

    budget: int | None = None
    not_before: int = 0
    only: tuple[str, ...] = ()

    @property
    def repository(self) -> str:
        """What the job is for, in the words of errors."""
        return f"plan of {self.address}"

    def to_json(self) -> str:
        """The body of the queue message; what has its default is left out."""
        # A budget of 0 is one.
        budget = {} if self.budget is None else {"budget": self.budget}
        own = _given({"only": self.only, "notBefore": self.not_before})
        return self._body("plan", own | budget)

    @classmethod
    def from_fields(cls, fields: Fields) -> "PlanJob":
        """Read the ``plan`` of a queue message.

        :raises JobError: when it is not what :meth:`to_json` writes.
        """
        job = cls(
            **cls._common(fields),
            budget=fields.optional(fields.count, "budget"),
            not_before=fields.optional(fields.count, "notBefore") or 0,
            only=fields.optional(fields.texts, "only") or (),
        )
        fields.refuse_others()
        return job


@dataclass(frozen=True)
class ListJob(_RegistryJob):
    """Go on with a listing, from the registry that is named.

    ``alone`` is whether it is about that registry only. ``sent`` is how many jobs of the listing
    were sent so far, and ``began_at`` when it began, in seconds since the epoch: by these jobs are
    spread over time. Repositories that the request names were there when it was accepted.
    """

    alone: bool = False
    sent: int = 0
    began_at: int = 0

    @property
    def repository(self) -> str:
        """What the job is for, in the words of errors."""
        return f"listing of {self.address}{'' if self.alone else ' and others'}"

    def to_json(self) -> str:
        """The body of the queue message; what has its default is left out."""
        own = {"alone": self.alone, "sent": self.sent, "beganAt": self.began_at}
        return self._body("list", _given(own))

    @classmethod
    def from_fields(cls, fields: Fields) -> "ListJob":
        """Read the ``list`` of a queue message.

        :raises JobError: when it is not what :meth:`to_json` writes.
        """
        job = cls(
            **cls._common(fields),
            alone=fields.optional(fields.switch, "alone") or False,
            sent=fields.optional(fields.count, "sent") or 0,
            began_at=fields.optional(fields.count, "beganAt") or 0,
        )
        fields.refuse_others()
        return job


def parts_of(job: "ScanJob") -> "list[ScanJob]":
    """The job, as several where what is in use makes it longer than a message may be."""
    uses = list(job.images_in_use.items())
    if len(uses) < _SMALLEST_SPLIT or len(job.to_json()) <= LONGEST_JOB:
        return [job]
    half = len(uses) // 2
    halves = (replace(job, images_in_use=dict(part)) for part in (uses[:half], uses[half:]))
    return [part for each in halves for part in parts_of(each)]


AnyJob = ScanJob | PlanJob | ListJob


def parse_job(body: str) -> AnyJob:
    """Read the body of a queue message.

    :raises JobError: when it is no job that this application sends.
    :raises NewerJob: when a newer version of it sent the job.
    """
    values = _values(body)
    if isinstance(values, dict) and _is_newer(values.get("version")):
        raise NewerJob
    if isinstance(values, dict) and "plan" in values:
        return PlanJob.from_fields(Fields(values, JobError).object("plan"))
    if isinstance(values, dict) and "list" in values:
        return ListJob.from_fields(Fields(values, JobError).object("list"))
    return ScanJob.from_json(body)


def _request_of(fields: Fields) -> ListingRequest:
    try:
        return ListingRequest.from_values(fields.mapping("request"))
    except RequestError as error:
        raise JobError(f"request: {error}") from error


def _is_newer(version: Any) -> bool:
    return isinstance(version, int) and version > VERSION


def _json(body: Mapping[str, Any]) -> str:
    return json.dumps(_given(body), separators=(",", ":"))


def _given(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values that are not those of a job to which nothing was said."""
    return {key: value for key, value in values.items() if value}


def _values(body: str) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise JobError(f"the message is not JSON: {error}") from error
