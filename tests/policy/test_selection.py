"""Which images the rules select."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from chalicelib.ecr.images import Image
from chalicelib.ecr.indexes import with_indexes
from chalicelib.policy.due import Reason
from chalicelib.policy.durations import Duration
from chalicelib.policy.rules import Rules
from chalicelib.policy.selection import skipped
from chalicelib.runtime.patterns import PatternTooSlow

NOW = datetime(2026, 5, 1, tzinfo=UTC)
INDEX = "application/vnd.oci.image.index.v1+json"


def image(digest, *tags, pushed=1, pulled=None, index=False):
    """An image that was pushed, and perhaps pulled, so many days ago."""
    return Image(
        digest,
        tags,
        pushed_at=NOW - timedelta(days=pushed),
        pulled_at=None if pulled is None else NOW - timedelta(days=pulled),
        manifest_media_type=INDEX if index else None,
    )


IMAGES = [
    image("old", "v1", pushed=90, pulled=2),
    image("middle", "v2", "latest", pushed=20, pulled=10),
    image("new", "pr-7", pushed=1),
    image("bare", pushed=5, pulled=1),
]


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        (Rules(), {}),
        (Rules(tagged_only=True), {"bare": Reason.UNTAGGED}),
        (Rules(tagged_only=False), {}),
        (
            Rules(tag_pattern=re.compile("^v")),
            {"new": Reason.TAG_NOT_MATCHED, "bare": Reason.TAG_NOT_MATCHED},
        ),
        (Rules(newest=2), {"old": Reason.NOT_NEWEST, "middle": Reason.NOT_NEWEST}),
        (
            Rules(newest=1, tag_pattern=re.compile("^v")),
            {
                "old": Reason.NOT_NEWEST,
                "new": Reason.TAG_NOT_MATCHED,
                "bare": Reason.TAG_NOT_MATCHED,
            },
        ),
        (Rules(pushed_within=Duration.parse("1m")), {"old": Reason.PUSHED_EARLIER}),
        (Rules(pulled_within=Duration.parse("1w")), {"middle": Reason.PULLED_EARLIER}),
        (
            Rules(tagged_only=True, newest=1, pushed_within=Duration.parse("1m")),
            {
                "bare": Reason.UNTAGGED,
                "old": Reason.PUSHED_EARLIER,
                "middle": Reason.NOT_NEWEST,
            },
        ),
    ],
)
def test_the_first_rule_that_refuses_an_image_is_the_reason(rules, expected):
    assert skipped(IMAGES, rules, NOW) == expected


class TestIndexes:
    IMAGES = with_indexes(
        [
            image("index", "v3", pushed=2, pulled=1, index=True),
            image("amd64", pushed=2),
            image("arm64", pushed=2),
            image("single", "v2", pushed=3),
            image("older", "v1", pushed=4),
        ],
        {"index": ("amd64", "arm64")},
    )

    def test_children_carry_the_tags_of_their_index(self):
        assert [each.all_tags for each in self.IMAGES] == [
            ("v3",),
            ("v3",),
            ("v3",),
            ("v2",),
            ("v1",),
        ]
        assert skipped(self.IMAGES, Rules(tagged_only=True), NOW) == {}

    def test_an_index_and_its_children_count_as_one_of_the_newest(self):
        assert skipped(self.IMAGES, Rules(newest=2), NOW) == {"older": Reason.NOT_NEWEST}

    def test_a_pull_of_the_index_counts_as_a_pull_of_its_children(self):
        assert self.IMAGES[1].pulled_at == NOW - timedelta(days=1)


def test_a_tag_pattern_that_takes_too_long_is_stopped(monkeypatch):
    monkeypatch.setattr("chalicelib.runtime.patterns.MATCHING_SECONDS", 0.05)
    rules = Rules(tag_pattern=re.compile("(a+)+$"))
    with pytest.raises(PatternTooSlow):
        skipped([image("x", "a" * 60 + "!")], rules, NOW)
