"""The fleet report: what it says, what changed since another, its JSON form."""

import json
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given

from chalicelib.ecr.findings import Package
from chalicelib.fleet.model import (
    FleetReport,
    ImageScan,
    ReportError,
    RepositoryReport,
    compare,
    from_json,
    to_json,
)
from tests.fleets import (
    BASH,
    CURL,
    NOW,
    OPENSSL,
    REVIEWED,
    ZLIB,
    example,
    fleet_of,
    fleet_reports,
    looked_at,
    repository,
    without,
)

SCHEMA = json.loads((Path(__file__).parents[2] / "docs/schemas/fleet-report-1.json").read_text())


def report_of(*repositories):
    return FleetReport(NOW, (repository(""),), repositories)


def changes(found):
    return [(change.repository.name, change.finding.identifier) for change in found]


def test_the_repository_with_most_of_the_worst_severity_comes_first():
    report = report_of(
        looked_at("many-low", *[CURL] * 9), looked_at("clean"), looked_at("one", ZLIB)
    )
    worse = looked_at("two", OPENSSL)
    report = replace(report, repositories=(*report.repositories, worse))
    assert [each.repository.name for each in report.worst] == ["two", "one", "many-low"]


def test_totals_count_every_severity():
    report = report_of(looked_at("a", OPENSSL, ZLIB), looked_at("b", ZLIB))
    assert report.totals == {
        "CRITICAL": 1,
        "HIGH": 2,
        "MEDIUM": 0,
        "LOW": 0,
        "INFORMATIONAL": 0,
        "UNDEFINED": 0,
    }
    assert report.open_findings == 3
    assert report.fix_summary == "1 of 3 has a known fix; of 2 the scanner does not tell."


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


def test_what_is_accepted_or_left_out_is_counted_apart():
    report = example()
    assert [(each.repository.name, each.finding.identifier) for each in report.accepted] == [
        ("shop/api", "CVE-2025-0004"),
        ("shop/web", "CVE-2025-0004"),
        ("shop/api", "CVE-2025-0005"),
    ]
    assert report.left_out == {"without a fix": 1}
    assert report.open_findings == 5


@pytest.mark.parametrize("status", ["FAILED", "PENDING", None])
def test_what_is_unknown_now_is_not_taken_for_fixed(status):
    earlier = report_of(looked_at("a", OPENSSL))
    comparison = compare(report_of(looked_at("a", status=status)), earlier).comparison
    assert (comparison.fixed, comparison.last_seen) == ((), (repository("a"),))


def test_what_was_unknown_then_is_not_taken_for_new():
    earlier = report_of(looked_at("a", status="FAILED"))
    comparison = compare(
        report_of(looked_at("a", OPENSSL), looked_at("b", ZLIB)), earlier
    ).comparison
    assert comparison.new == ()
    assert comparison.first_seen == (repository("a"), repository("b"))


def test_a_repository_of_the_same_name_elsewhere_is_another_one():
    there = replace(looked_at("a", ZLIB), repository=repository("a", region="us-east-1"))
    comparison = compare(report_of(there), report_of(looked_at("a", ZLIB))).comparison
    assert comparison.first_seen == (repository("a", region="us-east-1"),)
    assert comparison.last_seen == (repository("a"),)


@pytest.mark.parametrize(
    ("statuses", "known"),
    [
        (["COMPLETE"], True),
        (["ACTIVE", "COMPLETE"], True),
        (["COMPLETE", "UNSUPPORTED_IMAGE"], True),
        (["COMPLETE", "FAILED"], False),
        (["COMPLETE", None], False),
        (["UNSUPPORTED_IMAGE"], False),
        ([], False),
    ],
)
def test_the_findings_of_an_index_are_known_when_those_of_all_its_images_are(statuses, known):
    scans = tuple(ImageScan(f"sha256:{n}", status) for n, status in enumerate(statuses))
    assert RepositoryReport(repository("a"), "sha256:index", scans=scans).known is known


@given(fleet_reports)
def test_json_is_read_back_as_it_was_and_follows_its_schema(report):
    text = to_json(report)
    assert from_json(text) == report
    assert text.isascii()
    jsonschema.validate(json.loads(text), SCHEMA)


def test_the_example_follows_the_schema_and_the_schema_notices_what_is_wrong():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    document = json.loads(to_json(example()))
    jsonschema.validate(document, SCHEMA)
    document["repositories"][0]["counts"]["SEVERE"] = 1
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, SCHEMA)


def test_a_report_from_before_accepted_risks_were_applied_is_read():
    document = json.loads(to_json(example()))
    for key in ("acceptedRiskCount", "leftOut", "expiredRisks", "risks"):
        del document[key]
    for each in document["repositories"]:
        del each["acceptedRisks"], each["leftOut"]
    jsonschema.validate(document, SCHEMA)
    report = from_json(json.dumps(document))
    assert (report.open_findings, report.accepted, report.left_out) == (5, (), {})
    assert report.expired == ()


def test_a_finding_of_many_repositories_is_written_once():
    text = to_json(fleet_of(1000, [OPENSSL, ZLIB, CURL]))
    assert text.count("A heap overflow.") == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no fleet report: Expecting value"),
        ("[]", "no fleet report"),
        ("{}", "no fleet report: 'version' is missing"),
        ('{"version": "2"}', "version is '2'; accepted: a fleet report of version '1'"),
        ('{"version": "1"}', "'findings' is missing"),
        (b"\xff\xfe\xfd", "no fleet report"),
        ("[" * 100_000, "no fleet report"),
    ],
)
def test_what_is_no_report_is_an_error_that_says_why(text, message):
    with pytest.raises(ReportError, match=message):
        from_json(text)


@pytest.mark.parametrize(
    "change",
    [
        {"generatedAt": "2026-01-01T00:00:00"},
        {"generatedAt": "yesterday"},
        {"findings": [{"id": "x"}]},
        {"repositories": [{}]},
        {"registries": [7]},
        {"expiredRisks": [9]},
        {"risks": [{"reason": "x", "expires": "soon"}]},
    ],
)
def test_a_report_with_a_wrong_value_is_an_error(change):
    with pytest.raises(ReportError):
        from_json(json.dumps(json.loads(to_json(example())) | change))


def test_counts_of_what_was_not_seen():
    report = example()
    assert (report.images_never_scanned, report.scans_failed) == (2, 1)
    assert (report.images_unsupported, report.images_untold) == (1, 2)
    assert [each.repository.name for each in report.without_image] == ["charts/shop"]
    assert [each.repository.name for each in report.findings_unknown] == [
        "shop/broken",
        "shop/fresh",
        "tools/scratch",
    ]
    assert len(without(report, "shop/broken").findings_unknown) == 2
