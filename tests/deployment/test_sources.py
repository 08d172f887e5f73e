"""What ships is what git tracks, whatever else lies in the project's folders."""

import compileall
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from deployment.packages import PROJECT
from deployment.sources import copy_sources, shipped_files

USED = {
    "AWS_PROFILE": "nobody",
    "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
    "CRITICAL": "junk",
    "NOTIFY_ON_INSPECTOR_FINDINGS": "true",
    "PYTHONOPTIMIZE": "2",
    "LC_ALL": "C",
}

needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


def git(directory: Path, *arguments: str) -> None:
    identity = ("-c", "user.name=test", "-c", "user.email=test@example.org")
    command = [shutil.which("git") or "git", *identity, *arguments]
    subprocess.run(command, cwd=directory, check=True, capture_output=True)


def write(path: Path, text: str = "") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def shipped(project: Path) -> list[str]:
    return [str(path) for path in shipped_files(project)]


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A project of a few files, not tracked."""
    project = tmp_path / "small"
    for name in (
        *("app.py", "requirements.txt", "README.md", "tests/test_app.py"),
        *(
            ".chalice/config.json",
            "chalicelib/policy/rules.py",
            "chalicelib/text/templates/email.txt",
        ),
    ):
        write(project / name, name)
    return project


SOURCES = [
    ".chalice/config.json",
    "app.py",
    "chalicelib/policy/rules.py",
    "chalicelib/text/templates/email.txt",
    "requirements.txt",
]


@pytest.fixture
def tracked(small: Path) -> Path:
    """The same, tracked."""
    git(small, "init")
    git(small, "add", "--all")
    git(small, "commit", "--message", "Begin")
    return small


@needs_git
def test_ships_the_tracked_files_and_names_those_that_are_not(
    tracked: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tracked / ".gitignore", "*.pyc\nrisks.yaml")
    write(tracked / "chalicelib/risks.yaml")
    write(tracked / ".chalice/deployed/dev.json")
    write(tracked / "chalicelib/__pycache__/rules.cpython-311.pyc")
    write(tracked / "chalicelib/new.py")

    assert shipped(tracked) == SOURCES
    assert capsys.readouterr().err == (
        "not shipped, since git does not track them: chalicelib/new.py, chalicelib/risks.yaml\n"
    )


@needs_git
def test_ships_what_is_added_and_as_it_is_in_the_folder(tracked: Path, tmp_path: Path) -> None:
    write(tracked / "chalicelib/new.py")
    git(tracked, "add", "chalicelib/new.py")
    write(tracked / "app.py", "changed")
    (tracked / "chalicelib/policy/rules.py").unlink()

    copy_sources(tracked, tmp_path / "copy")

    copied = tmp_path / "copy"
    names = sorted(str(path.relative_to(copied)) for path in copied.rglob("*") if path.is_file())
    assert names == sorted({*SOURCES, "chalicelib/new.py"} - {"chalicelib/policy/rules.py"})
    assert (copied / "app.py").read_text() == "changed"


@needs_git
def test_asks_about_this_project_in_another_repositorys_hook(
    tracked: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    git(tmp_path, "init", "other")
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "other/.git"))

    assert shipped(tracked) == SOURCES


@pytest.mark.parametrize("git_is_there", [True, False])
def test_ships_all_but_compiled_and_hidden_files_without_a_repository(
    small: Path,
    git_is_there: bool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if not git_is_there:
        monkeypatch.setenv("PATH", "")
    for name in ("__pycache__/rules.cpython-311.pyc", "old.pyc", ".rules.py.swp", ".idea/a.xml"):
        write(small / "chalicelib" / name)
    write(small / ".chalice/deployments/code.zip")

    assert shipped(small) == SOURCES
    assert "git does not list this project's files" in capsys.readouterr().err


@needs_git
def test_a_used_checkout_gives_the_same_package_as_a_fresh_one(
    project: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    shutil.copy(PROJECT / ".gitignore", project)
    git(project, "init")
    git(project, "add", "--all")
    git(project, "commit", "--message", "Begin")
    fresh = tmp_path_factory.mktemp("fresh") / "checkout"
    git(project, "clone", ".", str(fresh))
    write(project / "chalicelib/notes.txt", "not tracked")
    compileall.compile_dir(project / "chalicelib", quiet=1)
    for number, path in enumerate((project / "chalicelib").rglob("*.py")):
        os.utime(path, (number, number))
        path.chmod(0o700)

    first = package(fresh, {}, umask=0o022)
    # Twice, since the first one leaves its traces too.
    assert package(project, USED, umask=0o077) == first
    assert package(project, USED, umask=0o077) == first


def package(project: Path, variables: dict[str, str], umask: int) -> dict[str, bytes]:
    """The files that the command writes."""
    subprocess.run(
        [sys.executable, "-m", "deployment", "package", "dev", "out"],
        cwd=project,
        env=os.environ | variables,
        umask=umask,
        check=True,
        capture_output=True,
    )
    return {path.name: path.read_bytes() for path in (project / "out").iterdir()}
