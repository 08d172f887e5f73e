"""Which images are current: the newest tagged one of each platform."""

from datetime import UTC, datetime, timedelta

import pytest

from chalicelib.policy.builds import Newest, Repository, Whole
from chalicelib.policy.current import is_newest

START = datetime(2026, 1, 1, tzinfo=UTC)
ARM, INTEL = "linux/arm64", "linux/amd64"


def whole(name, day, *platforms, tags=("1",)):
    return Whole(name, START + timedelta(days=day), frozenset(tags), frozenset(platforms or ("",)))


def is_current(wholes, places, newest=None):
    newest = newest or max(wholes, key=lambda each: each.pushed_at)
    repository = Repository(wholes={each.digest: each for each in wholes})
    return is_newest(places, Newest(newest.digest, newest.pushed_at), repository)


@pytest.mark.parametrize(("digest", "current"), [("new", True), ("old", False)])
def test_the_newest_image_is_current_and_an_older_one_is_not(digest, current):
    assert is_current([whole("old", 1), whole("new", 2)], {digest: ""}) is current


@pytest.mark.parametrize("platform", [ARM, INTEL])
def test_each_platform_of_the_newest_index_is_current(platform):
    wholes = [whole("old", 1, ARM, INTEL), whole("new", 2, ARM, INTEL)]
    assert is_current(wholes, {"new": platform})
    assert not is_current(wholes, {"old": platform})


def test_the_newest_of_a_platform_that_the_newest_index_lacks_is_current():
    wholes = [whole("oldest", 0, INTEL), whole("old", 1, ARM, INTEL), whole("new", 2, ARM)]
    assert is_current(wholes, {"old": INTEL})
    assert not is_current(wholes, {"old": ARM})
    assert not is_current(wholes, {"oldest": INTEL})


def test_an_image_of_two_indexes_is_current_by_the_newer_one():
    wholes = [whole("old", 1, ARM), whole("new", 2, ARM)]
    assert is_current(wholes, {"old": ARM, "new": ARM})


def test_where_the_newest_has_no_tag_or_is_not_known_any_may_be():
    wholes = [whole("old", 1), whole("new", 2, tags=())]
    assert is_current(wholes, {"old": ""})
    assert is_newest({"old": ""}, None, Repository())
    unknown = [whole("old", 1), Whole("new", START + timedelta(days=2), frozenset({"1"}))]
    assert is_current(unknown, {"old": ""})
