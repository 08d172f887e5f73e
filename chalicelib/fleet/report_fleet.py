"""What a scheduled event of the digest asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chalicelib.fleet.digest import send_digest
from chalicelib.fleet.digest_keys import scheduled_time
from chalicelib.runtime import logs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chalicelib.runtime.deadline import Deadline
    from chalicelib.services import Services


def report_fleet(event: Mapping[str, Any], services: Services, deadline: Deadline) -> None:
    """Send the digest of the event's time, unless digests are off."""
    if not services.settings.digest:
        logs.logger.info("digests are off")
        return
    send_digest(scheduled_time(event), services, services.report_bucket, deadline)
