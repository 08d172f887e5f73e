"""The Chalice project of a stage, which knows the resources that Chalice does not make.

Chalice reads ``.chalice/config.json`` and nothing else. What an account's resources are called
does not belong in that file, which is tracked, so each stage gets a project directory of its own:
a copy of what ships, and a configuration with the stage's variables and roles in it.
"""

import json
import shutil
from collections.abc import Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

from deployment.packages import PROJECT, Package, package_project
from deployment.templates import role_output, variables

_RECORDS = PROJECT / ".chalice" / "deployed"


def app_name() -> str:
    """The application's name, which Chalice gives its API too."""
    return str(_tracked_config()["app_name"])


def stack_name(stage: str) -> str:
    """The stack of a stage's resources, named as Chalice names the stage's functions."""
    return f"{app_name()}-{stage}"


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
    _RECORDS.mkdir(exist_ok=True)
    (chalice / "deployed").symlink_to(_RECORDS)
    config = stage_config(_tracked_config(), package, outputs)
    (chalice / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    return chalice.parent


def record_deployed(stage: str, resources: Sequence[Mapping[str, str]]) -> None:
    """Let Chalice know what is deployed of the stage, in place of what it recorded here itself."""
    _RECORDS.mkdir(exist_ok=True)
    record = {"resources": resources, "schema_version": "2.0", "backend": "api"}
    (_RECORDS / f"{stage}.json").write_text(json.dumps(record, indent=2) + "\n")


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
