"""The list of accepted risks as YAML: what it says, and what is wrong in it."""

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.policy.accepted_risks import AcceptedRisk
from chalicelib.settings.accepted_risks import parse_accepted_risks
from chalicelib.settings.documents import DocumentError

EXAMPLE = Path(__file__).parents[2] / "docs" / "accepted-risks.example.yaml"


def errors_in(text):
    with pytest.raises(DocumentError) as raised:
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
    ("text", "error"),
    [
        ("", "risks.yaml, line 1: there is nothing in it; accepted: an object"),
        ("- CVE-1", "risks.yaml, line 1: the document is a list; accepted: an object with"),
        ("{}", "risks.yaml, line 1: the document has no key accepted"),
        ("accepted:", "risks.yaml, line 1: accepted is ''; accepted: a list"),
        ("accepted: {}", "risks.yaml, line 1: accepted is an object; accepted: a list"),
        ("accepted: [CVE-1]", "risks.yaml, line 1: accepted[0] is 'CVE-1'; accepted: an object"),
        ("accepted: []\nignored: []", "risks.yaml, line 2: 'ignored' is no key here"),
        ("accepted: []\naccepted: []", "risks.yaml, line 2: accepted is there twice"),
    ],
)
def test_what_is_not_a_list_of_accepted_risks_is_refused(text, error):
    [found] = errors_in(text)
    assert found.startswith(error)


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("package: 12", "package is '12'; accepted: a text of 1 to 1000 characters"),
        ("package: true", "package is 'true'; accepted: a text"),
        ("package:", "package is ''; accepted: a text"),
        ("package: ' '", "package is ' '; accepted: a text"),
        ("package: [openssl]", "package is a list; accepted: a text"),
        (f"package: {'x' * 1001}", f"package is '{'x' * 76}...; accepted: a text"),
        ("reason: again", "reason is there twice; accepted: once"),
    ],
)
def test_a_wrong_line_of_an_entry_is_named_with_its_value_and_what_is_accepted(line, error):
    text = f"accepted:\n- vulnerability: CVE-1\n  reason: so\n  {line}\n  expires: 2027-01-01"
    [found] = errors_in(text)
    assert found.startswith(f"risks.yaml, line 4: accepted[0].{error}")


def test_a_key_that_is_none_is_named_with_its_entry():
    text = "accepted:\n- {package: x, reason: so, expires: 2027-01-01}\n- pakage: openssl\n"
    found, *_ = errors_in(text + "  package: x\n  reason: so\n  expires: 2027-01-01")
    assert found.startswith("risks.yaml, line 3: 'pakage' in accepted[1] is no key here; accepted:")


@pytest.mark.parametrize(
    "day", ["soon", "2027-02-30", "2027-2-3", "2027-01-01T00:00:00", "20270101", "[2027-01-01]"]
)
def test_an_expiry_must_be_a_day(day):
    [found] = errors_in(f"accepted:\n- package: x\n  reason: so\n  expires: {day}")
    assert found.startswith("risks.yaml, line 4: accepted[0].expires is ")
    assert found.endswith("accepted: a day, such as 2027-03-31")


def test_nothing_is_accepted_for_ever_without_a_reason_or_everywhere_by_accident():
    assert [error.partition("; ")[0] for error in errors_in("accepted:\n- {}")] == [
        "risks.yaml, line 2: accepted[0] has no reason",
        "risks.yaml, line 2: accepted[0] has no expires",
        "risks.yaml, line 2: accepted[0] covers nothing",
    ]


def test_all_errors_are_told_at_once_and_of_very_many_the_first():
    entry = "- package: x\n  reason: ''\n  expires: soon\n"
    assert len(errors_in("accepted:\n" + entry * 3)) == 6
    with pytest.raises(DocumentError, match="and 40 more$") as raised:
        parse_accepted_risks("accepted:\n" + entry * 30, "risks.yaml")
    assert len(str(raised.value).splitlines()) == 21


@given(st.text(max_size=60) | st.text(":-[]{}&*!?|>'\"%@` \nacepted", max_size=60))
def test_any_text_is_either_a_list_or_refused_with_a_line(text):
    errors = ()
    try:
        parse_accepted_risks(text, "risks.yaml")
    except DocumentError as error:
        errors = error.errors
    assert all(error.startswith("risks.yaml, line ") for error in errors)
