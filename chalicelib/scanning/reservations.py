"""Keeping within a day's budget: scans are reserved before their jobs are sent or started."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from hashlib import sha256
from typing import TYPE_CHECKING, TypeVar

from chalicelib.aws.errors import AWS_ERRORS, is_unusable
from chalicelib.aws.scan_budgets import Held
from chalicelib.runtime import logs

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from chalicelib.scanning.jobs import ScanJob
    from chalicelib.scanning.registry_jobs import PlanJob
    from chalicelib.services import Services

    Answer = TypeVar("Answer")

_DAY_SECONDS = 86_400
_NOTHING = Held()


@dataclass(frozen=True, order=True)
class Day:
    """A day (UTC) of a budget, by the number that it has since the epoch."""

    number: int

    @classmethod
    def of(cls, moment: float) -> Day:
        """The day of a moment, in seconds since the epoch."""
        return cls(int(moment) // _DAY_SECONDS)

    @property
    def date(self) -> date:
        """The day's date."""
        return datetime.fromtimestamp(self.start, UTC).date()

    @property
    def start(self) -> int:
        """When the day begins, in seconds since the epoch."""
        return self.number * _DAY_SECONDS

    @property
    def end(self) -> int:
        """When the next day begins, in seconds since the epoch."""
        return (self.number + 1) * _DAY_SECONDS


def keeps_budgets(services: Services) -> bool:
    """Whether it is kept what of each day's budget is spent."""
    return services.settings.daily_scan_budget is not None and services.scan_budgets is not None


def image_name(repository: str, digest: str) -> str:
    """By what the scan of an image is reserved: each repository that has the image has its own."""
    return f"{repository}@{digest}"


def held(job: PlanJob, services: Services, day: Day) -> Held:
    """What is reserved of a day in the job's registry, by this job and by others.

    Whoever comes again, or finds these images due too, may send the jobs of their scans without
    reserving them: an image is scanned once in 24 hours. Where there is no budget or no table, or
    none that may be used, that is nothing.

    :raises Throttled: when the table is, and other errors of AWS that may pass: the job is to come
        again.
    """
    budgets = services.scan_budgets
    if budgets is None or not keeps_budgets(services):
        return _NOTHING
    place = services.place_of(job.address)
    return _unless_unusable(job, _NOTHING, lambda: budgets.held(place, day.date))


def reserved(
    job: PlanJob | ScanJob,
    services: Services,
    day: Day,
    chosen: Sequence[str],
    seen: int = 0,
    known: Held = _NOTHING,
) -> list[str]:
    """Those of the chosen images whose scans the day's budget still allows a job to start.

    They are chosen by :func:`image_name`, without those that are ``known`` to be held. They are the
    job's from then on, also for a delivery at the same time; one that knows of them reserves
    further ones. ``seen`` is how many scans of the day are known of that nobody reserved. Where
    there is no budget or no table, or none that may be used, that is all of them.

    :raises Throttled: when the table is, and other errors of AWS that may pass: the job is to come
        again.
    """
    budgets, size = services.scan_budgets, services.settings.daily_scan_budget
    if budgets is None or size is None:
        return list(chosen)
    name, place = _name_of(job, known), services.place_of(job.address)
    return _unless_unusable(
        job,
        list(chosen),
        lambda: budgets.reserve(place, day.date, name, chosen, size, seen),
    )


def _name_of(job: PlanJob | ScanJob, known: Held) -> str:
    """What names a choice of a job's: with a number where earlier ones are known."""
    name = sha256(job.to_json().encode(errors="surrogatepass")).hexdigest()[:32]
    number = sum(each.partition(".")[0] == name for each in known.jobs)
    return f"{name}.{number}" if number else name


def _unless_unusable(job: PlanJob | ScanJob, default: Answer, call: Callable[[], Answer]) -> Answer:
    """What a call to the table gives, or the default where there is none that may be used."""
    try:
        return call()
    except AWS_ERRORS as error:
        if not is_unusable(error):
            raise
        extra = {"registry": str(job.address), "error": str(error)}
        logs.logger.warning("budget not kept", extra=extra)
        return default
