"""Since when findings are open, and which of them are overdue, without any call."""

from dataclasses import replace
from datetime import timedelta

import pytest

from chalicelib.ecr.findings import Finding, Package
from chalicelib.fleet.model import ImageScan, Repository, RepositoryReport
from chalicelib.policy.accepted_risks import AcceptedRisks
from chalicelib.policy.due_dates import DueTimes
from chalicelib.policy.finding_filters import FindingFilters
from chalicelib.policy.ledger import Entry, Ledger, Span
from chalicelib.policy.states import Line
from ecr_scan_reporter.gate.due_dates import Record
from ecr_scan_reporter.gate.limits import Limits
from ecr_scan_reporter.gate.verdict import Baseline, Outcome, Policy, judge, judge_new, with_ages
from tests.fleets import NOW
from tests.policy.repositories import LATEST, PROD, a_state

PASSED, FAILED, UNDECIDED = Outcome.PASSED, Outcome.FAILED, Outcome.UNDECIDED
PLACE = Repository("123456789012", "eu-west-1", "shop/api")
LIMITS = Limits.of(["OVERDUE"])
POLICY = Policy(
    LIMITS.thresholds,
    FindingFilters(),
    AcceptedRisks(),
    NOW.date(),
    DueTimes.parse("HIGH=30d"),
    LIMITS.overdue,
)
OPENSSL = Finding("CVE-1", "HIGH", (Package("openssl"),))


def ago(days):
    return NOW - timedelta(days=days)


def seconds(days):
    return int(ago(days).timestamp())


def a_line(line=LATEST, digest="old", scanned=1, whole=None, entry=None):
    """A line whose image was scanned so many days ago, with that entry in its ledger."""
    ledger = Ledger({OPENSSL.key: entry} if entry else {}, (seconds(scanned),))
    return a_state(line, digest, whole=whole, ledger=ledger)


def opened(days, last=1):
    return Entry("HIGH", (Span(seconds(days), seconds(last)),))


def fixed(days, fixed_ago):
    return Entry("HIGH", (Span(seconds(days), seconds(fixed_ago + 1), seconds(fixed_ago)),))


def judged(*states, pushed=0, scanned=0, platforms=("new",), policy=POLICY, found=OPENSSL, **given):
    scans = tuple(ImageScan(digest, "COMPLETE", ago(scanned)) for digest in platforms)
    report = RepositoryReport(PLACE, "new", ("2",), ago(pushed), scans)
    observed = {OPENSSL.key: ago(given.pop("observed"))} if "observed" in given else {}
    record = Record(tuple(states), observed, given.pop("why_not", "why"), **given)
    return with_ages(judge("shop/api:2", report, [found], {}, policy), record, policy)


@pytest.mark.parametrize(
    ("states", "given", "outcome", "days"),
    [
        pytest.param([a_line(entry=opened(31))], {}, FAILED, 31, id="the builds before had it"),
        pytest.param([a_line(entry=opened(30))], {}, PASSED, 30, id="it is due today"),
        pytest.param(
            [a_line(entry=opened(3)), a_line(PROD, entry=opened(40))],
            {},
            FAILED,
            40,
            id="any line has it",
        ),
        pytest.param([a_line()], {}, PASSED, 0, id="it came with this build"),
        pytest.param([a_line()], {"pushed": 29}, PASSED, 0, id="the build itself is new enough"),
        pytest.param([a_line()], {"pushed": 90}, UNDECIDED, None, id="an old build off record"),
        pytest.param(
            [a_line()], {"pushed": 90, "observed": 40}, FAILED, 40, id="old for Inspector too"
        ),
        pytest.param(
            [a_line(entry=fixed(90, 10))],
            {"pushed": 60},
            FAILED,
            90,
            id="a build of before the fix",
        ),
        pytest.param([a_line(entry=fixed(90, 10))], {}, PASSED, 0, id="it came back after the fix"),
        pytest.param(
            [a_line(digest="new", entry=opened(31)), a_line(PROD, entry=opened(99))],
            {"pushed": 31},
            FAILED,
            31,
            id="it is on record itself",
        ),
        pytest.param(
            [a_line(digest="new")], {"pushed": 90}, PASSED, 0, id="found since the last scan on it"
        ),
        pytest.param(
            [a_line(digest="new", scanned=60)],
            {"pushed": 90},
            UNDECIDED,
            None,
            id="no scan on record for longer than there is time",
        ),
        pytest.param([], {}, UNDECIDED, None, id="nothing is on record"),
        pytest.param([], {"observed": 31}, FAILED, 31, id="but Inspector knows"),
        pytest.param([], {"observed": 5}, PASSED, 5, id="and knows that there is time"),
        pytest.param([], {"observed": 31, "unread": True}, FAILED, 31, id="unread, but overdue"),
        pytest.param([], {"observed": 5, "unread": True}, UNDECIDED, None, id="unread"),
        pytest.param(
            [replace(a_line(entry=opened(99)), has_ended=True)],
            {},
            UNDECIDED,
            None,
            id="a line's end",
        ),
    ],
)
def test_since_when_a_finding_is_open_decides(states, given, outcome, days):
    verdict = judged(*states, **given)
    assert verdict.outcome is outcome
    assert verdict.report.age_of(OPENSSL).days(NOW.date()) == days
    shown = {PASSED: (), FAILED: (f"1 overdue finding, the longest by {days and days - 30} day",)}
    for reason in shown.get(outcome, ("since when is unknown of 1 finding with a due date: why",)):
        assert verdict.reasons[0].startswith(reason)


def test_of_an_index_of_which_a_platform_is_not_on_record_yet_the_builds_before_count():
    arm = a_line(Line("latest", "linux/arm64"), entry=opened(40))
    amd = a_line(Line("latest", "linux/amd64"), "amd", whole="new")
    assert judged(amd, arm, platforms=("amd", "arm")).outcome is FAILED
    own = replace(arm, digest="arm", whole="new", ledger=amd.ledger)
    assert judged(amd, own, platforms=("amd", "arm")).outcome is PASSED


def test_nothing_fails_for_being_overdue_unless_that_is_asked_for():
    policy = replace(POLICY, fail_on_overdue=False)
    verdict = judged(a_line(entry=opened(31)), policy=policy)
    assert (verdict.outcome, verdict.due.overdue) == (PASSED, 1)
    assert judged(policy=policy).outcome is PASSED


def test_what_has_no_due_date_is_never_overdue_and_without_any_it_is_not_decided():
    low = replace(OPENSSL, severity="LOW")
    assert judged(a_line(entry=opened(400)), found=low).outcome is PASSED
    assert judged(found=low).outcome is PASSED
    verdict = judged(a_line(entry=opened(400)), policy=replace(POLICY, sla=None))
    assert verdict.outcome is UNDECIDED
    assert verdict.reasons == ("what is overdue is unknown: no due dates are set (SLA)",)


def test_what_does_not_count_is_not_overdue():
    policy = replace(POLICY, filters=FindingFilters(fixable_only=True))
    found = replace(OPENSSL, fix_available=False)
    assert judged(a_line(entry=opened(31)), policy=policy, found=found).outcome is PASSED


def test_what_is_overdue_fails_an_image_that_has_nothing_new_and_keeps_its_age():
    verdict = judged(a_line(entry=opened(31)))
    renamed = replace(OPENSSL, packages=(Package("openssl"), Package("openssl-libs")))
    same = judge_new(verdict, Baseline("main", (renamed,), NOW), POLICY)
    assert (same.outcome, same.new) == (FAILED, frozenset())
    [finding] = same.report.findings
    assert finding.key == renamed.key
    assert same.report.age_of(finding).days(NOW.date()) == 31
    unknown = judge_new(verdict, Baseline("main", None), POLICY)
    assert unknown.outcome is FAILED


@pytest.mark.parametrize(
    ("names", "severities", "overdue"),
    [
        (["OVERDUE"], {}, True),
        (["CRITICAL", "OVERDUE"], {"CRITICAL": 0}, True),
        (["HIGH", "CRITICAL"], {"CRITICAL": 0, "HIGH": 0}, False),
    ],
)
def test_severities_and_overdue_can_both_fail_an_image(names, severities, overdue):
    limits = Limits.of(names)
    assert (limits.thresholds.by_severity(), limits.overdue) == (severities, overdue)
