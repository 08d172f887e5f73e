#!/usr/bin/env python3
"""Check the message of a commit, in the file that git names to its hook commit-msg."""

import re
import sys
from pathlib import Path

MOST_CHARACTERS = 72
SCISSORS = "# ------------------------ >8 ------------------------"
GITS_OWN = ("Merge ", "Revert ", "fixup! ", "squash! ", "amend! ")
TRAILER = re.compile(r"[A-Z][a-z]*(-[A-Za-z]+)+: ")


def problem(message: str) -> str | None:
    """What is wrong with a message, or None."""
    written = message.partition(SCISSORS)[0].splitlines()
    subject, *rest = [line for line in written if not line.startswith("#")] or [""]
    if not subject.strip():
        return "the first line is empty; it says what changes for the user"
    if subject.startswith(GITS_OWN):
        return None
    if len(subject) > MOST_CHARACTERS:
        return f"the subject has {len(subject)} characters, more than {MOST_CHARACTERS}"
    if rest and rest[0].strip():
        return "the second line is not empty"
    if not any(line.strip() and not TRAILER.match(line) for line in rest):
        return "there is no body; it says why"
    return None


if __name__ == "__main__":
    if found := problem(Path(sys.argv[1]).read_text(encoding="utf-8")):
        sys.exit(f"commit message: {found}")
