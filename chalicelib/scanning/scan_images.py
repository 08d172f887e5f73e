"""What a message of the jobs queue asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.runtime import logs
from chalicelib.runtime.pace import LONGEST_DELAY_SECONDS
from chalicelib.scanning.failures import ScansNotStarted
from chalicelib.scanning.job_messages import NewerJob, UnreadJob
from chalicelib.scanning.jobs import RETRY_DELAY_SECONDS, parse_job
from chalicelib.scanning.lister import continue_listing
from chalicelib.scanning.planner import plan_scans
from chalicelib.scanning.registry_jobs import ListJob, PlanJob
from chalicelib.scanning.scanner import scan_repository

if TYPE_CHECKING:
    from chalicelib.runtime.deadline import Deadline
    from chalicelib.services import Services


def scan_images(body: str, services: Services, deadline: Deadline) -> None:
    """Scan a repository, plan a registry's scans, or go on with a listing.

    A job of a newer version goes back to the queue, as often as it takes until that version is
    there.

    What failed is left to jobs of just that, as long as there are others to spare.

    :raises JobError: for a message that is no job of this application.
    :raises ScansNotStarted: when all that it asks for failed.
    """
    try:
        job = parse_job(body)
    except NewerJob:
        logs.count("JobsOfNewerVersion", 1)
        services.jobs_queue.send([UnreadJob(body)], LONGEST_DELAY_SECONDS)
        return
    try:
        if isinstance(job, ListJob):
            continue_listing(job, services, deadline)
        elif isinstance(job, PlanJob):
            plan_scans(job, services, deadline)
        else:
            scan_repository(job, services, deadline)
    except ScansNotStarted as error:
        if not error.rest:
            raise
        logs.logger.error("scans not started, left to jobs of their own", exc_info=error)
        services.jobs_queue.send(error.rest, RETRY_DELAY_SECONDS)
