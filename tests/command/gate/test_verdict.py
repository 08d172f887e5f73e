"""The verdict by what was found, without any call."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from chalicelib.ecr.findings import Finding, Package
from chalicelib.fleet.model import ImageScan, Repository, RepositoryReport
from chalicelib.policy.accepted_risks import AcceptedRisks
from chalicelib.policy.finding_filters import FindingFilters
from chalicelib.policy.thresholds import Thresholds
from ecr_scan_reporter.gate.limits import from_severity
from ecr_scan_reporter.gate.verdict import Baseline, Outcome, Policy, judge, judge_new

NOW = datetime(2026, 11, 25, tzinfo=UTC)
KNOWN = ImageScan("sha256:a", "COMPLETE", NOW)
UNSUPPORTED = ImageScan("sha256:b", "UNSUPPORTED_IMAGE")
RUNNING = ImageScan("sha256:c", "IN_PROGRESS")
POLICY = Policy(Thresholds(), FindingFilters(), AcceptedRisks(), date(2026, 11, 25))


def a_finding(identifier="CVE-1", severity="HIGH", *packages):
    names = packages or ("openssl",)
    return Finding(identifier, severity, tuple(Package(name, "1") for name in names))


def verdict(*found, scans=(KNOWN,), unknown=None, policy=POLICY):
    place = Repository("123456789012", "eu-west-1", "shop/api")
    report = RepositoryReport(place, "sha256:a", ("1",), scans=scans)
    return judge("shop/api:1", report, found, unknown or {}, policy)


@pytest.mark.parametrize(
    ("scans", "found", "outcome"),
    [
        ([KNOWN], [], Outcome.PASSED),
        ([KNOWN], [a_finding()], Outcome.FAILED),
        ([KNOWN, UNSUPPORTED], [], Outcome.PASSED),
        ([UNSUPPORTED], [], Outcome.UNDECIDED),
        ([KNOWN, RUNNING], [], Outcome.UNDECIDED),
        ([KNOWN, RUNNING], [a_finding()], Outcome.FAILED),
        ([], [], Outcome.UNDECIDED),
    ],
)
def test_what_is_unknown_never_passes_and_what_is_found_fails(scans, found, outcome):
    unknown = {scan.digest: "why" for scan in scans if scan is not KNOWN}
    assert verdict(*found, scans=tuple(scans), unknown=unknown).outcome is outcome


def test_findings_that_are_too_old_to_be_all_do_not_pass():
    assert verdict(unknown={KNOWN.digest: "last scanned long ago"}).outcome is Outcome.UNDECIDED


def test_a_problem_decides_nothing_whatever_is_found():
    assert replace(verdict(a_finding()), problem="refused").outcome is Outcome.UNDECIDED
    assert replace(verdict(), problem="refused").outcome is Outcome.UNDECIDED


def test_counts_below_the_threshold_pass():
    policy = replace(POLICY, thresholds=Thresholds(high=2))
    assert verdict(a_finding(), policy=policy).outcome is Outcome.PASSED
    failed = verdict(a_finding(), a_finding("CVE-2"), policy=policy)
    assert (failed.outcome, failed.reasons) == (Outcome.FAILED, ("2 HIGH (threshold: 2)",))


@pytest.mark.parametrize(
    ("before", "crossed"),
    [
        ([], ("HIGH",)),
        ([a_finding()], ()),
        ([a_finding("CVE-2")], ("HIGH",)),
        ([a_finding("CVE-1", "LOW")], ("HIGH",)),
        ([a_finding("CVE-1", "CRITICAL")], ()),
        ([a_finding("CVE-1", "HIGH", "openssl", "libssl3")], ()),
        ([a_finding("CVE-1", "HIGH", "zlib")], ("HIGH",)),
        (None, ("HIGH",)),
    ],
)
def test_new_is_what_the_other_image_has_not_or_less_severe(before, crossed):
    baseline = Baseline("main", None if before is None else tuple(before), NOW)
    judged = judge_new(verdict(a_finding()), baseline, POLICY)
    assert judged.crossed == crossed
    outcome = Outcome.FAILED if crossed else Outcome.PASSED
    assert judged.outcome is (Outcome.UNDECIDED if before is None else outcome)


@pytest.mark.parametrize(
    ("listed", "outcome", "reason"),
    [
        (True, Outcome.FAILED, "findings that are known to be exploited (KEV)"),
        (False, Outcome.PASSED, None),
        (None, Outcome.UNDECIDED, "whether findings are known to be exploited (KEV) is unknown"),
    ],
)
def test_what_is_known_to_be_exploited_fails_where_a_threshold_asks_for_it(listed, outcome, reason):
    policy = replace(POLICY, thresholds=replace(from_severity("CRITICAL"), kev=0))
    finding = replace(a_finding("CVE-2026-1001"), known_exploited=listed)
    judged = verdict(finding, policy=policy)
    assert judged.outcome is outcome
    assert [each for each in judged.reasons if not reason or reason not in each] == []
    baseline = Baseline("main", (finding,), NOW)
    assert judge_new(judged, baseline, policy).outcome is Outcome.PASSED


@pytest.mark.parametrize(
    ("epss", "outcome"), [(0.5, Outcome.FAILED), (0.1, Outcome.PASSED), (None, Outcome.PASSED)]
)
def test_so_does_what_is_likely_to_be(epss, outcome):
    policy = replace(POLICY, thresholds=replace(from_severity("CRITICAL"), epss=0.4))
    judged = verdict(replace(a_finding(), epss=epss), policy=policy)
    assert judged.outcome is outcome
    assert judged.reasons == (
        ("a finding that is likely to be exploited (EPSS 0.4)",) if judged.crossed else ()
    )


def test_a_severity_to_fail_on_takes_worse_ones_in():
    thresholds = from_severity("HIGH")
    assert thresholds.by_severity() == {"CRITICAL": 0, "HIGH": 0}
