"""Texts as they should be, to compare with: ``GOLDEN=renew make test`` writes them anew."""

import os
from pathlib import Path


def assert_golden(name, text):
    """Fail unless the text is that of the golden file; see above for how to renew it."""
    path = Path(__file__).parent / name
    if os.environ.get("GOLDEN") == "renew":
        path.write_bytes(text.encode())
    assert text.encode() == path.read_bytes()
