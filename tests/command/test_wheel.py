"""The command as it is installed: its wheel in a fresh environment, against the embedded cloud."""

import ast
import json
import os
import re
import signal
import subprocess
import sys
import time
import venv
from datetime import UTC, datetime, timedelta
from importlib import metadata
from pathlib import Path
from zipfile import ZipFile

import pytest
from moto import mock_aws
from moto.server import ThreadedMotoServer
from packaging.requirements import Requirement

from local.ecr import local_ecr
from local.environment import isolated

ROOT = Path(__file__).parents[2]
PACKAGES = ("chalicelib", "ecr_scan_reporter")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel, built from this tree."""
    folder = tmp_path_factory.mktemp("wheel")
    options = ("--no-deps", "--no-build-isolation", "--quiet", "--disable-pip-version-check")
    command = [sys.executable, "-m", "pip", "wheel", *options, "--wheel-dir", folder, ROOT]
    subprocess.run(command, check=True, capture_output=True)
    [built] = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """The command in a fresh environment with what its wheel says that it needs, and no more.

    That comes from this environment, so that nothing is fetched.
    """
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder, with_pip=False)
    [packages] = folder.glob("lib/python*/site-packages")
    for name in needed_by(wheel):
        for file in {Path(each).parts[0] for each in metadata.files(name) or ()} - {".."}:
            target = Path(metadata.distribution(name).locate_file(file))
            if not (packages / file).exists() and target.exists() and file != "__pycache__":
                (packages / file).symlink_to(target)
    python = folder / "bin/python"
    options = ("--no-deps", "--no-index", "--quiet", "--disable-pip-version-check")
    command = [sys.executable, "-m", "pip", "--python", python, "install", *options, wheel]
    subprocess.run(command, check=True, capture_output=True)
    return folder / "bin/ecr-scan-reporter"


def needed_by(wheel):
    """What a wheel needs, and what that needs, by name."""
    with ZipFile(wheel) as archive:
        [about] = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        text = archive.read(about).decode()
    wanted = re.findall(r"^Requires-Dist: (.*)$", text, re.MULTILINE)
    found = {}
    while wanted:
        each = Requirement(wanted.pop())
        if each.name not in found and (each.marker is None or each.marker.evaluate({"extra": ""})):
            found[each.name] = each
            wanted += metadata.requires(each.name) or ()
    return found


@pytest.fixture
def registry():
    """A registry with an image that was scanned, an index that was, and an image not yet."""
    with pytest.MonkeyPatch.context() as patch, mock_aws(), local_ecr() as registry:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "testing")
        now = datetime.now(UTC)
        registry.add_image("shop/api", tags=("1",), scanned_at=now, findings={"HIGH": 2})
        registry.add_index("shop/web", tags=("1",), platforms=("linux/amd64",), scanned_at=now)
        registry.add_image("shop/job", tags=("1",))
        registry.scan_duration = timedelta(seconds=1)
        registry.unseen_duration = timedelta()
        yield registry


@pytest.fixture
def process(installed, registry, tmp_path):
    """Start the command, with the embedded cloud as its AWS."""
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    environment = isolated(os.environ) | {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "HOME": str(tmp_path),
        # Completions are asked for by the shell's name, whatever started these tests.
        "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1",
    }
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    yield lambda *arguments: subprocess.Popen(
        [installed, *arguments], cwd=tmp_path, env=environment, **pipes
    )
    server.stop()


@pytest.fixture
def run(process):
    def run(*arguments):
        with process(*arguments) as running:
            out, err = running.communicate()
        return subprocess.CompletedProcess(arguments, running.returncode, out, err)

    return run


REGION = ("--region", "eu-west-1")


def test_plans(run):
    done = run("plan", *REGION, "--json", "-")
    assert (done.returncode, done.stderr) == (0, "")
    assert {row["repository"] for row in json.loads(done.stdout)} == {
        "shop/api",
        "shop/web",
        "shop/job",
    }


def test_reports_in_every_form(run, tmp_path):
    forms = ("html", "json", "csv", "markdown", "sarif")
    options = [text for form in forms for text in (f"--{form}", str(tmp_path / form))]
    done = run("report", *REGION, *options)
    assert (done.returncode, done.stderr) == (0, "")
    assert all((tmp_path / form).stat().st_size for form in forms)
    assert json.loads((tmp_path / "json").read_text())["totals"]["HIGH"] == 2
    assert run("report", *REGION, "--fail-on", "high").returncode == 1


@pytest.mark.parametrize(
    ("image", "status"), [("shop/api:1", 1), ("shop/web:1", 0), ("shop/job:1", 0), ("shop/api", 2)]
)
def test_decides_about_images(run, image, status):
    done = run("gate", image, *REGION, "--json", "-")
    assert (done.returncode, done.stderr) == (status, "")
    assert json.loads(done.stdout)["status"] == status


def test_says_after_ctrl_c_what_was_started(process, registry):
    for number in range(60):
        registry.add_image("shop/many", tags=(str(number),))
    registry.faults.latency_seconds = 0.2
    with process("scan", *REGION, "--repos-regex", "shop/many") as running:
        while registry.calls["StartImageScan"] < 20:
            assert running.poll() is None
            time.sleep(0.05)
        running.send_signal(signal.SIGINT)
        _, said = running.communicate(timeout=60)
    registry.faults.latency_seconds = 0
    assert running.returncode == 130
    [(total, named)] = re.findall(r"which go on: (\d+) \(shop/many (\d+)\)", said)
    assert total == named == str(registry.scans_in_progress)


def test_says_its_version_and_completes(run):
    assert run("--version").stdout == f"ecr-scan-reporter {version()}\n"
    assert "_ecr_scan_reporter_completion" in run("--show-completion", "bash").stdout


def test_the_demo_is_said_to_need_a_clone(run):
    done = run("report", "--demo")
    assert (done.returncode, "--demo needs a clone of the project: make demo" in done.stderr) == (
        2,
        True,
    )


def version():
    return re.search(r'^version = "(.*)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)[1]


def modules(names):
    return {name for name in names if name.endswith(".py")}


def test_the_wheel_has_what_the_command_needs_and_nothing_else(wheel):
    with ZipFile(wheel) as archive:
        names = archive.namelist()
    assert {name.split("/")[0] for name in names} == {*PACKAGES, dist_info(names)}
    data = {name for name in names if name.split("/")[0] in PACKAGES} - modules(names)
    templates = (ROOT / "chalicelib/text/templates").iterdir()
    assert data == {str(path.relative_to(ROOT)) for path in templates}
    assert imported_by_the_command() <= modules(names)
    assert modules(names) == modules_of_the_tree()


def dist_info(names):
    [name] = {name.split("/")[0] for name in names if ".dist-info/" in name}
    return name


def modules_of_the_tree():
    paths = (path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
    return {str(path.relative_to(ROOT)) for path in paths}


def imported_by_the_command():
    """The modules that the command imports, at first or later, by their paths."""
    paths = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
    }
    found, open_ones = set(), ["ecr_scan_reporter.__main__"]
    while open_ones:
        name = open_ones.pop()
        if name in found or name not in paths:
            continue
        found.add(name)
        parents = name.split(".")
        open_ones += (".".join(parents[:depth]) for depth in range(1, len(parents)))
        open_ones += imports_of(ast.parse(paths[name].read_text()))
    return {str(paths[name].relative_to(ROOT)) for name in found}


def imports_of(tree):
    """The names of the modules that a module may import; those of types alone left out."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        if isinstance(node, ast.ImportFrom) and node.module:
            yield from (node.module, *(f"{node.module}.{each.name}" for each in node.names))
        # The forms of the report are imported by name.
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        yield from imports_of(node)


def test_what_the_command_asks_for_is_what_is_tested(wheel):
    for name, each in needed_by(wheel).items():
        assert each.specifier.contains(metadata.version(name)), name
