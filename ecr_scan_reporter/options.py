"""The options that commands share, and what they make of them."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import boto3
import typer

from chalicelib.aws.clients import client_of
from chalicelib.ecr.severities import SEVERITIES
from chalicelib.services import Services
from chalicelib.settings.settings import Settings
from ecr_scan_reporter.gate.limits import OVERDUE

if TYPE_CHECKING:
    from collections.abc import Mapping


AnyServices = TypeVar("AnyServices", bound=Services)


def _profiles() -> list[str]:
    return boto3.Session().available_profiles


def _regions() -> list[str]:
    return boto3.Session().get_available_regions("ecr")


def severity(text: str) -> str:
    """A severity by its name in any case; :raises BadParameter: for any other word."""
    if text.upper() not in SEVERITIES:
        raise typer.BadParameter(f"{text!r}; accepted: {', '.join(SEVERITIES)}")
    return text.upper()


def severity_or_overdue(text: str) -> str:
    """The same, or the word overdue, in capitals."""
    if text.upper() == OVERDUE:
        return OVERDUE
    try:
        return severity(text)
    except typer.BadParameter as error:
        raise typer.BadParameter(f"{error.message}, {OVERDUE.lower()}") from None


Profile = Annotated[
    str | None,
    typer.Option(help="AWS profile whose credentials to use.", autocompletion=_profiles),
]
Region = Annotated[
    str | None,
    typer.Option(help="AWS region; the profile's own by default.", autocompletion=_regions),
]
ReposRegex = Annotated[
    str | None, typer.Option(help="Only repositories whose name this pattern is found in.")
]
Duration = Annotated[
    str | None, typer.Option(help="Scans older than this are due, such as 7d or 1m2w3d.")
]
Target = Annotated[str | None, typer.Option(metavar="FILE", help="Write it here; - prints it.")]
JsonTarget = Annotated[
    str | None, typer.Option("--json", metavar="FILE", help="Write JSON here; - prints it.")
]
FailOn = Annotated[
    list[str] | None,
    typer.Option(
        metavar="SEVERITY|overdue",
        parser=severity_or_overdue,
        help="End with status 1 for open findings of this severity and worse, or for those whose"
        " due date (SLA) has passed; can be given for both.",
        autocompletion=lambda: [*SEVERITIES, OVERDUE.lower()],
    ),
]


def services_of(
    kind: type[AnyServices],
    profile: str | None,
    region: str | None,
    overrides: Mapping[str, str | None] | None = None,
) -> AnyServices:
    """The services of a profile, with the settings of the environment; paths begin here.

    ``overrides`` are settings that options give, by variable.
    """
    session = boto3.Session(profile_name=profile, region_name=region)
    given = {name: value for name, value in (overrides or {}).items() if value is not None}
    settings = Settings.from_environment({**os.environ, **given}).check()
    services = kind(settings, lambda *arguments: client_of(session, *arguments), root=Path.cwd())
    services.read_configuration()
    services.settings.check()
    return services


def only_one_printed(targets: Mapping[str, str | None]) -> dict[str, str]:
    """The forms that are asked for; :raises BadParameter: where two go to standard output."""
    chosen = {form: target for form, target in targets.items() if target is not None}
    if list(chosen.values()).count("-") > 1:
        raise typer.BadParameter("only one form can go to standard output")
    return chosen


def write(text: str, target: str) -> None:
    """Write a text to a file, or print it for ``-``."""
    # As bytes, so that neither the console's encoding nor its line ends change the text.
    if target == "-":
        sys.stdout.buffer.write(text.encode())
        sys.stdout.flush()
    else:
        Path(target).write_bytes(text.encode())
