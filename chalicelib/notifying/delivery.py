"""Reporting what was compared, by every channel that is on, each for itself."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from chalicelib.aws.deliveries import EVERYTHING
from chalicelib.notifying.channels import mirrors, senders_to
from chalicelib.notifying.collecting import news_of
from chalicelib.notifying.finding_events import put_events
from chalicelib.notifying.report import report_of
from chalicelib.policy.acknowledgements import heard, reported
from chalicelib.policy.changes import changes_for, is_news
from chalicelib.runtime import logs

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from chalicelib.aws.deliveries import Delivery
    from chalicelib.aws.line_states import LineStates
    from chalicelib.notifying.channels import Sender
    from chalicelib.notifying.comparison import Compared
    from chalicelib.notifying.mirroring import MirroredLine
    from chalicelib.notifying.report import Report
    from chalicelib.policy.changes import Changes
    from chalicelib.policy.states import ReportedState
    from chalicelib.runtime.backoff import Backoff
    from chalicelib.services import Services


class NotDelivered(Exception):
    """Some channels failed: says which and why. The others have what was to be reported."""

    def __init__(self, failures: dict[str, str]) -> None:
        super().__init__("; ".join(f"{name}: {error}" for name, error in failures.items()))


class Reporting:
    """What was reported of one event, and what of it failed, by channel.

    ``report`` is what people were notified of, if they were. What was noted before in the
    ``delivery``, if there is one, is not done again.
    """

    def __init__(
        self, services: Services, backoff: Backoff, delivery: Delivery | None = None
    ) -> None:
        self.report: Report | None = None
        self.failures: dict[str, str] = {}
        self._services = services
        self._backoff = backoff
        self._delivery = delivery
        self._store = services.news if delivery is not None else None

    def notify(self, compared: Compared) -> ReportedState | None:
        """Notify people by each channel to which the scan is news; returns the state after that."""
        state = compared.state
        if not compared.is_reported:
            return state
        for sender in senders_to(compared.about.owner, self._services.settings):
            changes = changes_for(sender.name, state) if state else None
            if not self._is_news(sender.name, compared, changes):
                state = state and heard(state, sender.name)
            elif self._is_done(sender, self._reported(compared, changes)):
                state = state and reported(state, sender.name)
        return state

    def mirror(self, lines: Sequence[MirroredLine]) -> frozenset[str]:
        """Let mirrors follow lines; returns those that do."""
        if not lines:
            return frozenset()
        return frozenset(
            mirror.name
            for mirror in mirrors(self._services.settings.channels)
            if self._tried(mirror.name, mirror.follow, lines, self._services, self._backoff)
        )

    def put_events(self, compared: Compared, states: LineStates) -> None:
        """Put what has happened to the repository's findings on the bus, if there is one."""
        bus = self._services.event_bus
        if bus is not None and compared.state is not None:
            about = (compared.result, compared.about.owner)
            self._tried("event_bus", put_events, *about, states, bus, self._backoff)

    def _is_news(self, channel: str, compared: Compared, changes: Changes | None) -> bool:
        assessment, state = compared.assessment, compared.state
        if assessment is None:
            return False
        if state is None or changes is None:
            severity = compared.result.finding_severity
            if severity is not None:
                return severity in assessment.crossed
            return (
                compared.result.failed
                or bool(assessment.crossed or assessment.exploited)
                or (assessment.findings is None and assessment.may_cross)
            )
        return is_news(
            self._services.settings.notify_mode,
            channel,
            state,
            changes,
            assessment.crossed,
            assessment.exploited,
            is_rescan=compared.is_rescan,
        )

    def _reported(self, compared: Compared, changes: Changes | None) -> Report:
        if compared.assessment is None:
            raise ValueError(compared)
        report = report_of(
            compared.result, compared.assessment, compared.line, changes, compared.about
        )
        report = replace(report, is_collected=self._store is not None)
        self.report = self.report or report
        return report

    def _is_done(self, sender: Sender, report: Report) -> bool:
        """Deliver or collect a report, unless it is noted that its channel has it, and note it."""
        news = _what(report)
        if self._delivery is not None and self._delivery.has(sender.name, news):
            return True
        if not self._tried(sender.name, self._deliver, sender, report):
            return False
        if self._delivery is not None:
            self._delivery.delivered(sender.name, news)
        return True

    def _deliver(self, sender: Sender, report: Report) -> None:
        store = self._store
        if store is None or sender.wording is None:
            sender.deliver(report, self._services)
            return
        content = sender.wording.of_report(report, self._services)
        store.add(sender.name, news_of(report, content, store.now(), store.begun_at()))

    def _tried(self, channel: str, deliver: Callable[..., None], *arguments: object) -> bool:
        try:
            deliver(*arguments)
        except Exception as error:
            logs.not_delivered(channel, error)
            self.failures[channel] = str(error)
            return False
        return True


def _what(report: Report) -> str:
    """What a report says of its event: its news, or else all that was found, if that is known."""
    if report.changes is not None:
        return report.changes.fingerprint
    return EVERYTHING if report.findings is not None else ""
