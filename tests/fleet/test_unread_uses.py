"""Where images run, or what those that run have, could not be read: nothing is closed by that."""

import csv
import io
from dataclasses import replace
from datetime import timedelta

import pytest

from chalicelib.aws.image_uses import ImageUses
from chalicelib.fleet.comparison import compare
from chalicelib.fleet.find import Query, find
from chalicelib.fleet.finding_lines import keep_lines
from chalicelib.fleet.formats.html_page import as_html
from chalicelib.fleet.formats.json_form import to_json
from chalicelib.fleet.formats.json_reader import from_json
from chalicelib.fleet.formats.pages import headline, summary, use_counts
from chalicelib.fleet.formats.spreadsheet import as_csv
from chalicelib.fleet.model import ImageScan, OlderImage
from chalicelib.fleet.overdue_events import overdue_details
from chalicelib.policy.ledger import DAY, Entry, Ledger, Span
from chalicelib.runtime.deadline import Deadline
from chalicelib.scanning.jobs import ScanJob
from chalicelib.scanning.scanner import scan_repository
from local.ecr import Findings, ScanningRule
from tests.fleet.test_collecting import NOW as MOMENT
from tests.fleet.test_collecting import (
    ONE,
    TWO,
    days_ago,
    gather,
    only,
    refuse,
    two_builds,
    with_uses_and_times,
)
from tests.fleet.test_find import Kept
from tests.fleets import CURL, NOW, ZLIB, looked_at, report_of
from tests.policy.repositories import PROD, a_state

REGISTRY = "123456789012/eu-west-1"
PLACE = f"{REGISTRY}/api"
ECS = ("ECS service shop",)


@pytest.fixture
def services(history_table):
    return with_uses_and_times(history_table)


@pytest.fixture
def old(aws):
    """An image that runs and has CVE-2026-2, beside the newest one, which has CVE-2026-1."""
    old, _ = two_builds(aws, (TWO,), (ONE,))
    return old


def kept_lines(report):
    kept = Kept()
    keep_lines(report, "2026-03-02T06-00-00Z", kept)
    return kept


class TestADigestThatCannotRead:
    @pytest.fixture
    def first(self, services, old):
        services.image_uses.keep(PLACE, {old.digest: ECS})
        now = int(MOMENT.timestamp())
        entry = Entry("CRITICAL", (Span(now - 60 * DAY, now),))
        state = a_state(PROD, old.digest, ledger=Ledger({"CVE-2026-2 openssl": entry}, (now,)))
        services.line_states.keep(PLACE, state)
        first = replace(gather(services=services), generated_at=days_ago(14))
        assert only(first).counts == {"CRITICAL": 1, "HIGH": 1}
        return first

    @pytest.fixture
    def second(self, services, first, monkeypatch):
        """The digest of a day on which the table did not say what is in use."""
        with monkeypatch.context() as refused:
            refused.setattr(ImageUses, "of", refuse)
            return replace(compare(gather(services=services), first), generated_at=days_ago(7))

    def test_what_runs_closes_nothing_that_an_image_in_use_had(self, first, second):
        assert second.comparison.fixed == ()
        assert (only(second).counts, only(second).as_of) == (only(first).counts, days_ago(14))
        assert [each.name for each in second.unknown] == ["api"]
        assert only(second).uncertainty == "images in use not known"
        assert "unknown in 1 repository" in headline(second)
        assert "images in use not known" in as_html(second)
        assert find(Query.of({"vulnerability": "CVE-2026-2"}), kept_lines(second)).matches == 1

    def test_it_tells_nothing_twice_once_it_reads_that_again(self, services, first, second):
        third = compare(gather(services=services), second)
        assert (third.comparison.new, third.comparison.fixed) == ((), ())
        assert third.unknown == ()
        assert [each["vulnerability"] for each in overdue_details(first, None)] == ["CVE-2026-2"]
        assert list(overdue_details(second, first)) == []
        assert list(overdue_details(third, second)) == []

    def test_what_is_fixed_then_is_fixed_once_it_is_known(self, services, old, second):
        services.image_uses.keep(PLACE, {})
        third = compare(gather(services=services), second)
        assert [each.finding.identifier for each in third.comparison.fixed] == ["CVE-2026-2"]

    def test_what_is_new_in_the_newest_image_is_new_all_the_same(
        self, aws, services, old, first, monkeypatch
    ):
        aws.add_image("api", tags=("latest",), scanned_at=MOMENT, findings=Findings(()))
        monkeypatch.setattr(ImageUses, "of", refuse)
        report = compare(gather(services=services), first)
        assert [each.finding.identifier for each in report.comparison.fixed] == ["CVE-2026-1"]
        assert only(report).counts == {"CRITICAL": 1}

    def test_amazon_inspector_closes_nothing_either(self, aws, services, old):
        aws.scan_type, aws.scanning_rules = "ENHANCED", [ScanningRule("CONTINUOUS_SCAN")]
        services.image_uses.keep_found({REGISTRY: []})
        old.in_use_count = 2
        first = replace(gather(services=services), generated_at=days_ago(7))
        assert only(first).counts == {"CRITICAL": 1, "HIGH": 1}
        aws.fail_next("ListCoverage", "AccessDeniedException")
        report = compare(gather(services=services), first)
        assert (only(report).counts, report.comparison.fixed) == (only(first).counts, ())


class TestUsesKnownInPart:
    def test_what_is_known_to_run_is_looked_at_and_the_rest_is_unknown(self, services, old):
        services.image_uses.add(PLACE, {old.digest: ECS}, 1, of=2, whole="x")
        found = only(gather(services=services))
        assert found.counts == {"CRITICAL": 1, "HIGH": 1}
        assert [found.is_running(each) for each in found.findings] == [True, None]

    def test_what_a_later_listing_found_runs_though_none_did_before(self, services, old):
        services.image_uses.keep_found({REGISTRY: []})
        services.image_uses.add(PLACE, {old.digest: ECS}, 0)
        report = gather(services=services)
        assert only(report).running == ECS
        assert use_counts(report) == "Running: 1 critical; only stored: 1 high"

    def test_where_amazon_inspector_is_not_heard_nothing_is_only_stored(self, aws, services, old):
        aws.scan_type = "ENHANCED"
        services.image_uses.keep(PLACE, {old.digest: ECS})
        aws.fail_next("ListCoverage", "AccessDeniedException")
        report = gather(services=services)
        assert report.running["CRITICAL"] == 1
        assert (report.use_unknown["HIGH"], report.stored["HIGH"]) == (1, 0)
        text = "Running: 1 critical; only stored: none known; use unknown: 1 high"
        assert text in summary(report)


def test_what_an_image_that_runs_has_is_unknown_before_its_scan(aws, services):
    runs = aws.add_image("api", tags=("prod",), pushed_at=days_ago(9))
    aws.add_image("api", tags=("latest",), scanned_at=MOMENT, findings=Findings((ONE,)))
    services.image_uses.keep(PLACE, {runs.digest: ECS})
    report = gather(services=services)
    assert only(report).running == ECS
    assert only(report).is_running(only(report).findings[0]) is None
    assert "none known" in use_counts(report)
    found = find(Query.of({"running": "false"}), kept_lines(report))
    assert (found.matches, found.unknown) == (0, 1)


def test_an_image_that_runs_and_is_never_scanned_keeps_nothing_of_the_others_open(aws, services):
    runs = aws.add_image("api", tags=("prod",), pushed_at=days_ago(9))
    aws.add_image(
        "api", tags=("latest",), pushed_at=days_ago(2), scanned_at=MOMENT, findings=Findings((TWO,))
    )
    services.image_uses.keep(PLACE, {runs.digest: ECS})
    first = replace(gather(services=services), generated_at=days_ago(7))
    assert only(first).uncertainty == "an image in use: never scanned"
    aws.add_image("api", tags=("latest",), scanned_at=MOMENT, findings=Findings((ONE,)))
    report = compare(gather(services=services), first)
    assert only(report).counts == {"HIGH": 1}
    assert [each.finding.identifier for each in report.comparison.fixed] == ["CVE-2026-2"]
    assert [each.name for each in report.unknown] == ["api"]


def test_what_an_image_that_runs_had_stays_while_its_scan_fails(aws, services, old):
    services.image_uses.keep(PLACE, {old.digest: ECS})
    first = replace(gather(services=services), generated_at=days_ago(7))
    old.scan_status = "FAILED"
    report = compare(gather(services=services), first)
    assert (only(report).counts, report.comparison.fixed) == (only(first).counts, ())
    services.image_uses.keep(PLACE, {})
    report = compare(gather(services=services), report)
    assert [each.finding.identifier for each in report.comparison.fixed] == ["CVE-2026-2"]


def test_nothing_is_said_to_be_open_nowhere_while_images_in_use_are_unread(
    aws, services, monkeypatch
):
    aws.add_image("api", tags=("latest",), scanned_at=MOMENT, findings=Findings(()))
    monkeypatch.setattr(ImageUses, "of", refuse)
    report = gather(services=services)
    assert [each.name for each in report.unknown] == ["api"]
    assert report.overdue_count is None
    assert "no open findings" not in headline(report)
    assert "No open findings" not in summary(report)


def test_what_was_found_today_is_not_said_to_be_of_another_day(aws, services, old, monkeypatch):
    services.image_uses.keep(PLACE, {old.digest: ECS})
    first = replace(gather(services=services), generated_at=days_ago(7))
    newest = aws.add_image("api", tags=("3",), scanned_at=MOMENT, findings=Findings((ONE,)))
    monkeypatch.setattr(ImageUses, "of", refuse)
    report = from_json(to_json(compare(gather(services=services), first)))
    rows = {each["vulnerability"]: each for each in csv.DictReader(io.StringIO(as_csv(report)))}
    assert (rows["CVE-2026-1"]["digest"], rows["CVE-2026-1"]["as of"]) == (newest.digest, "")
    assert (rows["CVE-2026-2"]["digest"], rows["CVE-2026-2"]["as of"][:10]) == (
        "",
        days_ago(7).date().isoformat(),
    )
    found = find(Query.of({"repository": "api"}), kept_lines(report)).findings
    assert {each["vulnerability"]: bool(each["as_of"]) for each in found} == {
        "CVE-2026-1": False,
        "CVE-2026-2": True,
    }
    assert "images in use not known" in as_html(report).partition('id="data"')[2]


def test_a_repository_of_which_only_a_missing_image_is_in_use_has_none_that_runs(services, old):
    services.image_uses.keep_found({REGISTRY: ["api"]})
    job = ScanJob("api", images_in_use={"sha256:gone": ECS[0]})
    scan_repository(job, services, Deadline.unlimited())
    assert only(gather(services=services)).running == ()


def before(*repositories):
    return replace(report_of(*repositories), generated_at=NOW - timedelta(days=7))


def test_where_nothing_runs_any_more_what_ran_before_does_not():
    ran = before(looked_at("a", ZLIB, running=ECS))
    report = compare(report_of(looked_at("a", status="PENDING", running=())), ran)
    assert report.repositories[0].is_running(ZLIB) is False
    assert (report.running["HIGH"], report.stored["HIGH"]) == (0, 1)
    [row] = csv.DictReader(io.StringIO(as_csv(report)))
    assert row["running in"] == "nowhere"
    assert find(Query.of({"running": "false"}), kept_lines(report)).matches == 1


def test_what_an_image_had_that_was_read_since_is_fixed_and_not_of_that_image():
    old, new = "sha256:old", "sha256:new"
    runs = {"running": ECS, "digest": new}
    older = OlderImage(old, ("prod",), frozenset({ZLIB.key}))
    complete = ImageScan(old, "COMPLETE", NOW, older=True, in_use=True)
    pending = ImageScan(new, "PENDING")
    ran = before(looked_at("a", ZLIB, CURL, **runs, older=(older,)))
    now = looked_at("a", **runs, scans=(pending, complete))
    report = compare(report_of(now), ran)
    [found] = report.repositories
    assert (found.findings, found.older) == ((CURL,), ())
    assert [change.finding for change in report.comparison.fixed] == [ZLIB]


def test_nothing_is_said_to_run_nowhere_while_anything_is_unread():
    unread, stored = looked_at("a", ZLIB, running=None), looked_at("b", CURL, running=())
    said = "Running: none known; only stored: 1 low; use unknown: 1 high"
    assert use_counts(report_of(unread, stored)) == said
    pending = looked_at("a", status="PENDING", running=())
    assert use_counts(report_of(pending, stored)) == "Running: none known; only stored: 1 low"
    assert use_counts(report_of(stored)) == "Running: none; only stored: 1 low"
