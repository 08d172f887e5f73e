"""``ecr-scan-reporter``: see what is due in a real account, or start it, without deploying."""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import boto3
import typer
from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.aws.clients import client_of
from chalicelib.aws.documents import read_document
from chalicelib.ecr.severities import SEVERITIES
from chalicelib.fleet.collecting import gather_fleet
from chalicelib.fleet.comparison import compare
from chalicelib.fleet.formats import rendered
from chalicelib.fleet.formats.json_reader import ReportError, from_json
from chalicelib.fleet.formats.sarif import MOST_RESULTS, Choice, results_left_out
from chalicelib.runtime.deadline import Deadline
from chalicelib.runtime.patterns import PatternTooSlow
from chalicelib.scanning.lister import start_listing
from chalicelib.scanning.plans import plan_images
from chalicelib.scanning.requests import ListingRequest, RequestError
from chalicelib.scanning.scanner import ScansNotStarted, scan_repository
from chalicelib.services import Services
from chalicelib.settings.accepted_risks import parse_accepted_risks
from chalicelib.settings.configuration import parse_configuration, shown_values
from chalicelib.settings.documents import DocumentError, DocumentNotRead
from chalicelib.settings.settings import SettingError, Settings
from chalicelib.settings.sources import ACCEPTED_SOURCES, FileSource, Source, parse_source
from ecr_scan_reporter import tables

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from chalicelib.fleet.report import FleetReport
    from chalicelib.scanning.jobs import ScanJob

Profile = Annotated[str | None, typer.Option(help="AWS profile whose credentials to use.")]
Region = Annotated[str | None, typer.Option(help="AWS region; the profile's own by default.")]
ReposRegex = Annotated[
    str | None, typer.Option(help="Only repositories whose name this pattern is found in.")
]
Duration = Annotated[
    str | None, typer.Option(help="Scans older than this are due, such as 7d or 1m2w3d.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]

DocumentSource = Annotated[
    str, typer.Argument(metavar="SOURCE", help="A file's path, s3://BUCKET/KEY or ssm:/NAME.")
]

REFUSALS = (
    *(SettingError, RequestError, ReportError, PatternTooSlow),
    *(DocumentNotRead, DocumentError),
)
"""What the user got wrong."""

Target = Annotated[str | None, typer.Option(metavar="FILE", help="Write it here; - prints it.")]

commands = typer.Typer(help=__doc__, no_args_is_help=True, add_completion=False)


@commands.command()
def plan(
    profile: Profile = None,
    region: Region = None,
    repos_regex: ReposRegex = None,
    duration: Duration = None,
    as_json: AsJson = False,
) -> None:
    """Show every image, whether it is due and the rule that decided; start nothing."""
    services = _services(profile, region)
    rows = _plan(_jobs(services, repos_regex, duration), services)
    if as_json:
        print(json.dumps(list(rows), indent=2))
    else:
        tables.print_plan(rows)


@commands.command()
def scan(
    profile: Profile = None,
    region: Region = None,
    repos_regex: ReposRegex = None,
    duration: Duration = None,
    as_json: AsJson = False,
) -> None:
    """Start the scan of every image that is due."""
    services = _services(profile, region)
    rows = [_scan(job, services) for job in _jobs(services, repos_regex, duration)]
    if as_json:
        print(json.dumps(rows, indent=2))
    else:
        tables.print_scans(rows)
    if any(row["error"] for row in rows):
        raise typer.Exit(1)


@commands.command()
def check_risks(
    source: DocumentSource, profile: Profile = None, region: Region = None, as_json: AsJson = False
) -> None:
    """Check a list of accepted risks, and show what it accepts and what has expired."""
    text, place = _document(source, profile, region)
    risks = parse_accepted_risks(text, place)
    for risk in risks:
        if risk.covers_everything:
            print(
                f"warning: {place}, line {risk.line}: covers every finding of every repository",
                file=sys.stderr,
            )
    today = datetime.now(UTC).date()
    rows = [
        {**asdict(risk), "expires": str(risk.expires), "expired": risk.has_expired(today)}
        for risk in risks
    ]
    if as_json:
        print(json.dumps(rows, indent=2))
    else:
        tables.print_risks(rows)


@commands.command()
def check_config(
    source: DocumentSource, profile: Profile = None, region: Region = None, as_json: AsJson = False
) -> None:
    """Check a configuration file, and show the settings in it."""
    rows = shown_values(parse_configuration(*_document(source, profile, region)))
    if as_json:
        print(json.dumps([{"key": key, "value": value} for key, value in rows], indent=2))
    else:
        tables.print_configuration(rows)


def _document(source: str, profile: str | None, region: str | None) -> tuple[str, str]:
    """A document's text, and what to call it."""
    session = boto3.Session(profile_name=profile, region_name=region)
    place = _source(source)
    text = read_document(place, lambda service: client_of(session, service), root=Path.cwd())
    return text, str(place)


def _source(text: str) -> Source:
    if Path(text).is_absolute():
        return FileSource(text)
    try:
        return parse_source(text)
    except ValueError as error:
        raise DocumentNotRead(f"{text!r} is no source; accepted: {ACCEPTED_SOURCES}") from error


def _severity(text: str) -> str:
    if text.upper() not in SEVERITIES:
        raise typer.BadParameter(f"{text!r}; accepted: {', '.join(SEVERITIES)}")
    return text.upper()


@commands.command()
def report(
    profile: Profile = None,
    region: Region = None,
    repos_regex: ReposRegex = None,
    since: Annotated[
        str | None, typer.Option(metavar="FILE", help="An earlier report's JSON to compare with.")
    ] = None,
    demo: Annotated[bool, typer.Option("--demo", help="Report the demo's registry.")] = False,
    html: Target = None,
    json_: Annotated[
        str | None, typer.Option("--json", metavar="FILE", help="Write it here; - prints it.")
    ] = None,
    csv: Target = None,
    markdown: Target = None,
    sarif: Target = None,
    sarif_severity: Annotated[
        str,
        typer.Option(
            metavar="SEVERITY",
            parser=_severity,
            help="In SARIF, findings of this severity and worse only.",
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

    Without any, a table is printed. Ends with status 1 when something could not be looked at.
    """
    earlier = None if since is None else _earlier(since)
    targets = {"html": html, "json": json_, "csv": csv, "markdown": markdown, "sarif": sarif}
    chosen = {form: target for form, target in targets.items() if target is not None}
    if list(chosen.values()).count("-") > 1:
        raise typer.BadParameter("only one form can go to standard output")
    overrides = {} if repos_regex is None else {"REPOSITORIES_FILTER_REGEXP": repos_regex}
    with _fleet(profile, region, demo, overrides) as (services, demo_earlier):
        earlier = earlier or demo_earlier
        found = gather_fleet(services, Deadline.unlimited(), earlier=earlier)
    if earlier:
        found = compare(found, earlier)
    choice = Choice(sarif_severity, sarif_everything)
    for form, target in chosen.items():
        _write(rendered(form, found, *([choice] if form == "sarif" else [])), target)
    if "sarif" in chosen and (left_out := results_left_out(found, choice)):
        print(
            f"SARIF: {left_out:,} results are left out, the worst {MOST_RESULTS:,} are written, as"
            " many as GitHub code scanning takes; --sarif-severity narrows them down",
            file=sys.stderr,
        )
    if not chosen:
        tables.print_fleet(found)
    for missed in found.not_looked_at:
        name = missed.repository.name or "all repositories"
        print(f"not looked at: {name}: {missed.reason}", file=sys.stderr)
    if found.not_looked_at:
        raise typer.Exit(1)


@contextmanager
def _fleet(
    profile: str | None, region: str | None, demo: bool, overrides: Mapping[str, str]
) -> Iterator[tuple[Services, FleetReport | None]]:
    """The services to report on and, in the demo, an earlier report."""
    if not demo:
        yield _services(profile, region, overrides), None
        return
    # Imported here because only the demo needs what it takes to run without an account.
    from local.fleet import demo_fleet

    with demo_fleet(**overrides) as fleet:
        yield fleet


def _earlier(path: str) -> FleetReport:
    try:
        return from_json(Path(path).read_bytes())
    except (OSError, ReportError) as error:
        raise ReportError(f"--since {path}: {error}") from error


def _write(text: str, target: str) -> None:
    # As bytes, so that neither the console's encoding nor its line ends change the text.
    if target == "-":
        sys.stdout.buffer.write(text.encode())
        sys.stdout.flush()
    else:
        Path(target).write_bytes(text.encode())


def _services(
    profile: str | None, region: str | None, overrides: Mapping[str, str] | None = None
) -> Services:
    session = boto3.Session(profile_name=profile, region_name=region)
    settings = Settings.from_environment({**os.environ, **(overrides or {})}).check()
    services = Services(
        settings, lambda *arguments: client_of(session, *arguments), root=Path.cwd()
    )
    services.read_configuration()
    services.settings.check()
    return services


def _jobs(services: Services, repos_regex: str | None, duration: str | None) -> tuple[ScanJob, ...]:
    """The jobs that a listing with these overrides would send."""
    overrides = {"repositoriesFilterRegexp": repos_regex, "ecrImagesDurationDelta": duration}
    request = ListingRequest.from_values({**overrides, "dryRun": True})
    return start_listing(request, services).jobs


def _plan(jobs: tuple[ScanJob, ...], services: Services) -> Iterator[dict[str, Any]]:
    def say_gone(job: ScanJob) -> None:
        print(f"{job.repository} is gone since it was listed", file=sys.stderr)

    planned = plan_images(jobs, services, Deadline.unlimited(), gone=say_gone)
    return (image.to_dict() for image in planned)


def _scan(job: ScanJob, services: Services) -> dict[str, Any]:
    row: dict[str, Any] = {"repository": job.repository, "error": None}
    try:
        summary = scan_repository(job, services, Deadline.unlimited())
    except (ScansNotStarted, ClientError, BotoCoreError) as error:
        return {**row, "error": str(error), "skipped": Counter()}
    return {
        **row,
        "images": summary.images,
        "due": summary.due,
        "started": summary.started,
        "skipped": summary.skipped,
    }


AWS = (ClientError, BotoCoreError)


def main() -> None:
    """Run the command line; what the user or AWS got wrong ends it with one line and status 2."""
    try:
        commands()
    except (*REFUSALS, *AWS, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
