"""The notifier: what each event leads to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chalicelib.notifying.deletions import close_deleted
from chalicelib.notifying.events import Deletion, event_of
from chalicelib.notifying.scans import report_scan

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chalicelib.runtime.deadline import Deadline
    from chalicelib.services import Services


def notify(event: Mapping[str, Any], services: Services, deadline: Deadline) -> None:
    """Report the end of a scan, or a finding of Amazon Inspector, if that is worth a report.

    What was open in an image that was deleted is closed.

    :raises EventError: for an event of another kind; others as :func:`report_scan` and
        :func:`close_deleted`.
    """
    happened = event_of(event)
    if isinstance(happened, Deletion):
        close_deleted(happened, services, deadline)
    else:
        report_scan(happened, services, deadline)
