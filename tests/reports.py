"""Reports and findings to word and to deliver."""

from dataclasses import replace
from datetime import UTC

from hypothesis import strategies as st

from chalicelib.ecr.findings import Finding, Package, counts_of, worst_first
from chalicelib.ecr.severities import SEVERITIES
from chalicelib.notifying.events import ScanResult
from chalicelib.notifying.report import Report
from chalicelib.policy.accepted_risks import AcceptedRisk
from chalicelib.policy.changes import Changes
from chalicelib.policy.thresholds import Thresholds

RESULT = ScanResult(
    account="123456789012",
    region="eu-west-1",
    repository="payments/api",
    image_digest="sha256:" + "a" * 64,
    image_tags=("1.4.2", "latest"),
    status="COMPLETE",
    severity_counts={"CRITICAL": 3, "HIGH": 4, "LOW": 1, "INFORMATIONAL": 8},
    time="2026-03-01T12:00:00Z",
)
THRESHOLDS = Thresholds(critical=1, high=5)


def a_report(result=RESULT, thresholds=THRESHOLDS, **fields):
    """The report of a scan of which only the event is known, or what the fields say."""
    fields.setdefault("name", f"{result.repository}:latest")
    counts = fields.setdefault("counts", {} if result.failed else result.severity_counts)
    fields.setdefault("crossed", () if result.failed else thresholds.crossed_by(counts or {}))
    return Report(result=result, thresholds=thresholds, **fields)


def a_report_of(*findings, **fields):
    """The report of a scan with these findings."""
    counts = counts_of(findings)
    result = replace(fields.pop("result", RESULT), severity_counts=counts)
    return a_report(result, findings=worst_first(findings), **fields)


def found_in(identifier, severity, package="", installed="", fixed="", **fields):
    """A finding in one package; with a fixed version there is a fix."""
    packages = (Package(package, installed, fixed),) if package else ()
    fields.setdefault("fix_available", True if fixed else None)
    return Finding(identifier, severity, packages, **fields)


def a_finding(identifier="CVE-2026-0001", severity="CRITICAL", **fields):
    """A finding in openssl, with a fix."""
    defaults = {
        "package": "openssl",
        "installed": "3.0.2",
        "fixed": "3.0.9",
        "score": 9.8,
        "url": f"https://nvd.nist.gov/vuln/detail/{identifier}",
        "description": "openssl has a flaw.",
    }
    return found_in(identifier, severity, **{**defaults, **fields})


# Texts of every kind, those among them that mean something to some medium.
TEXTS = st.text(max_size=40) | st.sampled_from(
    [
        *("<script>alert(1)</script>", "<!channel>", "@here @channel @everyone", "<@U012AB3CD>"),
        *("`code` *bold* _it_ ~no~ |x|", "[x](javascript:alert(1))", "[x](https://example.org)"),
        *("1\nDigest      sha256:forged", "a\nb\r\n\u2028c", "=1+1", "{{ 7 * 7 }}"),
        *("&amp; &lt;", "<!channel> @here &amp;", "\ud800", "\u202e\u200b", "\u202egpj.exe"),
        *(" ", "", "_a_", "x" * 5000, "word " * 2000, "&" * 3000, "`" * 3000),
        *("https://example.org/?a=1&b=<x>", "https://example.org/" + "a_b*" * 900),
    ]
)
PACKAGES = st.builds(
    Package, name=TEXTS, version=TEXTS, fixed_version=TEXTS, manager=TEXTS, file_path=TEXTS
)
TOLD = st.none() | st.booleans()
MOMENTS = st.none() | st.datetimes(timezones=st.just(UTC))
FINDINGS = st.builds(
    Finding,
    identifier=TEXTS,
    severity=st.sampled_from(SEVERITIES),
    packages=st.lists(PACKAGES, max_size=8).map(sorted).map(tuple),
    score=st.none() | st.floats(0.1, 10),
    url=TEXTS | st.just("https://example.org/x?y=(1)"),
    description=TEXTS,
    fix_available=TOLD,
    exploit_available=TOLD,
    related=st.lists(TEXTS, max_size=4).map(tuple),
    epss=st.none() | st.floats(0, 1),
    first_observed_at=MOMENTS,
    last_observed_at=MOMENTS,
    occurrence=st.integers(1, 3),
)
COUNTS = st.dictionaries(st.sampled_from(SEVERITIES), st.integers(0, 10**18))
RESULTS = st.builds(
    ScanResult,
    account=st.text(min_size=1),
    region=st.text(min_size=1),
    repository=TEXTS.filter(bool),
    image_digest=st.text(min_size=1),
    image_tags=st.lists(TEXTS.filter(bool), max_size=5).map(tuple),
    status=st.sampled_from(["COMPLETE", "FAILED"]),
    severity_counts=st.none() | COUNTS,
    unlisted=st.integers(0, 10**9),
    time=st.text(min_size=1),
)
RISKS = st.builds(
    AcceptedRisk,
    reason=TEXTS,
    expires=st.dates(),
    vulnerability=st.none() | TEXTS,
    package=st.none() | TEXTS,
    repository=st.none() | TEXTS,
)
CHANGES = st.builds(
    Changes,
    new=st.frozensets(TEXTS),
    fixed=st.dictionaries(TEXTS, st.sampled_from(SEVERITIES)),
    unchanged=st.integers(0, 10**9),
    digest_before=st.text(),
    since=st.text(),
)
REPORTS = st.builds(
    lambda result, findings, **fields: a_report(
        result, Thresholds(), findings=findings and worst_first(findings), **fields
    ),
    RESULTS,
    st.none() | st.lists(FINDINGS, max_size=30),
    accepted=st.lists(st.tuples(FINDINGS, RISKS), max_size=3).map(tuple),
    expired=st.lists(RISKS, max_size=3).map(tuple),
    left_out=st.dictionaries(st.sampled_from(["without a fix"]), st.integers(1, 10**9)),
    changes=st.none() | CHANGES,
    where_in_use=st.lists(TEXTS, max_size=3).map(tuple),
    unlisted=st.integers(0, 10**9),
)
