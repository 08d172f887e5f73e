"""What the tests of the adapters share."""

import pytest


class Clock:
    now = 1_800_000_000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    """A clock that stands still until a test moves it."""
    return Clock()
