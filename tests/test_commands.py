"""The commands of the Makefile, run for real in a shell that is full of other things."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from chalicelib.settings.table import ROWS

ROOT = Path(__file__).parent.parent
MAKEFILE = (ROOT / "Makefile").read_text()
MAKE = shutil.which("make") or "make"

ANOTHER_WORLD = {
    "AWS_PROFILE": "nobody",
    "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
    "AWS_DEFAULT_REGION": "nowhere",
    "AWS_CA_BUNDLE": "/nowhere",
    **{row.variable: "junk" for row in ROWS},
    "PYTHONPATH": "/nowhere",
    "PYTHONWARNINGS": "error",
    "PYTHON": "/nowhere/python",
    "PIP_TARGET": "/nowhere",
    "PIP_INDEX_URL": "https://packages.example.org/simple",
}


@pytest.fixture
def home(tmp_path):
    """A home whose AWS configuration names an endpoint of its own."""
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws/config").write_text("[default]\nendpoint_url = http://127.0.0.1:9\n")
    return tmp_path


@pytest.fixture
def make(home):
    """Run make with the environment that runs these tests in place of .venv."""
    ready = home / "ready"
    ready.touch()

    def run(*arguments, programs=Path(sys.executable).parent, **variables):
        environment = os.environ | {"HOME": str(home)} | ANOTHER_WORLD | variables
        # As those of the make that runs these tests.
        for name in ("MAKEFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "MFLAGS"):
            environment.pop(name, None)
        command = [MAKE, *arguments, f"BIN={programs}", f"READY={ready}"]
        done = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


def test_the_demo_sees_nothing_of_the_users_world(make):
    assert "The page that it links to is in out/demo" in make("demo")


def test_the_demos_report_sees_nothing_of_the_users_world(make):
    said = make("report", "ARGS=--demo --markdown -")
    assert "shop/checkout" in said
    of_an_empty_world = subprocess.run(
        [sys.executable, "-m", "ecr_scan_reporter", "report", "--demo", "--markdown", "-"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=True,
    )
    assert without_times(said) == without_times(of_an_empty_world.stdout)


def without_times(text):
    return re.sub(r"\d{2}:\d{2}(:\d{2})?", "", text)


def test_the_tests_see_nothing_of_the_users_world(make):
    tests = "tests/settings/test_settings.py tests/scanning/test_lister.py"
    options = f"-o addopts= -p no:cacheprovider -q {tests}"
    done = make("test", f"PYTEST_ADDOPTS={options}", PYTEST_ADDOPTS=options)
    assert re.search(r"\d+ passed", done)


@pytest.mark.parametrize(("target", "sees"), [("demo", False), ("types", False), ("plan", True)])
def test_only_commands_for_a_real_account_get_the_users_aws(make, tmp_path, target, sees):
    given = environment_of(make, tmp_path, target)
    assert [name for name in ANOTHER_WORLD if name[:4] == "AWS_" and (name in given) != sees] == []


def test_pip_is_told_how_to_reach_packages_and_nothing_else(make, tmp_path):
    given = environment_of(make, tmp_path, "demo")
    assert given["PIP_INDEX_URL"] == ANOTHER_WORLD["PIP_INDEX_URL"]
    assert "PIP_TARGET" not in given
    assert not [name for name in given if name.startswith("PYTHON")]


def environment_of(make, tmp_path, target):
    """The environment that a target's command gets."""
    for name in ("python", "mypy"):
        place(tmp_path / name, "#!/bin/sh\nenv\n")
    lines = make(target, programs=tmp_path).splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line)


def test_help_lists_every_target(make):
    [phony] = re.findall(r"^\.PHONY: (.*)$", MAKEFILE, re.MULTILINE)
    listed = re.findall(r"^  ([a-z-]+) +\S", make("help"), re.MULTILINE)
    assert sorted(listed) == phony.split()


class TestPython:
    """Which Python the environment is made with."""

    @pytest.fixture
    def project(self, tmp_path):
        """The Makefile and its scripts, with programs in place of Python and of what it runs."""
        project = tmp_path / "project"
        (project / ".ci").mkdir(parents=True)
        for name in ("Makefile", "requirements-dev.txt", ".ci/find-python", ".ci/fetch-python"):
            shutil.copy(ROOT / name, project / name)
        return project

    @pytest.fixture
    def pythons(self, tmp_path):
        """Put Pythons of some versions on the path."""
        programs = tmp_path / "programs"
        programs.mkdir()
        for name in ("sh", "chmod", "cp", "mkdir", "rm", "touch"):
            (programs / name).symlink_to(shutil.which(name) or name)

        def put(*versions):
            for version in versions:
                place(programs / f"python{version}", FAKE_PYTHON.format(version=version))
            return programs

        return put

    @pytest.fixture
    def run(self, project, tmp_path, pythons):
        def run(*arguments):
            done = subprocess.run(
                [MAKE, *arguments],
                cwd=project,
                env={"HOME": str(tmp_path), "PATH": str(pythons()), "PYTHON": "/nowhere/python"},
                capture_output=True,
                text=True,
                check=False,
            )
            return done.returncode, done.stdout + done.stderr

        return run

    def test_is_the_newest_that_works(self, run, pythons):
        place(pythons("3.12", "3.13") / "python3.14", "#!/bin/sh\nexit 127\n")
        status, output = run("demo")
        assert (status, "python 3.13: -m local.demo" in output) == (0, True), output

    def test_is_the_one_that_the_command_names_also_when_there_is_another(self, run, pythons):
        pythons("3.12", "3.13")
        run("demo")
        assert "python 3.12: -m local.demo" in run("PYTHON=python3.12", "demo")[1]
        assert "Setting up" not in run("PYTHON=python3.12", "demo")[1]
        assert "python 3.12: -m local.demo" in run("demo")[1]

    def test_of_a_deployment_is_one_that_lambda_has(self, run, pythons, project):
        pythons("3.11")
        assert "python 3.11: -m local.demo" in run("demo")[1]
        pythons("3.12")
        status, output = run("deploy")
        assert status == 0, output
        assert "python 3.12: -m deployment deploy dev" in output

    def test_that_is_missing_is_said_with_the_way_out(self, run, pythons):
        pythons("3.11")
        status, output = run("deploy")
        assert status == 2
        assert "make PYTHON=/path/to/python3.13 TARGET" in output
        assert "-m deployment deploy" not in output

    def test_of_a_deployment_is_made_where_there_is_none(self, run, pythons):
        pythons("3.11")
        run("demo")
        bring_uv(pythons())
        assert run("deploy")[0] == 0
        assert "python 3.13: -m deployment deploy dev" in run("deploy")[1]

    def test_of_a_deployment_may_be_named_after_a_demo_with_another(self, run, pythons):
        pythons("3.11")
        run("demo")
        place(pythons() / "mine", FAKE_PYTHON.format(version="3.14"))
        status, output = run("PYTHON=mine", "deploy")
        assert (status, "python 3.14: -m deployment deploy dev" in output) == (0, True), output
        assert "Setting up" not in run("deploy")[1]

    def test_named_that_lambda_refuses_gives_way_to_one_that_it_has(self, run, pythons):
        pythons("3.11", "3.12")
        status, output = run("PYTHON=python3.11", "deploy")
        assert (status, "python 3.12: -m deployment deploy dev" in output) == (0, True), output

    def test_is_made_where_there_is_none_at_all(self, run, pythons):
        status, output = run("demo")
        assert status == 2
        assert "make PYTHON=/path/to/python3.13 TARGET" in output
        assert output.endswith("There is no Python from 3.11 on to make .venv with.  Stop.\n")
        bring_uv(pythons())
        assert "python 3.13: -m local.demo" in run("demo")[1]


def bring_uv(programs):
    """Put a uv on the path that has a Python to fetch."""
    fetched = programs.parent / "fetched"
    place(fetched, FAKE_PYTHON.format(version="3.13"))
    place(programs / "uv", f'#!/bin/sh\ncase "$*" in "python find"*) echo {fetched}; esac\n')


# Makes environments of programs like itself; those fetch nothing, and old ones fail the check.
FAKE_PYTHON = """#!/bin/sh
case "$*" in
  -c*) ;;
  "-m venv --clear "*)
    rm -rf "$4" && mkdir -p "$4/bin" && cp "$0" "$4/bin/python"
    printf '#!/bin/sh\\n' > "$4/bin/chalice"
    printf '#!/bin/sh\\ncase "$*" in *uv) exit 1; esac\\n' > "$4/bin/pip"
    chmod +x "$4/bin/chalice" "$4/bin/pip" ;;
  "-m deployment check-python") test {version} != 3.11 ;;
  *) echo "python {version}: $*" ;;
esac
"""


def place(path, text):
    path.write_text(text)
    path.chmod(0o755)
