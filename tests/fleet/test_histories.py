"""How old the findings of a newest image are, when they are due, and how long fixes took."""

import json
import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from chalicelib.ecr.uses import KnownUses
from chalicelib.fleet.digest_messages import digest_message
from chalicelib.fleet.fixes import fixes_of
from chalicelib.fleet.formats.html_page import as_html
from chalicelib.fleet.formats.pages import StoredReport, as_email, as_markdown, email_subject
from chalicelib.fleet.histories import History
from chalicelib.fleet.histories import ages_of as ages_by_history
from chalicelib.fleet.model import FixTimes, NotLookedAt, OlderImage, Point
from chalicelib.fleet.report import MOST_POINTS, FleetReport
from chalicelib.policy.ages import Age
from chalicelib.policy.due_dates import DueTimes
from chalicelib.policy.ledger import DAY, Entry, Ledger, Span
from chalicelib.policy.states import Line
from tests.fleets import CURL, NOW, OPENSSL, REVIEWED, ZLIB, looked_at, repository
from tests.policy.repositories import LATEST, PROD, a_state

TODAY = int(NOW.timestamp()) // DAY
SLA = DueTimes.parse("CRITICAL=7d HIGH=30d")


def open_since(days_ago):
    return Entry("HIGH", (Span((TODAY - days_ago) * DAY, TODAY * DAY),))


def fixed(days_ago, after, severity="HIGH"):
    at = (TODAY - days_ago) * DAY
    return Entry(severity, (Span(at - after * DAY, at - DAY, at),))


def a_line(line, digest, entries, **fields):
    ledger = Ledger(dict(entries), (TODAY * DAY,))
    return a_state(line, digest, ledger=ledger, **fields)


def days_open(age):
    return TODAY - int(age.first_seen.timestamp()) // DAY


REPORT = looked_at("shop/api", OPENSSL, ZLIB)


def ages_of(report, lines, sla, older=(), in_use=()):
    uses = KnownUses(dict.fromkeys(in_use, ("ECS service shop",)), complete=True)
    return ages_by_history(report, History(lines, uses, tuple(older)), sla)


def test_a_finding_is_as_old_as_the_line_of_the_newest_image_says():
    own = a_line(LATEST, REPORT.digest, {OPENSSL.key: open_since(23)})
    other = a_line(PROD, "sha256:other", {OPENSSL.key: open_since(90)})
    ages = ages_of(REPORT, [own, other], SLA)
    assert days_open(ages[OPENSSL.key]) == 23
    assert ages[OPENSSL.key].due == NOW.date() - timedelta(days=16)


def test_the_platforms_of_an_image_have_a_finding_since_the_first_of_them_had():
    lines = [
        a_line(Line("latest", f"linux/{name}"), name, {OPENSSL.key: open_since(days)})
        for name, days in (("amd64", 5), ("arm64", 9))
    ]
    lines = [replace(line, whole=REPORT.digest) for line in lines]
    assert days_open(ages_of(REPORT, lines, None)[OPENSSL.key]) == 9


def test_before_a_new_images_scan_is_told_its_findings_are_as_old_as_in_the_image_before():
    old = a_line(LATEST, "sha256:old", {ZLIB.key: open_since(4)})
    assert days_open(ages_of(REPORT, [old], SLA)[ZLIB.key]) == 4


def test_of_what_no_ledger_knows_the_age_is_not_known():
    line = a_line(LATEST, REPORT.digest, {ZLIB.key: fixed(2, 3)})
    assert ages_of(REPORT, [line], SLA) == {}
    assert ages_of(REPORT, [], SLA) == {}


def with_older(*findings):
    """The report of a repository in which an older image runs that has what was fixed since."""
    older = OlderImage("sha256:old", ("prod",), frozenset(each.key for each in findings))
    return replace(REPORT, older=(older,))


def test_what_only_an_older_image_has_that_runs_is_as_old_as_its_own_line_says():
    newest = a_line(LATEST, REPORT.digest, {OPENSSL.key: fixed(2, 58), ZLIB.key: open_since(3)})
    older = a_line(PROD, "sha256:old", {OPENSSL.key: open_since(60), ZLIB.key: open_since(70)})
    ages = ages_of(with_older(OPENSSL), [newest, older], SLA)
    assert {key: days_open(age) for key, age in ages.items()} == {OPENSSL.key: 60, ZLIB.key: 3}
    assert ages[OPENSSL.key].is_overdue(NOW.date())


def test_what_both_have_is_open_since_the_first_of_them_had_it():
    report = replace(REPORT, in_use=frozenset({OPENSSL.key}))
    newest = a_line(LATEST, REPORT.digest, {OPENSSL.key: open_since(2), ZLIB.key: open_since(3)})
    older = a_line(PROD, "sha256:old", {OPENSSL.key: open_since(60), ZLIB.key: open_since(70)})
    ages = ages_of(report, [newest, older], SLA, in_use=["sha256:old"])
    assert {key: days_open(age) for key, age in ages.items()} == {OPENSSL.key: 60, ZLIB.key: 3}
    ages = ages_of(report, [newest, older], SLA)
    assert days_open(ages[OPENSSL.key]) == 2


def test_an_older_image_that_runs_and_is_in_no_line_has_a_history_of_its_own():
    newest = a_line(LATEST, REPORT.digest, {OPENSSL.key: fixed(2, 58)})
    alone = a_line(Line("", ""), "sha256:old", {OPENSSL.key: open_since(60)})
    assert OPENSSL.key not in ages_of(with_older(OPENSSL), [newest], SLA)
    ages = ages_of(with_older(OPENSSL), [newest], SLA, [alone])
    assert days_open(ages[OPENSSL.key]) == 60


def test_a_finding_of_a_severity_without_a_time_has_an_age_and_no_due_date():
    report = looked_at("shop/api", CURL)
    line = a_line(LATEST, report.digest, {CURL.key: open_since(400)})
    age = ages_of(report, [line], SLA)[CURL.key]
    assert (days_open(age), age.due) == (400, None)


def test_fixes_of_the_last_90_days_count_once_a_line():
    entries = {"A": fixed(1, 10), "B": fixed(5, 20), "C": fixed(91, 1), "D": open_since(3)}
    line = a_line(LATEST, "a", {**entries, "E": fixed(2, 4, "CRITICAL")})
    shadow = replace(a_line(PROD, "a", entries), is_shadow=True)
    found = fixes_of([line, shadow], NOW)
    assert found == {"HIGH": FixTimes(2, 30 * DAY), "CRITICAL": FixTimes(1, 4 * DAY)}
    assert found["HIGH"].mean_days == 15


def fixed_in(platform, *scans, first, fixed_at, tag="latest", key="A"):
    """A platform of a line in which a finding was fixed; times are in seconds before now."""
    now = TODAY * DAY
    entry = Entry("HIGH", (Span(now - first, now - fixed_at - 1, now - fixed_at),))
    ledger = Ledger({key: entry}, tuple(sorted(now - each for each in (*scans, first, fixed_at))))
    return a_state(Line(tag, platform), platform, ledger=ledger)


def test_what_a_build_fixed_on_several_platforms_was_fixed_once():
    platforms = [
        fixed_in("linux/amd64", first=10 * DAY, fixed_at=2 * DAY),
        fixed_in("linux/arm64", first=10 * DAY + 60, fixed_at=2 * DAY - 90),
        fixed_in("windows/amd64", first=9 * DAY, fixed_at=2 * DAY - 300),
    ]
    also_tagged = [replace(each, line=Line("2", each.line.platform)) for each in platforms]
    assert fixes_of([*platforms, *also_tagged], NOW) == {"HIGH": FixTimes(1, 8 * DAY + 150)}


def test_a_tag_with_one_of_the_platforms_that_a_build_fixed_adds_no_fix():
    platforms = [
        fixed_in("linux/amd64", first=10 * DAY, fixed_at=2 * DAY),
        fixed_in("linux/arm64", first=10 * DAY, fixed_at=2 * DAY - 600),
    ]
    also_tagged = replace(platforms[0], line=Line("prod", "linux/amd64"))
    for lines in ([*platforms, also_tagged], [also_tagged, *platforms]):
        assert fixes_of(lines, NOW)["HIGH"].count == 1


def test_what_builds_one_after_the_other_fixed_on_their_platforms_was_fixed_by_each():
    hour = 3600
    platforms = [
        fixed_in("linux/amd64", first=10 * DAY, fixed_at=9 * hour),
        # Scanned by the first of the builds too, which did not fix it here.
        fixed_in("linux/arm64", 9 * hour - 60, first=10 * DAY, fixed_at=5 * hour),
    ]
    assert fixes_of(platforms, NOW)["HIGH"].count == 2
    late = fixed_in("linux/arm64", first=10 * DAY, fixed_at=5 * DAY)
    assert fixes_of([platforms[0], late], NOW)["HIGH"].count == 2


def test_what_was_fixed_twice_on_a_platform_counts_twice():
    now = TODAY * DAY
    spans = (Span(now - 900, now - 600, now - 500), Span(now - 400, now - 300, now - 200))
    scans = tuple(now - each for each in (900, 600, 500, 400, 300, 200))
    line = a_state(LATEST, "a", ledger=Ledger({"A": Entry("HIGH", spans)}, scans))
    assert fixes_of([line], NOW)["HIGH"] == FixTimes(2, 600)


def aged(report, **ages):
    by_id = {"openssl": OPENSSL, "zlib": ZLIB, "curl": CURL}
    return replace(report, ages={by_id[name].key: age for name, age in ages.items()})


def an_age(days_open, days_left):
    return Age(NOW - timedelta(days=days_open), NOW.date() + timedelta(days=days_left))


FLEET = FleetReport(
    NOW,
    repositories=(
        aged(
            replace(REPORT, owner="payments", fixes={"HIGH": FixTimes(2, 30 * DAY)}),
            openssl=an_age(23, -16),
            zlib=an_age(28, 2),
        ),
        aged(looked_at("shop/web", OPENSSL, CURL), openssl=an_age(1, 8), curl=an_age(9, 0)),
    ),
)


def test_what_is_overdue_leads_and_what_is_due_within_a_week_follows():
    assert [(each.days_left, each.finding) for each in FLEET.overdue] == [(-16, OPENSSL)]
    assert [each.finding for each in FLEET.due_soon] == [CURL, ZLIB]


def test_the_digest_says_how_long_what_is_overdue_has_been_open():
    text = as_email(FLEET, StoredReport("https://", 12, "b", "h", "j"))
    line = "in shop/api: open 23 days, 16 overdue; owner payments"
    assert "1 finding overdue, 2 due within a week" in text
    assert line in text
    assert text.index(line) < text.index("Worst repositories")
    assert "due today" in text
    assert "high 15.0 days (2)" in text
    assert "1 overdue" in email_subject(FLEET)


def test_after_what_is_overdue_alone_there_is_one_empty_line():
    alone = FleetReport(NOW, repositories=FLEET.repositories[1:])
    text = as_email(alone, StoredReport("https://", 12, "b", "h", "j"))
    assert "due today\n\nWorst repositories" in text


def test_every_form_says_what_is_overdue_and_how_long_fixes_took():
    for form in (as_html(FLEET), as_markdown(FLEET)):
        assert "open 23 days, 16 overdue" in form
        assert "15.0" in form
        assert "payments" in form


STORED = StoredReport("https://", 12, "b", "h", "j")


def messages(fleet):
    """What people and machines are told of due dates: email, Markdown and page, and the JSON."""
    document = json.loads(json.loads(digest_message(fleet, STORED).body)["default"])
    forms = [as_email(fleet, STORED), as_markdown(fleet), as_html(fleet)]
    return forms, (document["overdue"], document["dueSoon"], document["undated"])


def test_where_it_is_unknown_since_when_findings_are_open_none_is_said_to_be_in_time():
    forms, numbers = messages(FleetReport(NOW, repositories=(replace(REPORT, sla=SLA),)))
    assert numbers == (None, None, 2)
    for form in forms:
        assert "Since when is unknown of 2 findings with a due date" in form
        assert "0 findings overdue" not in form


def test_beside_what_is_overdue_it_is_said_of_how_many_that_is_unknown():
    late = aged(replace(REPORT, sla=SLA), openssl=an_age(23, -16))
    forms, numbers = messages(FleetReport(NOW, repositories=(late,)))
    assert numbers == (1, None, 1)
    for form in forms:
        assert "1 finding overdue; since when is unknown of 1 finding with a due date" in form


def test_where_all_findings_are_in_time_none_is_overdue():
    fleet = FleetReport(NOW, repositories=(replace(looked_at("shop/api", CURL), sla=SLA),))
    assert messages(fleet)[1] == (0, 0, 0)
    assert fleet.with_point(None).trend[-1].overdue == 0


def test_where_not_everything_was_read_none_is_said_to_be_in_time():
    read = replace(looked_at("shop/api", CURL), sla=SLA)
    missed = NotLookedAt(repository("shop/web"), "no time was left")
    for fleet in (
        FleetReport(NOW, repositories=(read,), not_looked_at=(missed,)),
        FleetReport(NOW, repositories=(read, looked_at("shop/new", status="FAILED"))),
    ):
        forms, numbers = messages(fleet)
        assert numbers == (None, None, 0)
        assert fleet.with_point(None).trend[-1].overdue is None
        for form in forms:
            assert "0 findings overdue" not in form


def test_the_due_date_of_an_accepted_risk_says_nothing_of_what_is_open():
    report = looked_at("shop/api", ZLIB, accepted=((OPENSSL, REVIEWED),))
    fleet = FleetReport(NOW, repositories=(aged(report, openssl=an_age(23, -16)),))
    assert messages(fleet)[1] == (None, None, 0)


def test_whose_fixes_are_not_known_is_not_called_unowned():
    fleet = FleetReport(
        NOW,
        repositories=(
            looked_at("a", owner=None, fixes={"HIGH": FixTimes(1, 50 * DAY)}),
            looked_at("b", owner="", fixes={"HIGH": FixTimes(1, 5 * DAY)}),
        ),
    )
    assert {owner: times.mean_days for owner, times in fleet.fixes_by_owner.items()} == {
        None: 50,
        "": 5,
    }
    assert "| owner unknown | 1 | 50.0 |" in as_markdown(fleet)
    page = as_html(fleet)
    assert "<span>owner unknown</span>" in page
    assert "<span>unowned</span>" in page


def test_without_times_to_fix_nothing_is_said_of_due_dates():
    fleet = FleetReport(NOW, repositories=(REPORT,))
    assert not fleet.has_due_dates
    assert "verdue" not in as_markdown(fleet)


def test_the_trend_goes_on_from_digest_to_digest_and_keeps_the_last_twelve():
    report = None
    for _ in range(MOST_POINTS + 3):
        report = FLEET.with_point(report)
    assert len(report.trend) == MOST_POINTS
    assert report.trend[-1] == Point(NOW, FLEET.totals, 1)


def test_the_trend_is_drawn_without_a_script():
    fleet = replace(FLEET, repositories=FLEET.repositories[:1]).with_point(None)
    page = as_html(FLEET.with_point(fleet))
    chart = page[page.index('<ol class="trend">') : page.index("</ol>")]
    assert chart.count("<li>") == 2
    assert 'y="50.0"' in chart
    assert re.search(r"\b1<span class=\"unseen\"> overdue</span>", chart)


def test_the_dates_are_of_utc():
    due = DueTimes.parse("HIGH=1d").due("HIGH", datetime(2026, 1, 1, 23, tzinfo=UTC))
    assert due == date(2026, 1, 2)
