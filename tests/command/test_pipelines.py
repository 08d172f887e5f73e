"""The container and the pipelines: linted, and the action's script run as GitHub runs it."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "docs/examples"
PROGRAMS = Path(sys.executable).parent

USE = """\
on: push
jobs:
  gate:
    runs-on: ubuntu-latest
    steps:
      - uses: ./
        with:
          image: shop/api:1
          {option}: x
"""


def lint(program, *arguments, folder=ROOT):
    command = [PROGRAMS / program, *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def test_the_dockerfile_is_linted():
    assert lint("hadolint", "Dockerfile") == ""


def test_the_container_has_what_the_wheel_is_built_from():
    copied = (ROOT / "Dockerfile").read_text()
    let_in = [line[1:] for line in (ROOT / ".dockerignore").read_text().split() if line[0] == "!"]
    assert let_in
    assert all(name in copied and (ROOT / name).exists() for name in let_in)


def test_the_workflow_is_linted():
    assert lint("actionlint", EXAMPLES / "github-actions.yml") == ""


@pytest.fixture
def use_of_the_action(tmp_path):
    """A repository whose workflow uses the action with some option; gives what actionlint says."""
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)  # noqa: S607
    shutil.copy(ROOT / "action.yml", tmp_path)
    workflows = tmp_path / ".github/workflows"
    workflows.mkdir(parents=True)

    def use(option):
        (workflows / "gate.yml").write_text(USE.format(option=option))
        return lint("actionlint", folder=tmp_path)

    return use


def test_the_action_is_linted_and_its_inputs_are_known(use_of_the_action):
    for option in ACTION["inputs"]:
        assert option == "image" or use_of_the_action(option) == ""
    assert 'input "speed" is not defined' in use_of_the_action("speed")


ACTION = yaml.safe_load((ROOT / "action.yml").read_text())

PIPX = """\
#!{python}
import json, os, pathlib, sys
arguments = sys.argv[1:]
pathlib.Path(os.environ["SEEN"]).write_text(json.dumps(arguments))
pathlib.Path(arguments[arguments.index("--markdown") + 1]).write_text("### verdict\\n")
sys.exit(int(os.environ["STATUS"]))
"""


@pytest.fixture
def act(tmp_path):
    """Run the action with inputs, and a command that ends with some status.

    Gives the status, the command's arguments, the outputs and the step's summary.
    """
    pipx = tmp_path / "bin/pipx"
    pipx.parent.mkdir()
    pipx.write_text(PIPX.format(python=sys.executable))
    pipx.chmod(0o755)
    [step] = ACTION["runs"]["steps"]
    defaults = {name: each.get("default", "") for name, each in ACTION["inputs"].items()}

    def run(status, **given):
        inputs = defaults | {name.replace("_", "-"): value for name, value in given.items()}
        values = {
            name: inputs[text.removeprefix("${{ inputs.").removesuffix(" }}")]
            for name, text in step["env"].items()
        }
        files = {name: tmp_path / name for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY", "SEEN")}
        environment = values | {name: str(file) for name, file in files.items()}
        environment |= {
            "PATH": f"{pipx.parent}:{os.environ['PATH']}",
            "RUNNER_TEMP": str(tmp_path),
            "GITHUB_ACTION_PATH": str(ROOT),
            "STATUS": str(status),
        }
        script = ["/bin/bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
        done = subprocess.run(script, env=environment, capture_output=True, text=True, check=False)
        assert done.stderr == ""
        outputs, summary = (files[n].read_text() for n in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"))
        return done.returncode, json.loads(files["SEEN"].read_text()), outputs, summary

    return run


@pytest.mark.parametrize(("status", "outcome"), [(0, "passed"), (1, "failed"), (2, "undecided")])
def test_the_action_ends_as_the_command_does_and_says_so(act, status, outcome):
    ended, _, outputs, summary = act(status, image="shop/api:1")
    assert (ended, outputs, summary) == (status, f"outcome={outcome}\n", "### verdict\n")


def test_the_action_hands_over_what_is_given_and_nothing_else(act):
    _, arguments, *_ = act(
        0, image="$(touch /tmp/pwned) x", new_only="true", fail_on="HIGH overdue"
    )
    assert arguments[:3] == ["run", "--spec", str(ROOT)]
    assert arguments[3:5] == ["ecr-scan-reporter", "gate"]
    assert arguments[5:] == [
        "--timeout",
        "600",
        "--markdown",
        arguments[8],
        "--fail-on",
        "HIGH",
        "--fail-on",
        "overdue",
        "--new-only",
        "--",
        "$(touch /tmp/pwned) x",
    ]
    assert "--sarif" not in arguments


def test_the_pipeline_for_gitlab_runs_the_gate(run):
    [job] = yaml.safe_load((EXAMPLES / "gitlab-ci.yml").read_text()).values()
    [command] = job["script"]
    _, options, _ = run("gate", "--help")
    assert command.startswith("ecr-scan-reporter gate ")
    assert all(word in options for word in command.split() if word.startswith("--"))
