"""The application's one source of everything deployed: the template that Chalice packages."""

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

Template = dict[str, Any]

PROJECT = Path(__file__).parent.parent
MERGED_TEMPLATE = PROJECT / ".chalice" / "template.yaml"

_FUNCTION = "AWS::Serverless::Function"


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
    # The command beside the running Python is Chalice's own.
    command = [
        str(Path(sys.executable).with_name("chalice")),
        *("package", "--stage", stage, "--merge-template", str(MERGED_TEMPLATE), str(directory)),
    ]
    subprocess.run(command, cwd=PROJECT, check=True, stdout=subprocess.DEVNULL)  # noqa: S603
    return Package(yaml.safe_load((directory / "sam.yaml").read_text()))


def _function(properties: Mapping[str, Any]) -> Function:
    _, handler = properties["Handler"].split(".")
    role, _ = properties["Role"]["Fn::GetAtt"]
    return Function("api_handler" if handler == "app" else handler, role, properties)
