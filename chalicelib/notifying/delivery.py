"""Telling of a report by every medium that is on, each for itself."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from chalicelib.notifying.channels import senders
from chalicelib.runtime import logs

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable
    from types import ModuleType

    from chalicelib.notifying.report import Report
    from chalicelib.services import Services


class NotDelivered(Exception):
    """Some media could not be reached: says which and why. The others have the report."""


def follows_every_scan(media: Collection[str]) -> bool:
    """Whether any of these media is to be told of scans that are no news to people."""
    return any(_follows(_module(sender)) for sender in senders(media))


def deliver(
    report: Report,
    services: Services,
    delivered: Collection[str] = (),
    note: Callable[[str], None] = lambda _: None,
) -> None:
    """Tell of a report by every medium that is on, but for those ``delivered`` already.

    One that fails does not stop the others; ``note`` is called with each that succeeded.

    :raises NotDelivered: in the end, when some failed.
    """
    failures = dict(_failures(_waiting(report, services, delivered), report, services, note))
    if failures:
        raise NotDelivered("; ".join(f"{name}: {error}" for name, error in failures.items()))


def _waiting(report: Report, services: Services, delivered: Collection[str]) -> list[str]:
    return [
        name
        for name in senders(services.settings.media)
        if name not in delivered and (report.is_news or _follows(_module(name)))
    ]


def _failures(
    names: Iterable[str], report: Report, services: Services, note: Callable[[str], None]
) -> Iterable[tuple[str, Exception]]:
    for name in names:
        try:
            _module(name).deliver(report, services)
        except Exception as error:
            logs.logger.exception("not delivered", extra={"medium": name})
            logs.count("NotificationsFailed", 1, Medium=name)
            yield name, error
        else:
            note(name)


def _follows(module: ModuleType) -> bool:
    return getattr(module, "FOLLOWS_EVERY_SCAN", False)


def _module(name: str) -> ModuleType:
    return import_module(f"chalicelib.notifying.channels.{name}")
