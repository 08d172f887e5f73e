"""``python -m deployment``: the application packaged and, by Chalice, deployed as a whole."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import boto3
import typer
from botocore.exceptions import BotoCoreError, ClientError

from deployment import finishing, stages
from deployment.deployed import Record, find_deployed
from deployment.generate import stale_files
from deployment.kept import kept_data
from deployment.next_steps import next_steps
from deployment.packages import CHALICE, PROJECT, Package, package
from deployment.stacks import Stack
from deployment.templates import WrongParameter, is_for_chalice, resources_template, serialized

Stage = Annotated[str, typer.Argument(help="A stage of .chalice/config.json, such as dev.")]
Parameters = Annotated[
    list[str] | None, typer.Argument(help="Parameters of the template, as Name=value.")
]
Check = Annotated[
    bool, typer.Option("--check", help="Write nothing; fail where a file is not as generated.")
]

Prepared = Annotated[
    bool, typer.Option("--prepared", help="Only where there is the stack that `resources` makes.")
]

Bucket = Annotated[str, typer.Option(help="Where the release is to be uploaded.")]
Region = Annotated[str, typer.Option(help="The region of that bucket and of the stacks.")]

AWS = (ClientError, BotoCoreError)

commands = typer.Typer(help=__doc__, no_args_is_help=True, add_completion=False)


def refuse_outdated_python(packaged: Package, version: tuple[int, int]) -> None:
    """Chalice gives functions the version of the Python that it runs on; Lambda retires these."""
    running = "python{}.{}".format(*version)
    if running not in packaged.runtimes:
        raise SystemExit(
            f"`chalice deploy` would make functions of {running}, the Python it runs on, and Lambda"
            f" has {', '.join(packaged.runtimes)}: `make deploy` sets up one of them, and"
            " `make PYTHON=… deploy` the one that is named"
        )


@commands.command()
def check_python() -> None:
    """Fail on a Python whose version Lambda would refuse."""
    refuse_outdated_python(_packaged("dev"), sys.version_info[:2])


@commands.command(name="package")
def package_(stage: Stage, directory: Path) -> None:
    """Write the whole application as one template and one zip file."""
    package(stage, directory)
    print(f"Written: {directory / 'sam.yaml'}, {directory / 'deployment.zip'}")


@commands.command()
def resources(stage: Stage, parameters: Parameters = None) -> None:
    """Make or change the stage's stack, and its Chalice project: before `chalice deploy`."""
    _prepare(stage, parameters)
    print(f"Now: chalice deploy --stage {stage}")


@commands.command()
def deploy(stage: Stage, parameters: Parameters = None, prepared: Prepared = False) -> None:
    """Deploy a stage: its stack, then functions, rules and API with Chalice, whole or again."""
    if prepared:
        _refuse_unprepared(stage)
    packaged = _prepare(stage, parameters)
    _run_chalice("--project-dir", stages.project_directory(stage), "deploy", "--stage", stage)
    _finish(stage, packaged)
    steps = next_steps(stages.stack_name(stage), _stack(stage).outputs(), boto3.client("sns"))
    print("\nNext:", *steps, sep="\n- ")


@commands.command()
def delete(stage: Stage) -> None:
    """Delete a stage, whichever checkout deployed it, but for its table and its bucket."""
    stages.record_deployed(stage, _deployed(stage))
    _run_chalice("delete", "--stage", stage)
    stack = _stack(stage)
    kept = {name: stack.outputs().get(name) for name in ("HistoryTableName", "ReportBucketName")}
    stack.delete()
    for name, value in kept.items():
        if value:
            print(f"Kept, and used again by the next deployment: {name}={value}")


@commands.command()
def templates(directory: Path) -> None:
    """Write every template that is deployed, for linters and readers."""
    from deployment.release import ACCOUNTS_TEMPLATE
    from deployment.translation import plain_template

    packaged = package("dev", directory)
    plain = plain_template(packaged, "bucket", "deployment.zip")
    (directory / "plain.json").write_text(serialized(plain))
    (directory / "resources.json").write_text(serialized(resources_template(packaged)))
    shutil.copyfile(ACCOUNTS_TEMPLATE, directory / "accounts.yaml")


@commands.command()
def release(directory: Path, bucket: Bucket = "BUCKET", region: Region = "REGION") -> None:
    """Write what deploying without a clone takes: code, templates, checksums, how to install."""
    from deployment.release import write_release

    written = write_release(directory, bucket, region)
    print(f"Written: {', '.join(sorted(path.name for path in written.iterdir()))}, in {written}")
    print(f"How to install it: {written / 'INSTALL.md'}")


@commands.command()
def generate(check: Check = False) -> None:
    """Write the files that are generated, such as the policies of the functions."""
    stale = stale_files(PROJECT)
    for path, text in stale.items():
        if not check:
            (PROJECT / path).write_text(text)
        print(f"{'Stale' if check else 'Written'}: {path}")
    if check and stale:
        raise SystemExit("Run `make generate`, and commit what it writes")


@commands.command()
def sbom(code: Path, bill: Path) -> None:
    """Write the bill of materials (CycloneDX) of a zip file that `package` made."""
    from deployment.sbom import bill_of_materials

    bill.write_text(bill_of_materials(code), encoding="utf-8")
    print(f"Written: {bill}")


def _prepare(stage: str, parameters: list[str] | None) -> Package:
    given = dict(_named(parameter) for parameter in parameters or ())
    stack = _stack(stage)
    outputs = stack.outputs()
    if outputs and not is_for_chalice(outputs):
        raise SystemExit(
            f"The stack {stages.stack_name(stage)} was not made by `make deploy`, which would take"
            " the functions out of it: change it the way it was made, or delete it first"
        )
    packaged = stages.make_project(stage)
    refuse_outdated_python(packaged, sys.version_info[:2])
    if not outputs:
        kept = kept_data(stages.stack_name(stage), boto3.client)  # type: ignore[arg-type]
        given = kept | given
        for name, value in kept.items():
            print(f"Left by an earlier deployment, and used again: {name}={value}")
    removed = stack.deploy(resources_template(packaged), given)
    if removed:
        held = ", ".join(f"{name}={value}" for name, value in removed.items())
        print(f"No parameters any more, but keys of the configuration file: {held}")
    stages.configure_project(stage, packaged, stack.outputs())
    stages.record_deployed(stage, _deployed(stage))
    return packaged


def _refuse_unprepared(stage: str) -> None:
    hint = ""
    try:
        why = "" if _stack(stage).outputs() else "there is no such stack"
    except AWS as error:
        why, hint = f"it cannot be looked up: {error}", ", with a region and credentials"
    if why:
        raise SystemExit(
            f"Nothing was deployed: it needs the stack {stages.stack_name(stage)} ({why}). Run"
            f" `make resources STAGE={stage}` first, or `make deploy STAGE={stage}` instead{hint}"
        )


def _finish(stage: str, packaged: Package) -> None:
    """Set what `chalice deploy` cannot: failure destinations, recursive loops and throttling."""
    [api_id] = [each["rest_api_id"] for each in _deployed(stage) if "rest_api_id" in each]
    finishing.finish(
        stages.stack_name(stage),
        packaged,
        _stack(stage).outputs()["FailedEventsQueueArn"],
        api_id,
        boto3.client,  # type: ignore[arg-type]
    )


def _deployed(stage: str) -> list[Record]:
    return find_deployed(
        stages.app_name(),
        stages.stack_name(stage),
        boto3.client,  # type: ignore[arg-type]
    )


def _run_chalice(*arguments: str | Path) -> None:
    # Compiled files that loading the application leaves would make Chalice pack it anew, with them.
    environment = os.environ | {"PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(  # noqa: S603
        [CHALICE, *arguments], cwd=PROJECT, env=environment, check=False
    )
    if done.returncode:
        raise SystemExit(done.returncode)


def _packaged(stage: str) -> Package:
    with tempfile.TemporaryDirectory() as directory:
        return package(stage, Path(directory))


def _named(parameter: str) -> tuple[str, str]:
    name, equals, value = parameter.partition("=")
    if not equals:
        raise typer.BadParameter(f"{parameter!r} is not of the form Name=value")
    return name, value


def _stack(stage: str) -> Stack:
    return Stack(boto3.client("cloudformation"), stages.stack_name(stage))


def main() -> None:
    """Run the command line; what the user got wrong or AWS refuses ends it with one line."""
    try:
        commands()
    except (*AWS, WrongParameter) as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
