"""See what ECR's scans say in a real account, and start them: nothing has to be deployed."""

from __future__ import annotations

import sys
import tomllib
import traceback
from importlib import metadata
from pathlib import Path
from typing import Annotated

import typer
from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.fleet.find import NothingKept, WrongFilter
from chalicelib.fleet.finding_lines import LinesNotRead
from chalicelib.fleet.formats.json_reader import ReportError
from chalicelib.runtime.patterns import PatternTooSlow
from chalicelib.scanning.requests import RequestError
from chalicelib.settings.documents import DocumentError, DocumentNotRead
from chalicelib.settings.settings import SettingError
from ecr_scan_reporter.checking import check_config, check_risks
from ecr_scan_reporter.finding import find
from ecr_scan_reporter.gate.references import WrongReference
from ecr_scan_reporter.gating import gate
from ecr_scan_reporter.planning import plan, scan
from ecr_scan_reporter.progress import INTERRUPTED, log_to_standard_error, say
from ecr_scan_reporter.reporting import report

NAME = "ecr-scan-reporter"

REFUSALS = (
    *(SettingError, RequestError, ReportError, PatternTooSlow),
    *(DocumentNotRead, DocumentError, WrongReference),
    *(WrongFilter, NothingKept, LinesNotRead),
)
"""What the user got wrong, or what is not there to be read."""

AWS = (ClientError, BotoCoreError)

commands = typer.Typer(
    help=__doc__,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (plan, scan, report, find, gate, check_risks, check_config):
    commands.command()(command)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(NAME, _version())
        raise typer.Exit


def _version() -> str:
    try:
        return metadata.version(NAME)
    except metadata.PackageNotFoundError:
        about = Path(__file__).parents[1] / "pyproject.toml"
        return str(tomllib.loads(about.read_text())["project"]["version"])


@commands.callback()
def _options(
    _: Annotated[
        bool,
        typer.Option("--version", help="Print it.", callback=_print_version, is_eager=True),
    ] = False,
) -> None:
    log_to_standard_error()


def main() -> None:
    """Run the command line; what the user or AWS got wrong ends it with one line and status 2.

    So does what this program got wrong, with a traceback: status 1 says something about images.
    """
    try:
        commands(prog_name=NAME)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except (*REFUSALS, *AWS, OSError) as error:
        say(f"error: {error}")
        sys.exit(2)
    except Exception:
        traceback.print_exc()
        sys.exit(2)


if __name__ == "__main__":
    main()
