"""Which counts are reported."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.ecr.severities import SEVERITIES, severity_of
from chalicelib.policy.thresholds import REPORTED_BY_DEFAULT, Thresholds
from chalicelib.settings.repository_thresholds import parse_repository_thresholds
from tests.reports import found_in

COUNTS = st.dictionaries(st.sampled_from(SEVERITIES), st.integers(0, 1000))


@pytest.mark.parametrize(
    ("threshold", "found", "reported"),
    [
        (0, 0, False),
        (0, 1, True),
        (1, 0, False),
        (1, 1, True),
        (5, 4, False),
        (5, 5, True),
        (5, 6, True),
    ],
)
def test_a_count_at_or_above_its_threshold_reports_and_no_finding_never_does(
    threshold, found, reported
):
    assert Thresholds(high=threshold).crossed_by({"HIGH": found}) == ("HIGH",) * reported


def test_each_severity_has_its_own_threshold():
    thresholds = Thresholds(critical=1, high=10, medium=100, low=1000)
    counts = {"CRITICAL": 1, "HIGH": 9, "MEDIUM": 100, "LOW": 999}
    assert thresholds.crossed_by(counts) == ("CRITICAL", "MEDIUM")


def test_the_worst_severity_comes_first():
    counts = {"LOW": 1, "MEDIUM": 1, "CRITICAL": 1, "HIGH": 1}
    assert Thresholds().crossed_by(counts) == ("CRITICAL", "HIGH", "MEDIUM", "LOW")


def test_severities_below_low_are_reported_only_where_a_threshold_is_set():
    counts = {"INFORMATIONAL": 5, "UNDEFINED": 7}
    assert Thresholds().crossed_by(counts) == ()
    assert Thresholds(informational=6, undefined=7).crossed_by(counts) == ("UNDEFINED",)


@given(COUNTS)
def test_by_default_any_finding_from_low_on_reports(counts):
    found = {severity for severity in REPORTED_BY_DEFAULT if counts.get(severity)}
    assert set(Thresholds().crossed_by(counts)) == found


@pytest.mark.parametrize(
    ("text", "severity"), [("HIGH", "HIGH"), ("High", "HIGH"), ("UNTRIAGED", "UNDEFINED")]
)
def test_severities_have_one_spelling(text, severity):
    assert severity_of(text) == severity


LISTED = found_in("CVE-1", "LOW", "a", "1", known_exploited=True, epss=0.9)
LIKELY = found_in("CVE-2", "LOW", "a", "1", known_exploited=False, epss=0.5)
UNKNOWN = found_in("CVE-3", "CRITICAL", "a", "1")


@pytest.mark.parametrize(
    ("thresholds", "findings", "reached"),
    [
        (Thresholds(kev=1, epss=0.5), [LISTED], ("KEV", "EPSS")),
        (Thresholds(kev=1, epss=0.5), [LIKELY], ("EPSS",)),
        (Thresholds(kev=0), [LIKELY], ()),
        (Thresholds(kev=0), [LISTED], ("KEV",)),
        (Thresholds(kev=2), [LISTED, LIKELY], ()),
        (Thresholds(kev=1, epss=0.0), [UNKNOWN], ()),
        (Thresholds(epss=0.95), [LISTED, LIKELY], ()),
        (Thresholds(), [LISTED, LIKELY], ()),
    ],
)
def test_exploitation_has_thresholds_of_its_own_that_the_unknown_never_reaches(
    thresholds, findings, reached
):
    assert thresholds.exploited_by(findings) == reached


def test_a_repository_can_have_its_own_thresholds_of_exploitation():
    (rules,) = parse_repository_thresholds("payments/*: CRITICAL=1 KEV=1 EPSS=0.5")
    assert rules.rules.thresholds(Thresholds(kev=3, high=7)) == Thresholds(
        critical=1, high=7, kev=1, epss=0.5
    )


@pytest.mark.parametrize(
    ("thresholds", "exploited"),
    [
        (Thresholds(), []),
        (Thresholds(kev=1), [LISTED]),
        (Thresholds(kev=2), []),
        (Thresholds(epss=0.5), [LISTED, LIKELY]),
        (Thresholds(epss=0.6), [LISTED]),
    ],
)
def test_the_findings_that_reach_a_threshold_of_exploitation(thresholds, exploited):
    assert [*thresholds.exploited_among([LISTED, LIKELY])] == exploited
