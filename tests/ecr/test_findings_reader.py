"""Findings as basic and enhanced scanning give them."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.ecr.findings import Finding, Package
from chalicelib.ecr.findings_reader import findings_of, listed, told_finding

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
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ENHANCED = {
    "title": "CVE-2022-1271 - gzip, liblzma5 and 1 more",
    "description": "An arbitrary file write vulnerability was found.",
    "severity": "HIGH",
    "score": 8.8,
    "status": "ACTIVE",
    "fixAvailable": "PARTIAL",
    "exploitAvailable": "YES",
    "firstObservedAt": NOW,
    "lastObservedAt": NOW,
    "packageVulnerabilityDetails": {
        "vulnerabilityId": "CVE-2022-1271",
        "sourceUrl": "https://security-tracker.debian.org/tracker/CVE-2022-1271",
        "relatedVulnerabilities": ["DSA-5123-1"],
        "vulnerablePackages": [
            {
                "name": "xz-utils",
                "version": "5.2.5",
                "release": "2",
                "epoch": 0,
                "packageManager": "OS",
                "fixedInVersion": "NotAvailable",
            },
            {
                "name": "gzip",
                "version": "1.10",
                "release": "4",
                "epoch": 0,
                "packageManager": "OS",
                "fixedInVersion": "0:1.10-4+deb11u1",
            },
        ],
    },
}


def enhanced(*packages, **fields):
    details = {**ENHANCED["packageVulnerabilityDetails"], "vulnerablePackages": list(packages)}
    given = {**ENHANCED, "packageVulnerabilityDetails": details, **fields}
    [finding] = findings_of({"enhancedFindings": [given]})
    return finding


def basic(**attributes):
    pairs = [{"key": key, "value": value} for key, value in attributes.items()]
    [finding] = findings_of({"findings": [{**BASIC, "attributes": pairs}]})
    return finding


def test_a_basic_finding_names_its_package_in_attributes_and_says_nothing_of_a_fix():
    assert findings_of({"findings": [BASIC]}) == [
        Finding(
            "CVE-2019-5188",
            "MEDIUM",
            (Package("e2fsprogs", "1.44.1-1ubuntu1.1"),),
            score=4.6,
            url=BASIC["uri"],
            description=BASIC["description"],
        )
    ]


def test_an_enhanced_finding_has_each_of_its_packages_with_its_own_versions():
    assert findings_of({"enhancedFindings": [ENHANCED]}) == [
        Finding(
            "CVE-2022-1271",
            "HIGH",
            (
                Package("gzip", "1.10-4", "1.10-4+deb11u1", "OS"),
                Package("xz-utils", "5.2.5-2", "", "OS"),
            ),
            score=8.8,
            url="https://security-tracker.debian.org/tracker/CVE-2022-1271",
            description=ENHANCED["description"],
            fix_available=True,
            exploit_available=True,
            related=("DSA-5123-1",),
            first_observed_at=NOW,
            last_observed_at=NOW,
        )
    ]


@given(st.permutations(range(8)))
def test_packages_in_another_order_are_the_same_finding(order):
    packages = [{"name": f"lib{number}", "version": "1"} for number in range(8)]
    shuffled = enhanced(*(packages[number] for number in order))
    assert shuffled == enhanced(*packages)
    assert len(shuffled.packages) == 8


def test_a_language_package_in_two_files_is_there_twice_with_its_paths():
    requests = {"name": "requests", "version": "2.32.0", "packageManager": "PYTHON"}
    paths = ("python/METADATA", "requirements.txt")
    finding = enhanced(*({**requests, "filePath": path} for path in paths))
    assert [package.file_path for package in finding.packages] == [*paths]
    assert finding.package_names == ("requests",)


@pytest.mark.parametrize(
    ("package", "version"),
    [
        ({"version": "5.10.178", "release": "3", "epoch": 0}, "5.10.178-3"),
        ({"version": "5.10.178", "release": "3"}, "5.10.178-3"),
        ({"version": "5.10.178-3", "release": "3"}, "5.10.178-3"),
        ({"version": "1.1.1k", "release": "7.el8", "epoch": 1}, "1:1.1.1k-7.el8"),
        ({"version": "1:1.1.1k", "release": "7.el8", "epoch": 1}, "1:1.1.1k-7.el8"),
        ({"version": "0:4.14", "epoch": 0}, "4.14"),
        ({"version": "2.32.0", "epoch": 0, "release": None}, "2.32.0"),
        ({"release": "3"}, ""),
    ],
)
def test_an_installed_version_is_written_as_the_package_manager_does(package, version):
    assert enhanced({"name": "x", **package}).packages == (Package("x", version),)


@pytest.mark.parametrize(
    ("version", "read"),
    [("0:1.44.1-1", "1.44.1-1"), ("1:9.18-1", "1:9.18-1"), (" 1.2 ", "1.2"), ("", "")],
)
def test_a_basic_version_is_without_an_epoch_of_zero(version, read):
    assert basic(package_name="bind9", package_version=version).packages == (
        Package("bind9", read),
    )


@pytest.mark.parametrize("text", ["NotAvailable", "notavailable", "", None])
def test_not_available_is_no_version(text):
    finding = enhanced({"name": "curl", "version": "7.88.1", "fixedInVersion": text})
    assert finding.packages == (Package("curl", "7.88.1"),)


@pytest.mark.parametrize(
    ("told", "fixes", "fix_available"),
    [
        ("YES", ["1.2"], True),
        ("PARTIAL", ["1.2", "NotAvailable"], True),
        ("NO", ["NotAvailable"], False),
        ("NO", [None], False),
        (None, ["NotAvailable", "1.2"], True),
        (None, ["NotAvailable", "NotAvailable"], False),
        (None, ["NotAvailable", None], None),
        (None, [None], None),
        (None, [], None),
        ("PERHAPS", ["NotAvailable"], None),
    ],
)
def test_whether_there_is_a_fix_is_known_only_where_it_is_told(told, fixes, fix_available):
    packages = ({"name": f"p{n}", "fixedInVersion": fix} for n, fix in enumerate(fixes))
    assert enhanced(*packages, fixAvailable=told).fix_available is fix_available


@pytest.mark.parametrize(("told", "known"), [("YES", True), ("NO", False), (None, None)])
def test_whether_there_is_an_exploit_is_known_only_where_it_is_told(told, known):
    assert enhanced(exploitAvailable=told).exploit_available is known
    assert basic().exploit_available is None


@pytest.mark.parametrize("status", ["CLOSED", "SUPPRESSED"])
def test_what_is_closed_or_suppressed_in_inspector_is_listed_and_no_open_finding(status):
    page = {"enhancedFindings": [{**ENHANCED, "status": status}]}
    assert (findings_of(page), listed(page)) == ([], 1)


def test_a_fix_in_a_basic_findings_attributes_is_a_fix():
    finding = basic(package_name="e2fsprogs", fixed_in_version="1.45")
    assert (finding.fixable, finding.packages) == (True, (Package("e2fsprogs", "", "1.45"),))


@pytest.mark.parametrize(("score", "read"), [(0, None), ("x", None), (None, None), (10, 10.0)])
def test_a_score_that_is_none_is_unknown(score, read):
    assert enhanced(score=score).score == read


def test_the_exploit_prediction_score_is_carried_where_inspector_gives_it():
    assert enhanced(epss={"score": 0.42}).epss == 0.42
    assert enhanced(epss=None).epss is None


@pytest.mark.parametrize(
    "page",
    [
        {"findings": [{}], "enhancedFindings": [{}]},
        {
            "findings": [{"name": None, "severity": None, "attributes": [{"key": "package_name"}]}],
            "enhancedFindings": [
                {"severity": None, "packageVulnerabilityDetails": {"vulnerablePackages": None}}
            ],
        },
    ],
)
def test_a_finding_without_any_particulars_is_still_one(page):
    assert findings_of(page) == [Finding("", "UNDEFINED")] * 2


@pytest.mark.parametrize("page", [{}, {"findings": None, "enhancedFindings": None}])
def test_a_page_without_findings_has_none(page):
    assert (findings_of(page), listed(page)) == ([], 0)


@pytest.mark.parametrize(
    "part",
    [
        {"packageVulnerabilityDetails": "CVE-2022-1271"},
        {"packageVulnerabilityDetails": {"vulnerablePackages": [7]}},
        {"packageVulnerabilityDetails": {"vulnerabilityId": "CVE-2022-1271"}},
    ],
)
def test_an_event_that_does_not_tell_a_finding_whole_tells_none(part):
    assert told_finding(ENHANCED) is not None
    assert told_finding({**ENHANCED, **part}) is None
