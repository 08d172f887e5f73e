"""What has become overdue since the digest before, as events."""

from dataclasses import replace
from datetime import timedelta

from chalicelib.fleet.overdue_events import overdue_details, put_overdue
from chalicelib.policy.accepted_risks import AcceptedRisk
from chalicelib.policy.ages import age_since
from chalicelib.policy.due_dates import DueTimes
from tests.fleet.test_histories import FLEET
from tests.fleets import NOW, OPENSSL


def days_ago(days):
    """The fleet's report, made some days earlier."""
    return replace(FLEET, generated_at=NOW - timedelta(days=days))


def with_due(sla, report=FLEET):
    """The report with other due dates."""
    repositories = tuple(
        replace(
            each,
            ages={
                finding.key: age_since(each.age_of(finding).first_seen, finding, sla)
                for finding in each.all_findings
                if finding.key in each.ages
            },
        )
        for each in report.repositories
    )
    return replace(report, repositories=repositories)


def test_what_became_overdue_since_the_digest_before_is_an_event():
    [event] = overdue_details(FLEET, days_ago(16))
    assert (event["repository"], event["vulnerability"]) == ("shop/api", OPENSSL.identifier)
    assert event["owner"] == "payments"
    assert event["due"] == (NOW.date() - timedelta(days=16)).isoformat()


def test_what_was_overdue_by_then_is_none():
    assert list(overdue_details(FLEET, days_ago(15))) == []


def test_before_any_digest_all_that_is_overdue_is_news():
    assert len(list(overdue_details(FLEET, None))) == len(FLEET.overdue)


def test_what_another_sla_made_overdue_is_an_event():
    assert list(overdue_details(FLEET, with_due(None))) != []
    assert list(overdue_details(FLEET, with_due(DueTimes.parse("CRITICAL=1d")))) == []


def test_what_was_accepted_before_is_an_event():
    risk = AcceptedRisk("patched", NOW.date(), vulnerability=OPENSSL.identifier)
    [overdue] = FLEET.overdue
    accepted = replace(overdue.report, findings=(), accepted=((overdue.finding, risk),))
    others = [each for each in FLEET.repositories if each is not overdue.report]
    before = replace(days_ago(1), repositories=(accepted, *others))
    assert len(list(overdue_details(FLEET, before))) == 1


def test_a_package_in_two_versions_is_one_event():
    [overdue] = FLEET.overdue
    other = replace(overdue.finding, occurrence=2)
    ages = {**overdue.report.ages, other.key: overdue.report.age_of(overdue.finding)}
    twice = replace(overdue.report, findings=(overdue.finding, other), ages=ages)
    fleet = replace(FLEET, repositories=(twice,))
    assert (len(fleet.overdue), len(list(overdue_details(fleet, None)))) == (2, 1)


def test_done_again_the_events_have_the_same_ids():
    put = []
    bus = type("Bus", (), {"put": lambda _, events, __: put.append(events)})()
    for _ in range(2):
        put_overdue(FLEET, days_ago(17), bus, None)
    assert put[0] == put[1]
    assert put[0][0][0] == "finding.overdue"
