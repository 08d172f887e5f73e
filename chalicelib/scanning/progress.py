"""What becomes of a listing on demand: its jobs are numbered, and each keeps what it came to."""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from chalicelib.aws.errors import AWS_ERRORS
from chalicelib.runtime import logs
from chalicelib.runtime.answers import MOST_KEPT_BYTES, fitted
from chalicelib.runtime.backoff import Throttled
from chalicelib.scanning.failures import ScansNotStarted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from chalicelib.scanning.jobs import ScanJob
    from chalicelib.scanning.registry_jobs import ListJob, PlanJob
    from chalicelib.services import Services

    AnyJob = TypeVar("AnyJob", bound=ScanJob | PlanJob | ListJob)

_FACTS = ("listed", "matched", "enqueued", "failures")

LONGEST_REASON = 500
"""How much is kept of why a job failed, in characters."""

MOST_FAILURES = 100
"""How many failed jobs an answer names."""


class State(StrEnum):
    """What the last delivery of a job came to; of one in between nothing is known."""

    DONE = "done"
    GOES_ON = "goes on"  # what is left of it waits in the queue
    FAILED = "failed"  # it is tried again, five times in all, and then kept


class Outcome(Protocol):
    """What a delivery of a job did, as its summary says it."""

    @property
    def started(self) -> int:
        """How many scans it started."""
        ...

    @property
    def goes_on(self) -> bool:
        """Whether what is left of the job waits in the queue under its own number."""
        ...

    @property
    def parts(self) -> int:
        """How many other jobs it sent."""
        ...

    @property
    def not_found(self) -> Sequence[str]:
        """The named images that are not there."""
        ...


def numbered(listing: str, jobs: Sequence[AnyJob], first: int = 1) -> list[AnyJob]:
    """The jobs of a listing, or those that one of its jobs sends, each with its number.

    A job that is delivered twice numbers them alike. Jobs of no listing stay without.
    """
    if not listing:
        return list(jobs)
    joint = "." if "/" in listing else "/"
    return [replace(job, listing=f"{listing}{joint}{n}") for n, job in enumerate(jobs, first)]


def facts_of(answer: Mapping[str, Any], at: int) -> dict[str, Any]:
    """What is kept of a listing itself, by its answer; ``at`` is when it was started.

    An item of the table has room for some thousand failures; of others their number is kept.
    """
    facts = {"at": at, **{name: answer[name] for name in _FACTS}}
    kept = fitted(facts, most=MOST_KEPT_BYTES)
    if left_out := len(facts["failures"]) - len(kept["failures"]):
        kept["failures"] = [*kept["failures"], f"{left_out} more"]
    return kept


@contextmanager
def kept_outcome(
    job: ScanJob | PlanJob | ListJob,
    outcome: Outcome,
    services: Services,
    found: Callable[[], Mapping[str, Any]] = dict,
) -> Iterator[None]:
    """Keep what a job came to once it is through, with one write; jobs of no listing keep nothing.

    ``found`` gives what it found beside that. The scans do not depend on it: where the table does
    not answer, that is logged and no more.
    """
    try:
        yield
    except ScansNotStarted as error:
        # What failed may be left to jobs of its own.
        state = _state(outcome) if error.rest else State.FAILED
        _keep(job, outcome, services, found(), state, str(error))
        raise
    except Exception as error:
        _keep(job, outcome, services, found(), State.FAILED, str(error))
        raise
    _keep(job, outcome, services, found(), _state(outcome))


def _state(outcome: Outcome) -> State:
    return State.GOES_ON if outcome.goes_on else State.DONE


def _keep(
    job: ScanJob | PlanJob | ListJob,
    outcome: Outcome,
    services: Services,
    found: Mapping[str, Any],
    state: State,
    reason: str = "",
) -> None:
    if not job.listing or services.listings is None:
        return
    listing, _, number = job.listing.partition("/")
    outcomes = {
        **found,
        "state": state,
        "job": job.repository,
        "reason": reason[:LONGEST_REASON],
        "parts": outcome.parts,
        "not_found": [f"{name} in {job.address}" for name in outcome.not_found],
    }
    # What a delivery has nothing to say of stays as an earlier one said it.
    said = {name: value for name, value in outcomes.items() if value}
    try:
        services.listings.note(listing, number, said, outcome.started)
    except (Throttled, *AWS_ERRORS) as error:
        extra = {"listing": job.listing, "error": str(error)}
        logs.logger.warning("progress not kept", extra=extra)


def progress(
    listing: str, facts: Mapping[str, Any], jobs: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """``{id, startedAt, listed, matched, failures, jobs, scansStarted, …}`` of a listing.

    What was listed is that of the first run and of those that went on with it. ``jobs`` counts
    those of the listing and those that they went on as. A job that failed is not among those left.
    """
    # A registry may be gone through by several jobs, each about some of its repositories.
    went_on = {place: int(n) for job in jobs for place, n in job.get("listed", {}).items()}
    states = Counter(job["state"] for job in jobs)
    total = facts["enqueued"] + sum(job.get("parts", 0) for job in jobs)
    done, failed = states[State.DONE], states[State.FAILED]
    failures = [
        {"job": job["job"], "reason": job.get("reason", "")}
        for job in jobs
        if job["state"] == State.FAILED
    ]
    return {
        "id": listing,
        "startedAt": datetime.fromtimestamp(facts["at"], UTC).isoformat(),
        "listed": facts["listed"] + sum(went_on.values()),
        "matched": facts["matched"] + sum(job.get("matched", 0) for job in jobs),
        "failures": facts["failures"],
        **({} if facts.get("failuresComplete", True) else {"failuresComplete": False}),
        "jobs": {
            "sent": total,
            "done": done,
            "failed": failed,
            # Parts may be done before the job that sent them says that there are any.
            "left": max(0, total - done - failed),
        },
        "scansStarted": sum(job["started"] for job in jobs),
        "imagesNotFound": [name for job in jobs for name in job.get("not_found", ())],
        "jobFailures": failures[:MOST_FAILURES],
    }
