"""Gathering a fleet report from the local ECR: what is looked at, by how many calls."""

import csv
import io
import re
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import boto3
import pytest
from botocore.exceptions import ClientError

from chalicelib.aws.image_uses import ImageUses
from chalicelib.aws.line_states import LineStates
from chalicelib.aws.tagging import RepositoryTags
from chalicelib.ecr.scan_records import NEVER, ScanRecord
from chalicelib.fleet.collecting import gather_fleet
from chalicelib.fleet.comparison import compare
from chalicelib.fleet.find import Query, find
from chalicelib.fleet.finding_lines import keep_lines
from chalicelib.fleet.formats.json_form import to_json
from chalicelib.fleet.formats.json_reader import from_json
from chalicelib.fleet.formats.spreadsheet import as_csv
from chalicelib.fleet.model import NamedImages, NotLookedAt, Repository
from chalicelib.fleet.report import FleetReport
from chalicelib.fleet.sources import MOST_NAMES
from chalicelib.policy.accepted_risks import AcceptedRisk
from chalicelib.policy.ages import Age
from chalicelib.policy.ledger import DAY, Entry, Ledger, Span
from chalicelib.policy.rules import RepositoryRules, Rules
from chalicelib.policy.states import Line
from chalicelib.runtime.deadline import Deadline
from chalicelib.services import Services
from chalicelib.settings.documents import DocumentNotRead
from chalicelib.settings.settings import Settings
from local.ecr import Finding, Findings, LocalRegistry, ScanningRule, local_ecr
from local.images import HELM_CHART, OCI_IMAGE, OCI_INDEX, OCI_MANIFEST
from local.seed import seed
from tests.fleet.test_find import Kept
from tests.policy.repositories import LATEST, PROD, a_state

NOW = datetime.now(UTC)
ONE = Finding("CVE-2026-1", "HIGH", "zlib")
TWO = Finding("CVE-2026-2", "CRITICAL", "openssl")


def gather(pattern=None, deadline=None, services=None, earlier=None, **settings):
    services = services or Services(Settings.from_environment(settings))
    return gather_fleet(
        services,
        deadline or Deadline.unlimited(),
        pattern and re.compile(pattern),
        sleep=lambda _: None,
        earlier=earlier,
    ).report


def days_ago(days):
    return NOW - timedelta(days=days)


def with_uses_and_times(history_table):
    """An application that looks for images in use and says when what is critical is due."""
    variables = {
        "HISTORY_TABLE_NAME": history_table,
        "ECS_DISCOVERY_ENABLED": "true",
        "SLA": "CRITICAL=7d",
    }
    return Services(Settings.from_environment(variables))


def two_builds(aws, old, new):
    """An old image and the newest one of a repository, with these findings."""
    return (
        aws.add_image(
            "api",
            tags=(tag,),
            pushed_at=days_ago(days),
            scanned_at=NOW,
            findings=Findings(found),
        )
        for tag, days, found in (("prod", 60, old), ("latest", 2, new))
    )


def only(report):
    (repository,) = report.repositories
    return repository


def test_the_image_that_was_pushed_last_with_a_tag_is_looked_at(aws):
    aws.add_image(
        "api", tags=("1",), pushed_at=days_ago(9), scanned_at=days_ago(9), findings=Findings((ONE,))
    )
    newest = aws.add_image(
        "api",
        tags=("2", "latest"),
        pushed_at=days_ago(5),
        scanned_at=days_ago(4),
        findings=Findings((TWO,)),
    )
    aws.add_image("api", pushed_at=days_ago(1), scanned_at=days_ago(1))
    aws.add_image("api", tags=("chart",), pushed_at=days_ago(1), artifact_media_type=HELM_CHART)
    aws.add_image("api", tags=("3",), pushed_at=days_ago(1), status="ARCHIVED", archived_at=NOW)
    found = only(gather())
    assert (found.digest, set(found.tags)) == (newest.digest, {"2", "latest"})
    assert [finding.identifier for finding in found.findings] == ["CVE-2026-2"]
    assert found.counts == {"CRITICAL": 1}
    assert (found.known, found.status, found.images) == (True, "COMPLETE", 3)
    assert abs(found.scanned_at - days_ago(4)) < timedelta(seconds=2)
    assert abs(found.pushed_at - days_ago(5)) < timedelta(seconds=2)


def add_index(registry, *children, days=1):
    digests = [
        registry.add_image(
            "api",
            pushed_at=days_ago(days),
            media_type=OCI_MANIFEST,
            artifact_media_type=OCI_IMAGE,
            **child,
        ).digest
        for child in children
    ]
    return registry.add_image(
        "api",
        tags=("3.12",),
        pushed_at=days_ago(days),
        media_type=OCI_INDEX,
        children=tuple(digests),
    )


def test_the_images_of_an_index_are_looked_at_together(aws):
    add_index(aws, {"scanned_at": days_ago(9)}, days=30)
    index = add_index(
        aws,
        {"scanned_at": days_ago(1), "findings": Findings((ONE, TWO))},
        {"scanned_at": days_ago(3), "findings": Findings((ONE,))},
    )
    found = only(gather())
    assert (found.digest, found.tags) == (index.digest, ("3.12",))
    assert [finding.identifier for finding in found.findings] == ["CVE-2026-2", "CVE-2026-1"]
    assert len(found.scans) == 2
    assert abs(found.scanned_at - days_ago(3)) < timedelta(seconds=2)
    assert (aws.calls["BatchGetImage"], aws.calls["DescribeImageScanFindings"]) == (1, 2)


def test_an_archived_index_is_not_looked_at(aws):
    aws.add_image("api", tags=("1",), pushed_at=days_ago(9), scanned_at=days_ago(9))
    add_index(aws, {"scanned_at": days_ago(1)}).status = "ARCHIVED"
    assert only(gather()).tags == ("1",)


def test_an_index_is_not_known_before_each_of_its_images_is(aws):
    add_index(aws, {"scanned_at": days_ago(1), "findings": Findings((ONE,))}, {})
    found = only(gather())
    assert (found.known, found.status) == (False, "COMPLETE, never scanned")


def test_indexes_are_skipped_where_they_are_not_to_be_read(aws):
    add_index(aws, {"scanned_at": days_ago(1)})
    assert only(gather(RESOLVE_IMAGE_INDEXES="false")).digest == ""
    assert aws.calls["BatchGetImage"] == 0


def test_what_is_remembered_of_the_other_images_is_counted_and_named(aws, history_table):
    aws.add_image("api", tags=("ok",), scanned_at=NOW, pushed_at=NOW)
    never = [aws.add_image("api", tags=(f"n{n}",), pushed_at=days_ago(1)) for n in range(25)]
    failed, unsupported, large, running, _ = (
        aws.add_image("api", pushed_at=days_ago(2)) for _ in range(5)
    )
    records = {
        **{image.digest: NEVER for image in never},
        failed.digest: ScanRecord(1, "FAILED", "ScanError", failures=1),
        unsupported.digest: ScanRecord(1, "FAILED", "UnsupportedImageError: no"),
        large.digest: ScanRecord(1, "IMAGE_SIZE_EXCEEDED"),
        running.digest: ScanRecord(1, started=True),
    }
    services = Services(Settings.from_environment({"HISTORY_TABLE_NAME": history_table}))
    services.scan_records.keep("123456789012/eu-west-1/api", records)
    found = only(gather(services=services))
    assert found.never_scanned.count == 25
    assert len(found.never_scanned.names) == MOST_NAMES
    assert found.failed == NamedImages(1, (failed.digest,))
    assert (found.unsupported, found.untold) == (2, 1)


def test_without_a_table_nothing_is_said_of_images_that_are_not_looked_at(aws):
    aws.add_image("api", tags=("2",), scanned_at=NOW, pushed_at=NOW, findings=Findings((ONE,)))
    aws.add_image("api", tags=("1",), scanned_at=days_ago(2), pushed_at=days_ago(2))
    found = only(gather())
    assert (found.known, found.counts) == (True, {"HIGH": 1})
    assert (found.never_scanned.count, found.untold) == (0, 1)


def test_under_enhanced_scanning_inspector_tells_of_all_images_in_bulk(aws):
    aws.scan_type = "ENHANCED"
    aws.scanning_rules = [ScanningRule("CONTINUOUS_SCAN")]
    aws.add_image("api", tags=("2",), scanned_at=NOW, pushed_at=NOW)
    aws.add_image("api", scanned_at=days_ago(9), scan_status="FAILED")
    aws.add_image("api", scanned_at=days_ago(9), unsupported=True)
    found = only(gather())
    assert (found.failed.count, found.unsupported, found.untold) == (1, 1, 0)
    assert (aws.calls["ListCoverage"], aws.calls["DescribeImageScanFindings"]) == (1, 1)


def test_without_inspectors_answer_nothing_is_said_of_them(aws):
    aws.scan_type = "ENHANCED"
    aws.add_image("api", tags=("2",), scanned_at=NOW)
    aws.add_image("api", scanned_at=days_ago(9))
    aws.fail_next("ListCoverage", "AccessDeniedException")
    assert only(gather()).untold == 1


def test_why_a_scan_failed_is_in_the_report(aws):
    aws.add_image("api", tags=("1",), scanned_at=NOW, unsupported=True)
    found = only(gather())
    assert found.status.startswith("FAILED (UnsupportedImageError")
    assert (found.failed.count, found.unsupported) == (0, 1)


def test_attestations_are_no_images(aws):
    aws.add_index("api", tags=("latest",), scanned_at=NOW, findings=Findings((ONE,)))
    found = only(gather())
    assert (found.known, found.images, found.untold, found.unsupported) == (True, 1, 0, 0)
    assert [scan.status for scan in found.scans] == ["COMPLETE"]


def test_an_index_that_may_not_be_read_is_told(aws):
    add_index(aws, {"scanned_at": days_ago(1)})
    aws.fail_next("BatchGetImage", "AccessDeniedException", times=2)
    [missed] = gather().not_looked_at
    assert missed.reason == "refused (AccessDeniedException)"


def test_a_repository_without_a_tagged_image_is_in_the_report(aws):
    aws.add_repository("api")
    found = only(gather())
    assert (found.digest, found.known, found.scans) == ("", False, ())


def test_a_fleet_takes_few_calls(aws):
    seed(aws)
    report = gather()
    assert len(report.repositories) == 14
    assert dict(aws.calls) == {
        "DescribeRepositories": 1,
        "GetRegistryScanningConfiguration": 1,
        "DescribeImages": 14,
        # Where there are indexes.
        "BatchGetImage": 3,
        # One of each newest image, two of two indexes; none of two repositories without images.
        "DescribeImageScanFindings": 14,
    }


def test_a_call_reads_a_thousand_images_or_findings(aws):
    aws.add_image("api", tags=("1",), scanned_at=NOW, findings={"LOW": 1500})
    for _ in range(1000):
        aws.add_image("api", pushed_at=days_ago(1))
    found = only(gather())
    assert (found.images, found.counts) == (1001, {"LOW": 1500})
    assert (aws.calls["DescribeImages"], aws.calls["DescribeImageScanFindings"]) == (2, 2)


def test_only_the_repositories_of_the_filter_are_looked_at(aws):
    for name in ("shop/a", "shop/b", "data/a"):
        aws.add_image(name, tags=("1",), scanned_at=NOW)
    assert [each.repository.name for each in gather("^shop").repositories] == ["shop/a", "shop/b"]
    report = gather(REPOSITORIES_FILTER_REGEXP="a$")
    assert [each.repository.name for each in report.repositories] == ["data/a", "shop/a"]


class Ticking:
    """Time that runs out after so many looks at it."""

    def __init__(self, looks):
        self.left = looks
        self._lock = threading.Lock()

    def __call__(self):
        with self._lock:
            self.left -= 1
        return 60_000 if self.left > 0 else 0


@pytest.mark.parametrize("looks", [1, 2, 5, 9])
def test_what_there_was_no_time_for_is_in_the_report(aws, looks):
    for number in range(9):
        aws.add_image(f"r{number}", tags=("1",), scanned_at=NOW)
    report = gather(deadline=Deadline(Ticking(looks)))
    missed = [each.repository.name for each in report.not_looked_at]
    assert {each.reason for each in report.not_looked_at} == {"no time was left"}
    if missed == [""]:
        assert report.repositories == ()
    else:
        assert len(missed) + len(report.repositories) == 9
        assert missed


class Turns:
    """A deadline that allows so many calls more."""

    def __init__(self, calls):
        self._calls = calls
        self._lock = threading.Lock()

    def allows(self, seconds=0):
        with self._lock:
            self._calls -= 1
        return self._calls >= 0


def test_what_there_was_no_time_for_comes_first_the_next_time(aws):
    names = {f"r{number:02}" for number in range(12)}
    for name in names:
        aws.add_image(name, tags=("1",), scanned_at=NOW, findings=Findings((ONE,)))
    report, turns = None, []
    for _ in range(4):
        # One call to list and two a repository, of which five have their turn.
        found = gather(deadline=Turns(1 + 2 * 5), earlier=report)
        report = from_json(to_json(compare(found, report or found)))
        turns.append({each.repository.name for each in report.looked_at})
        assert len(report.repositories) + len(report.not_looked_at) >= 12
    assert {*turns[0], *turns[1], *turns[2], *turns[3]} == names
    assert not turns[0] & turns[1]
    assert {each.repository.name for each in report.repositories} == names
    assert report.totals["HIGH"] == 12


def test_what_was_looked_at_longest_ago_comes_first(aws, monkeypatch):
    monkeypatch.setattr("chalicelib.fleet.collecting.AT_ONCE", 1)
    looks = {"api": days_ago(2), "web": days_ago(9), "jobs": days_ago(5)}
    for name in looks:
        aws.add_image(name, tags=("1",), scanned_at=NOW)
    earlier = FleetReport(
        days_ago(1),
        not_looked_at=tuple(
            NotLookedAt(Repository("123456789012", "eu-west-1", name), "no time", look)
            for name, look in looks.items()
        ),
    )
    report = gather(deadline=Turns(1 + 2), earlier=earlier)
    assert only(report).repository.name == "web"
    missed = {each.repository.name: each.looked_at for each in report.not_looked_at}
    assert missed == {"api": looks["api"], "jobs": looks["jobs"]}


def test_a_registry_that_was_not_listed_is_listed_first_the_next_time(aws):
    there = LocalRegistry(region="us-east-1")
    with local_ecr(aws, there):
        there.add_image("there", tags=("1",), scanned_at=NOW)
        aws.add_image("here", tags=("1",), scanned_at=NOW)
        first = gather(SCAN_REGIONS="eu-west-1,us-east-1", deadline=Turns(1))
        report = gather(SCAN_REGIONS="eu-west-1,us-east-1", deadline=Turns(1), earlier=first)
    assert "us-east-1" in {each.repository.region for each in first.not_looked_at}
    missed = {each.repository for each in report.not_looked_at if not each.repository.name}
    assert {each.region for each in missed} == {"eu-west-1"}
    assert [each.region for each in report.registries] == ["eu-west-1", "us-east-1"]


def test_repositories_that_were_deleted_since_are_known_and_those_filtered_out_are_not(aws):
    for name in ("api", "web", "old"):
        aws.add_image(name, tags=("1",), scanned_at=NOW)
    earlier = gather()
    del aws.repositories["old"]
    assert [each.name for each in gather("^api", earlier=earlier).deleted] == ["old"]
    aws.fail_next("DescribeRepositories", "AccessDeniedException")
    assert gather(earlier=earlier).deleted == ()


def test_a_listing_that_is_throttled_is_waited_out(aws):
    aws.add_image("api", tags=("1",), scanned_at=NOW)
    aws.fail_next("DescribeRepositories", "ThrottlingException", times=9)
    assert only(gather()).repository.name == "api"


def test_one_repository_that_nothing_can_be_made_of_costs_itself_alone(aws, monkeypatch, caplog):
    for name in ("api", "web"):
        aws.add_image(name, tags=("1",), scanned_at=NOW)
    answer = aws.answer

    def odd(operation, request):
        given = answer(operation, request)
        if operation == "DescribeImages" and request["repositoryName"] == "api":
            given["imageDetails"][0].pop("imageDigest")
        return given

    monkeypatch.setattr(aws, "answer", odd)
    report = gather()
    [missed] = report.not_looked_at
    assert (missed.repository.name, missed.reason) == ("api", "failed (KeyError)")
    assert only(report).repository.name == "web"


def test_throttling_is_waited_out(aws):
    for number in range(20):
        aws.add_image(f"r{number}", tags=("1",), scanned_at=NOW)
    aws.fail_next("DescribeImages", "ThrottlingException", times=30)
    aws.fail_next("DescribeImageScanFindings", "ThrottlingException", times=30)
    report = gather()
    assert (len(report.repositories), report.not_looked_at) == (20, ())


@pytest.mark.parametrize(
    ("operation", "code", "reason"),
    [
        ("DescribeImages", "RepositoryNotFoundException", "deleted since it was listed"),
        ("DescribeImages", "AccessDeniedException", "refused (AccessDeniedException)"),
        ("DescribeImageScanFindings", "AccessDeniedException", "refused (AccessDeniedException)"),
    ],
)
def test_a_repository_that_is_refused_is_told_and_the_others_are_looked_at(
    aws, operation, code, reason
):
    aws.add_image("api", tags=("1",), scanned_at=NOW)
    aws.add_image("web", tags=("1",), scanned_at=NOW)
    aws.fail_next(operation, code)
    report = gather()
    ((missed,), (seen,)) = report.not_looked_at, report.repositories
    assert missed.reason == reason
    assert {missed.repository.name, seen.repository.name} == {"api", "web"}


def test_a_registry_that_cannot_be_listed_is_told_and_the_others_are_looked_at(aws):
    there = LocalRegistry(region="us-east-1")
    with local_ecr(aws, there):
        there.add_image("there", tags=("1",), scanned_at=NOW)
        aws.fail_next("DescribeRepositories", "AccessDeniedException")
        report = gather(SCAN_REGIONS="eu-west-1,us-east-1")
    (missed,) = report.not_looked_at
    assert (missed.repository.region, missed.repository.name) == ("eu-west-1", "")
    assert [each.region for each in report.registries] == ["eu-west-1", "us-east-1"]
    assert [each.repository.region for each in report.repositories] == ["us-east-1"]


def test_a_finding_of_many_repositories_is_kept_once(aws):
    for name in ("api", "web"):
        aws.add_image(name, tags=("1",), scanned_at=NOW, findings=Findings((ONE,)))
    one, other = gather().repositories
    assert one.findings[0] is other.findings[0]


def test_clients_are_made_as_elsewhere(aws):
    session = boto3.Session()
    services = Services(Settings.from_environment({}), client=lambda name, *_: session.client(name))
    aws.add_image("api", tags=("1",), scanned_at=NOW)
    assert only(gather(services=services)).repository.account == "123456789012"


RISKS = """\
accepted:
- package: zlib
  repository: shop/*
  reason: not reachable
  expires: 2999-12-31
- vulnerability: CVE-2026-2
  reason: until the upgrade
  expires: 2020-01-01
- vulnerability: CVE-2026-9
  reason: covers nothing here
  expires: 2020-01-01
"""


@pytest.fixture
def risks(aws):
    """A list of accepted risks in a parameter, and two repositories with the same findings."""
    boto3.client("ssm").put_parameter(Name="/risks", Value=RISKS, Type="String")
    for name in ("data/a", "shop/a", "shop/b"):
        aws.add_image(name, tags=("1",), scanned_at=NOW, findings=Findings((ONE, TWO)))


def identifiers(findings):
    return [finding.identifier for finding in findings]


@pytest.mark.usefixtures("risks")
def test_accepted_risks_do_not_count_and_are_in_the_report_with_their_reason():
    report = gather(ACCEPTED_RISKS="ssm:/risks")
    data, shop, _ = report.repositories
    assert identifiers(data.findings) == ["CVE-2026-2", "CVE-2026-1"]
    assert identifiers(shop.findings) == ["CVE-2026-2"]
    ((finding, entry),) = shop.accepted
    assert (finding.identifier, entry.reason) == ("CVE-2026-1", "not reachable")
    assert (report.open_findings, len(report.accepted)) == (4, 2)


@pytest.mark.usefixtures("risks")
def test_an_entry_that_ran_out_and_would_cover_findings_is_in_the_report_once():
    report = gather(ACCEPTED_RISKS="ssm:/risks")
    assert [entry.vulnerability for entry in report.expired] == ["CVE-2026-2"]


def test_what_the_gates_leave_out_is_in_the_report_by_reason(aws):
    aws.scan_type = "ENHANCED"
    unfixed = Finding("CVE-2026-3", "HIGH", "bash", score=8.0)
    low = Finding("CVE-2026-4", "LOW", "curl", score=2.0, fixed_in_version="9")
    fixed = Finding("CVE-2026-5", "HIGH", "perl", score=7.0, fixed_in_version="6")
    aws.add_image("api", tags=("1",), scanned_at=NOW, findings=Findings((unfixed, low, fixed)))
    report = gather(IGNORE_UNFIXED="true", MINIMUM_SCORE="5")
    found = only(report)
    assert identifiers(found.findings) == ["CVE-2026-5"]
    assert {why: identifiers(findings) for why, findings in found.left_out.items()} == {
        "without a fix": ["CVE-2026-3"],
        "below the minimum score": ["CVE-2026-4"],
    }
    assert report.left_out == {"without a fix": 1, "below the minimum score": 1}


def test_a_pattern_of_names_says_which_findings_count(aws):
    aws.scan_type = "ENHANCED"
    low = Findings((Finding("CVE-2026-4", "LOW", "curl", score=2.0),))
    for repository in ("api", "web"):
        aws.add_image(repository, tags=("1",), scanned_at=NOW, findings=low)
    rules = (RepositoryRules("a*", Rules(minimum_score=5.0)),)
    settings = Settings.from_environment({}).configured({"REPOSITORY_THRESHOLDS": rules})
    report = gather(services=Services(settings))
    assert {each.repository.name: len(each.findings) for each in report.repositories} == {
        "api": 0,
        "web": 1,
    }


def test_a_list_that_cannot_be_read_fails_before_anything_is_looked_at(aws):
    with pytest.raises(DocumentNotRead, match="ssm:/missing cannot be read"):
        gather(ACCEPTED_RISKS="ssm:/missing")
    assert not aws.calls


def test_two_versions_of_a_package_are_two_findings(aws):
    old, newer = (Finding("CVE-2021-44228", "CRITICAL", "log4j-core", v) for v in ("2.14", "2.16"))
    aws.add_image("api", tags=("1",), scanned_at=NOW, findings=Findings((newer, old)))
    found = only(gather())
    assert [each.packages[0].version for each in found.findings] == ["2.14", "2.16"]
    assert found.counts == {"CRITICAL": 2}


def test_a_finding_of_several_platforms_is_one_with_the_versions_of_all(aws):
    amd, arm = (
        aws.add_image(
            "api", scanned_at=NOW, findings=Findings((Finding("CVE-1", "HIGH", "zlib", v),))
        )
        for v in ("1.2", "1.3")
    )
    aws.add_image("api", tags=("1",), media_type=OCI_INDEX, children=(amd.digest, arm.digest))
    [finding] = only(gather()).findings
    assert [package.version for package in finding.packages] == ["1.2", "1.3"]


def test_where_findings_are_counted_and_none_is_listed_they_are_unknown(aws):
    image = aws.add_image("api", tags=("1",), scanned_at=NOW, findings=Findings((ONE,)))
    answer = aws.answer

    def without_findings(operation, request):
        given = answer(operation, request)
        if operation == "DescribeImageScanFindings":
            given["imageScanFindings"]["findings"] = []
        return given

    aws.answer = without_findings
    report = gather()
    assert [each.status for each in report.findings_unknown] == ["FINDINGS_UNAVAILABLE"]
    assert only(report).digest == image.digest


REFUSED = ClientError({"Error": {"Code": "AccessDeniedException"}}, "AnyOperation")


def refuse(*_, **__):
    raise REFUSED


class TestWhatIsKeptBesideTheImages:
    """It cannot be read: it is unknown, and the findings are in the report all the same."""

    @pytest.fixture(autouse=True)
    def _image(self, aws):
        aws.add_image("api", tags=("1",), scanned_at=NOW, findings=Findings((ONE,)))

    def test_ages_and_uses_are_unknown_without_the_table(self, history_table, monkeypatch):
        monkeypatch.setattr(LineStates, "recall", refuse)
        monkeypatch.setattr(ImageUses, "of", refuse)
        found = only(gather(HISTORY_TABLE_NAME=history_table, ECS_DISCOVERY_ENABLED="true"))
        assert found.counts == {"HIGH": 1}
        assert (dict(found.ages), found.running) == ({}, None)

    def test_uses_are_unknown_without_the_list_of_repositories_that_have_some(
        self, history_table, monkeypatch
    ):
        monkeypatch.setattr(ImageUses, "found", refuse)
        found = only(gather(HISTORY_TABLE_NAME=history_table, ECS_DISCOVERY_ENABLED="true"))
        assert (found.counts, found.running) == ({"HIGH": 1}, None)

    def test_the_owner_is_unknown_without_the_tags(self, monkeypatch):
        monkeypatch.setattr(RepositoryTags, "rules", refuse)
        found = only(gather(REPOSITORY_TAG_RULES="true"))
        assert (found.counts, found.owner) == ({"HIGH": 1}, None)

    def test_the_kind_of_scanning_decides_nothing_about_findings(self, aws):
        aws.fail_next("GetRegistryScanningConfiguration", "AccessDeniedException")
        assert only(gather()).counts == {"HIGH": 1}


def test_whoever_interrupts_a_report_does_not_wait_for_the_repositories_that_are_left(aws):
    for number in range(40):
        aws.add_image(f"api-{number:02}", tags=("1",), scanned_at=NOW)
    services = Services(Settings.from_environment({}))

    def interrupt(done, _):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        gather_fleet(services, Deadline.unlimited(), advance=interrupt)
    assert aws.calls["DescribeImageScanFindings"] < 40


class TestWhereImagesRun:
    """Nowhere is what the lister found out; what it did not is unknown."""

    @pytest.fixture
    def services(self, aws, history_table):
        aws.add_image("api", tags=("1",), scanned_at=NOW, findings=Findings((ONE,)))
        variables = {"HISTORY_TABLE_NAME": history_table, "ECS_DISCOVERY_ENABLED": "true"}
        return Services(Settings.from_environment(variables))

    def test_it_is_unknown_where_workloads_were_never_listed(self, services):
        report = gather(services=services)
        assert only(report).running is None
        assert not report.knows_uses

    def test_an_image_runs_nowhere_where_all_workloads_were_listed(self, services):
        services.image_uses.keep_found({"123456789012/eu-west-1": ["web"]})
        report = gather(services=services)
        assert only(report).running == ()
        assert (report.stored["HIGH"], report.use_unknown["HIGH"]) == (1, 0)

    def test_it_is_unknown_before_the_repository_that_has_some_was_reviewed(self, services):
        services.image_uses.keep_found({"123456789012/eu-west-1": ["api"]})
        assert only(gather(services=services)).running is None

    def test_of_other_registries_it_stays_unknown(self, services):
        services.image_uses.keep_found({"123456789012/us-east-1": []})
        assert only(gather(services=services)).running is None

    def test_it_is_asked_once_a_registry(self, aws, services, monkeypatch):
        aws.add_image("web", tags=("1",), scanned_at=NOW)
        asked = []
        monkeypatch.setattr(ImageUses, "found", lambda _, place: asked.append(place))
        gather(services=services)
        assert asked == ["123456789012/eu-west-1"]

    def test_what_amazon_inspector_sees_run_runs(self, aws, services):
        aws.scan_type = "ENHANCED"
        aws.scanning_rules = [ScanningRule("CONTINUOUS_SCAN")]
        services.image_uses.keep_found({"123456789012/eu-west-1": []})
        assert only(gather(services=services)).running == ()
        [image] = aws.repositories["api"].images.values()
        image.in_use_count = 2
        found = only(gather(services=services))
        assert found.running == ("2 running in ECS or EKS, by Amazon Inspector",)
        assert found.is_running(found.findings[0])

    def test_it_is_unknown_where_amazon_inspector_does_not_say(self, aws, services):
        aws.scan_type = "ENHANCED"
        services.image_uses.keep_found({"123456789012/eu-west-1": []})
        aws.fail_next("ListCoverage", "AccessDeniedException")
        assert only(gather(services=services)).running is None


class TestAnOldBuildThatStillRuns:
    """What was fixed in the newest image and is open in production."""

    PLACE = "123456789012/eu-west-1/api"

    @pytest.fixture
    def services(self, history_table):
        return with_uses_and_times(history_table)

    @pytest.fixture
    def old(self, aws, services):
        old, new = two_builds(aws, (ONE, TWO), (ONE,))
        services.image_uses.keep(self.PLACE, {old.digest: ("ECS service shop",)})
        self.keep(services, LATEST, new.digest, days=40, key="CVE-2026-1 zlib")
        return old

    def keep(self, services, line, digest, *, days, place=PLACE, key="CVE-2026-2 openssl"):
        now = int(NOW.timestamp())
        entry = Entry("CRITICAL", (Span(now - days * DAY, now),))
        state = a_state(line, digest, ledger=Ledger({key: entry}, (now,)))
        services.line_states.keep(place, state)

    def test_its_findings_are_as_old_and_as_overdue_as_its_line_says(self, services, old):
        self.keep(services, PROD, old.digest, days=60)
        report = gather(services=services)
        [overdue] = report.overdue
        assert (overdue.finding.identifier, overdue.days_left) == ("CVE-2026-2", -53)

    def test_in_no_line_any_more_its_own_history_says_it(self, services, old):
        place = f"{self.PLACE}@{old.digest}"
        self.keep(services, Line("", ""), old.digest, days=60, place=place)
        assert [each.days_left for each in gather(services=services).overdue] == [-53]

    def test_without_the_answer_about_it_the_newest_image_keeps_its_ages(
        self, services, old, monkeypatch
    ):
        recall = services.line_states.recall
        monkeypatch.setattr(
            services.line_states, "recall", lambda p: refuse() if "@" in p else recall(p)
        )
        found = only(gather(services=services))
        assert found.ages.keys() == {"CVE-2026-1 zlib"}

    def test_every_form_names_it_beside_what_only_it_has(self, services, old):
        report = gather(services=services)
        again = from_json(to_json(report))
        assert again == report
        digests = {}
        for each in csv.DictReader(io.StringIO(as_csv(again))):
            digests[each["vulnerability"]] = (each["digest"], each["tags"])
        assert digests["CVE-2026-2"] == (old.digest, "prod")
        assert digests["CVE-2026-1"] == (only(report).digest, "latest")
        kept = Kept()
        keep_lines(again, "2026-03-02T06-00-00Z", kept)
        [line] = find(Query.of({"vulnerability": "CVE-2026-2"}), kept).findings
        assert (line["digest"], line["tags"]) == (old.digest, ["prod"])


class TestWhatIsAsLastKnown:
    """It is known of then, and weighed and dated as of today."""

    @pytest.fixture
    def earlier(self, aws):
        findings = Findings((ONE, TWO))
        aws.add_image("api", tags=("1",), scanned_at=NOW, findings=findings)
        found = only(gather())
        ages = {finding.key: Age(days_ago(20)) for finding in found.findings}
        one, two = sorted(found.findings, key=lambda each: each.identifier)
        ran_out = AcceptedRisk("until then", days_ago(1).date(), vulnerability=two.identifier)
        kept = replace(found, findings=(one,), accepted=((two, ran_out),), ages=ages)
        return replace(gather(), repositories=(kept,), generated_at=days_ago(30))

    def refused(self, aws, earlier, **settings):
        aws.fail_next("DescribeImages", "AccessDeniedException")
        return compare(gather(**settings), earlier)

    def test_what_was_accepted_until_a_day_counts_from_then_on(self, aws, earlier):
        entry = f"vulnerability: CVE-2026-2, reason: until then, expires: {days_ago(1).date()}"
        listed = f"accepted:\n- {{{entry}}}"
        boto3.client("ssm").put_parameter(Name="/risks", Value=listed, Type="String")
        report = self.refused(aws, earlier, ACCEPTED_RISKS="ssm:/risks")
        assert only(report).as_of == earlier.generated_at
        assert only(report).counts == {"CRITICAL": 1, "HIGH": 1}
        assert only(report).accepted == ()
        assert [each.finding.identifier for each in report.comparison.new] == ["CVE-2026-2"]
        assert [(each.reason, each.line) for each in report.expired] == [("until then", 2)]
        again = self.refused(aws, report, ACCEPTED_RISKS="ssm:/risks")
        assert (again.totals, again.comparison.new) == (report.totals, ())

    def test_what_is_not_on_the_list_any_more_has_not_run_out(self, aws, earlier):
        report = self.refused(aws, earlier)
        assert only(report).counts == {"CRITICAL": 1, "HIGH": 1}
        assert report.expired == ()

    def test_what_is_accepted_since_does_not_count_and_is_not_fixed(self, aws, earlier):
        entry = f"vulnerability: CVE-2026-1, reason: reviewed, expires: {days_ago(-9).date()}"
        risks = f"accepted: [{{{entry}}}]"
        boto3.client("ssm").put_parameter(Name="/risks", Value=risks, Type="String")
        report = self.refused(aws, earlier, ACCEPTED_RISKS="ssm:/risks")
        assert only(report).counts == {"CRITICAL": 1}
        assert report.comparison.fixed == ()

    def test_it_is_due_by_the_times_to_fix_of_today(self, aws, earlier):
        assert self.refused(aws, earlier).overdue == ()
        overdue = self.refused(aws, earlier, SLA="CRITICAL=7d HIGH=30d").overdue
        assert [(e.finding.identifier, e.days_left) for e in overdue] == [("CVE-2026-2", -13)]

    def test_an_image_that_is_not_scanned_yet_has_not_what_was_known_of_another(self, aws, earlier):
        aws.add_image("api", tags=("2",), pushed_at=NOW + timedelta(minutes=1))
        found = only(compare(gather(), earlier))
        before = only(earlier)
        assert found.digest != before.digest
        assert {found.image_with(each).digest for each in found.findings} == {before.digest}
