"""What the tests of the channels share."""

import json

import pytest

from tests.golden import assert_golden


@pytest.fixture
def golden():
    """Compare a document with a file that is kept."""

    def compare(name, document):
        assert_golden(name, json.dumps(document, indent=2, ensure_ascii=False) + "\n")

    return compare
