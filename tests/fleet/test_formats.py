"""The fleet report in every form: as it should look, and with values that mean harm.

The texts of the example are in tests/golden/fleet; ``GOLDEN=renew`` in the environment writes them
anew, and ``git diff`` then shows what changed.
"""

import csv
import io
import re
from base64 import b64encode
from dataclasses import replace
from functools import partial
from hashlib import sha256
from html.parser import HTMLParser
from itertools import pairwise

import pytest
from hypothesis import given
from markdown_it import MarkdownIt

from chalicelib.ecr.findings import Package
from chalicelib.fleet import formats
from chalicelib.fleet.formats.html_page import as_html
from chalicelib.fleet.formats.pages import (
    StoredReport,
    as_email,
    as_markdown,
    email_subject,
    place,
    segments,
)
from chalicelib.fleet.formats.spreadsheet import COLUMNS, as_csv
from chalicelib.fleet.model import NamedImages, NotLookedAt, Repository
from chalicelib.fleet.report import FleetReport
from chalicelib.text.templating import TEMPLATES, markdown
from local import browser
from tests.fleets import (
    BASH,
    HOSTILE_FINDING,
    NOW,
    OPENSSL,
    RAN_OUT,
    REVIEWED,
    ZLIB,
    example,
    fleet_reports,
    looked_at,
    repository,
)
from tests.golden import assert_golden

STORED = StoredReport(
    "https://reports.example/fleet.html?X-Amz-Expires=43200&X-Amz-Signature=0",
    12,
    "reports-bucket",
    "fleet-reports/html/2026-03-02T06-00-00Z.html",
    "fleet-reports/json/2026-03-02T06-00-00Z.json",
)
FORMS = {form: partial(formats.rendered, form) for form in formats.FORMS}
FORMS["email"] = lambda report: as_email(report, STORED)
SUFFIXES = {"markdown": "md", "email": "txt"}


@pytest.mark.parametrize("form", FORMS)
def test_the_example_looks_as_it_should(form):
    assert_golden(f"fleet/report.{SUFFIXES.get(form, form)}", FORMS[form](example()))


@pytest.mark.parametrize("form", FORMS)
@given(report=fleet_reports)
def test_any_report_can_be_written_in_utf_8(form, report):
    assert FORMS[form](report).encode()


# HTML


class _Page(HTMLParser):
    """What is in a page: elements in order, links, texts; fails where elements do not nest."""

    VOID = {"input", "meta", "rect"}

    def __init__(self, text):
        super().__init__()
        self.open, self.elements, self.links, self.ids = [], [], [], []
        self.attributes, self.text = set(), ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.elements.append(tag)
        self.attributes |= {name for name, _ in attrs}
        values = dict(attrs)
        self.links += [values["href"]] if "href" in values else []
        self.ids += [values["id"]] if "id" in values else []
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


ATTRIBUTES = {
    *(
        "aria-hidden",
        "aria-label",
        "aria-labelledby",
        "autocomplete",
        "charset",
        "class",
        "content",
    ),
    *("data-ask", "for", "height", "hidden", "href", "http-equiv", "id", "lang", "name"),
    *("preserveaspectratio", "rel", "role", "scope", "spellcheck", "tabindex", "type", "value"),
    *("viewbox", "width", "x", "y"),
}


@given(fleet_reports)
def test_the_page_is_well_formed_whatever_is_in_the_report(report):
    page = _Page(as_html(report))
    assert page.elements.count("script") == 2  # the data and our own
    assert page.attributes <= ATTRIBUTES
    assert all(re.match(r"https?://|#", link) for link in page.links)
    assert {link[1:] for link in page.links if link.startswith("#")} <= set(page.ids)
    assert len(page.ids) == len(set(page.ids))


def test_the_page_forbids_all_scripts_and_styles_but_its_own():
    text = as_html(example())
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', text)
    script = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    style = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
    script_hash, style_hash = (
        b64encode(sha256(each.encode()).digest()).decode() for (each,) in (script, style)
    )
    assert policy.split("; ") == [
        "default-src 'none'",
        f"style-src 'sha256-{style_hash}'",
        f"script-src 'sha256-{script_hash}'",
        "base-uri 'none'",
        "form-action 'none'",
    ]
    assert " style=" not in text
    assert "javascript:" not in [link[:11] for link in _Page(text).links]


def test_the_page_can_be_read_without_seeing_it():
    text = as_html(example())
    page = _Page(text)
    assert '<html lang="en">' in text
    body = text.partition("<body>")[2]
    headings = [int(tag[1]) for tag in page.elements if re.fullmatch(r"h\d", tag)]
    assert headings[0] == 1
    assert headings.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(headings))
    assert page.elements.count("table") == page.elements.count("caption")
    assert body.count("<th ") == body.count("scope=")
    drawn_of_what_is_beside = body.count('aria-hidden="true"><rect')
    assert body.count("<svg") == body.count('role="img" aria-label="') + drawn_of_what_is_beside


def test_the_page_shows_harmful_values_as_text():
    page = _Page(as_html(example()))
    assert "<script>alert('x')</script> | [click](javascript:alert(1))" in page.text


@pytest.mark.parametrize("form", ["html", "markdown", "email"])
def test_what_is_not_counted_is_said_and_what_ran_out_too(form):
    text = re.sub(r"<[^>]*>", "", FORMS[form](example()))
    assert "Not counted: 3 accepted risks, 1 without a fix." in text
    assert "No longer accepted" in text
    assert "CVE-2026-0002 zlib" in text
    nothing = FORMS[form](FleetReport(NOW, (repository(""),), (looked_at("a", ZLIB),)))
    assert "ccepted" not in nothing
    assert "Not counted" not in nothing
    assert "not known" not in nothing


@pytest.mark.parametrize(("form", "bound"), [("html", 50), ("markdown", 30), ("email", 5)])
def test_accepted_and_expired_risks_beyond_the_bounds_are_counted(form, bound):
    accepted = tuple((replace(BASH, identifier=f"B{number}"), REVIEWED) for number in range(60))
    expired = tuple(replace(RAN_OUT, vulnerability=f"X{number}") for number in range(70))
    report = replace(
        FleetReport(NOW, (repository(""),), (looked_at("a", accepted=accepted),)), expired=expired
    )
    text = FORMS[form](report)
    assert len(re.findall(r"\bX\d+\b", text)) == bound
    assert f"{70 - bound} more" in text
    if form != "email":
        assert len(re.findall(r"\bB\d+\b", text)) == bound
        assert f"{60 - bound} more" in text


def test_the_page_says_at_the_top_that_it_is_incomplete():
    assert "Incomplete:" in as_html(example())
    whole = FleetReport(NOW, (repository(""),), (looked_at("a", ZLIB), looked_at("b")))
    assert "Incomplete:" not in as_html(whole)


UNKNOWN = {
    "not read": (
        (looked_at("a"),),
        (NotLookedAt(repository("b"), "refused"), NotLookedAt(repository("c"), "refused")),
        "2 repositories",
    ),
    "not listed": ((looked_at("a"),), (NotLookedAt(repository(""), "refused"),), "1 registry"),
    "not scanned": ((looked_at("a"), looked_at("b", status=None)), (), "1 repository"),
    "failed": ((looked_at("a"), looked_at("b", status="FAILED")), (), "1 repository"),
    "last known": ((replace(looked_at("a", status=None), as_of=NOW),), (), "1 repository"),
}
NOTHING_OPEN = r"no (open )?findings(?! as of)|\b0 (open )?findings|none\."


@pytest.mark.parametrize("form", ["html", "markdown", "email", "subject"])
@pytest.mark.parametrize("unknown", UNKNOWN)
def test_nothing_is_said_to_be_open_nowhere_while_anything_is_unknown(form, unknown):
    repositories, missed, count = UNKNOWN[unknown]
    report = FleetReport(NOW, (repository(""),), repositories, missed)
    text = email_subject(report) if form == "subject" else FORMS[form](report)
    shown = re.sub(
        r"<style>.*</style>|<script.*</script>|<tbody.*?</tbody>", "", text, flags=re.DOTALL
    )
    assert not re.search(NOTHING_OPEN, shown, re.IGNORECASE)
    assert "nknown" in shown
    assert f"in {count}" in shown
    whole = FleetReport(NOW, (repository(""),), (looked_at("a"),))
    text = email_subject(whole) if form == "subject" else FORMS[form](whole)
    assert re.search(NOTHING_OPEN, text, re.IGNORECASE)


@pytest.mark.parametrize("form", ["html", "markdown", "email"])
def test_what_is_last_known_is_shown_with_its_date(form):
    text = re.sub(r"\s*<[^>]*>\s*", " ", FORMS[form](example()))
    for day in ("1 high as of 23 February 2026", "1 low as of 9 February 2026"):
        assert day in re.sub(r"\s+", " ", text)


def test_csv_has_the_date_of_what_is_last_known_and_says_nothing_of_an_image_then():
    rows = csv.DictReader(io.StringIO(as_csv(example()), newline=""))
    dates = {row["repository"]: row for row in rows}
    assert dates["shop/secret"]["as of"] == "2026-02-09 06:00:00+00:00"
    assert {dates["shop/secret"][column] for column in ("digest", "tags", "scanned")} == {""}
    assert dates["shop/web"]["as of"] == ""
    assert dates["shop/web"]["digest"]


@pytest.mark.parametrize("form", ["html", "markdown", "email"])
def test_what_is_beyond_the_bounds_is_counted(form):
    report = FleetReport(
        NOW,
        (repository(""),),
        tuple(
            looked_at(f"r{number}", status="FAILED", failed=NamedImages(1, ("1",)))
            for number in range(60)
        ),
        tuple(NotLookedAt(repository(f"n{number}"), "no time was left") for number in range(70)),
    )
    bound = {"html": 50, "markdown": 30, "email": 5}[form]
    text = FORMS[form](report)
    assert len(re.findall(r"\bn\d+\b", text)) == bound
    assert f"{70 - bound} more" in text
    assert f"{60 - bound} more" in text


def test_a_bar_is_as_long_as_its_share():
    parts = segments({"CRITICAL": 1, "LOW": 4}, 10)
    assert [(part.severity, part.start, part.length) for part in parts] == [
        ("CRITICAL", 0.0, 10.0),
        ("LOW", 10.0, 40.0),
    ]


# Contrast, as WCAG 2.2 reckons it


def _palettes():
    style = (TEMPLATES / "report.css").read_text()
    blocks = re.findall(r":root \{(.*?)\}", style, re.DOTALL)
    return [dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", block)) for block in blocks]


def _luminance(colour):
    channels = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(one, other):
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("palette", _palettes(), ids=["light", "dark", "print"])
def test_text_stands_out_from_what_is_behind_it(palette):
    for text in ("text", "quiet", "link", "critical"):
        for behind in ("page", "card"):
            assert _contrast(palette[text], palette[behind]) >= 4.5, (text, behind)
    assert _contrast(palette["text"], palette["warn"]) >= 4.5
    for severity in ("critical", "high", "medium", "low", "informational", "undefined"):
        assert _contrast(palette["chip-text"], palette[severity]) >= 4.5, severity
        assert _contrast(palette[severity], palette["card"]) >= 3, severity


@pytest.mark.skipif(not browser.installed(), reason="Chromium is not installed")
@pytest.mark.parametrize("width", [390, 1280])
def test_the_page_is_no_wider_than_the_window(width, tmp_path):
    long = replace(
        OPENSSL,
        identifier="x" * 300,
        packages=(Package("y" * 300, "1", "z" * 300),),
        description="w" * 300,
    )
    report = replace(
        example(),
        repositories=(
            *example().repositories,
            looked_at(
                "long/" + "n" * 250,
                *(long, HOSTILE_FINDING),
                tags=("t" * 128,) * 12,
                accepted=((long, replace(REVIEWED, reason="v" * 1000)),),
            ),
        ),
        expired=(replace(RAN_OUT, package="u" * 1000, reason="v" * 1000),),
    )
    file = tmp_path / "report.html"
    file.write_bytes(as_html(report).encode())
    with browser.browser_page() as page:
        for dark in (False, True):
            page.show(file, width, dark=dark)
            assert page.evaluate("window.innerWidth") == width
            page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true })")
            assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate("getComputedStyle(document.body).fontSize") == "16px"


# Markdown

GITHUB = MarkdownIt("gfm-like", {"html": True, "linkify": False})


def _inline(text):
    tokens = GITHUB.parse(text)
    assert not [token for token in tokens if token.type == "html_block"]
    return [child for token in tokens for child in token.children or ()]


@given(fleet_reports)
def test_markdown_holds_no_html_and_only_links_to_the_web(report):
    children = _inline(as_markdown(report))
    assert {c.content for c in children if c.type == "html_inline"} <= {"<!-- -->"}
    links = [c.attrGet("href") for c in children if c.type == "link_open"]
    assert all(link.startswith(("https://", "http://")) for link in links)
    assert "image" not in {c.type for c in children}


@pytest.mark.parametrize(
    "text", ["#12", "fixes #12", "GH-12", "gh-12", "o/r#12", "@team", "a5c3785", "A" * 40, "f" * 39]
)
def test_markdown_holds_nothing_that_github_takes_for_a_reference(text):
    shown = markdown(text)
    assert shown.count("<!-- -->") == 1
    assert shown.replace("<!-- -->", "").replace("\\", "") == text
    assert text not in shown


@pytest.mark.parametrize("text", ["CVE-2026-0001", "3.0.2", "2026", "123456789012", "a & b", "#a"])
def test_markdown_leaves_what_is_no_reference_alone(text):
    assert "<!--" not in markdown(text)


@given(fleet_reports)
def test_every_row_of_markdown_has_its_tables_columns(report):
    for table in re.split(r"\n(?!\|)", as_markdown(report)):
        rows = [line for line in table.splitlines() if line.startswith("|")]
        assert len({len(re.findall(r"(?<!\\)\|", row)) for row in rows}) <= 1


# Email


@given(fleet_reports)
def test_an_email_shows_values_on_one_line_each(report):
    text = as_email(report, STORED)
    assert all(line.isprintable() for line in text.split("\n"))
    for line in text.split("\n"):
        assert len(line) < 2000
    assert len(text.encode()) < 64 * 1024
    assert "\n\n\n" not in text
    subject = email_subject(report)
    assert subject.isascii()
    assert len(subject) <= 99


def test_a_subject_says_what_is_worst_what_is_new_and_what_is_missing():
    assert email_subject(example()) == (
        "[ECR] Fleet report: running 1 CRITICAL; others 3 HIGH,"
        " unknown in 4 repositories and 1 registry"
    )
    assert email_subject(FleetReport(NOW)) == "[ECR] Fleet report: no open findings"


# CSV


@given(fleet_reports)
def test_csv_has_one_row_a_finding_and_no_formula(report):
    text = as_csv(report)
    titles, *rows = csv.reader(io.StringIO(text, newline=""))
    assert titles == list(COLUMNS)
    assert len(rows) == report.open_findings + len(report.accepted)
    assert len(text.splitlines()) == len(rows) + 1
    for row in rows:
        assert len(row) == len(COLUMNS)
        assert not any(re.match(r"\s*[=+\-@\uff1d\uff0b\uff0d\uff20]", cell) for cell in row)


@given(fleet_reports)
def test_csv_has_no_formula_where_semicolons_part_the_cells_either(report):
    for cell in re.split(r"[;\n]", as_csv(report)):
        assert not re.match(r"[\s\"]*[=+\-@\uff1d\uff0b\uff0d\uff20]", cell)


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("x;=1+1", "x;'=1+1"),
        ('x; "=cmd()', "x; \"'=cmd()"),
        ("=1+1", "'=1+1"),
        ("a-b; c=d, -e", "a-b; c=d, -e"),
    ],
)
def test_csv_defuses_formulas_and_leaves_other_texts_as_they_are(text, cell):
    report = FleetReport(NOW, repositories=(looked_at("a", replace(ZLIB, description=text)),))
    [row] = csv.DictReader(io.StringIO(as_csv(report), newline=""))
    assert row["description"] == cell


def test_csv_says_nothing_of_a_fix_where_the_scanner_does_not():
    rows = list(csv.DictReader(io.StringIO(as_csv(example()), newline="")))
    fixable = {row["vulnerability"]: row["fixable"] for row in rows}
    assert fixable["CVE-2026-0001"] == "yes"
    assert fixable["CVE-2026-0002"] == ""
    assert fixable["CVE-2025-0004"] == "no"


def test_csv_marks_what_is_accepted_with_day_and_reason():
    rows = list(csv.DictReader(io.StringIO(as_csv(example()), newline="")))
    accepted = [row for row in rows if row["accepted until"]]
    assert [row["vulnerability"] for row in accepted] == [
        "CVE-2025-0004",
        "CVE-2025-0005",
        "CVE-2025-0004",
    ]
    assert accepted[0]["accepted until"] == "2026-09-30"
    assert accepted[0]["accepted because"] == "no shell is started"
    assert len(rows) - len(accepted) == example().open_findings


def test_csv_says_what_is_new():
    rows = list(csv.DictReader(io.StringIO(as_csv(example()), newline="")))
    new = [row["vulnerability"] for row in rows if row["new"] == "yes"]
    assert new[0] == "CVE-2026-0001"
    assert len(new) == 3
    assert rows[0]["fixed version"] == "libssl3 3.0.2, openssl 3.0.2"


@pytest.mark.parametrize(
    ("registries", "name"),
    [
        ([("1", "eu-west-1")], "shop/api"),
        ([("1", "eu-west-1"), ("1", "eu-central-1")], "eu-west-1/shop/api"),
        ([("1", "eu-west-1"), ("2", "eu-west-1")], "1/shop/api"),
        ([("1", "eu-west-1"), ("2", "eu-central-1")], "1/eu-west-1/shop/api"),
    ],
)
def test_a_repository_is_called_by_account_and_region_where_these_differ(registries, name):
    report = FleetReport(NOW, tuple(Repository(*each, "") for each in registries))
    assert place(Repository("1", "eu-west-1", "shop/api"), report) == name
