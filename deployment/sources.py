"""What ships of this project: the files that git tracks, and not whatever lies in its folders.

Importing the application leaves compiled files beside it, of the Python that ran it, and Chalice
packs all that it finds. It therefore never packs this project, but a copy of what ships.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path, PurePath

_CODE = ("app.py", "chalicelib", "requirements.txt")
_CONFIGURATION = ".chalice"


def copy_sources(project: Path, directory: Path) -> None:
    """Copy what ships into a directory, with Chalice's configuration, as files of its own."""
    for path in shipped_files(project):
        (directory / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(project / path, directory / path)


def shipped_files(project: Path) -> list[PurePath]:
    """The files that are tracked and there, relative to the project.

    Without git, as in a downloaded archive, these are all but the compiled and the hidden ones.
    """
    tracked = _git_files(project, "--cached", _CONFIGURATION)
    if PurePath("app.py") not in tracked:
        _warn("git does not list this project's files, so all that lie in chalicelib are shipped")
        return _found(project)
    if untracked := [str(path) for path in _git_files(project, "--others") if _is_source(path)]:
        _warn(f"not shipped, since git does not track them: {', '.join(untracked)}")
    return [path for path in tracked if (project / path).is_file()]


def _git_files(project: Path, which: str, *beside: str) -> list[PurePath]:
    command = ["git", "ls-files", "-z", which, "--", *_CODE, *beside]
    # A git hook sets variables that name the repository which it runs for.
    environment = {name: value for name, value in os.environ.items() if name[:4] != "GIT_"}
    try:
        done = subprocess.run(  # noqa: S603
            command, cwd=project, env=environment, capture_output=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return []
    return sorted(PurePath(os.fsdecode(name)) for name in done.stdout.split(b"\0") if name)


def _found(project: Path) -> list[PurePath]:
    code = [path for name in _CODE for path in (project / name, *(project / name).rglob("*"))]
    sources = [path for path in code if _is_source(path.relative_to(project))]
    found = [*sources, *(project / _CONFIGURATION).glob("*.*")]
    return sorted(path.relative_to(project) for path in found if path.is_file())


def _is_source(path: PurePath) -> bool:
    hidden = any(part.startswith(".") for part in path.parts)
    return not hidden and "__pycache__" not in path.parts and path.suffix != ".pyc"


def _warn(text: str) -> None:
    print(text, file=sys.stderr)
