"""``report``: the fleet's open findings, in every form."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from chalicelib.ecr.findings import counts_of
from chalicelib.ecr.severities import SEVERITIES
from chalicelib.fleet.collecting import gather_fleet
from chalicelib.fleet.comparison import compare
from chalicelib.fleet.formats import rendered
from chalicelib.fleet.formats.json_reader import ReportError, from_json
from chalicelib.fleet.formats.pages import unknown_in
from chalicelib.fleet.formats.sarif import MOST_RESULTS, Choice, results_left_out
from chalicelib.runtime.deadline import Deadline
from chalicelib.services import Services
from chalicelib.settings.settings import Settings
from chalicelib.text.templating import count_of
from ecr_scan_reporter import tables
from ecr_scan_reporter.gate.due_dates import NO_SLA, due_dates
from ecr_scan_reporter.gate.limits import Limits
from ecr_scan_reporter.gate.verdict import Outcome
from ecr_scan_reporter.options import (
    FailOn,
    JsonTarget,
    Profile,
    Region,
    ReposRegex,
    Target,
    only_one_printed,
    services_of,
    severity,
    write,
)
from ecr_scan_reporter.progress import Failures, progress, say, warn_of_no_match

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from chalicelib.fleet.report import FleetReport


def report(
    profile: Profile = None,
    region: Region = None,
    repos_regex: ReposRegex = None,
    since: Annotated[
        str | None, typer.Option(metavar="FILE", help="An earlier report's JSON to compare with.")
    ] = None,
    fail_on: FailOn = None,
    demo: Annotated[bool, typer.Option("--demo", help="Report the demo's registry.")] = False,
    html: Target = None,
    json_: JsonTarget = None,
    csv: Target = None,
    markdown: Target = None,
    sarif: Target = None,
    sarif_severity: Annotated[
        str,
        typer.Option(
            metavar="SEVERITY",
            parser=severity,
            help="In SARIF, findings of this severity and worse only.",
            autocompletion=lambda: list(SEVERITIES),
        ),
    ] = SEVERITIES[-1],
    sarif_everything: Annotated[
        bool,
        typer.Option(
            "--sarif-everything",
            help="In SARIF, also accepted (suppressed) and fixed (absent) findings, which GitHub"
            " shows as open.",
        ),
    ] = False,
) -> None:
    """Report the open findings of all repositories' newest images, in every form asked for.

    Without any, a table is printed. Ends with status 1 when something could not be looked at, and 3
    where the filter matches nothing. With --fail-on, 1 is for findings, and 2 when there are none
    among what is known and not all is, or with --fail-on overdue their ages are not.
    """
    earlier = None if since is None else _earlier(since)
    targets = {"html": html, "json": json_, "csv": csv, "markdown": markdown, "sarif": sarif}
    chosen = only_one_printed(targets)
    overrides = {} if repos_regex is None else {"REPOSITORIES_FILTER_REGEXP": repos_regex}
    with _fleet(profile, region, demo, overrides) as (services, demo_earlier):
        earlier = earlier or demo_earlier
        with progress("Looking at repositories") as bar:
            found = gather_fleet(
                services, Deadline.unlimited(), earlier=earlier, advance=bar.advance
            ).report
        settings = services.settings
    if earlier:
        found = compare(found, earlier)
    _write(found, chosen, Choice(sarif_severity, sarif_everything))
    failures = Failures()
    for missed in found.not_looked_at:
        name = missed.repository.name or "all repositories"
        failures.add(name, f"not looked at: {missed.reason}")
    failures.finish()
    pattern = settings.repositories_filter.pattern
    if pattern != Settings.repositories_filter.default and not (found.repositories or failures):
        warn_of_no_match(pattern)
    if fail_on:
        raise typer.Exit(int(_outcome(found, Limits.of(fail_on), settings)))
    if failures:
        raise typer.Exit(1)


def _write(found: FleetReport, chosen: Mapping[str, str], choice: Choice) -> None:
    for form, target in chosen.items():
        write(rendered(form, found, *([choice] if form == "sarif" else [])), target)
    if "sarif" in chosen and (left_out := results_left_out(found, choice)):
        say(
            f"SARIF: {left_out:,} results are left out, the worst {MOST_RESULTS:,} are written, as"
            " many as GitHub code scanning takes; --sarif-severity narrows them down"
        )
    if not chosen:
        tables.print_fleet(found)


def _outcome(found: FleetReport, limits: Limits, settings: Settings) -> Outcome:
    """Whether findings reach the limits; those without a fix may not count."""
    undated, has_sla = 0, False
    for each in found.repositories:
        rules = settings.rules_of(each.repository.name)
        filters = rules.finding_filters(settings.finding_filters)
        weighed = filters.held(each.findings)
        sla = settings.sla_of(rules)
        due = due_dates(weighed, each.ages, sla, found.today, asked=limits.overdue)
        if due.fails or limits.thresholds.crossed_by(counts_of(weighed)):
            return Outcome.FAILED
        undated += due.undated
        has_sla |= sla is not None
    unknown = [f"what is open is unknown in {unknown_in(found)}"] if found.unknown else []
    if limits.overdue and not has_sla:
        unknown.append(NO_SLA)
    if limits.overdue and undated:
        unknown.append(f"since when is unknown of {count_of(undated, 'finding')} with a due date")
    for why in unknown:
        say(f"could not decide: {why}")
    return Outcome.UNDECIDED if unknown else Outcome.PASSED


@contextmanager
def _fleet(
    profile: str | None, region: str | None, demo: bool, overrides: Mapping[str, str]
) -> Iterator[tuple[Services, FleetReport | None]]:
    """The services to report on and, in the demo, an earlier report."""
    if not demo:
        yield services_of(Services, profile, region, overrides), None
        return
    # Imported here because only the demo needs what it takes to run without an account.
    try:
        from local.fleet import demo_fleet
    except ModuleNotFoundError as error:
        raise typer.BadParameter("--demo needs a clone of the project: make demo") from error

    with demo_fleet(**overrides) as fleet:
        yield fleet


def _earlier(path: str) -> FleetReport:
    try:
        return from_json(Path(path).read_bytes())
    except (OSError, ReportError) as error:
        raise ReportError(f"--since {path}: {error}") from error
