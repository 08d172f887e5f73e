"""The Chalice project of a stage, which knows the resources that Chalice does not make.

Chalice reads ``.chalice/config.json`` and nothing else. What an account's resources are called
does not belong in that file, which is tracked, so each stage gets a project directory of its own:
a copy of what ships, and a configuration with the stage's variables and roles in it.
"""

import json
import shutil
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

from deployment.packages import PROJECT, Package, package_project
from deployment.templates import role_output, variables


def stack_name(stage: str) -> str:
    """The stack of a stage's resources, named as Chalice names the stage's functions."""
    return f"{_tracked_config()['app_name']}-{stage}"


def project_directory(stage: str) -> Path:
    """Where the Chalice project of a stage is, not tracked."""
    return PROJECT / ".chalice" / "stages" / stage


def make_project(stage: str) -> Package:
    """Make the Chalice project of a stage anew, and package the application in it.

    Chalice deploys the zip file that this leaves in the project, as long as nothing changes there.
    """
    directory = project_directory(stage)
    shutil.rmtree(directory, ignore_errors=True)
    return package_project(directory, stage, directory / "package")


def configure_project(stage: str, package: Package, outputs: Mapping[str, str]) -> Path:
    """Name the stack's resources in the project; deployments stay recorded in the main one."""
    chalice = project_directory(stage) / ".chalice"
    recorded = PROJECT / ".chalice" / "deployed"
    recorded.mkdir(exist_ok=True)
    (chalice / "deployed").symlink_to(recorded)
    config = stage_config(_tracked_config(), package, outputs)
    (chalice / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    return chalice.parent


def deployed_resources(stage: str) -> dict[str, dict[str, Any]]:
    """What Chalice recorded of its last deployment of the stage, by the name of the resource."""
    recorded = PROJECT / ".chalice" / "deployed" / f"{stage}.json"
    resources = json.loads(recorded.read_text())["resources"]
    return {resource["name"]: resource for resource in resources}


def stage_config(
    config: Mapping[str, Any], package: Package, outputs: Mapping[str, str]
) -> dict[str, Any]:
    """The configuration with the stack's variables, and its roles in place of the policy files."""
    staged = deepcopy(dict(config))
    staged["environment_variables"] = variables(package, outputs)
    for function in package.functions:
        own = staged["lambda_functions"][function.name]
        own |= {"manage_iam_role": False, "iam_role_arn": outputs[role_output(function.name)]}
    return staged


def _tracked_config() -> dict[str, Any]:
    config: dict[str, Any] = json.loads((PROJECT / ".chalice" / "config.json").read_text())
    return config
