"""The channel that the guide shows as an example does what the guide says."""

import json
import re
from types import ModuleType

import boto3
import pytest
from moto import mock_aws

from deployment.packages import PROJECT
from tests.notifying.channels.samples import CHANGES, FAILED, FULL, LOW, NEW, report

GUIDE = (PROJECT / "docs" / "channels.md").read_text().partition("## A channel of your own")[2]


class Bus:
    """EventBridge, which says of each event whether it was taken."""

    def __init__(self, refused: int = 0) -> None:
        self.client = boto3.client("events", "eu-west-1")
        self.refused = refused
        self.details = []

    def put_events(self, Entries):  # noqa: N803
        answer = self.client.put_events(Entries=Entries)
        self.details += [json.loads(entry["Detail"]) for entry in Entries]
        return answer | {"FailedEntryCount": self.refused}


@pytest.fixture
def bus():
    with mock_aws():
        yield Bus()


@pytest.fixture
def channel(bus):
    """The module of the guide."""
    module = ModuleType("bus")
    exec(re.search(r"```python\n(.*?)```", GUIDE, re.DOTALL)[1], vars(module))  # noqa: S102
    module.client = {"events": bus}.__getitem__
    return module


def test_an_event_is_put_for_each_new_finding_that_can_be_fixed(channel, bus):
    channel.deliver(FULL, None)
    assert bus.details == [
        {
            "key": NEW.key,
            "image": FULL.name,
            "severity": "CRITICAL",
            "update": "openssl to 3.0.2-1",
        }
    ]


@pytest.mark.parametrize("nothing_new", [FAILED, report(LOW, changes=CHANGES)])
def test_nothing_is_put_where_nothing_new_can_be_fixed(channel, bus, nothing_new):
    channel.deliver(nothing_new, None)
    assert bus.details == []


def test_an_event_that_is_not_taken_fails_the_delivery(channel, bus):
    bus.refused = 1
    with pytest.raises(RuntimeError, match="1 events were not taken"):
        channel.deliver(FULL, None)
