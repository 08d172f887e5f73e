"""The jobs about a whole registry: to go on with a listing, and to plan within a budget."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chalicelib.ecr.registries import RegistryAddress
from chalicelib.scanning.job_messages import VERSION, JobError, given, to_message
from chalicelib.scanning.requests import ListingRequest, RequestError
from chalicelib.settings.fields import Fields


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

    def _body(self, kind: str, own: Mapping[str, Any], version: int | None = None) -> str:
        """The body of the queue message, with a job's own values and the version it needs."""
        common = {
            "registry": self.account,
            "region": self.region,
            "after": self.after,
            "attempts": self.attempts,
            "listing": self.listing,
        }
        values = {"request": self.request.to_values(), **given(common), **own}
        return to_message({kind: values, "version": version})

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
    in seconds since the epoch. Where ``only`` names repositories it is about these, and never about
    those that ``without`` names.
    """

    budget: int | None = None
    not_before: int = 0
    only: tuple[str, ...] = ()
    without: tuple[str, ...] = ()

    @property
    def repository(self) -> str:
        """What the job is for, in the words of errors."""
        return f"plan of {self.address}"

    def to_json(self) -> str:
        """The body of the queue message; what has its default is left out."""
        # A budget of 0 is one.
        budget = {} if self.budget is None else {"budget": self.budget}
        names = {"only": self.only, "without": self.without}
        own = given({**names, "notBefore": self.not_before})
        # An earlier version takes a plan with names to leave out for no job at all.
        return self._body("plan", own | budget, VERSION if self.without else None)

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
            without=fields.optional(fields.texts, "without") or (),
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
        return self._body("list", given(own))

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


def _request_of(fields: Fields) -> ListingRequest:
    try:
        return ListingRequest.from_values(fields.mapping("request"))
    except RequestError as error:
        raise JobError(f"request: {error}") from error
