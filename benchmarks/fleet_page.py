"""``make bench-page``: the size of the fleet report's page, and how soon a browser shows it.

Fleets whose repositories share base images, as fleets do. Time to first paint is Chromium's own,
from the start of navigation; the search is timed in the page.
"""

from __future__ import annotations

import random
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from rich.console import Console
from rich.table import Table

from chalicelib.ecr.findings import Finding, Package, worst_first
from chalicelib.fleet.formats import rendered
from chalicelib.fleet.model import ImageScan, Repository, RepositoryReport
from chalicelib.fleet.report import FleetReport
from chalicelib.policy.ages import Age
from local.browser import browser_page, installed

SHAPES = ((2_000, 18, 170), (2_000, 100, 5_000), (10_000, 18, 170), (10_000, 100, 5_000))
"""Repositories, findings of each, and different vulnerabilities."""

NOW = datetime(2026, 11, 25, 6, 0, tzinfo=UTC)
LIMIT_DAYS = {"CRITICAL": 7, "HIGH": 30}
TEAMS = ("payments", "search", "platform", "checkout", "identity", "data", "mobile", "web")
PACKAGES = ("openssl", "zlib1g", "curl", "glibc", "libxml2", "expat", "busybox", "log4j-core")
BASES = 40

PAINT = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? null"
LOADED = "performance.getEntriesByType('navigation')[0].loadEventEnd"
SEARCH = """(() => {
  const input = document.getElementById('q');
  const before = performance.now();
  input.value = '%s';
  input.dispatchEvent(new Event('input'));
  return performance.now() - before;
})()"""


def fleet(repositories: int, each: int, vulnerabilities: int, seed: int = 1) -> FleetReport:
    """A fleet in which a repository has its base image's findings and some of its own."""
    chance = random.Random(seed)  # noqa: S311
    found = [_finding(number, chance) for number in range(vulnerabilities)]
    bases = [chance.sample(found, each * 3 // 4) for _ in range(BASES)]
    reports = (_repository(number, each, bases, found, chance) for number in range(repositories))
    return FleetReport(NOW, (Repository("123456789012", "eu-west-1", ""),), tuple(reports))


def _finding(number: int, chance: random.Random) -> Finding:
    package = PACKAGES[number % len(PACKAGES)]
    severity = chance.choices(("CRITICAL", "HIGH", "MEDIUM", "LOW"), (3, 15, 50, 32))[0]
    identifier = f"CVE-{chance.randrange(2019, 2027)}-{10_000 + number}"
    return Finding(
        identifier,
        severity,
        (Package(package, f"1.{number % 30}.2-{number % 7}", f"1.{number % 30}.3"),),
        score=round(chance.uniform(2, 10), 1),
        url=f"https://nvd.nist.gov/vuln/detail/{identifier}",
        description=f"A flaw in how {package} reads what it is given lets others write beyond the"
        f" end of a buffer, which may end the process or run their code (case {number}).",
        fix_available=chance.random() < 0.7,
        epss=round(chance.random() ** 12, 5),
        known_exploited=chance.random() < 0.01,
    )


def _repository(
    number: int,
    each: int,
    bases: list[list[Finding]],
    found: list[Finding],
    chance: random.Random,
) -> RepositoryReport:
    team = TEAMS[number % len(TEAMS)]
    own = chance.sample(found, each - each * 3 // 4)
    findings = {f.key: f for f in (*chance.choice(bases), *own)}.values()
    seen = NOW - timedelta(days=chance.randrange(90))
    uses = tuple(f"ECS service {team}-{part}" for part in range(chance.choice((0, 0, 1, 3))))
    digest = f"sha256:{number:064x}"
    return RepositoryReport(
        Repository("123456789012", "eu-west-1", f"{team}/service-{number:05}"),
        digest=digest,
        tags=(f"1.{number % 90}.0",),
        pushed_at=seen,
        scans=(ImageScan(digest, "COMPLETE", NOW),),
        findings=worst_first(findings),
        images=30,
        owner=team if chance.random() < 0.9 else "",
        running=uses,
        ages={f.key: _age(f, seen) for f in findings},
    )


def _age(finding: Finding, seen: datetime) -> Age:
    days = LIMIT_DAYS.get(finding.severity)
    return Age(seen, None if days is None else (seen + timedelta(days=days)).date())


def main() -> None:
    """Print a line a fleet."""
    titles = ("repositories", "findings", "vulnerabilities", "page, bytes", "made in, s")
    seen = ("first paint, ms", "all drawn, ms", "search, ms", "height at 390, px")
    table = Table(*titles, *seen, title="The page of the fleet report")
    for shape in SHAPES:
        report = fleet(*shape)
        before = time.perf_counter()
        page = rendered("html", report).encode()
        took = time.perf_counter() - before
        row = (shape[0], report.open_findings, shape[2], len(page), round(took, 1))
        table.add_row(*(f"{value:,}" for value in (*row, *_in_browser(page))))
    Console(width=130).print(table)


def _in_browser(page: bytes) -> tuple[int, ...]:
    if not installed():
        return ()
    with tempfile.TemporaryDirectory() as directory, browser_page() as shown:
        file = Path(directory) / "report.html"
        file.write_bytes(page)
        shown.show(file, 390)
        shown.screenshot(800)  # so that there is a frame
        paint, loaded = shown.evaluate(PAINT), shown.evaluate(LOADED)
        height = shown.evaluate("document.documentElement.scrollHeight")
        search = shown.evaluate(SEARCH % "log4j payments")
        return tuple(round(value or -1) for value in (paint, loaded, search, height))


if __name__ == "__main__":
    main()
