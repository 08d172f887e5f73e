"""The end of a basic scan: why it failed, and that it is remembered, reported or not."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from chalicelib.aws.errors import AWS_ERRORS
from chalicelib.notifying.looked_up import looked_up
from chalicelib.runtime import logs
from chalicelib.runtime.backoff import Throttled

if TYPE_CHECKING:
    from chalicelib.ecr.last_scans import LastScan
    from chalicelib.notifying.events import ScanResult
    from chalicelib.runtime.backoff import Backoff
    from chalicelib.services import Services


def described(result: ScanResult, services: Services, backoff: Backoff) -> ScanResult:
    """The result with the reason why a basic scan failed, which its event does not tell.

    It says whether the image can be scanned at all. A later scan may have ended otherwise by now.

    :raises ClientError: and others, for a later try may tell it.
    """
    if not (result.is_basic and result.failed):
        return result
    scan: LastScan | None = looked_up(
        "look-up failed",
        result,
        services,
        None,
        lambda ecr: backoff.call(ecr.last_scan, result.repository, result.image_digest),
    )
    if scan is None or scan.status != result.status:
        return result
    return replace(result, description=scan.description)


def note_end(result: ScanResult, services: Services) -> None:
    """Remember when the scan ended, and how; if that fails, its image may be scanned early."""
    if services.scan_records is None or not result.is_basic:
        return
    place = services.place_of(result.address, result.repository)
    try:
        services.scan_records.note_end(
            place, result.image_digest, result.ended_at, result.status, result.description
        )
    except (Throttled, *AWS_ERRORS) as error:
        logs.count("ScanRecordsNotKept", 1)
        extra = {"error": str(error), **result.about}
        logs.logger.warning("records of scans not kept", extra=extra)
