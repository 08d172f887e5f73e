"""The media by which people are told, a module of this package each.

A medium is a module with a function ``deliver(report, services)``, which tells of a
:class:`chalicelib.reports.Report` and raises what goes wrong. A module that is put here is a medium
with that: ``NOTIFY_BY_PAGER=true`` turns on ``pager.py``. It is told of what is news to people. One
that sets ``FOLLOWS_EVERY_SCAN = True`` is told, of the other scans too, what has become of the
findings that were reported before.

Email, SMS and JSON are three media with one module, ``topic.py``, since SNS takes them in one
message.
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING

from chalicelib import logs
from chalicelib.messages import ON_TOPIC

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable
    from types import ModuleType

    from chalicelib.reports import Report
    from chalicelib.services import Services

TOPIC = "topic"
ON_BY_DEFAULT = ON_TOPIC


class NotDelivered(Exception):
    """Some media could not be reached: says which and why. The others have the report."""


def media_names() -> tuple[str, ...]:
    """All media, each of which a setting turns on or off."""
    modules = {module.name for module in iter_modules(__path__)} - {TOPIC}
    return (*ON_TOPIC, *sorted(modules))


def senders(media: Collection[str]) -> tuple[str, ...]:
    """The modules that tell by these media."""
    return tuple(dict.fromkeys(TOPIC if name in ON_TOPIC else name for name in media))


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
    return import_module(f"{__name__}.{name}")
