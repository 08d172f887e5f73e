"""The hook that checks a commit's message."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
CHECK = ROOT / ".ci" / "check_commit_message.py"
WHY = "\n\nElse a deleted repository would hold up the plan.\n"


@pytest.fixture
def check(tmp_path):
    """Check a message; gives what is wrong with it."""

    def run(message):
        file = tmp_path / "COMMIT_EDITMSG"
        file.write_text(message, encoding="utf-8")
        done = subprocess.run([CHECK, file], capture_output=True, text=True, check=False)
        assert (done.returncode == 0) == (done.stderr == "")
        return done.stderr.removeprefix("commit message: ").strip()

    return run


@pytest.mark.parametrize(
    "message",
    [
        "Skip deleted repositories" + WHY,
        "x" * 72 + WHY,
        "ü" * 72 + WHY,
        "Skip deleted repositories" + WHY + "\nSigned-off-by: A <a@example.org>\n",
        "# Please enter the commit message\nSkip deleted repositories" + WHY + "# On branch main\n",
        "Merge branch 'main' into docs",
        'Revert "Skip deleted repositories"',
        "fixup! Skip deleted repositories",
    ],
)
def test_takes_a_short_subject_with_a_body(check, message):
    assert check(message) == ""


@pytest.mark.parametrize(
    ("message", "problem"),
    [
        ("", "the first line is empty; it says what changes for the user"),
        ("\nSkip deleted repositories" + WHY, "the first line is empty; it says what changes"),
        ("x" * 73 + WHY, "the subject has 73 characters, more than 72"),
        ("Skip deleted repositories\nElse they hold up", "the second line is not empty"),
        ("Skip deleted repositories\n", "there is no body; it says why"),
        ("Skip deleted repositories\n\n# On branch main\n", "there is no body; it says why"),
        (
            "Skip deleted repositories\n\nSigned-off-by: A <a@example.org>\n",
            "there is no body; it says why",
        ),
        (
            "Skip deleted repositories\n"
            "# ------------------------ >8 ------------------------\n\ndiff --git a/app.py",
            "there is no body; it says why",
        ),
    ],
)
def test_says_what_is_wrong(check, message, problem):
    assert check(message).startswith(problem)


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_the_hooks_check_what_is_committed(tmp_path):
    pre_commit = Path(sys.executable).with_name("pre-commit")
    for name in (".pre-commit-config.yaml", ".ci/check_commit_message.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / "Makefile").write_text("lint types:\n\t@! grep -n mistake app.py\n")

    def run(*command):
        git = shutil.which("git") or "git"
        identity = ("-c", "user.name=test", "-c", "user.email=test@example.org")
        given = [git, *identity, *command] if command[0] != "install" else [pre_commit, *command]
        environment = os.environ | {"PRE_COMMIT_HOME": str(tmp_path / ".git" / "pre-commit")}
        done = subprocess.run(
            given, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        return done.returncode, done.stdout + done.stderr

    def commit(content, message):
        (tmp_path / "app.py").write_text(content)
        run("add", "--all")
        return run("commit", "--message", message)

    run("init")
    assert run("install")[0] == 0
    assert "style and formatting" in commit("a mistake", "Begin" + WHY)[1]
    assert "there is no body" in commit("better", "Begin")[1]
    assert run("rev-parse", "HEAD")[0] != 0
    assert commit("better", "Begin" + WHY)[0] == 0
