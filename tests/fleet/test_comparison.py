"""What is new and what is fixed from one fleet report to another."""

from collections import defaultdict
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.ecr.findings import Package
from chalicelib.fleet.comparison import compare
from chalicelib.fleet.formats.json_form import to_json
from chalicelib.fleet.formats.json_reader import from_json
from chalicelib.fleet.model import ImageScan, NotLookedAt, RepositoryReport
from chalicelib.fleet.report import FleetReport
from chalicelib.fleet.vulnerabilities import most_urgent
from chalicelib.policy.ages import Age
from chalicelib.policy.due_dates import DueTimes
from tests.fleets import (
    BASH,
    CURL,
    NOW,
    OPENSSL,
    PERL,
    REVIEWED,
    ZLIB,
    looked_at,
    report_of,
    repository,
)

LAST_WEEK = NOW - timedelta(days=7)


def before(*repositories):
    return replace(report_of(*repositories), generated_at=LAST_WEEK)


def changes(found):
    return [(change.repository.name, change.finding.identifier) for change in found]


def test_a_finding_is_new_or_fixed_by_repository_vulnerability_and_package():
    earlier = report_of(looked_at("a", ZLIB, CURL), looked_at("b", OPENSSL))
    upgraded = replace(CURL, packages=(Package("curl", "8.1.1"),), severity="MEDIUM")
    report = compare(report_of(looked_at("a", OPENSSL, upgraded), looked_at("b", OPENSSL)), earlier)
    assert changes(report.comparison.new) == [("a", "CVE-2026-0001")]
    assert changes(report.comparison.fixed) == [("a", "CVE-2026-0002")]


def test_what_is_accepted_or_left_out_since_is_not_taken_for_fixed():
    earlier = report_of(looked_at("a", BASH, ZLIB, CURL))
    now = looked_at(
        "a", accepted=((BASH, REVIEWED),), left_out={"below the minimum score": (ZLIB,)}
    )
    comparison = compare(report_of(now), earlier).comparison
    assert changes(comparison.fixed) == [("a", "CVE-2025-0003")]
    assert comparison.new == ()


def test_what_was_accepted_is_new_when_it_counts_again_and_not_fixed_when_it_is_gone():
    earlier = report_of(looked_at("a", accepted=((BASH, REVIEWED), (CURL, REVIEWED))))
    comparison = compare(report_of(looked_at("a", BASH)), earlier).comparison
    assert changes(comparison.new) == [("a", "CVE-2025-0004")]
    assert comparison.fixed == ()


@pytest.mark.parametrize("status", ["FAILED", "PENDING", "UNSUPPORTED_IMAGE", None])
def test_what_is_unknown_now_is_as_it_was_last_known_and_not_fixed(status):
    earlier = before(looked_at("a", OPENSSL, accepted=((BASH, REVIEWED),), left_out={"x": (CURL,)}))
    report = compare(report_of(looked_at("a", status=status)), earlier)
    assert (report.comparison.fixed, report.comparison.new) == ((), ())
    [kept] = report.repositories
    assert (kept.findings, kept.accepted) == ((OPENSSL,), ((BASH, REVIEWED),))
    assert kept.left_out == {"x": (CURL,)}
    assert (kept.as_of, kept.status) == (LAST_WEEK, status or "never scanned")
    assert report.totals["CRITICAL"] == 1
    assert report.unknown == (repository("a"),)


@pytest.mark.parametrize(
    "missed", [repository("a"), repository("")], ids=["repository", "registry"]
)
def test_what_could_not_be_read_is_as_it_was_last_known_and_not_fixed(missed):
    report = replace(report_of(), not_looked_at=(NotLookedAt(missed, "refused"),))
    report = compare(report, before(looked_at("a", OPENSSL)))
    assert (report.comparison.fixed, report.comparison.dropped) == ((), ())
    [kept] = report.repositories
    assert (kept.findings, kept.as_of, kept.known) == ((OPENSSL,), LAST_WEEK, False)
    assert (report.looked_at, report.last_known) == ((), (kept,))
    assert {*report.unknown} == {repository("a"), missed}


def test_what_was_last_known_keeps_its_date_from_report_to_report():
    unread = replace(report_of(), not_looked_at=(NotLookedAt(repository("a"), "refused"),))
    report = before(looked_at("a", OPENSSL))
    for number in range(3):
        report = compare(replace(unread, generated_at=NOW + timedelta(days=number)), report)
    assert [each.as_of for each in report.repositories] == [LAST_WEEK]
    report = compare(report_of(looked_at("a", ZLIB)), report)
    assert changes(report.comparison.new) == [("a", "CVE-2026-0002")]
    assert changes(report.comparison.fixed) == [("a", "CVE-2026-0001")]
    assert [each.as_of for each in report.repositories] == [None]


def test_what_one_platform_has_is_new_although_another_could_not_be_scanned():
    scans = (ImageScan("sha256:a", "COMPLETE", NOW), ImageScan("sha256:b", "FAILED"))
    report = compare(
        report_of(looked_at("a", ZLIB, CURL, scans=scans)), before(looked_at("a", OPENSSL, CURL))
    )
    assert changes(report.comparison.new) == [("a", "CVE-2026-0002")]
    assert report.comparison.fixed == ()
    assert report.repositories[0].findings == (OPENSSL, ZLIB, CURL)
    report = compare(report_of(looked_at("a", ZLIB)), report)
    assert report.comparison.new == ()
    assert {name for _, name in changes(report.comparison.fixed)} == {
        "CVE-2026-0001",
        "CVE-2025-0003",
    }


def test_what_a_new_repository_has_is_new_and_so_is_what_was_never_known():
    report = compare(
        report_of(looked_at("a", OPENSSL), looked_at("b", ZLIB)),
        before(looked_at("a", status="FAILED")),
    )
    assert changes(report.comparison.new) == [("a", "CVE-2026-0001"), ("b", "CVE-2026-0002")]
    assert report.comparison.first_seen == (repository("a"), repository("b"))


def test_what_was_never_known_has_no_date():
    report = compare(
        report_of(looked_at("a", status="FAILED")), before(looked_at("a", status="FAILED"))
    )
    assert [each.as_of for each in report.repositories] == [None]
    assert report.unknown == (repository("a"),)


def test_a_repository_without_an_image_any_more_has_nothing_open():
    report = compare(report_of(RepositoryReport(repository("a"))), before(looked_at("a", ZLIB)))
    assert changes(report.comparison.fixed) == [("a", "CVE-2026-0002")]
    assert (report.unknown, report.open_findings) == ((), 0)


def test_with_a_repository_that_was_deleted_its_findings_are_fixed():
    report = compare(
        replace(report_of(), deleted=(repository("a"), repository("never-known"))),
        before(looked_at("a", ZLIB)),
    )
    assert changes(report.comparison.fixed) == [("a", "CVE-2026-0002")]
    assert (report.repositories, report.unknown) == ((), ())


def test_a_repository_that_is_not_to_be_looked_at_any_more_is_not_fixed():
    there = replace(looked_at("a", ZLIB), repository=repository("a", region="us-east-1"))
    report = compare(report_of(there), before(looked_at("a", ZLIB)))
    assert report.comparison.first_seen == (repository("a", region="us-east-1"),)
    assert report.comparison.dropped == (repository("a"),)
    assert report.comparison.fixed == ()
    assert [each.repository.region for each in report.repositories] == ["us-east-1"]


class _Fleet:
    """What is open in truth, and what readers of the digests know of it."""

    def __init__(self):
        self.truth = {}
        self.told = {}
        self.sent = None

    def report(self, data, number):
        """A run that reads some repositories and not others, or parts of them."""
        looked, missed = [], []
        unlisted = data.draw(st.booleans() if number % 4 == 3 else st.just(False))
        for name, found in self.truth.items():
            reading = data.draw(st.sampled_from(["full", "full", "partial", "unscanned", "missed"]))
            if unlisted:
                continue
            if reading == "missed":
                missed.append(NotLookedAt(repository(name), "no time was left"))
            else:
                looked.append(self._look(data, name, found, reading))
        if unlisted:
            missed = [NotLookedAt(repository(""), "refused")]
        gone = () if unlisted else tuple(repository(n) for n in self.told if n not in self.truth)
        return FleetReport(
            NOW + timedelta(days=number), (repository(""),), (*looked,), (*missed,), deleted=gone
        )

    def _look(self, data, name, found, reading):
        if reading == "full":
            return looked_at(name, *found) if found else data.draw(_without(name))
        seen = data.draw(_some(found)) if reading == "partial" else ()
        statuses = ("COMPLETE", "FAILED") if reading == "partial" else (None,)
        scans = tuple(ImageScan(f"sha256:{n}", status) for n, status in enumerate(statuses))
        return looked_at(name, *seen, scans=scans)

    def check(self, report):
        """What the digest says is right, and was not said before."""
        comparison = report.comparison
        new, fixed = (_by_name(found) for found in (comparison.new, comparison.fixed))
        certain = {each.repository.name for each in report.repositories if each.certain}
        for name in {*self.told, *self.truth}:
            told, truth = self.told.get(name, set()), {*self.truth.get(name, ())}
            assert not new.get(name, set()) & told
            assert new.get(name, set()) <= truth
            assert fixed.get(name, set()) <= told - truth
            now = (told | new.get(name, set())) - fixed.get(name, set())
            if name in certain or name in {each.name for each in report.deleted}:
                assert now == truth
            self.told[name] = now
        self.told = {name: found for name, found in self.told.items() if found}
        assert {each.repository.name: {*each.findings} for each in report.worst} == self.told


def _without(name):
    return st.sampled_from([looked_at(name), RepositoryReport(repository(name))])


def _some(found):
    return st.sets(st.sampled_from(found)) if found else st.just(())


def _by_name(found):
    by_name = defaultdict(set)
    for change in found:
        assert change.finding not in by_name[change.repository.name]
        by_name[change.repository.name].add(change.finding)
    return by_name


_POOL = (OPENSSL, ZLIB, CURL, BASH, PERL)
_TRUTHS = st.dictionaries(
    st.sampled_from("abc"), st.lists(st.sampled_from(_POOL), unique=True), max_size=3
)


@given(st.data())
def test_each_finding_is_new_once_while_it_stays_and_fixed_once_when_it_is_gone(data):
    """Whatever could not be read, was scanned in part, or was not sent in between."""
    fleet = _Fleet()
    for number in range(data.draw(st.integers(2, 8))):
        fleet.truth = data.draw(_TRUTHS)
        report = fleet.report(data, number)
        earlier = fleet.sent or FleetReport(NOW - timedelta(days=1))
        report = from_json(to_json(compare(report, earlier)))
        if data.draw(st.booleans()):
            fleet.check(report)
            fleet.sent = report
    last = report_of(*(looked_at(name, *found) for name, found in fleet.truth.items()))
    gone = tuple(repository(name) for name in fleet.told if name not in fleet.truth)
    fleet.check(compare(replace(last, deleted=gone), fleet.sent or FleetReport(NOW)))
    assert fleet.told == {name: {*found} for name, found in fleet.truth.items() if found}


def test_what_is_new_is_listed_in_the_one_order_of_findings():
    """What runs, then what is exploited, overdue and severe."""
    listed, late = replace(CURL, known_exploited=True), Age(due=NOW.date() - timedelta(days=1))
    stored = looked_at("a", BASH, listed, PERL, running=(), ages={PERL.key: late})
    runs = looked_at("b", ZLIB, running=("ECS service shop",), in_use=frozenset({ZLIB.key}))
    report = compare(report_of(stored, runs), report_of(looked_at("a"), looked_at("b")))
    new = most_urgent(report.comparison.new, report)
    assert [change.finding for change in new] == [ZLIB, listed, PERL, BASH]


SLA = DueTimes.parse("CRITICAL=7d HIGH=30d")


def test_where_the_history_cannot_be_read_a_finding_keeps_the_age_it_had():
    since = NOW - timedelta(days=40)
    earlier = replace(looked_at("a", ZLIB, BASH), ages={ZLIB.key: Age(since)}, sla=None)
    report = compare(report_of(replace(looked_at("a", ZLIB, BASH), sla=SLA)), before(earlier))
    [overdue] = report.overdue
    assert (overdue.finding, overdue.days_left) == (ZLIB, -10)
    assert (report.undated, report.overdue_count) == (1, 1)


def test_an_age_that_the_history_says_now_goes_over_the_one_it_had():
    since = NOW - timedelta(days=40)
    now = replace(looked_at("a", ZLIB), ages={ZLIB.key: Age(NOW)}, sla=SLA)
    earlier = replace(looked_at("a", ZLIB), ages={ZLIB.key: Age(since)})
    assert compare(report_of(now), before(earlier)).repositories[0].ages == {ZLIB.key: Age(NOW)}


def test_a_finding_in_one_package_more_has_one_age_where_not_all_is_known():
    since = NOW - timedelta(days=40)
    wider = replace(ZLIB, packages=(*ZLIB.packages, Package("zlib-dev", "1.2")))
    now = replace(looked_at("a", wider, status="PENDING"), sla=SLA)
    earlier = replace(looked_at("a", ZLIB, BASH), ages={ZLIB.key: Age(since), BASH.key: Age(NOW)})
    [found] = compare(report_of(now), before(earlier)).repositories
    assert {key: age.first_seen for key, age in found.ages.items()} == {
        wider.key: since,
        BASH.key: NOW,
    }


def test_a_new_finding_has_not_the_age_of_another_one_that_is_still_there():
    since = NOW - timedelta(days=40)
    age = Age(since, since.date() + timedelta(days=30))
    wider = replace(ZLIB, packages=(*ZLIB.packages, Package("zlib-dev", "1.2")))
    second = replace(ZLIB, packages=(Package("zlib", "1.3"),), occurrence=2)
    earlier = looked_at("a", ZLIB, ages={ZLIB.key: age}, sla=SLA)
    for other in (wider, second):
        now = looked_at("a", ZLIB, other, ages={ZLIB.key: age}, sla=SLA)
        report = compare(report_of(now), before(earlier))
        assert report.repositories[0].ages == {ZLIB.key: age}
        assert [change.finding for change in report.comparison.new] == [other]
        assert [each.finding for each in report.overdue] == [ZLIB]
