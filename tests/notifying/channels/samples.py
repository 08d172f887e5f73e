"""Reports to deliver, and findings of any shape."""

from dataclasses import replace
from datetime import UTC, date, datetime

from hypothesis import strategies as st

from chalicelib.ecr.findings import distinct, worst_first
from chalicelib.ecr.severities import SEVERITIES
from chalicelib.notifying.mirroring import MirroredLine
from chalicelib.policy.accepted_risks import AcceptedRisk
from chalicelib.policy.ages import Age
from chalicelib.policy.changes import Changes
from chalicelib.policy.states import Closed, Line
from chalicelib.policy.thresholds import Thresholds
from chalicelib.policy.transitions import Scan, after_scan
from tests.reports import FINDINGS, RISKS, TEXTS, a_report_of, found_in
from tests.reports import RESULT as A_RESULT

RESULT = replace(A_RESULT, severity_counts={}, time="2027-03-01T12:00:00Z")
NEW = found_in(
    "CVE-2027-0001",
    "CRITICAL",
    "openssl",
    "3.0.1-1~deb12u1",
    "3.0.2-1",
    score=9.8,
    url="https://security-tracker.example.org/CVE-2027-0001",
    description="A buffer overflow in the parsing of certificates.",
    exploit_available=True,
)
KNOWN = found_in("CVE-2026-0002", "HIGH", "curl", "8.1", score=7.5)
LOW = found_in("CVE-2026-0003", "LOW", "openssl", fixed="3.0.2-1")
CHANGES = Changes(
    new=frozenset({NEW.key}),
    fixed={"CVE-2025-0009 zlib": "HIGH"},
    unchanged=2,
    digest_before="sha256:" + "b" * 64,
    since="2027-02-22T12:00:00Z",
)
RISK = AcceptedRisk("not *reachable*", date(2027, 6, 30), vulnerability="CVE-2024-0004")
EXPIRED = AcceptedRisk("was not reachable", date(2027, 2, 28), package="curl")


def report(*findings, result=RESULT, **fields):
    """A report of these findings against thresholds that any finding reaches."""
    shown = {"findings": worst_first(findings), **fields}
    return replace(a_report_of(*findings, result=result, thresholds=Thresholds()), **shown)


FULL = report(
    NEW,
    KNOWN,
    LOW,
    changes=CHANGES,
    accepted=((found_in("CVE-2024-0004", "HIGH", "bash"), RISK),),
    expired=(EXPIRED,),
    left_out={"without a fix": 3},
    where_in_use=("ECS service shop/api in 123456789012/eu-west-1",),
    ages={KNOWN.key: Age(datetime(2027, 2, 6, tzinfo=UTC), date(2027, 2, 13))},
)
FAILED = report(result=replace(RESULT, status="FAILED"), crossed=(), findings=None, changes=CHANGES)


@st.composite
def reports(draw):
    """A report of whatever a scan may find and people may name."""
    findings = draw(st.lists(FINDINGS, max_size=30))
    keys = [finding.key for finding in findings]
    changes = st.builds(
        Changes,
        new=st.sets(st.sampled_from(keys)).map(frozenset) if keys else st.just(frozenset()),
        fixed=st.dictionaries(TEXTS, st.sampled_from(SEVERITIES), max_size=5),
        unchanged=st.integers(0, 10**6),
        digest_before=st.sampled_from(["", "sha256:" + "b" * 64]),
        since=st.sampled_from(["", "2027-02-22T12:00:00Z"]),
    )
    repository = draw(st.sampled_from(["payments/api", "a_b/c__d", "r" * 256]))
    tags = draw(st.lists(st.from_regex(r"[\w][\w.-]{0,127}", fullmatch=True), max_size=5))
    status = draw(st.sampled_from(["COMPLETE", "ACTIVE", "FAILED"]))
    result = replace(RESULT, repository=repository, image_tags=tuple(tags), status=status)
    return report(
        *findings,
        result=result,
        name=f"{repository}:{draw(TEXTS)}",
        findings=draw(st.sampled_from([None, worst_first(findings)])),
        changes=draw(st.none() | changes),
        accepted=tuple(draw(st.lists(st.tuples(FINDINGS, RISKS), max_size=5))),
        expired=tuple(draw(st.lists(RISKS, max_size=5))),
        left_out=draw(st.dictionaries(st.sampled_from(["without a fix"]), st.integers(1, 9))),
        where_in_use=tuple(draw(st.lists(TEXTS, max_size=5))),
    )


LINE = Line("latest", "linux/arm64")
UPDATED_AT = 1_804_248_000_000  # 2027-03-05T12:00:00Z


def line(*findings, line=LINE, digest=RESULT.image_digest, closed=None, tags=("latest",), **place):
    """A line in whose image these findings are open, found just now, and others are closed."""
    scan = Scan(digest, digest, RESULT.time, "COMPLETE", "event", worst_first(findings))
    state = replace(
        after_scan(line, None, (), scan, frozenset({"security_hub"})),
        closed={
            key: Closed(severity, True, frozenset({"security_hub"}))
            for key, severity in (closed or {}).items()
        },
        version=1,
        updated_at=UPDATED_AT,
    )
    place = {
        "account": RESULT.account,
        "region": RESULT.region,
        "repository": RESULT.repository,
        **place,
    }
    return MirroredLine(state=state, findings=scan.findings, tags=tags, **place)


FULL_LINE = line(NEW, KNOWN, LOW, closed={"CVE-2025-0009 zlib": "HIGH"}, tags=("1.4.2", "latest"))


@st.composite
def lines(draw):
    """A line of whatever a scan may find and people may name."""
    findings = distinct(draw(st.lists(FINDINGS, max_size=30)))
    made = line(
        *findings,
        line=Line(draw(st.sampled_from(["", "latest", "t" * 128])), draw(TEXTS)),
        closed=draw(st.dictionaries(TEXTS, st.sampled_from(SEVERITIES), max_size=5)),
        tags=tuple(draw(st.lists(TEXTS, max_size=5))),
        repository=draw(st.sampled_from(["payments/api", "a_b/c__d", "r" * 256])),
    )
    has_ended, told = draw(st.booleans()), draw(st.booleans())
    state = replace(made.state, has_ended=has_ended)
    return replace(made, state=state, findings=made.findings if told else ())
