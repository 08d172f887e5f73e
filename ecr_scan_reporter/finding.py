"""``find``: which repositories have a vulnerability or a package, by the last digest."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from chalicelib.fleet.find import Query
from chalicelib.fleet.find import find as answer
from chalicelib.services import Services
from ecr_scan_reporter import tables
from ecr_scan_reporter.options import JsonTarget, Profile, Region, services_of, write


def find(
    name: Annotated[
        str, typer.Argument(metavar="CVE|PACKAGE", help="A vulnerability's id, or a package.")
    ],
    profile: Profile = None,
    region: Region = None,
    bucket: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="The digests' bucket; REPORT_BUCKET_NAME by default."),
    ] = None,
    owner: Annotated[
        str | None,
        typer.Option(
            help="Only repositories of this owner; unowned: of nobody, unknown: not known whose."
        ),
    ] = None,
    repository: Annotated[str | None, typer.Option(help="Only this repository.")] = None,
    json_: JsonTarget = None,
) -> None:
    """Find the repositories that have a vulnerability or a package, by the last digest.

    No call is made to ECR. Ends with status 3 where nothing matches.
    """
    given = {"any": name, "owner": owner, "repository": repository}
    query = Query.of({key: value for key, value in given.items() if value is not None})
    services = services_of(Services, profile, region, {"REPORT_BUCKET_NAME": bucket})
    found = answer(query, services.report_bucket)
    if json_ is None:
        tables.print_found(found)
    else:
        write(json.dumps(found.document(), indent=2), json_)
    if not found.matches:
        raise typer.Exit(3)
