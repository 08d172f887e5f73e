"""Findings as basic and enhanced scanning tell them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.ecr.findings import (
    Finding,
    counts_of,
    findings_of,
    severity_counts,
    worst_first,
)
from chalicelib.ecr.severities import SEVERITIES
from tests.reports import FINDINGS, a_finding

BASIC = {
    "name": "CVE-2019-5188",
    "description": "A code execution vulnerability exists in e2fsprogs.",
    "uri": "http://people.ubuntu.com/~ubuntu-security/cve/CVE-2019-5188",
    "severity": "MEDIUM",
    "attributes": [
        {"key": "package_version", "value": "1.44.1-1ubuntu1.1"},
        {"key": "package_name", "value": "e2fsprogs"},
        {"key": "CVSS2_VECTOR", "value": "AV:L/AC:L/Au:N/C:P/I:P/A:P"},
        {"key": "CVSS2_SCORE", "value": "4.6"},
    ],
}
ENHANCED = {
    "title": "CVE-2022-1271 - gzip, liblzma5",
    "description": "An arbitrary file write vulnerability was found.",
    "severity": "HIGH",
    "score": 8.8,
    "status": "ACTIVE",
    "fixAvailable": "PARTIAL",
    "exploitAvailable": "YES",
    "packageVulnerabilityDetails": {
        "vulnerabilityId": "CVE-2022-1271",
        "sourceUrl": "https://security-tracker.debian.org/tracker/CVE-2022-1271",
        "vulnerablePackages": [
            {"name": "gzip", "version": "1.10", "fixedInVersion": "1.10-4+deb11u1"},
            {"name": "liblzma5", "version": "5.2.5"},
        ],
    },
}


def test_a_basic_finding_tells_its_package_in_attributes():
    assert findings_of({"findings": [BASIC]}) == [
        Finding(
            "CVE-2019-5188",
            "MEDIUM",
            package="e2fsprogs",
            installed_version="1.44.1-1ubuntu1.1",
            score=4.6,
            url=BASIC["uri"],
            description=BASIC["description"],
        )
    ]


def test_an_enhanced_finding_may_be_in_several_packages():
    assert findings_of({"enhancedFindings": [ENHANCED]}) == [
        Finding(
            "CVE-2022-1271",
            "HIGH",
            package="gzip, liblzma5",
            installed_version="1.10, 5.2.5",
            fixed_version="1.10-4+deb11u1",
            score=8.8,
            url="https://security-tracker.debian.org/tracker/CVE-2022-1271",
            description=ENHANCED["description"],
            fixable=True,
            exploitable=True,
        )
    ]


@pytest.mark.parametrize("status", ["CLOSED", "SUPPRESSED"])
def test_what_is_closed_or_suppressed_in_inspector_is_no_finding(status):
    assert findings_of({"enhancedFindings": [{**ENHANCED, "status": status}]}) == []


def test_a_fix_in_a_basic_findings_attributes_is_a_fix():
    attributes = [*BASIC["attributes"], {"key": "fixed_in_version", "value": "1.45"}]
    [finding] = findings_of({"findings": [{**BASIC, "attributes": attributes}]})
    assert (finding.fixable, finding.fixed_version) == (True, "1.45")


@pytest.mark.parametrize(("score", "read"), [(0, None), ("x", None), (None, None), (10, 10.0)])
def test_a_score_that_is_none_is_unknown(score, read):
    [finding] = findings_of({"enhancedFindings": [{**ENHANCED, "score": score}]})
    assert finding.score == read


def test_many_packages_are_named_in_part():
    packages = [{"name": f"lib{number}"} for number in range(8)]
    details = {**ENHANCED["packageVulnerabilityDetails"], "vulnerablePackages": packages}
    [finding] = findings_of(
        {"enhancedFindings": [{**ENHANCED, "packageVulnerabilityDetails": details}]}
    )
    assert finding.package == "lib0, lib1, lib2, lib3, lib4, 3 more"


def test_a_finding_without_any_particulars_is_still_one():
    assert (
        findings_of({"findings": [{}], "enhancedFindings": [{}]}) == [Finding("", "UNDEFINED")] * 2
    )


def test_the_worst_come_first_then_the_highest_score_then_what_can_be_fixed():
    low = a_finding("CVE-1", "LOW", score=9.9)
    high = a_finding("CVE-2", "HIGH", score=7.0, fixable=False)
    fixable = a_finding("CVE-3", "HIGH", score=7.0)
    higher = a_finding("CVE-4", "HIGH", score=7.1, fixable=False)
    unrated = a_finding("CVE-5", "HIGH", score=None)
    expected = (higher, fixable, high, unrated, low)
    assert worst_first([low, unrated, high, fixable, higher]) == expected


def test_counts_are_by_the_severities_known_here_and_without_the_total():
    given_counts = {"UNTRIAGED": 2, "UNDEFINED": 1, "TOTAL": 4, "HIGH": 1}
    assert severity_counts(given_counts) == {"HIGH": 1, "UNDEFINED": 3}


@given(st.lists(FINDINGS))
def test_every_finding_is_counted_once(findings):
    counts = counts_of(findings)
    assert sum(counts.values()) == len(findings)
    assert list(counts) == [level for level in SEVERITIES if level in counts]
