"""Parts of a fleet report: of each owner, what is known of its repositories alone."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from chalicelib.fleet.comparison import compare
from chalicelib.fleet.report import FleetReport
from chalicelib.policy.accepted_risks import AcceptedRisks

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from chalicelib.fleet.collecting import Gathered
    from chalicelib.fleet.model import NotLookedAt, Repository, RepositoryReport
    from chalicelib.policy.accepted_risks import AcceptedRisk


class OwnerParts:
    """What was gathered, put apart once for all owners.

    A repository whose owner cannot be known this time stays with who had it in the last digest. A
    registry that was not read may have repositories of anybody, so it is missing to every owner.
    """

    def __init__(self, gathered: Gathered) -> None:
        self._all, self._listed = gathered.report, gathered.listed
        self._of: dict[str, list[RepositoryReport]] = defaultdict(list)
        self._of_unknown: dict[Repository, RepositoryReport] = {}
        self._missed: dict[str, list[NotLookedAt]] = defaultdict(list)
        self._missed_of_unknown: dict[Repository, NotLookedAt] = {}
        for each in self._all.repositories:
            if each.owner is None:
                self._of_unknown[each.repository] = each
            else:
                self._of[each.owner].append(each)
        for missed in self._all.not_looked_at:
            owner = gathered.owners.get(missed.repository)
            if missed.repository.name and owner is None:
                self._missed_of_unknown[missed.repository] = missed
            elif missed.repository.name:
                self._missed[owner or ""].append(missed)
        self._unlisted = [each for each in self._all.not_looked_at if not each.repository.name]
        self._expired = AcceptedRisks(self._all.expired)

    def of(self, owner: str, earlier: FleetReport | None) -> FleetReport | None:
        """The report of an owner's repositories, compared with the earlier one of these.

        None where the owner has none, and had none then.
        """
        before = [each.repository for each in earlier.repositories] if earlier else []
        repositories = [
            *self._of.get(owner, ()),
            *(self._of_unknown[each] for each in before if each in self._of_unknown),
        ]
        missed = [
            *self._missed.get(owner, ()),
            *(self._missed_of_unknown[each] for each in before if each in self._missed_of_unknown),
        ]
        if not (before or repositories or missed):
            return None
        missed += self._unlisted
        named = (*before, *(each.repository for each in (*repositories, *missed)))
        places = {each.registry for each in named}
        report = FleetReport(
            generated_at=self._all.generated_at,
            registries=tuple(each for each in self._all.registries if each in places),
            repositories=tuple(repositories),
            not_looked_at=tuple(missed),
            expired=self._expired_in(repositories),
            deleted=self._deleted(before),
            owner=owner,
            as_of_today=self._all.as_of_today,
        )
        return compare(report, earlier) if earlier else report

    def _deleted(self, before: Iterable[Repository]) -> tuple[Repository, ...]:
        """Those that are no more, whenever that was; not those of registries that were not read."""
        read = set(self._all.registries) - {each.repository for each in self._unlisted}
        return tuple(
            sorted(each for each in before if each.registry in read and each not in self._listed)
        )

    def _expired_in(self, repositories: Collection[RepositoryReport]) -> tuple[AcceptedRisk, ...]:
        """The entries that ran out and would cover a finding in these repositories."""
        entries = self._expired.entries
        if not entries:
            return ()
        found = {
            entry
            for each in repositories
            for entry in self._expired.split(
                each.repository.name, each.unaccepted, self._all.today
            )[2]
        }
        return tuple(entry for entry in entries if entry in found)
