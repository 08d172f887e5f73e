"""Chat notifications of digests and warnings."""

import json
import re
from pathlib import Path

import jsonschema
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.text.chat import announcement
from tests.reports import TEXTS

SCHEMA = json.loads(
    (Path(__file__).parents[1] / "notifying/channels/custom-notification.schema.json").read_text()
)


@given(TEXTS.filter(lambda text: text.strip()), st.lists(TEXTS, min_size=1, max_size=40), TEXTS)
def test_any_announcement_is_one_that_chat_channels_take(title, lines, address):
    notification = json.loads(announcement(title, ["what it is about", *lines], "x", address))
    jsonschema.validate(notification, SCHEMA)
    content = notification["content"]
    assert len(content["title"]) <= 150
    assert len(content["description"]) <= 2_900
    text = re.sub(r"\n<https?://[^<>]*>$", "", content["description"])
    assert not re.search(r"[<>`|~\[\]]|@(here|channel|everyone)", text, re.IGNORECASE)


def test_the_address_stands_last_and_whole_or_not_at_all():
    address = "https://example.org/" + "a" * 1_000
    [short] = [json.loads(announcement("Digest", ["x" * 5_000], "x", address))]
    assert short["content"]["description"].endswith(f"\n<{address}>")
    long = json.loads(announcement("Digest", ["x"], "x", address * 2))
    assert "<" not in long["content"]["description"]
