"""What a message of the jobs queue asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.scanning.jobs import PlanJob, parse_job
from chalicelib.scanning.planner import plan_scans
from chalicelib.scanning.scanner import scan_repository

if TYPE_CHECKING:
    from chalicelib.runtime.deadline import Deadline
    from chalicelib.services import Services


def scan_images(body: str, services: Services, deadline: Deadline) -> None:
    """Scan a repository, or plan a registry's scans.

    :raises JobError: for a message that is no job of this application.
    """
    job = parse_job(body)
    if isinstance(job, PlanJob):
        plan_scans(job, services, deadline)
    else:
        scan_repository(job, services, deadline)
