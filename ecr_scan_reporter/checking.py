"""``check-risks`` and ``check-config``: whether the documents that operators write are right."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import boto3
import typer

from chalicelib.aws.clients import client_of
from chalicelib.aws.documents import read_document
from chalicelib.settings.accepted_risks import parse_accepted_risks
from chalicelib.settings.configuration import parse_configuration, shown_values
from chalicelib.settings.documents import DocumentNotRead
from chalicelib.settings.sources import ACCEPTED_SOURCES, FileSource, Source, parse_source
from ecr_scan_reporter import tables
from ecr_scan_reporter.options import JsonTarget, Profile, Region, write
from ecr_scan_reporter.progress import say

DocumentSource = Annotated[
    str, typer.Argument(metavar="SOURCE", help="A file's path, s3://BUCKET/KEY or ssm:/NAME.")
]


def check_risks(
    source: DocumentSource,
    profile: Profile = None,
    region: Region = None,
    json_: JsonTarget = None,
) -> None:
    """Check a list of accepted risks, and show what it accepts and what has expired."""
    text, place = _document(source, profile, region)
    risks = parse_accepted_risks(text, place)
    for risk in risks:
        if risk.covers_everything:
            say(f"warning: {place}, line {risk.line}: covers every finding of every repository")
    today = datetime.now(UTC).date()
    rows = [
        {**asdict(risk), "expires": str(risk.expires), "expired": risk.has_expired(today)}
        for risk in risks
    ]
    if json_ != "-":
        tables.print_risks(rows)
    if json_ is not None:
        write(json.dumps(rows, indent=2) + "\n", json_)


def check_config(
    source: DocumentSource,
    profile: Profile = None,
    region: Region = None,
    json_: JsonTarget = None,
) -> None:
    """Check a configuration file, and show the settings in it."""
    rows = shown_values(parse_configuration(*_document(source, profile, region)))
    if json_ != "-":
        tables.print_configuration(rows)
    if json_ is not None:
        document = [{"key": key, "value": value} for key, value in rows]
        write(json.dumps(document, indent=2) + "\n", json_)


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
