"""The application's one source of everything deployed: the template that Chalice packages."""

import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import yaml

from deployment.sources import copy_sources
from local.environment import isolated

Template = dict[str, Any]

PROJECT = Path(__file__).parent.parent
MERGED_TEMPLATE = PROJECT / ".chalice" / "template.yaml"

CHALICE = str(Path(sys.executable).with_name("chalice"))
"""The command that belongs to the running Python."""

_FUNCTION = "AWS::Serverless::Function"

_FOR_CHALICE = {
    "AWS_DEFAULT_REGION": "us-east-1",  # It wants one, and what it writes is the same for each.
    "PYTHONDONTWRITEBYTECODE": "1",  # It imports the application, and packs what that leaves.
    "PYTHONUTF8": "1",
}


@dataclass(frozen=True)
class Function:
    """A function of the packaged template, under the name that Chalice's configuration uses."""

    name: str
    role: str
    properties: Mapping[str, Any]

    @property
    def keeps_failed_invocations(self) -> bool:
        """Whether what it fails to handle is sent to a queue."""
        return "EventInvokeConfig" in self.properties

    @property
    def goes_on_by_itself(self) -> bool:
        """Whether it sends itself what it has no time for, as often as it takes."""
        return self.properties.get("RecursiveLoop") == "Allow"

    @property
    def keeps_undelivered_events(self) -> bool:
        """Whether events that do not reach it are sent to a queue."""
        events = self.properties.get("Events", {}).values()
        return any("DeadLetterConfig" in event["Properties"] for event in events)


@dataclass(frozen=True)
class Package:
    """The template that ``chalice package`` writes, merged with ours."""

    template: Template

    @property
    def functions(self) -> list[Function]:
        """Every function."""
        return [
            _function(resource["Properties"])
            for resource in self.template["Resources"].values()
            if resource["Type"] == _FUNCTION
        ]

    @property
    def environment(self) -> dict[str, Any]:
        """The environment variables of every function, as the template gives their values."""
        variables: dict[str, Any] = self.template["Globals"]["Function"]["Environment"]["Variables"]
        return variables

    @property
    def runtimes(self) -> list[str]:
        """The Lambda runtimes that the application is meant for, oldest first."""
        runtimes: list[str] = self.template["Parameters"]["PythonRuntime"]["AllowedValues"]
        return runtimes

    @property
    def api_throttling(self) -> dict[str, Any]:
        """How many requests the HTTP API takes, for all its routes."""
        (settings,) = self.template["Resources"]["RestAPI"]["Properties"]["MethodSettings"]
        return {
            "rateLimit": settings["ThrottlingRateLimit"],
            "burstLimit": settings["ThrottlingBurstLimit"],
        }


def package(stage: str, directory: Path) -> Package:
    """Package the application of a stage into a directory, template and code."""
    with tempfile.TemporaryDirectory() as project:
        return package_project(Path(project), stage, directory)


def package_project(project: Path, stage: str, directory: Path) -> Package:
    """The same, in a Chalice project made for it, which keeps the code for a deployment.

    Two packages of the same files are equal byte for byte, whatever is set in the environment.
    """
    copy_sources(PROJECT, project)
    command = [
        CHALICE,
        *("package", "--stage", stage, "--merge-template", ".chalice/template.yaml"),
        str(directory.resolve()),
    ]
    environment = isolated(os.environ) | _FOR_CHALICE
    subprocess.run(  # noqa: S603
        command, cwd=project, env=environment, check=True, stdout=subprocess.DEVNULL
    )
    [code] = (project / ".chalice" / "deployments").glob("*.zip")
    make_reproducible(code)
    shutil.copyfile(code, directory / "deployment.zip")
    return Package(yaml.safe_load((directory / "sam.yaml").read_text(encoding="utf-8")))


def make_reproducible(archive: Path) -> None:
    """Give a zip file's entries an order, and a time and permissions that say nothing of here."""
    with ZipFile(archive) as before:
        contents = {name: before.read(name) for name in sorted(before.namelist())}
    with ZipFile(archive, "w") as after:
        for name, content in contents.items():
            entry = ZipInfo(name)  # of 1980, the first year that the format knows
            entry.create_system = 3  # Unix, whose permissions follow
            entry.external_attr = (stat.S_IFREG | 0o644) << 16
            after.writestr(entry, content, ZIP_DEFLATED)


def _function(properties: Mapping[str, Any]) -> Function:
    _, handler = properties["Handler"].split(".")
    role, _ = properties["Role"]["Fn::GetAtt"]
    return Function("api_handler" if handler == "app" else handler, role, properties)
