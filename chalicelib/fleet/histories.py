"""What is kept of a repository beside its scans: ages and fixes, its owner, and where it runs."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from chalicelib.aws.errors import AWS_ERRORS
from chalicelib.fleet.model import FixTimes
from chalicelib.policy.ages import age_since, ages_by
from chalicelib.policy.ledger import DAY
from chalicelib.runtime import logs
from chalicelib.runtime.backoff import Throttled
from chalicelib.settings.repository_tags import parse_rules

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from chalicelib.ecr.registries import RegistryAddress
    from chalicelib.fleet.model import OlderImage, RepositoryReport
    from chalicelib.policy.ages import Age
    from chalicelib.policy.due_dates import DueTimes
    from chalicelib.policy.ledger import Ledger
    from chalicelib.policy.rules import Rules
    from chalicelib.policy.states import ReportedState
    from chalicelib.runtime.backoff import Backoff
    from chalicelib.services import Services

DAYS_OF_FIXES = 90
"""For how long a fix counts for the mean time to fix."""


@dataclass(frozen=True)
class History:
    """What is kept of a repository; None where that cannot be read, or is not known.

    ``uses`` are empty where it is known that no image is in use. ``older`` are the states of images
    in use that are in no line.
    """

    states: Sequence[ReportedState] | None = None
    uses: Mapping[str, Sequence[str]] | None = None
    older: tuple[ReportedState, ...] = ()

    def with_seen(self, seen: Mapping[str, str] | None) -> History:
        """With what Amazon Inspector sees running, by digest; None where that is not known."""
        if not self.uses and seen is None:
            return replace(self, uses=None)
        if self.uses is None or not seen:
            return self
        uses = {**{digest: (where,) for digest, where in seen.items()}, **self.uses}
        return replace(self, uses=uses)


class Histories:
    """What is kept of the repositories of one registry.

    Without a table nothing is known; what cannot be read is not known, and costs nothing else.
    """

    def __init__(self, address: RegistryAddress, services: Services, place: str) -> None:
        self._place = place
        self._settings = services.settings
        self._states = services.line_states
        self._uses = services.image_uses if services.settings.ecs_discovery else None
        self._found = self._read_found()
        self._tagged = self._read_tags(address, services)

    def of(self, repository: str, backoff: Backoff) -> History:
        """What is kept of a repository: one Query, and where uses are known one GetItem."""
        place = f"{self._place}/{repository}"
        states = self._recalled(place, repository, backoff)
        return History(states, self._uses_of(place, repository, backoff))

    def _uses_of(
        self, place: str, repository: str, backoff: Backoff
    ) -> Mapping[str, Sequence[str]] | None:
        if self._uses is None:
            return None
        try:
            uses = backoff.call(partial(self._uses.of, place, complete=True))
        except AWS_ERRORS as error:
            extra = {"repository": repository, "error": str(error)}
            logs.logger.warning("images in use not read", extra=extra)
            return None
        has_none = self._found is not None and repository not in self._found
        return {} if uses is None and has_none else uses

    def with_older(
        self, history: History, repository: str, images: Iterable[OlderImage], backoff: Backoff
    ) -> History:
        """With what is kept of images in use that are in no line: one Query for each."""
        if self._states is None or history.states is None:
            return history
        in_lines = {state.digest for state in history.states if not state.has_ended}
        older: list[ReportedState] = []
        for image in images:
            if image.digest not in in_lines:
                place = f"{self._place}/{repository}@{image.digest}"
                older += self._recalled(place, repository, backoff) or ()
        return replace(history, older=tuple(older))

    def _recalled(
        self, place: str, repository: str, backoff: Backoff
    ) -> tuple[ReportedState, ...] | None:
        """The states that are kept of a place; None where they cannot be read."""
        if self._states is None:
            return None
        try:
            return tuple(backoff.call(self._states.recall, place).states.values())
        except AWS_ERRORS as error:
            extra = {"repository": repository, "error": str(error)}
            logs.logger.warning("history not read", extra=extra)
            return None

    def rules_of(self, repository: str) -> Rules:
        """The rules of a repository, by its tags as far as they may be read."""
        own, _ = parse_rules((self._tagged or {}).get(repository, {}))
        return self._settings.rules_for(repository, own)

    def owner_of(self, repository: str) -> str | None:
        """Whose a repository is, empty for nobody's; None where its tags are not known."""
        return self._owner(self.rules_of(repository))

    def _owner(self, rules: Rules) -> str | None:
        return rules.owner or (None if self._tagged is None else "")

    def dated(self, report: RepositoryReport) -> RepositoryReport:
        """The report of a repository with its findings due by the times to fix of today."""
        sla = self._settings.sla_of(self.rules_of(report.repository.name))
        ages = {
            finding.key: age_since(age.first_seen, finding, sla)
            for finding in report.all_findings
            if (age := report.age_of(finding)).first_seen
        }
        return replace(report, ages={**report.ages, **ages}, sla=sla)

    def added_to(self, report: RepositoryReport, history: History) -> RepositoryReport:
        """The report of a repository with what is kept of it."""
        rules = self.rules_of(report.repository.name)
        digests = dict.fromkeys([report.digest, *(scan.digest for scan in report.scans)])
        running = None
        if history.uses is not None:
            found = (where for each in digests for where in history.uses.get(each, ()))
            running = tuple(dict.fromkeys(found))
        states, sla = history.states or (), self._settings.sla_of(rules)
        return replace(
            report,
            owner=self._owner(rules),
            running=running,
            ages=ages_of(report, states, sla, history.older),
            sla=sla,
            fixes=fixes_of(states, datetime.now(UTC)),
        )

    def _read_found(self) -> frozenset[str] | None:
        """The repositories that have images in use; all others have none."""
        if self._uses is None:
            return None
        try:
            return self._uses.found(self._place)
        except (Throttled, *AWS_ERRORS) as error:
            logs.logger.warning("repositories in use not read", extra={"error": str(error)})
            return None

    def _read_tags(
        self, address: RegistryAddress, services: Services
    ) -> Mapping[str, Mapping[str, str]] | None:
        if not services.settings.repository_tag_rules:
            return {}
        try:
            return services.repository_tags_of(address).rules()
        except (Throttled, *AWS_ERRORS) as error:
            logs.logger.warning("repositories' tags not read", extra={"error": str(error)})
            return None


def ages_of(
    report: RepositoryReport,
    states: Iterable[ReportedState],
    sla: DueTimes | None,
    older: Iterable[ReportedState] = (),
) -> dict[str, Age]:
    """Since when the findings of a repository's images are open, and when they are due.

    By the ledgers of the lines that the newest image is in; of one that is in none yet, by those of
    all lines. What only older images have, by the ledgers of their lines, and by their own.
    """
    states = tuple(states)
    live = [state for state in states if not state.has_ended]
    own = [state for state in live if report.digest in (state.whole, state.digest)]
    digests = {image.digest for image in report.older}
    theirs = [state for state in (*states, *older) if state.digest in digests]
    in_older = frozenset(key for image in report.older for key in image.findings)
    newest = (finding for finding in report.all_findings if finding.key not in in_older)
    others = (finding for finding in report.all_findings if finding.key in in_older)
    lines = theirs or ([] if own else live)
    return {
        **ages_by((state.ledger for state in own or live), newest, sla),
        **ages_by((state.ledger for state in lines), others, sla),
    }


def fixes_of(states: Iterable[ReportedState], now: datetime) -> dict[str, FixTimes]:
    """How long what was fixed lately had been open, by severity.

    Lines that have an image count their own, and what they have in common, such as one that began
    with another's history, once. So do the platforms of a tag what the same build fixed in them.
    """
    oldest = now.timestamp() - DAYS_OF_FIXES * DAY
    by_tag: dict[str, list[ReportedState]] = defaultdict(list)
    for state in states:
        if not state.has_ended:
            by_tag[state.line.tag].append(state)
    fixes = {
        (key, fix.at): fix
        for platforms in by_tag.values()
        for key, fix in _fixes_in(platforms)
        if fix.at > oldest
    }
    found: dict[str, FixTimes] = {}
    for fix in fixes.values():
        found[fix.severity] = found.get(fix.severity, FixTimes()) + FixTimes(1, fix.seconds)
    return found


class _Fix(NamedTuple):
    """When a finding was fixed, and how long it had been open; in which platforms of a line."""

    at: int
    seconds: int
    severity: str
    ledgers: tuple[Ledger, ...]

    def is_of_the_build_of(self, before: _Fix) -> bool:
        """Whether it is the same fix as one before it in other platforms.

        It is where these were scanned at about the same time, and none of them in between: of
        another build there would have been a scan.
        """
        ledgers = (*before.ledgers, *self.ledgers)
        return (
            self.at - before.at <= DAY
            and all(own is not each for own in self.ledgers for each in before.ledgers)
            and not any(before.at < scan < self.at for each in ledgers for scan in each.scans)
        )

    def joined(self, before: _Fix) -> _Fix:
        """Both as one, which was open for as long as the finding was in any of the platforms."""
        seconds = max(self.seconds, before.seconds)
        return self._replace(seconds=seconds, ledgers=(*before.ledgers, *self.ledgers))


def _fixes_in(platforms: Iterable[ReportedState]) -> Iterator[tuple[str, _Fix]]:
    """What was fixed in the platforms of a line, each fix once, with the key of the finding."""
    by_key: dict[str, list[_Fix]] = defaultdict(list)
    for state in platforms:
        for key, entry in state.ledger.entries.items():
            for at, seconds in entry.fixes:
                by_key[key].append(_Fix(at, seconds, entry.severity, (state.ledger,)))
    for key, fixes in by_key.items():
        first, *others = sorted(fixes, key=lambda fix: fix.at)
        for fix in others:
            if fix.is_of_the_build_of(first):
                first = fix.joined(first)
            else:
                yield key, first
                first = fix
        yield key, first
