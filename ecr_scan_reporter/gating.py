"""``gate``: the command around the decision."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from chalicelib.policy.due import stale_before
from chalicelib.services import Services
from ecr_scan_reporter.gate.deciding import Gate, address_of
from ecr_scan_reporter.gate.forms import FORMS, as_text
from ecr_scan_reporter.gate.limits import Limits
from ecr_scan_reporter.gate.references import Reference
from ecr_scan_reporter.gate.scans import Scans
from ecr_scan_reporter.options import (
    Duration,
    FailOn,
    JsonTarget,
    Profile,
    Region,
    Target,
    only_one_printed,
    services_of,
    write,
)
from ecr_scan_reporter.progress import INTERRUPTED, say

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.status import Status

    from ecr_scan_reporter.gate.verdict import Verdict


def gate(
    image: Annotated[
        str, typer.Argument(metavar="IMAGE", help="REPOSITORY[:TAG][@DIGEST], or its URI in ECR.")
    ],
    timeout: Annotated[
        int, typer.Option(metavar="SECONDS", min=0, help="How long to wait for scans.")
    ] = 600,
    fail_on: FailOn = None,
    new_only: Annotated[
        bool, typer.Option("--new-only", help="Only findings count that another image has not.")
    ] = False,
    against: Annotated[
        str | None,
        typer.Option(
            metavar="REFERENCE",
            help="That image's tag or digest, in the same repository; by default the newest tagged"
            " one.",
        ),
    ] = None,
    duration: Duration = None,
    json_: JsonTarget = None,
    markdown: Target = None,
    sarif: Target = None,
    profile: Profile = None,
    region: Region = None,
) -> None:
    """Say whether an image may go on: start its scan or await it, and weigh what is found.

    The thresholds, accepted risks, finding filters and due dates are those of reports. Ends with
    status 0 where the image passes, 1 where findings reach a threshold, and 2 where it cannot be
    decided, as when a scan fails or does not end in time. Overdue findings are shown, and fail the
    image with --fail-on overdue.
    """
    if against is not None and not new_only:
        raise typer.BadParameter("--against is for --new-only")
    chosen = only_one_printed({"json": json_, "markdown": markdown, "sarif": sarif})
    reference = Reference.parse(image).in_region(region)
    overrides = {"ECR_IMAGES_DURATION_DELTA": duration}
    services = services_of(Services, profile, reference.region, overrides)
    console = Console(stderr=True, emoji=False)
    waiting = console.status("Looking at the image …") if console.is_terminal else nullcontext()
    with waiting as status:
        scans = _scans(reference, services, timeout, status)
        try:
            decider = Gate(reference, services, scans, Limits.of(fail_on) if fail_on else None)
            verdict = decider.decide(new_only=new_only, against=against)
        except KeyboardInterrupt:
            say(f"interrupted; scans that were started and go on: {len(scans.started)}")
            raise typer.Exit(INTERRUPTED) from None
    _write(verdict, chosen)
    raise typer.Exit(int(verdict.outcome))


def _scans(reference: Reference, services: Services, timeout: int, status: Status | None) -> Scans:
    def waiting(states: Mapping[str, str]) -> None:
        if status is not None:
            words = ", ".join(dict.fromkeys(states.values()))
            status.update(f"Waiting for {len(states)} scan(s): {words}")

    age = services.settings.rules_of(reference.repository).duration
    stale = stale_before(age or services.settings.images_duration, datetime.now(UTC))
    registry = services.registry_of(address_of(reference))
    return Scans(registry, reference.repository, stale, timeout, waiting)


def _write(verdict: Verdict, chosen: Mapping[str, str]) -> None:
    """Write the forms, and print the text where none of them is printed.

    Of findings that are not all known there is no SARIF: what is missing in it would be closed.
    """
    now = datetime.now(UTC)
    for form, target in chosen.items():
        if form == "sarif" and not verdict.has_all_findings:
            say("SARIF is not written, since not all findings are known")
        else:
            write(FORMS[form](verdict, now), target)
    if "-" not in chosen.values():
        Console(emoji=False).print(as_text(verdict, now))
