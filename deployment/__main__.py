"""``python -m deployment``: what deploying with Chalice needs before and after it."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Annotated

import boto3
import typer

from deployment import finishing, stages
from deployment.generate import stale_files
from deployment.kept import kept_data
from deployment.packages import PROJECT, Package, package
from deployment.stacks import Stack
from deployment.templates import resources_template, serialized
from local.environment import isolated_environment

Stage = Annotated[str, typer.Argument(help="A stage of .chalice/config.json, such as dev.")]
Parameters = Annotated[
    list[str] | None, typer.Argument(help="Parameters of the template, as Name=value.")
]
Check = Annotated[
    bool, typer.Option("--check", help="Write nothing; fail where a file is not as generated.")
]

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
    """Before `chalice deploy`: make or change the stage's stack, and its Chalice project."""
    given = dict(_named(parameter) for parameter in parameters or ())
    packaged = stages.make_project(stage)
    refuse_outdated_python(packaged, sys.version_info[:2])
    stack = _stack(stage)
    if not stack.outputs():
        kept = kept_data(stages.stack_name(stage), boto3.client)  # type: ignore[arg-type]
        given = kept | given
        for name, value in kept.items():
            print(f"Left by an earlier deployment, and used again: {name}={value}")
    gone = stack.deploy(resources_template(packaged), given)
    if gone:
        held = ", ".join(f"{name}={value}" for name, value in gone.items())
        print(f"No parameters any more, but keys of the configuration file: {held}")
    directory = stages.configure_project(stage, packaged, stack.outputs())
    print(
        "Now: PYTHONDONTWRITEBYTECODE=1"
        f" chalice --project-dir {directory.relative_to(PROJECT)} deploy --stage {stage}"
    )


@commands.command()
def finish(stage: Stage) -> None:
    """After `chalice deploy`: set what it cannot, failure destinations and throttling."""
    finishing.finish(
        stages.stack_name(stage),
        _packaged(stage),
        _stack(stage).outputs()["FailedEventsQueueArn"],
        stages.deployed_resources(stage),
        boto3.client,  # type: ignore[arg-type]
    )


@commands.command()
def delete(stage: Stage) -> None:
    """After `chalice delete`: delete the stage's stack, but for its table and its bucket."""
    stack = _stack(stage)
    kept = {name: stack.outputs().get(name) for name in ("HistoryTableName", "ReportBucketName")}
    stack.delete()
    for name, value in kept.items():
        if value:
            print(f"Kept, and used again by the next deployment: {name}={value}")


@commands.command()
def templates(directory: Path) -> None:
    """Write every template that is deployed, for linters and readers."""
    from deployment.translation import plain_template

    packaged = package("dev", directory)
    # The translation is the same for every region, but asks for one.
    with isolated_environment(AWS_DEFAULT_REGION="us-east-1"):
        plain = plain_template(packaged, "bucket", "deployment.zip")
    (directory / "plain.json").write_text(serialized(plain))
    (directory / "resources.json").write_text(serialized(resources_template(packaged)))


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


if __name__ == "__main__":
    commands()
