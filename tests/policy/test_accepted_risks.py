"""The list of accepted risks: what it accepts."""

import string
from datetime import date, timedelta
from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.ecr.findings import Finding, Package
from chalicelib.policy.accepted_risks import AcceptedRisk, AcceptedRisks
from tests.reports import found_in

TODAY = date(2027, 1, 10)
OPENSSL = found_in("CVE-2023-1234", "HIGH", "openssl", fixed="3.0.9")


def in_packages(*names, identifier="CVE-2023-1", related=()):
    return Finding(identifier, "LOW", tuple(map(Package, names)), related=related)


def risk(**covers):
    return AcceptedRisk(**{"reason": "not reachable", "expires": TODAY, **covers})


def split(entries, *findings, repository="payments/api", today=TODAY):
    return AcceptedRisks(tuple(entries)).split(repository, findings, today)


@pytest.mark.parametrize(
    "entry",
    [
        risk(vulnerability="CVE-2023-1234"),
        risk(vulnerability="cve-2023-*"),
        risk(package="openssl"),
        risk(package="open*", repository="payments/*"),
        risk(repository="*"),
    ],
    ids=str,
)
def test_what_an_entry_covers_is_accepted_with_the_entry_that_says_so(entry):
    assert split([entry], OPENSSL) == ((), ((OPENSSL, entry),), ())


@pytest.mark.parametrize(
    "entry",
    [
        risk(vulnerability="CVE-2023-123"),
        risk(vulnerability="CVE-2023-1234", package="libssl*"),
        risk(vulnerability="CVE-2023-1234", repository="shop/*"),
        risk(package="OpenSSL"),
        risk(repository="Payments/*"),
    ],
    ids=str,
)
def test_what_an_entry_does_not_cover_in_every_respect_counts(entry):
    assert split([entry], OPENSSL) == ((OPENSSL,), (), ())


@pytest.mark.parametrize(
    ("packages", "counts"),
    [
        (("openssl", "openssl-libs"), False),
        (tuple(f"openssl-{number}" for number in range(7)), False),
        (("openssl", "curl"), True),
        ((*(f"openssl-{number}" for number in range(7)), "curl"), True),
        ((), True),
    ],
)
def test_a_finding_in_several_packages_is_accepted_only_where_each_of_them_is(packages, counts):
    counted, _, _ = split([risk(package="openssl*")], in_packages(*packages))
    assert bool(counted) is counts


ADVISORY = in_packages("glibc", identifier="ALAS2-2023-2290", related=("CVE-1", "CVE-2"))


def test_an_advisory_is_accepted_where_every_vulnerability_that_it_is_about_is():
    one, other = risk(vulnerability="CVE-2", line=1), risk(vulnerability="cve-1", line=2)
    assert split([one, other], ADVISORY) == ((), ((ADVISORY, one),), ())
    assert split([risk(vulnerability="CVE-?", package="glibc")], ADVISORY)[0] == ()


@pytest.mark.parametrize(
    "entries",
    [
        [risk(vulnerability="CVE-1")],
        [risk(vulnerability="CVE-1"), risk(vulnerability="CVE-2", package="zlib")],
        [risk(vulnerability="CVE-1"), risk(vulnerability="CVE-2", repository="shop/*")],
    ],
)
def test_an_advisory_about_anything_that_is_not_accepted_counts(entries):
    assert split(entries, ADVISORY) == ((ADVISORY,), (), ())


def test_an_advisory_says_which_entry_about_its_vulnerabilities_ran_out():
    expired = risk(vulnerability="CVE-2", expires=TODAY - timedelta(days=1))
    assert split([risk(vulnerability="CVE-1"), expired], ADVISORY) == ((ADVISORY,), (), (expired,))


def test_a_vulnerability_is_not_accepted_with_another_one_that_it_is_related_to():
    finding = in_packages("glibc", identifier="CVE-1", related=("CVE-2",))
    assert split([risk(vulnerability="CVE-2")], finding) == ((finding,), (), ())


@pytest.mark.parametrize(
    ("covers", "everything"),
    [
        ({"repository": "*"}, True),
        ({"vulnerability": "*", "package": "**"}, True),
        ({"vulnerability": "CVE-*"}, True),
        ({"package": "?*"}, True),
        ({"vulnerability": "CVE-*", "repository": "shop/*"}, False),
        ({"package": "linux*"}, False),
        ({"vulnerability": "CVE-2023-*"}, False),
    ],
)
def test_an_entry_that_leaves_nothing_out_covers_everything(covers, everything):
    assert risk(**covers).covers_everything is everything


@pytest.mark.parametrize(
    "entry",
    [
        lambda n: risk(vulnerability=f"CVE-{1900 + n % 90}-*", package=f"lib{n}*"),
        lambda n: risk(vulnerability="*", package=f"lib{n}*a"),
        lambda n: risk(vulnerability=f"CVE-2026-{n}", package="openssl"),
        lambda n: risk(package=f"lib{n}", repository="payments/*"),
    ],
)
def test_findings_are_held_against_few_of_many_entries(entry):
    risks = AcceptedRisks(tuple(entry(number) for number in range(580)))
    findings = [
        found_in(f"CVE-{1990 + n % 40}-{n}", "HIGH", f"lib{n % 7000}") for n in range(10_000)
    ]
    risks.split("payments/api", findings, TODAY)
    assert risks.comparisons < 4 * len(findings)


def test_the_day_of_expiry_still_counts_and_the_next_one_says_that_the_entry_ran_out():
    entry = risk(package="openssl")
    assert split([entry], OPENSSL, today=entry.expires) == ((), ((OPENSSL, entry),), ())
    tomorrow = entry.expires + timedelta(days=1)
    assert split([entry], OPENSSL, today=tomorrow) == ((OPENSSL,), (), (entry,))


def test_an_expired_entry_is_not_worth_a_word_while_another_accepts_the_same_or_nothing_is_found():
    expired = risk(package="openssl", expires=TODAY - timedelta(days=1))
    renewed = risk(package="openssl", line=9)
    assert split([expired, renewed], OPENSSL) == ((), ((OPENSSL, renewed),), ())
    assert split([expired]) == ((), (), ())


def test_an_expired_entry_is_told_once_however_much_it_would_cover():
    expired = risk(package="*", expires=TODAY - timedelta(days=1))
    others = [found_in(f"CVE-{number}", "LOW", "curl") for number in range(3)]
    assert split([expired], *others) == (tuple(others), (), (expired,))


NAMES = st.text(string.ascii_lowercase + "/-", min_size=1, max_size=6)
PATTERNS = st.none() | st.text("abC*?[!]-/", min_size=1, max_size=6)
ENTRIES = st.builds(
    AcceptedRisk,
    reason=st.just("a reason"),
    expires=st.dates(TODAY - timedelta(days=2), TODAY + timedelta(days=2)),
    vulnerability=PATTERNS,
    package=PATTERNS,
    repository=PATTERNS,
    line=st.integers(1, 99),
)
FINDINGS = st.builds(
    Finding,
    NAMES,
    st.just("LOW"),
    st.lists(st.builds(Package, NAMES), max_size=2).map(tuple),
    related=st.lists(NAMES, max_size=2).map(tuple),
)


def covers(entry, name, finding, repository):
    """Whether an entry covers a finding under a name, told plainly."""
    return (
        fnmatchcase(name, (entry.vulnerability or "*").lower())
        and all(fnmatchcase(each, entry.package or "*") for each in finding.package_names or ("",))
        and fnmatchcase(repository, entry.repository or "*")
    )


@given(st.lists(ENTRIES, max_size=4), st.lists(FINDINGS, max_size=6), NAMES)
def test_every_finding_either_counts_or_is_accepted_by_a_valid_entry_that_covers_it(
    entries, findings, repository
):
    counted, accepted, expired = split(entries, *findings, repository=repository)

    assert sorted(map(str, [*counted, *(finding for finding, _ in accepted)])) == sorted(
        map(str, findings)
    )
    valid = [entry for entry in entries if entry.expires >= TODAY]
    for finding, entry in accepted:
        assert entry in valid
        names = (finding.identifier, *finding.related)
        assert any(covers(entry, name, finding, repository) for name in names)
    for finding in counted:
        assert not any(covers(entry, finding.identifier, finding, repository) for entry in valid)
    for entry in expired:
        assert entry.expires < TODAY
        assert any(
            covers(entry, name, finding, repository)
            for finding in counted
            for name in (finding.identifier, *finding.related)
        )
