"""Which images the rules select."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from chalicelib.ecr.images import Image
from chalicelib.ecr.indexes import IndexEntry, with_indexes
from chalicelib.policy.due import Reason
from chalicelib.policy.durations import Duration
from chalicelib.policy.rules import Rules
from chalicelib.policy.selection import newest_tagged, skipped
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
        {"index": (IndexEntry("amd64"), IndexEntry("arm64"))},
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


class TestTheNewestTaggedImage:
    def test_is_the_one_pushed_last_with_a_tag_of_its_own(self):
        assert newest_tagged(IMAGES) == IMAGES[2]

    def test_is_none_where_nothing_has_a_tag(self):
        assert newest_tagged([IMAGES[3]]) is None

    def test_is_the_index_where_that_was_tagged_last(self):
        index = image("index", "latest", pushed=0, index=True)
        children = with_indexes([index, image("child", pushed=0)], {"index": [IndexEntry("child")]})
        assert newest_tagged([*IMAGES, *children]) == index

    @pytest.mark.parametrize("is_index", [True, False])
    def test_is_nothing_archived_however_new(self, is_index):
        archived = replace(image("x", "latest", pushed=0, index=is_index), archived=True)
        assert newest_tagged([archived, *IMAGES]) == IMAGES[2]

    def test_is_nothing_that_is_no_image(self):
        chart = replace(image("x", "latest", pushed=0), artifact_media_type="application/x.helm")
        assert newest_tagged([chart, *IMAGES]) == IMAGES[2]


def test_an_archived_index_does_not_take_the_place_of_a_live_image_among_the_newest():
    archived = replace(image("index", "latest", pushed=0, index=True), archived=True)
    live = image("live", "v9", pushed=1)
    assert "live" not in skipped([archived, live], Rules(newest=1), NOW)
