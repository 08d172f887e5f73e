"""Delivering a report by every channel that is on, each for itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.notifying.channels import senders
from chalicelib.runtime import logs

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from chalicelib.notifying.channels import Sender
    from chalicelib.notifying.report import Report
    from chalicelib.services import Services


class NotDelivered(Exception):
    """Some senders failed: says which and why. The others have delivered the report."""


def follows_every_scan(channels: Collection[str]) -> bool:
    """Whether any of these channels gets reports of scans that are no news to people."""
    return any(sender.follows_every_scan for sender in senders(channels))


def deliver(
    report: Report,
    services: Services,
    delivered: Collection[str] = (),
    note: Callable[[str], None] = lambda _: None,
) -> None:
    """Deliver a report by every channel that is on, but by senders that ``delivered`` it already.

    One that fails does not stop the others; ``note`` is called with the name of each that
    succeeded.

    :raises NotDelivered: in the end, when some failed.
    """
    waiting = [
        sender
        for sender in senders(services.settings.channels)
        if sender.name not in delivered and (report.is_news or sender.follows_every_scan)
    ]
    failures = dict(_failures(waiting, report, services, note))
    if failures:
        raise NotDelivered("; ".join(f"{name}: {error}" for name, error in failures.items()))


def _failures(
    waiting: Iterable[Sender], report: Report, services: Services, note: Callable[[str], None]
) -> Iterable[tuple[str, Exception]]:
    for sender in waiting:
        try:
            sender.deliver(report, services)
        except Exception as error:
            logs.logger.exception("not delivered", extra={"channel": sender.name})
            logs.count("NotificationsFailed", 1, Channel=sender.name)
            yield sender.name, error
        else:
            note(sender.name)
