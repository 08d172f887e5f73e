"""What is kept of a repository beside its scans: ages and fixes, its owner, and where it runs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from chalicelib.aws.errors import AWS_ERRORS
from chalicelib.ecr.uses import KnownUses
from chalicelib.fleet.fixes import fixes_of
from chalicelib.policy.ages import age_since, ages_by
from chalicelib.runtime import logs
from chalicelib.runtime.backoff import Throttled
from chalicelib.settings.repository_tags import parse_rules

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from chalicelib.aws.image_uses import FoundUses
    from chalicelib.ecr.findings import Finding
    from chalicelib.ecr.registries import RegistryAddress
    from chalicelib.fleet.model import RepositoryReport
    from chalicelib.policy.ages import Age
    from chalicelib.policy.due_dates import DueTimes
    from chalicelib.policy.rules import Rules
    from chalicelib.policy.states import ReportedState
    from chalicelib.runtime.backoff import Backoff
    from chalicelib.services import Services


@dataclass(frozen=True)
class History:
    """What is kept of a repository; None where that cannot be read, or nothing is kept of a kind.

    ``uses`` are of that kind where nothing looks for images in use. ``older`` are the states of
    images in use that are in no line.
    """

    states: Sequence[ReportedState] | None = None
    uses: KnownUses | None = None
    older: tuple[ReportedState, ...] = ()

    @property
    def in_use(self) -> Mapping[str, Sequence[str]]:
        """Where images are known to be in use, by digest."""
        return self.uses.by_digest if self.uses else {}

    def with_seen(self, seen: KnownUses | None) -> History:
        """With what Amazon Inspector sees running, if it scans these images."""
        if self.uses is None or seen is None:
            return self
        uses = {**seen.by_digest, **self.uses.by_digest}
        return replace(self, uses=KnownUses(uses, self.uses.complete and seen.complete))


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
        """What is kept of a repository: one Query, and one more of where its images run."""
        place = f"{self._place}/{repository}"
        states = self._recalled(place, repository, backoff)
        return History(states, self._uses_of(place, repository, backoff))

    def _uses_of(self, place: str, repository: str, backoff: Backoff) -> KnownUses | None:
        if self._uses is None:
            return None
        try:
            return backoff.call(partial(self._uses.of, place, self._found))
        except AWS_ERRORS as error:
            extra = {"repository": repository, "error": str(error)}
            logs.logger.warning("images in use not read", extra=extra)
            return KnownUses()

    def with_older(
        self, history: History, repository: str, digests: Iterable[str], backoff: Backoff
    ) -> History:
        """With what is kept of images in use that are in no line: one Query for each."""
        if self._states is None or history.states is None:
            return history
        in_lines = {state.digest for state in history.states if not state.has_ended}
        older: list[ReportedState] = []
        for digest in digests:
            if digest not in in_lines:
                place = f"{self._place}/{repository}@{digest}"
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
        uses, is_known = history.in_use, history.uses is not None and history.uses.complete
        digests = dict.fromkeys([report.digest, *(scan.digest for scan in report.scans)])
        running = dict.fromkeys(where for each in digests for where in uses.get(each, ()))
        sla = self._settings.sla_of(rules)
        return replace(
            report,
            owner=self._owner(rules),
            running=tuple(running) if running or is_known else None,
            ages=ages_of(report, history, sla),
            sla=sla,
            fixes=fixes_of(history.states or (), datetime.now(UTC)),
        )

    def _read_found(self) -> FoundUses | None:
        """The repositories that have images in use, if it is known that all others have none."""
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


def ages_of(report: RepositoryReport, history: History, sla: DueTimes | None) -> dict[str, Age]:
    """Since when the findings of a repository's images are open, and when they are due.

    By the ledgers of the lines that the newest image is in; of one that is in none yet, by those of
    all lines. What images in use have is open since the first of them had it, by the ledgers of
    their lines and by their own.
    """
    states = history.states or ()
    live = [state for state in states if not state.has_ended]
    own = [state for state in live if report.digest in (state.whole, state.digest)]
    digests = {image.digest for image in report.older}.union(history.in_use)
    theirs = [state for state in (*states, *history.older) if state.digest in digests]
    in_older = frozenset(key for image in report.older for key in image.findings)
    by_image: dict[str, list[Finding]] = {"newest": [], "both": [], "older": []}
    for finding in report.all_findings:
        is_shared = "both" if finding.key in report.in_use else "newest"
        by_image["older" if finding.key in in_older else is_shared].append(finding)
    lines = {
        "newest": own or live,
        "both": [*(own or live), *theirs],
        "older": theirs or ([] if own else live),
    }
    return {
        key: age
        for images, found in by_image.items()
        for key, age in ages_by((line.ledger for line in lines[images]), found, sla).items()
    }
