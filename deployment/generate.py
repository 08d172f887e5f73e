"""The files that are written by a program, and kept beside what people write."""

import json
from pathlib import Path

from deployment.permissions import FUNCTIONS
from deployment.policies import policy


def generated_files() -> dict[Path, str]:
    """The text of every generated file, by its path in the project."""
    return _policy_files()


def stale_files(project: Path) -> dict[Path, str]:
    """The generated files that are not there, or are not as they would be written."""
    return {
        path: text
        for path, text in generated_files().items()
        if not (project / path).exists() or (project / path).read_text() != text
    }


def _policy_files() -> dict[Path, str]:
    return {
        Path(".chalice", f"policy-{function}.json"): json.dumps(policy(own), indent=2) + "\n"
        for function, own in FUNCTIONS.items()
    }
