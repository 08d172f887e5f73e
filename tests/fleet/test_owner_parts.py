"""An owner's part of a fleet: its repositories, what is not known of them, and nobody else's."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.fleet.collecting import Gathered
from chalicelib.fleet.comparison import compare
from chalicelib.fleet.formats.json_form import to_json
from chalicelib.fleet.model import NotLookedAt
from chalicelib.fleet.owner_parts import OwnerParts
from chalicelib.policy.accepted_risks import AcceptedRisk
from tests.fleets import CURL, NOW, OPENSSL, ZLIB, fleet_reports, looked_at, report_of, repository

OWNERS = ("payments", "search", "")
WEEK = timedelta(days=7)


def gathered(*repositories, missed=(), owners=None, listed=(), **fields):
    """What was gathered; ``owners`` are those of what was missed, ``listed`` what else is there."""
    report = replace(report_of(*repositories), not_looked_at=tuple(missed), **fields)
    named = {each.repository for each in (*report.repositories, *report.not_looked_at)}
    return Gathered(report, frozenset({*named, *listed}), owners or {})


def part(now, earlier=None, owner="payments"):
    return OwnerParts(now).of(owner, earlier)


def before(*repositories):
    return replace(report_of(*repositories), generated_at=NOW - WEEK, owner="payments")


def names(places):
    return [getattr(each, "repository", each).name for each in places]


def owner_of(place):
    return OWNERS[sum(map(ord, place.name)) % len(OWNERS)]


def owned(report):
    """The report with an owner for each repository, always the same one."""
    having = (replace(each, owner=owner_of(each.repository)) for each in report.repositories)
    return replace(report, repositories=tuple(having), comparison=None)


@given(fleet_reports, fleet_reports, st.randoms())
def test_parts_say_of_each_repository_what_the_fleet_s_report_says(now, earlier, chance):
    now, earlier = owned(now), owned(earlier)
    read = set(now.registries) - {each.repository for each in now.not_looked_at}
    known = {each.repository for each in (*now.repositories, *now.not_looked_at)}
    absent = {each.repository for each in earlier.repositories} - known
    deleted = {each for each in absent if each.registry in read and chance.random() < 0.5}
    now = replace(now, deleted=tuple(sorted(deleted)))
    whole = compare(now, earlier)
    owners = {each: owner_of(each) for each in known}
    parts = OwnerParts(Gathered(now, frozenset(known | (absent - deleted)), owners))
    others = OwnerParts(Gathered(earlier, frozenset(), {}))
    for owner in OWNERS:
        own = [each for each in whole.repositories if owner_of(each.repository) == owner]
        of_owner = others.of(owner, None) or replace(report_of(), generated_at=earlier.generated_at)
        found = parts.of(owner, of_owner)
        if found is None:
            assert not own
            continue
        assert sorted(found.repositories, key=repr) == sorted(own, key=repr)
        for kind in ("new", "fixed"):
            changes = getattr(whole.comparison, kind)
            expected = [each for each in changes if owner_of(each.repository) == owner]
            assert sorted(getattr(found.comparison, kind), key=repr) == sorted(expected, key=repr)


def test_nothing_of_another_owner_s_is_in_a_part():
    entries = [
        AcceptedRisk(f"because of {name}", date(2026, 2, 1), repository=f"{name}/*", line=line)
        for line, name in enumerate(("ours", "theirs"))
    ]
    now = gathered(
        looked_at("ours/api", OPENSSL, owner="payments"),
        looked_at("theirs/api", ZLIB, owner="search"),
        looked_at("theirs/old", ZLIB, owner=""),
        missed=[
            NotLookedAt(repository("theirs/web"), "refused"),
            NotLookedAt(repository("theirs/app"), "refused"),
            NotLookedAt(repository("", region="us-east-1"), "refused"),
        ],
        owners={repository("theirs/web"): "search"},
        expired=tuple(entries),
        deleted=(repository("theirs/gone"),),
    )
    found = part(now, before(looked_at("ours/api", CURL)))
    assert "theirs" not in to_json(found)
    assert found.expired == (entries[0],)
    assert names(found.repositories) == ["ours/api"]
    # It may have repositories of theirs, and of ours too.
    assert names(found.unknown) == [""]


@pytest.mark.parametrize("earlier", [None, before(looked_at("ours/api", OPENSSL))])
def test_a_repository_that_cannot_be_read_is_unknown_to_whose_it_is(earlier):
    missed = NotLookedAt(repository("ours/api"), "refused")
    now = gathered(missed=[missed], owners={missed.repository: "payments"})
    found = part(now, earlier)
    assert names(found.unknown) == ["ours/api"]
    assert found.totals["CRITICAL"] == (1 if earlier else 0)
    assert part(now, None, "search") is None


def test_what_was_in_a_registry_that_cannot_be_read_is_as_it_was():
    now = gathered(missed=[NotLookedAt(repository(""), "refused")])
    found = part(now, before(looked_at("ours/api", OPENSSL)))
    assert (found.deleted, found.comparison.fixed, found.totals["CRITICAL"]) == ((), (), 1)
    assert names(found.last_known) == ["ours/api"]


def test_where_tags_cannot_be_read_a_repository_stays_with_whom_it_was():
    missed = NotLookedAt(repository("ours/web"), "refused")
    now = gathered(
        looked_at("ours/api", OPENSSL),
        missed=[missed],
        owners={missed.repository: None},
    )
    earlier = before(looked_at("ours/api", OPENSSL), looked_at("ours/web", ZLIB))
    found = part(now, earlier)
    assert names(found.repositories) == ["ours/api", "ours/web"]
    assert (found.comparison.new, found.comparison.fixed, found.comparison.dropped) == ((), (), ())
    # and with nobody else, whose they may be
    assert part(now, None) is None


def test_a_repository_that_changes_hands_is_new_to_its_owner_and_no_fix_to_the_last():
    now = gathered(looked_at("shop/api", OPENSSL, owner="search"))
    earlier = before(looked_at("shop/api", OPENSSL))
    found = part(now, earlier)
    assert (found.comparison.fixed, names(found.comparison.dropped)) == ((), ["shop/api"])
    assert names(part(now, report_of(), "search").comparison.new) == ["shop/api"]


def test_what_was_deleted_since_the_owner_was_sent_a_digest_is_fixed_whenever_that_was():
    # The fleet's own digest of last week said so, and the owner's did not arrive.
    now = gathered(looked_at("ours/api", owner="payments"), deleted=())
    found = part(now, before(looked_at("ours/api"), looked_at("ours/old", ZLIB)))
    assert names(found.comparison.fixed) == names(found.deleted) == ["ours/old"]


def test_what_is_there_and_not_looked_at_any_more_is_not_fixed():
    now = gathered(looked_at("ours/api", owner="payments"), listed=[repository("ours/old")])
    found = part(now, before(looked_at("ours/api"), looked_at("ours/old", ZLIB)))
    assert (found.comparison.fixed, names(found.comparison.dropped)) == ((), ["ours/old"])


def test_the_last_repository_s_end_is_reported_and_after_that_nothing():
    now = gathered(looked_at("theirs/api", OPENSSL, owner="search"))
    last = part(now, before(looked_at("ours/api", ZLIB)))
    assert names(last.comparison.fixed) == ["ours/api"]
    assert part(now, last) is None
