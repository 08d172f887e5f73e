"""The list of accepted risks: what it accepts, and what is wrong in it."""

import string
from datetime import date, timedelta
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.ecr.findings import Finding
from chalicelib.policy.accepted_risks import (
    LONGEST_LIST,
    AcceptedRisk,
    AcceptedRisks,
    AcceptedRisksError,
    parse_accepted_risks,
)

EXAMPLE = Path(__file__).parents[2] / "docs" / "accepted-risks.example.yaml"
TODAY = date(2027, 1, 10)
OPENSSL = Finding("CVE-2023-1234", "HIGH", package="openssl", fixed_version="3.0.9")


def risk(**covers):
    return AcceptedRisk(**{"reason": "not reachable", "expires": TODAY, **covers})


def split(entries, *findings, repository="payments/api", today=TODAY):
    return AcceptedRisks(tuple(entries)).split(repository, findings, today)


def errors_in(text):
    with pytest.raises(AcceptedRisksError) as raised:
        parse_accepted_risks(text, "risks.yaml")
    return raised.value.errors


def test_an_entry_is_read_with_the_line_that_it_begins_in():
    text = """\
# Reviewed every month.
accepted:
  - vulnerability: CVE-2023-1234
    package: openssl*
    repository: payments/*
    reason: not reachable, reviewed with the owners
    expires: 2027-03-31
  - package: "7"
    reason: |
      in the build only
    expires: "2027-04-30"
"""
    assert parse_accepted_risks(text, "risks.yaml") == (
        AcceptedRisk(
            reason="not reachable, reviewed with the owners",
            expires=date(2027, 3, 31),
            vulnerability="CVE-2023-1234",
            package="openssl*",
            repository="payments/*",
            line=3,
        ),
        AcceptedRisk(reason="in the build only", expires=date(2027, 4, 30), package="7", line=8),
    )


def test_a_list_may_be_empty():
    assert parse_accepted_risks("accepted: []", "risks.yaml") == ()


def test_the_example_of_the_documentation_is_a_list():
    entries = parse_accepted_risks(EXAMPLE.read_text(), EXAMPLE.name)
    assert [entry.repository for entry in entries] == ["payments/*", "tools/release-notes", None]


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
    ("package", "counts"),
    [
        ("openssl, openssl-libs", False),
        ("openssl, curl", True),
        ("openssl, openssl-a, openssl-b, openssl-c, openssl-d, 2 more", True),
        ("", True),
    ],
)
def test_a_finding_in_several_packages_is_accepted_only_where_each_of_them_is(package, counts):
    finding = Finding("CVE-2023-1", "LOW", package=package)
    counted, _, _ = split([risk(package="openssl*")], finding)
    assert bool(counted) is counts


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
    others = [Finding(f"CVE-{number}", "LOW", package="curl") for number in range(3)]
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
    Finding, NAMES, st.just("LOW"), package=st.lists(NAMES, max_size=2).map(", ".join)
)


@given(st.lists(ENTRIES, max_size=4), st.lists(FINDINGS, max_size=6), NAMES)
def test_every_finding_either_counts_or_is_accepted_by_a_valid_entry_that_covers_it(
    entries, findings, repository
):
    counted, accepted, expired = split(entries, *findings, repository=repository)

    assert sorted(map(str, [*counted, *(finding for finding, _ in accepted)])) == sorted(
        map(str, findings)
    )
    for finding, entry in accepted:
        assert entry.expires >= TODAY
        assert fnmatchcase(repository, entry.repository or "*")
        assert fnmatchcase(finding.identifier, (entry.vulnerability or "*").lower())
    for entry in expired:
        assert entry.expires < TODAY
        assert any(entry.covers(finding) for finding in counted)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", "risks.yaml, line 1: nothing; accepted: an object with the key accepted"),
        ("# nothing", "risks.yaml, line 1: nothing"),
        ("- CVE-1", "risks.yaml, line 1: a list; accepted: an object with the key accepted"),
        ("{}", "risks.yaml, line 1: accepted is missing"),
        ("accepted:", "risks.yaml, line 1: accepted is ''; accepted: a list of entries"),
        ("accepted: {}", "risks.yaml, line 1: accepted is an object; accepted: a list of entries"),
        ("accepted: [CVE-1]", "risks.yaml, line 1: 'CVE-1'; accepted: an object with reason"),
        ("accepted: []\nignored: []", "risks.yaml, line 2: 'ignored' is no key here"),
        ("accepted: []\naccepted: []", "risks.yaml, line 2: accepted is there twice"),
        ("a: b: c", "risks.yaml, line 1: not YAML: mapping values are not allowed here"),
        ("accepted:\n\t- x", "risks.yaml, line 2: not YAML: found character '\\t'"),
        ("accepted: \x00", "risks.yaml, line 1: not YAML: unacceptable character"),
        ("accepted: [", "risks.yaml, line 1: not YAML: "),
        ("accepted: []\n---\naccepted: []", "risks.yaml, line 2: a second document"),
        ("accepted: &all []", "risks.yaml, line 1: an anchor or alias; accepted: none"),
        ("accepted: !!python/name:os.system x", "risks.yaml, line 1: a tag; accepted: none"),
        ("a: " + "[" * 60_000, "risks.yaml, line 1: nesting; accepted: none"),
        (" " * (LONGEST_LIST + 1), "risks.yaml, line 1: 65537 characters; accepted: at most 65536"),
    ],
)
def test_what_is_not_a_list_of_accepted_risks_is_refused(text, error):
    [found] = errors_in(text)
    assert found.startswith(error)


def test_a_text_that_would_unfold_into_a_huge_one_is_refused_before_it_does():
    bomb = "a: &a [x, x]\n" + "".join(
        f"{after}: &{after} [*{before}, *{before}]\n"
        for before, after in zip("abcdefghi", "bcdefghij", strict=True)
    )
    [found] = errors_in(bomb)
    assert found == "risks.yaml, line 1: an anchor or alias; accepted: none"


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("package: 12", "package is '12'; accepted: a text of 1 to 1000 characters"),
        ("package: true", "package is 'true'; accepted: a text"),
        ("package:", "package is ''; accepted: a text"),
        ("package: ' '", "package is ' '; accepted: a text"),
        ("package: [openssl]", "package is a list; accepted: a text"),
        (f"package: {'x' * 1001}", f"package is '{'x' * 100}...'; accepted: a text"),
        ("pakage: openssl", "'pakage' is no key here; accepted: vulnerability, package"),
        ("reason: again", "reason is there twice; accepted: once"),
    ],
)
def test_a_wrong_line_of_an_entry_is_named_with_its_value_and_what_is_accepted(line, error):
    text = f"accepted:\n- vulnerability: CVE-1\n  reason: so\n  {line}\n  expires: 2027-01-01"
    [found] = errors_in(text)
    assert found.startswith(f"risks.yaml, line 4: {error}")


@pytest.mark.parametrize(
    "day", ["soon", "2027-02-30", "2027-2-3", "2027-01-01T00:00:00", "20270101", "[2027-01-01]"]
)
def test_an_expiry_must_be_a_day(day):
    [found] = errors_in(f"accepted:\n- package: x\n  reason: so\n  expires: {day}")
    assert found.startswith("risks.yaml, line 4: expires is ")
    assert found.endswith("accepted: a day, such as 2027-03-31")


def test_nothing_is_accepted_for_ever_without_a_reason_or_everywhere_by_accident():
    assert [error.partition("; ")[0] for error in errors_in("accepted:\n- {}")] == [
        "risks.yaml, line 2: reason is missing",
        "risks.yaml, line 2: expires is missing",
        "risks.yaml, line 2: nothing is covered",
    ]


def test_all_errors_are_told_at_once_and_of_very_many_the_first():
    entry = "- package: x\n  reason: ''\n  expires: soon\n"
    assert len(errors_in("accepted:\n" + entry * 3)) == 6
    with pytest.raises(AcceptedRisksError, match="and 40 more$") as raised:
        parse_accepted_risks("accepted:\n" + entry * 30, "risks.yaml")
    assert len(str(raised.value).splitlines()) == 21


@given(st.text(max_size=60) | st.text(":-[]{}&*!?|>'\"%@` \nacepted", max_size=60))
def test_any_text_is_either_a_list_or_refused_with_a_line(text):
    errors = ()
    try:
        parse_accepted_risks(text, "risks.yaml")
    except AcceptedRisksError as error:
        errors = error.errors
    assert all(error.startswith("risks.yaml, line ") for error in errors)
