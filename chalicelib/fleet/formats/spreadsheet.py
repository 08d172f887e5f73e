"""The fleet report as CSV: one row a finding, those that are accepted risks marked as such."""

from __future__ import annotations

import csv
import io
import re
from typing import TYPE_CHECKING, Any

from chalicelib.ecr import finding_texts
from chalicelib.fleet.model import RepositoryReport
from chalicelib.text.templating import link, plain

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chalicelib.ecr.findings import Finding
    from chalicelib.fleet.report import FleetReport

COLUMNS = (
    "account",
    "region",
    "repository",
    "tags",
    "digest",
    "severity",
    "vulnerability",
    "package",
    "installed version",
    "fixed version",
    "fixable",
    "score",
    "exploit known",
    "new",
    "accepted until",
    "accepted because",
    "pushed",
    "scanned",
    "link",
    "description",
    "file path",
    "about",
    "as of",
    "owner",
    "running in",
    "first seen",
    "due",
    "overdue days",
    "known exploited",
    "EPSS",
)

# What a spreadsheet takes for the start of a formula, the wide forms of these marks included, where
# a cell begins: in many countries that is after a semicolon too, which parts the cells there.
_FORMULA = re.compile(r"(^|;)([\s\"]*)(?=[=+\-@\uff1d\uff0b\uff0d\uff20])")


def as_csv(report: FleetReport) -> str:
    """The findings as CSV (RFC 4180), with a row of titles.

    Where ``as of`` has a time, the finding is as it was last known then, and nothing is said of an
    image. A repository's accepted risks come after its findings that count. What the finding
    filters leave out is not there.

    What a spreadsheet would take for a formula has an apostrophe before it, also within a text,
    where spreadsheets that separate cells by semicolons begin another cell. ``fixable`` and
    ``exploit known`` are empty where the scanner does not say, and so is all that is not known:
    owner (``unowned`` where there is none), where it runs (``nowhere``), dates, KEV and EPSS.
    """
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL)
    writer.writerow(COLUMNS)
    writer.writerows([_cell(value) for value in row] for row in _rows(report))
    return text.getvalue()


def _rows(report: FleetReport) -> Iterator[tuple[Any, ...]]:
    today = report.today
    for each in report.repositories:
        for finding, risk in each.rows:
            # What was last known is of an image that was newest then, and may not be of this one.
            as_of = each.known_then(finding)
            now = each if as_of is None else RepositoryReport(each.repository)
            age, image = each.age_of(finding), now.image_with(finding)
            yield (
                each.repository.account,
                each.repository.region,
                each.repository.name,
                ", ".join(image.tags),
                image.digest,
                finding.severity,
                finding.identifier,
                finding_texts.packages(finding),
                finding_texts.installed(finding),
                finding_texts.fixes(finding),
                finding.fix_available,
                finding.score,
                finding.exploit_available,
                report.is_new(each.repository, finding),
                risk and risk.expires,
                risk and risk.reason,
                now.pushed_at if image.digest == now.digest else None,
                now.scanned_at if image.digest == now.digest else None,
                link(finding.url),
                finding.description,
                finding_texts.paths(finding),
                finding_texts.related(finding),
                as_of,
                "unowned" if each.owner == "" else each.owner,
                _where(each, finding),
                age.first_seen,
                age.due,
                age.overdue_days(today),
                finding.known_exploited,
                finding.epss,
            )


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return _FORMULA.sub(r"\1\2'", plain(value).strip())


def _where(each: RepositoryReport, finding: Finding) -> str | None:
    running = each.is_running(finding)
    return ", ".join(each.running or ()) if running else None if running is None else "nowhere"
