"""The channel that docs/channels.md shows how to write."""

import re
from pathlib import Path
from types import ModuleType

import pytest

from tests.notifying.channels.samples import FAILED, FULL, NEW, report

PAGE = Path(__file__).parents[3] / "docs" / "channels.md"


@pytest.fixture
def tickets(queue, monkeypatch):
    """The module of the documentation, which sends to the queue."""
    monkeypatch.setenv("TICKETS_QUEUE_URL", queue.url)
    [source] = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    module = ModuleType("tickets")
    exec(compile(source, PAGE.name, "exec"), module.__dict__)  # noqa: S102
    return module


def test_the_documented_medium_sends_each_new_finding_that_can_be_fixed(tickets, queue):
    tickets.deliver(FULL, None)
    assert queue.receive_all() == [
        {
            "title": "CVE-2027-0001 in openssl of payments/api:latest",
            "severity": "CRITICAL",
            "update": "openssl to 3.0.2-1",
            "image": f"payments/api@{FULL.result.image_digest}",
        }
    ]


@pytest.mark.parametrize("of", [FAILED, report(NEW)])
def test_the_documented_medium_sends_nothing_where_nothing_is_known_to_be_new(tickets, queue, of):
    tickets.deliver(of, None)
    assert queue.receive_all() == []
