"""Keeping within a day's budget: scans are reserved before their jobs are sent or started."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from hashlib import sha256
from typing import TYPE_CHECKING

from chalicelib.aws.errors import AWS_ERRORS, is_unusable
from chalicelib.runtime import logs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chalicelib.scanning.jobs import ScanJob
    from chalicelib.scanning.registry_jobs import PlanJob
    from chalicelib.services import Services

_DAY_SECONDS = 86_400


@dataclass(frozen=True)
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


def reserved(
    job: PlanJob | ScanJob,
    services: Services,
    day: Day,
    chosen: Sequence[str],
    seen: int = 0,
) -> list[str]:
    """Those of the chosen images whose scans the day's budget still allows a job to start.

    They are the job's from then on, also when it is delivered again. ``seen`` is how many scans of
    the day are known of. Where there is no budget or no table, or none that may be used, that is
    all of them.

    :raises Throttled: when the table is, and other errors of AWS that may pass: the job is to come
        again.
    """
    budgets, size = services.scan_budgets, services.settings.daily_scan_budget
    if budgets is None or size is None:
        return list(chosen)
    name = sha256(job.to_json().encode(errors="surrogatepass")).hexdigest()[:32]
    place = services.place_of(job.address)
    try:
        return budgets.reserve(place, day.date, name, chosen, size, seen)
    except AWS_ERRORS as error:
        if not is_unusable(error):
            raise
        extra = {"registry": str(job.address), "error": str(error)}
        logs.logger.warning("budget not kept", extra=extra)
        return list(chosen)
