"""Fleet reports to test with: one that is written out, and any that hypothesis thinks of."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from hypothesis import strategies as st

from chalicelib.ecr.findings import Finding, Package, worst_first
from chalicelib.ecr.severities import SEVERITIES
from chalicelib.fleet.comparison import compare
from chalicelib.fleet.model import (
    Feed,
    FixTimes,
    ImageScan,
    NamedImages,
    NotLookedAt,
    OlderImage,
    Point,
    Repository,
    RepositoryReport,
)
from chalicelib.fleet.report import FleetReport
from chalicelib.policy.accepted_risks import AcceptedRisk
from chalicelib.policy.ages import Age
from chalicelib.policy.due_dates import DueTimes
from tests.reports import found_in

NOW = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)
HOSTILE = "<script>alert('x')</script>\n| [click](javascript:alert(1)) `*_ =cmd()"


def repository(name, account="123456789012", region="eu-west-1"):
    return Repository(account, region, name)


def looked_at(name, *findings, status="COMPLETE", **fields):
    """The report of a repository whose newest image has these findings, in use if it runs."""
    known = status in {"COMPLETE", "ACTIVE"}
    in_use = [finding.key for finding in findings] if fields.get("running") else []
    return RepositoryReport(
        **{
            "repository": repository(name),
            "digest": "sha256:" + "a" * 64,
            "tags": ("2.0", "latest"),
            "pushed_at": NOW - timedelta(days=3),
            "scans": (ImageScan("sha256:" + "a" * 64, status, NOW if known else None),),
            "findings": worst_first(findings),
            "images": 3,
            "in_use": frozenset(in_use),
            **fields,
        }
    )


OPENSSL = Finding(
    "CVE-2026-0001",
    "CRITICAL",
    (Package("libssl3", "3.0.1", "3.0.2"), Package("openssl", "3.0.1", "3.0.2")),
    score=9.8,
    url="https://nvd.nist.gov/vuln/detail/CVE-2026-0001",
    description="A heap overflow.",
    fix_available=True,
    exploit_available=True,
    known_exploited=True,
    epss=0.974,
)
ZLIB = found_in("CVE-2026-0002", "HIGH", "zlib", "1.2", score=7.5, description="A crash.")
CURL = found_in("CVE-2025-0003", "LOW", "curl", "8.1", "8.2", score=2.0)
HOSTILE_FINDING = found_in(
    HOSTILE,
    "MEDIUM",
    HOSTILE,
    "=1+1",
    "@SUM(1)",
    score=5.0,
    url="javascript:alert(1)",
    description=HOSTILE,
    related=(HOSTILE,),
)

BASH = found_in("CVE-2025-0004", "HIGH", "bash", "5.1", score=8.1, fix_available=False)
PERL = found_in("CVE-2025-0005", "MEDIUM", "perl", "5.36", score=5.3, fix_available=False)
TAR = found_in("CVE-2024-0006", "LOW", "tar", "1.34", score=2.5)
REVIEWED = AcceptedRisk(
    "no shell is started", date(2026, 9, 30), package="bash", repository="shop/*", line=2
)
HOSTILE_RISK = AcceptedRisk(HOSTILE, date(2026, 12, 31), vulnerability="CVE-2025-0005", line=6)
RAN_OUT = AcceptedRisk(
    "until the upgrade", date(2026, 2, 28), vulnerability="CVE-2026-0002", package="zlib", line=10
)


def report_of(*repositories):
    """A report of one registry with these repositories."""
    return FleetReport(NOW, (repository(""),), repositories)


def example():
    """A report with something of everything, values that mean harm included."""
    earlier = FleetReport(
        generated_at=NOW - timedelta(days=7),
        registries=(repository(""),),
        repositories=(
            looked_at("shop/api", ZLIB, CURL),
            looked_at("shop/web", CURL, BASH),
            looked_at("shop/old", CURL),
            looked_at("shop/broken", ZLIB),
            replace(looked_at("shop/secret", CURL, scans=()), as_of=NOW - timedelta(days=21)),
            looked_at("shop/left"),
        ),
    )
    report = FleetReport(
        generated_at=NOW,
        registries=(repository(""),),
        repositories=(
            looked_at(
                "shop/api",
                *(OPENSSL, ZLIB, HOSTILE_FINDING),
                tags=(HOSTILE, "2.0"),
                accepted=((BASH, REVIEWED), (PERL, HOSTILE_RISK)),
                left_out={"without a fix": (TAR,)},
                owner="payments",
                running=("ECS service shop", HOSTILE),
                in_use=frozenset({OPENSSL.key}),
                ages={
                    OPENSSL.key: Age(NOW - timedelta(days=23), date(2026, 2, 14)),
                    ZLIB.key: Age(NOW - timedelta(days=5), date(2026, 3, 5)),
                },
                fixes={"HIGH": FixTimes(4, 40 * 86_400), "LOW": FixTimes(1, 3 * 86_400)},
            ),
            looked_at(
                "shop/web",
                CURL,
                accepted=((BASH, REVIEWED),),
                owner="",
                running=(),
                fixes={"HIGH": FixTimes(1, 30 * 86_400)},
            ),
            looked_at("shop/new", ZLIB, status="ACTIVE", owner=HOSTILE),
            looked_at("shop/broken", status="FAILED", failed=NamedImages(1, ("2.0",))),
            looked_at("shop/fresh", status=None, never_scanned=NamedImages(2, ("2.0", HOSTILE))),
            RepositoryReport(repository("charts/shop")),
            looked_at("tools/scratch", status="UNSUPPORTED_IMAGE", unsupported=1, untold=2),
        ),
        not_looked_at=(
            NotLookedAt(repository("shop/secret"), "refused (AccessDeniedException)"),
            NotLookedAt(repository("", region="us-east-1"), "no time was left"),
        ),
        expired=(RAN_OUT,),
        deleted=(repository("shop/old"),),
    )
    return compare(report, earlier).with_point(earlier.with_point(None))


def fleet_of(count, findings):
    """A report of so many repositories with the same findings."""
    return FleetReport(
        NOW,
        (repository(""),),
        tuple(looked_at(f"team/service-{number:05}", *findings) for number in range(count)),
    )


_texts = st.one_of(
    st.text(max_size=30),
    st.sampled_from([HOSTILE, "=1+1", "@x", "\ud800", "\u202e", "", " ", "\x00", "-->", "]]>"]),
)
_times = st.datetimes(timezones=st.just(UTC))
_packages = st.builds(Package, _texts, _texts, _texts, _texts, _texts)
findings = st.builds(
    Finding,
    _texts,
    st.sampled_from(SEVERITIES),
    st.lists(_packages, max_size=3).map(sorted).map(tuple),
    score=st.none() | st.floats(0, 10),
    url=_texts
    | st.just("https://example.org/a?b=c&d=<e>")
    | st.just("https://example.org/(a)_[b]"),
    description=_texts,
    fix_available=st.none() | st.booleans(),
    exploit_available=st.none() | st.booleans(),
    related=st.lists(_texts, max_size=2).map(tuple),
    epss=st.none() | st.floats(0, 1),
    occurrence=st.integers(1, 2),
    known_exploited=st.none() | st.booleans(),
)


def _unique(found):
    return worst_first({finding.key: finding for finding in found}.values())


_repositories = st.builds(Repository, st.just("1"), st.sampled_from("ab"), _texts.filter(bool))
_places = _repositories | st.builds(Repository, st.just("1"), st.sampled_from("ab"), st.just(""))
_risks = st.builds(
    AcceptedRisk, _texts, st.dates(), *[st.none() | _texts] * 3, line=st.integers(0, 9)
)
_left_out = st.dictionaries(
    _texts, st.lists(findings, min_size=1, max_size=3).map(tuple), max_size=2
)
_named = st.lists(_texts, max_size=3).map(lambda names: NamedImages(len(names), tuple(names)))
_scans = st.builds(
    ImageScan,
    _texts,
    st.sampled_from([None, "COMPLETE", "ACTIVE", "FAILED", "PENDING", "UNSUPPORTED_IMAGE", "odd"]),
    st.none() | _times,
    older=st.booleans(),
    in_use=st.booleans(),
)
_tags = st.lists(_texts, max_size=3).map(tuple)
_ages = st.builds(Age, st.none() | _times, st.none() | st.dates())


@st.composite
def _with_ages(draw, repositories):
    """Repositories, in which it is known of some findings since when they are open, or in use."""
    report = draw(repositories)
    keys = {finding.key for finding in report.all_findings if draw(st.booleans())}
    in_use = {finding.key for finding in report.all_findings if draw(st.booleans())}
    ages = {key: draw(_ages) for key in sorted(keys)}
    in_use = frozenset(in_use if report.running else ())
    last_known = {finding.key for finding in report.all_findings if draw(st.booleans())}
    last_known = frozenset(last_known if report.as_of else ())
    older = OlderImage(draw(_texts), draw(_tags), in_use)
    return replace(
        report, ages=ages, in_use=in_use, older=(older,) if in_use else (), last_known=last_known
    )


_looked_at = st.builds(
    RepositoryReport,
    _repositories,
    digest=_texts,
    tags=_tags,
    pushed_at=st.none() | _times,
    scans=st.lists(_scans, max_size=2).map(tuple),
    findings=st.lists(findings, max_size=4).map(_unique),
    accepted=st.lists(st.tuples(findings, _risks), max_size=3).map(tuple),
    left_out=_left_out,
    as_of=st.none() | _times,
    images=st.integers(0, 9),
    never_scanned=_named,
    failed=_named,
    unsupported=st.integers(0, 9),
    untold=st.integers(0, 9),
    owner=st.none() | _texts,
    running=st.none() | st.lists(_texts, max_size=3).map(tuple),
    uses_complete=st.booleans(),
    fixes=st.dictionaries(
        st.sampled_from(SEVERITIES),
        st.builds(FixTimes, st.integers(0, 9), st.integers(0, 9**9)),
        max_size=2,
    ),
    sla=st.none() | st.just(DueTimes.parse("CRITICAL=7d HIGH=30d")),
)
_points = st.builds(
    Point,
    _times,
    st.dictionaries(st.sampled_from(SEVERITIES), st.integers(0, 9)),
    st.none() | st.integers(0, 9),
)
_reports = st.builds(
    FleetReport,
    _times,
    st.lists(st.builds(Repository, st.just("1"), st.sampled_from("ab"), st.just(""))).map(tuple),
    st.lists(_with_ages(_looked_at), max_size=4, unique_by=lambda each: each.repository).map(tuple),
    st.lists(st.builds(NotLookedAt, _places, _texts, st.none() | _times), max_size=2).map(tuple),
    st.lists(_risks, max_size=2, unique=True).map(tuple),
    st.lists(_repositories, max_size=2, unique=True).map(tuple),
    feeds=st.lists(st.builds(Feed, _texts, st.none() | _times, _texts), max_size=2).map(tuple),
    trend=st.lists(_points, max_size=3).map(tuple),
    owner=st.just("") | _texts,
)
fleet_reports = st.one_of(_reports, st.builds(compare, _reports, _reports))


def without(report, *names):
    """The report without some repositories."""
    kept = (each for each in report.repositories if each.repository.name not in names)
    return replace(report, repositories=tuple(kept))
