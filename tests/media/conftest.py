"""What the tests of the media share."""

import json
import os
from pathlib import Path

import pytest

GOLDEN = Path(__file__).parent.parent / "golden"


@pytest.fixture
def golden():
    """Compare with a file that is kept; UPDATE_GOLDEN=1 writes it anew."""

    def compare(name, document):
        text = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
        path = GOLDEN / name
        if os.environ.get("UPDATE_GOLDEN"):
            path.write_text(text)
        assert text == path.read_text()

    return compare
