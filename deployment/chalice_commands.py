"""Chalice's command line, typed in the project itself, where it knows half of the application.

It would pack what lies here, without the template of what Chalice cannot make, and deploy functions
without queue and roles. ``app.py`` calls :func:`complete` when that command line loads it, which is
before it makes anything: the command is done whole here, or refused in one line.
"""

from __future__ import annotations

import atexit
import os
import subprocess
import sys
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

if TYPE_CHECKING:
    from collections.abc import Mapping

PROJECT = Path(__file__).parent.parent
STDERR = 2
TEMPLATE = PROJECT / ".chalice" / "template.yaml"


def complete() -> None:
    """Do what the command that is running is meant to do, and end it, or let it go on."""
    context = click.get_current_context(silent=True)
    if context is None:
        # The server that reloads itself loads the application in a thread of a process of its own.
        if "CHALICE_WORKER" in os.environ:
            _local()
    elif context.info_name == "deploy":
        _deploy(context.params)
    elif context.info_name == "package":
        _package(context.params)
    elif context.info_name == "local":
        _local()


def _deploy(given: Mapping[str, Any]) -> NoReturn:
    _run("deploy", given, given["stage"], "--prepared")


def _package(given: Mapping[str, Any]) -> NoReturn:
    if given["pkg_format"] == "terraform":
        raise click.ClickException(
            "As Terraform, Chalice writes functions without queues, topics and table. Run `make"
            " release`, and use the module in terraform/, which makes the whole application"
        )
    merged = given["merge_template"]
    if given["single_file"] or (merged and Path(merged).resolve() != TEMPLATE):
        raise click.ClickException(
            "The application is a template, with .chalice/template.yaml merged, and a zip file: run"
            f" `make package STAGE={given['stage']}`, or `chalice package OUT`"
        )
    _run("package", given, given["stage"], given["out"])


def _run(command: str, given: Mapping[str, Any], *arguments: str) -> NoReturn:
    """Run a command of ``python -m deployment`` in place of Chalice's."""
    if not (find_spec("boto3") and find_spec("typer")):
        raise click.ClickException(
            f"This environment lacks what deploying needs: run `make {command}"
            f" STAGE={given['stage']}`, or .venv/bin/chalice after `make environment`"
        )
    profile = {} if given["profile"] is None else {"AWS_PROFILE": str(given["profile"])}
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-m", "deployment", command, *arguments],
        cwd=PROJECT,
        env=os.environ | profile,
        check=False,
    )
    sys.exit(done.returncode)


def _local() -> None:
    """Serve from the embedded cloud, unless the variables name a queue of an account."""
    if os.environ.get("IMAGES_SCAN_JOBS_QUEUE_URL"):
        return
    if not find_spec("moto"):
        # In a thread, an exception would end nothing but that; and Python, when it ends meanwhile
        # for a changed file, fails where a thread holds the lock of sys.stderr.
        os.write(
            STDERR,
            b"`chalice local` needs the embedded cloud: run `make environment`, and"
            b" .venv/bin/chalice, or set IMAGES_SCAN_JOBS_QUEUE_URL\n",
        )
        os._exit(1)
    from local.application import embedded_cloud

    until_the_end = ExitStack()
    until_the_end.enter_context(embedded_cloud())
    atexit.register(until_the_end.close)
    print("No IMAGES_SCAN_JOBS_QUEUE_URL is set: serving from the embedded cloud of `make demo`")
