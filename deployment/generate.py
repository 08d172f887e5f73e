"""The files that are written by a program, and kept beside what people write."""

import json
from pathlib import Path

from deployment.permissions import FUNCTIONS
from deployment.policies import policy
from deployment.reference import settings_reference
from deployment.schema import configuration_schema
from deployment.template_parts import with_generated_parts

TEMPLATE = Path(".chalice", "template.yaml")
SCHEMA = Path("docs", "schemas", "configuration-1.json")
REFERENCE = Path("docs", "settings.md")
COMMANDS = Path("docs", "commands.md")


def generated_files(project: Path) -> dict[Path, str]:
    """The text of every generated file, by its path in the project.

    Of the template, parts are generated, and people write the others.
    """
    # A deployment needs no command line.
    from deployment.command_reference import command_reference

    template = (project / TEMPLATE).read_text()
    return {
        **_policy_files(),
        TEMPLATE: with_generated_parts(template),
        SCHEMA: json.dumps(configuration_schema(), indent=2, ensure_ascii=False) + "\n",
        REFERENCE: settings_reference(),
        COMMANDS: command_reference(),
    }


def stale_files(project: Path) -> dict[Path, str]:
    """The generated files that are not there, or are not as they would be written."""
    return {
        path: text
        for path, text in generated_files(project).items()
        if not (project / path).exists() or (project / path).read_text() != text
    }


def _policy_files() -> dict[Path, str]:
    return {
        Path(".chalice", f"policy-{function}.json"): json.dumps(policy(own), indent=2) + "\n"
        for function, own in FUNCTIONS.items()
    }
