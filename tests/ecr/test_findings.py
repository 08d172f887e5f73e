"""Findings as records: what makes one the same from scan to scan, and in which order they come."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.ecr.findings import (
    Finding,
    Package,
    continued,
    counts_of,
    distinct,
    key_of,
    known_keys,
    merged,
    parts_of,
    severity_counts,
    worst_first,
)
from chalicelib.ecr.severities import SEVERITIES
from tests.reports import FINDINGS, TEXTS, a_finding, found_in

NAMES = st.lists(TEXTS.filter(bool), unique=True, max_size=9)


def in_packages(*names, identifier="CVE-1", version="1"):
    return Finding(identifier, "HIGH", tuple(Package(name, version) for name in names))


@given(NAMES, st.randoms())
def test_the_order_of_its_packages_does_not_make_a_finding_another_one(names, random):
    shuffled = random.sample(names, len(names))
    assert in_packages(*names).key == in_packages(*shuffled).key


@given(NAMES, TEXTS, TEXTS)
def test_another_installed_version_does_not_make_a_finding_another_one(names, version, other):
    assert in_packages(*names, version=version).key == in_packages(*names, version=other).key


@given(TEXTS, TEXTS, NAMES, NAMES)
def test_another_vulnerability_or_package_makes_it_another_finding(one, other, names, others):
    is_same = (one, {*names}) == (other, {*others})
    keys = [in_packages(*names, identifier=one).key, in_packages(*others, identifier=other).key]
    assert (keys[0] == keys[1]) is is_same


@given(st.text(), NAMES, st.integers(1, 99))
def test_a_key_says_what_it_is_of(identifier, names, occurrence):
    names = tuple(sorted(names))
    assert parts_of(key_of(identifier, names, occurrence)) == (identifier, names, occurrence)


def test_a_key_can_be_read():
    finding = in_packages("xz-utils", "gzip", "gzip", identifier="CVE-2022-1271")
    assert finding.key == "CVE-2022-1271 gzip, xz-utils"
    assert a_finding("CVE-1").key == "CVE-1 openssl"


SEVEN = tuple(f"lib{number}" for number in range(7))


@pytest.mark.parametrize(
    ("now", "known"),
    [
        ((*SEVEN, "lib7"), "CVE-1 lib0, lib1, lib2, lib3, lib4, lib5, lib6"),
        (SEVEN[:6], "CVE-1 lib0, lib1, lib2, lib3, lib4, lib5, lib6"),
        (("lib6", "other"), "CVE-1 lib0, lib1, lib2, lib3, lib4, lib5, lib6"),
        (("other",), None),
    ],
)
def test_a_vulnerability_in_one_package_more_or_less_is_the_one_that_is_known(now, known):
    before, finding = in_packages(*SEVEN), in_packages(*now)
    assert known_keys([finding], [before.key]).get(finding.key) == known
    [same] = continued([finding], [before.key])
    assert same.key == (known or finding.key)
    assert same.packages == finding.packages


def test_the_same_packages_of_another_vulnerability_are_another_finding():
    other = in_packages(*SEVEN, identifier="CVE-2")
    assert known_keys([other], [in_packages(*SEVEN, "lib7").key]) == {}


def test_a_known_finding_is_taken_for_one_finding_only_and_the_equal_key_goes_first():
    gzip, both = in_packages("gzip"), in_packages("gzip", "xz-utils")
    assert known_keys([gzip, both], [gzip.key]) == {gzip.key: gzip.key}
    assert known_keys([gzip, both], ["CVE-1 gzip, less"]) == {gzip.key: "CVE-1 gzip, less"}


@given(st.lists(FINDINGS, max_size=5), st.lists(FINDINGS, max_size=5))
def test_findings_keep_their_keys_apart_however_they_are_known(before, now):
    known = {finding.key for finding in before}
    found = continued(distinct(now), known)
    assert len({finding.key for finding in found}) == len(found)
    assert {replace(each, known_as="") for each in found} == {*distinct(now)}


def test_two_versions_of_a_package_are_two_findings_numbered_by_version():
    old = found_in("CVE-2021-44228", "CRITICAL", "log4j-core", "2.14.0")
    newer = found_in("CVE-2021-44228", "CRITICAL", "log4j-core", "2.16.0")
    for order in ([old, newer], [newer, old]):
        found = distinct(order)
        assert [(each.packages[0].version, each.key) for each in found] == [
            ("2.14.0", "CVE-2021-44228 log4j-core"),
            ("2.16.0", "CVE-2021-44228 log4j-core #2"),
        ]


def test_what_is_listed_twice_alike_is_one_finding_at_its_worst():
    low, high = a_finding("CVE-1", "LOW"), a_finding("CVE-1", "HIGH")
    assert distinct([low, high, low]) == [high]


@given(st.lists(FINDINGS))
def test_the_findings_of_a_scan_all_have_keys_of_their_own(findings):
    found = distinct([replace(finding, occurrence=1) for finding in findings])
    assert len({finding.key for finding in found}) == len(found)
    assert {(each.identifier, each.packages) for each in found} == {
        (each.identifier, each.packages) for each in findings
    }


def test_the_findings_of_two_platforms_are_one_with_the_packages_of_both():
    amd = found_in("CVE-1", "HIGH", "openssl", "3.0.1")
    arm = replace(amd, severity="CRITICAL", packages=(Package("openssl", "3.0.2"),))
    [both] = merged([amd, arm])
    assert both.severity == "CRITICAL"
    assert [package.version for package in both.packages] == ["3.0.1", "3.0.2"]


def test_the_worst_come_first_then_the_highest_score_then_what_can_be_fixed():
    low = a_finding("CVE-1", "LOW", score=9.9)
    high = a_finding("CVE-2", "HIGH", score=7.0, fixed="")
    fixable = a_finding("CVE-3", "HIGH", score=7.0)
    higher = a_finding("CVE-4", "HIGH", score=7.1, fixed="")
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


def test_a_key_that_was_asked_for_changes_nothing_but_goes_with_what_it_is_made_of():
    finding, twin = found_in("CVE-1", "HIGH", "zlib"), found_in("CVE-1", "HIGH", "zlib")
    assert finding.key == finding.key == "CVE-1 zlib"
    assert finding == twin
    assert len({finding, twin}) == 1
    assert replace(finding, occurrence=2).key == "CVE-1 zlib #2"
    assert replace(finding, known_as="CVE-1 zlib1g").key == "CVE-1 zlib1g"
