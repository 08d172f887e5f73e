"""The page that answers: what its lists hold, and what its script does in a browser."""

import json
import os
import re
import string
from dataclasses import replace
from datetime import timedelta
from itertools import accumulate
from pathlib import Path

import pytest
from hypothesis import given, settings

from benchmarks.fleet_page import fleet
from chalicelib.fleet.comparison import compare
from chalicelib.fleet.formats.html_page import as_html
from chalicelib.fleet.model import NotLookedAt
from chalicelib.fleet.report import FleetReport
from chalicelib.fleet.vulnerabilities import Ranking
from chalicelib.policy.ages import Age
from local import browser
from tests.fleets import (
    CURL,
    HOSTILE,
    NOW,
    OPENSSL,
    ZLIB,
    example,
    fleet_of,
    fleet_reports,
    looked_at,
    report_of,
    repository,
)
from tests.reports import a_finding

ROOT = Path(__file__).parents[2]
AXE = Path(os.environ.get("AXE_CORE", ROOT / "out" / "axe-core" / "package" / "axe.min.js"))
RULES = "{runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']}"


def data_of(text):
    """The data in a page."""
    (data,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', text)
    return json.loads(data)


def numbers_in(steps):
    """The numbers of a text of base 32, the lowest digit first."""
    digits = string.ascii_uppercase + string.ascii_lowercase + string.digits + "+/"
    for text in re.findall("[g-z0-9+/]*[A-Za-f]", steps):
        yield sum(digits.index(digit) % 32 * 32**place for place, digit in enumerate(text))


def open_in(data):
    """What is open in each repository, by name: vulnerability, age, days left, whether it runs."""
    names = [each[0] for each in data["vulnerabilities"]]
    vulnerability = [names[each[0]] for each in data["findings"]]
    return {
        each[0]: {
            (vulnerability[number], age, left, running)
            for age, left, running, steps in each[-1]
            for number in accumulate(numbers_in(steps))
        }
        for each in data["repositories"]
    }


@settings(max_examples=30)
@given(fleet_reports)
def test_the_data_has_every_open_finding_of_every_repository(report):
    data = data_of(as_html(report))
    assert len(data["repositories"]) == len(report.repositories)
    groups = [group for repository in data["repositories"] for group in repository[-1]]
    members = [list(accumulate(numbers_in(steps))) for *_, steps in groups]
    assert sum(map(len, members)) == report.open_findings
    assert all(number < len(data["findings"]) for each in members for number in each)


def test_numbers_of_any_length_are_read_as_they_were_written():
    findings = [a_finding(f"CVE-2026-{number:05}") for number in range(2_100)]
    few = [findings[number] for number in (0, 31, 32, 1_055, 1_056, 2_099)]
    data = data_of(as_html(report_of(looked_at("a", *findings), looked_at("b", *few))))
    assert {name for name, *_ in open_in(data)["b"]} == {each.identifier for each in few}


def test_the_data_says_since_when_until_when_and_whether_it_runs_where_that_is_known():
    known = {OPENSSL.key: Age(NOW - timedelta(days=23), NOW.date() - timedelta(days=16))}
    runs = looked_at("a", OPENSSL, ZLIB, ages=known, running=("x",), in_use={OPENSSL.key})
    data = data_of(as_html(report_of(runs, looked_at("b"), looked_at("c", CURL))))
    assert open_in(data) == {
        "a": {("CVE-2026-0001", 23, -16, True), ("CVE-2026-0002", None, None, False)},
        "b": set(),
        "c": {("CVE-2025-0003", None, None, None)},
    }


def test_unknown_is_not_the_same_as_none():
    report = report_of(
        looked_at("a", owner=None, running=None), looked_at("b", owner="", running=())
    )
    data = data_of(as_html(report))
    texts = dict(enumerate(data["texts"])) | {None: None}
    owners = {each[0]: [texts[n] for n in each[1:3]] for each in data["repositories"]}
    assert owners == {"a": [None, None], "b": ["", ""]}


def test_the_page_says_of_what_nothing_is_known():
    text = as_html(report_of(looked_at("a", ZLIB)))
    assert "Not known here: whose repositories are, where images run, since when" in text
    assert 'id="owner"' not in text
    known = {ZLIB.key: Age(NOW, NOW.date())}
    finding = replace(ZLIB, epss=0.2, known_exploited=False)
    whole = as_html(report_of(looked_at("a", finding, owner="x", running=(), ages=known)))
    assert "Not known here" not in whole
    assert 'id="owner"' in whole


def test_vulnerabilities_are_listed_once_with_all_their_repositories():
    report = report_of(looked_at("a", OPENSSL, ZLIB), looked_at("b", ZLIB), looked_at("c", CURL))
    found = Ranking(report).vulnerabilities
    assert [(each.identifier, len(each.repositories)) for each in found] == [
        ("CVE-2026-0001", 1),
        ("CVE-2026-0002", 2),
        ("CVE-2025-0003", 1),
    ]


def test_a_vulnerability_that_runs_goes_before_a_worse_one_that_does_not():
    report = report_of(looked_at("a", OPENSSL, running=()), looked_at("b", CURL, running=("x",)))
    ranking = Ranking(report)
    assert ranking.vulnerabilities[0].identifier == CURL.identifier
    assert [each.repository.name for each in ranking.repositories] == ["b", "a"]


def test_changes_are_grouped_by_vulnerability():
    names = [f"r{number}" for number in range(60)]
    now = report_of(*(looked_at(name, ZLIB) for name in names))
    page = as_html(compare(now, report_of(*(looked_at(name) for name in names))))
    rows = re.findall(r"New findings by.*?</table>", page, re.DOTALL)[0].count('scope="row"')
    assert rows == 1
    assert "<strong>60 repositories</strong>" in page
    assert "60 new" in page


def test_all_repositories_of_a_fleet_of_two_thousand_are_in_two_megabytes():
    """Also where each has a hundred findings of 5,000 vulnerabilities."""
    page = as_html(fleet(2_000, 100, 5_000))
    assert len(page.encode()) < 2_000_000
    assert len(data_of(page)["repositories"]) == 2_000
    assert page.count('id="r') - page.count('id="repositories') - page.count('id="running') == 2_000


def test_the_plain_form_of_ten_thousand_repositories_says_what_is_left_out():
    findings = [
        replace(OPENSSL, identifier=f"CVE-2026-{n}", description="d" * 500) for n in range(30)
    ]
    page = as_html(fleet_of(10_000, findings))
    assert len(data_of(page)["repositories"]) == 10_000
    assert len(page) < 2_500_000
    assert "8,000 more repositories are not shown here" in page


# In a browser

IN_BROWSER = pytest.mark.skipif(not browser.installed(), reason="Chromium is not installed")
FLEET = report_of(
    looked_at("shop/api", OPENSSL, ZLIB, owner="payments", running=("ECS service shop",)),
    looked_at("shop/web", ZLIB, owner="web", running=()),
    looked_at("tools/ci", CURL),
    looked_at("tools/empty", owner="payments"),
)


@pytest.fixture(scope="module")
def tab():
    with browser.browser_page() as page:
        yield page


@pytest.fixture
def shown(tab, tmp_path):
    """Shows a report in the browser."""

    def show(report=FLEET, width=1280, fragment="", **options):
        file = tmp_path / "report.html"
        file.write_bytes(as_html(report).encode())
        tab.show(file, width, **options)
        if fragment:
            go(tab, fragment)
        return tab

    return show


def go(tab, fragment):
    """Follow a link within the page."""
    tab.evaluate(
        "new Promise(done => { addEventListener('hashchange', () => setTimeout(done), "
        f"{{once: true}}); location.hash = {json.dumps(fragment)} }})"
    )


def ask(tab, control, value):
    tab.evaluate(
        f"(each => {{ each.value = {json.dumps(value)}; each.dispatchEvent(new Event('input')) }})"
        f"(document.getElementById('{control}'))"
    )


def names(tab, kind):
    return tab.evaluate(
        f"[...document.querySelectorAll('#{kind}-list h3')].map(each => each.textContent)"
    )


def text(tab, selector):
    return tab.evaluate(f"document.querySelector({json.dumps(selector)}).innerText")


@IN_BROWSER
def test_a_search_for_a_vulnerability_names_its_repositories(shown):
    page = shown()
    ask(page, "q", "cve-2026-0002")
    assert names(page, "vulnerabilities") == ["CVE-2026-0002"]
    assert names(page, "repositories") == ["shop/api", "shop/web"]
    opened = text(page, "#vulnerabilities-list [open]")
    assert "shop/api" in opened
    assert "owner payments · runs in ECS service shop" in opened
    assert text(page, "#found").startswith(
        "2 findings of 1 vulnerability in 2 repositories of 4 (Vulnerability, package or"
    )


@IN_BROWSER
@pytest.mark.parametrize(
    ("control", "value", "repositories"),
    [
        ("owner", "=payments", ["shop/api", "tools/empty"]),
        ("owner", "?", ["tools/ci"]),
        ("running", "yes", ["shop/api"]),
        ("running", "no", ["shop/web"]),
        ("running", "unknown", ["tools/ci", "tools/empty"]),
        ("severity", "0", ["shop/api"]),
        ("q", "openssl shop", ["shop/api"]),
        ("q", "zlib web", ["shop/web"]),
        ("q", "nothing like it", []),
        ("sort", "name", ["shop/api", "shop/web", "tools/ci", "tools/empty"]),
    ],
)
def test_what_is_asked_for_is_shown_and_kept_in_the_address(shown, control, value, repositories):
    page = shown()
    ask(page, control, value)
    assert names(page, "repositories") == repositories
    fragment = page.evaluate("location.hash")
    page = shown(fragment=fragment)
    assert names(page, "repositories") == repositories


@IN_BROWSER
def test_what_runs_is_told_by_finding_not_by_repository(shown):
    """An older image runs and has one of the findings; of another nothing is known."""
    runs = looked_at("a", OPENSSL, ZLIB, running=("ECS service shop",))
    report = report_of(
        replace(runs, in_use=frozenset({OPENSSL.key})),
        looked_at("b", CURL, running=("Lambda function job",), in_use=(), uses_complete=False),
    )
    page = shown(report)
    for value, expected in (
        ("yes", ["CVE-2026-0001"]),
        ("no", ["CVE-2026-0002"]),
        ("unknown", ["CVE-2025-0003"]),
    ):
        ask(page, "running", value)
        assert names(page, "vulnerabilities") == expected
    page = shown(report)
    said = {
        name: text(page, f"#vulnerabilities-list li:nth-child({n})")
        for n, name in enumerate(names(page, "vulnerabilities"), 1)
    }
    assert "runs in 1" in said["CVE-2026-0001"]
    assert "runs in" not in said["CVE-2026-0002"] + said["CVE-2025-0003"]


@IN_BROWSER
def test_parts_of_the_page_lead_to_one_another(shown):
    page = shown(fragment="#v1")
    assert names(page, "vulnerabilities") == ["CVE-2026-0002"]
    link = "#vulnerabilities-list [open] a[href='#r2']"
    assert text(page, link) == "shop/web"
    go(page, "#r2")
    assert names(page, "repositories") == ["shop/web"]
    assert "CVE-2026-0002" in text(page, "#repositories-list [open]")
    go(page, "#not-seen")
    assert names(page, "repositories") == ["shop/web"]


@IN_BROWSER
def test_long_lists_are_drawn_in_steps_and_printed_whole(shown):
    page = shown(fleet(120, 6, 40))
    assert len(names(page, "repositories")) == 25
    page.evaluate("document.getElementById('repositories-more').click()")
    assert len(names(page, "repositories")) == 50
    assert page.evaluate("document.activeElement.tagName") == "SUMMARY"
    page.evaluate("""
        window.printed = 0;
        addEventListener('beforeprint', () => {
            printed = document.querySelectorAll('#repositories-list > li').length;
        })
    """)
    assert page.pdf().startswith(b"%PDF")
    assert page.evaluate("printed") == 120
    assert len(names(page, "repositories")) == 50


@IN_BROWSER
def test_values_that_mean_harm_are_shown_as_text(shown):
    page = shown(example())
    page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true })")
    assert page.evaluate("document.querySelectorAll('main script').length") == 0
    assert page.evaluate(
        "[...document.querySelectorAll('main a')].every(a => /^https?:|^file:/.test(a.href))"
    )
    assert HOSTILE.splitlines()[0] in text(page, "main")


@IN_BROWSER
def test_nothing_is_said_to_be_found_while_anything_is_unknown(shown):
    missed = (NotLookedAt(repository("b"), "refused"),)
    page = shown(FleetReport(NOW, (repository(""),), (looked_at("a"),), missed))
    assert text(page, "#found").endswith("Unknown in 1 repository.")


@IN_BROWSER
@pytest.mark.skipif(not AXE.exists(), reason="axe-core is not there; see make accessibility")
@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("form", ["script", "plain", "paper"])
def test_the_page_is_accessible(tab, tmp_path, form, dark, width):
    page = as_html(replace(example(), repositories=(*example().repositories, *FLEET.repositories)))
    if form == "plain":
        page = re.sub(r"<script.*?</script>|</?noscript>", "", page, flags=re.DOTALL)
    file = tmp_path / "report.html"
    file.write_bytes(page.encode())
    tab.show(file, width, dark=dark)
    tab.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true })")
    if form == "paper":
        tab.media("print")
    tab.evaluate(AXE.read_text() + "; null")
    violations = tab.evaluate(f"axe.run(document, {RULES}).then(found => found.violations)")
    tab.media("screen")
    assert [(each["id"], each["nodes"][0]["html"]) for each in violations] == []
