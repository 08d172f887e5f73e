"""Which tags follow an image from build to build, and who holds them."""

from dataclasses import replace

import pytest

from chalicelib.policy.builds import UNKNOWN, Newest
from chalicelib.policy.states import Line
from tests.policy.repositories import (
    LATEST,
    PROD,
    a_repository,
    a_state,
    a_whole,
    day,
)


@pytest.mark.parametrize("tag", ["latest", "main", "prod", "feature-login"])
def test_a_name_without_a_number_is_taken_to_move_from_build_to_build(tag):
    whole = a_whole("a", tag)
    assert a_repository(whole).own_tags(whole) == {tag}


@pytest.mark.parametrize("tag", ["git-4f2a1c", "1.4.2", "build-7", "2026-01-01"])
def test_a_name_with_a_number_is_a_single_builds(tag):
    whole = a_whole("a", tag)
    assert a_repository(whole).own_tags(whole) == frozenset()


def test_a_name_with_a_number_that_was_seen_to_move_follows_its_builds():
    whole = a_whole("a", "v1", "1.4.2")
    assert a_repository(whole, moving=frozenset({"v1"})).own_tags(whole) == {"v1"}


def test_of_unique_tags_the_newest_build_is_current_and_no_other():
    old, new = a_whole("a", "git-1"), a_whole("b", "git-2", pushed=1)
    repository = a_repository(old, new, newest="b")
    assert [repository.own_tags(whole) for whole in (old, new)] == [frozenset(), {""}]


def test_the_newest_with_a_tag_that_moves_is_in_that_tags_line_alone():
    whole = a_whole("a", "latest", "git-1")
    assert a_repository(whole, newest="a").own_tags(whole) == {"latest"}


def test_a_tag_is_held_by_the_image_that_has_it_now():
    repository = a_repository(a_whole("a"), a_whole("b", "latest"), deleted=["c"])
    assert repository.holder("latest") == "b"


def test_a_tag_that_was_asked_for_is_held_by_whom_the_answer_names():
    repository = a_repository(a_whole("a"), holders={"latest": "far", "prod": None})
    assert repository.holder("latest") == "far"
    assert repository.holder("prod") is None


def test_who_holds_a_tag_that_was_not_asked_for_is_unknown_and_not_nobody():
    assert a_repository(a_whole("a")).holder("latest") == UNKNOWN
    assert UNKNOWN is not None


def test_the_line_without_a_tag_is_the_newests_as_long_as_that_shares_no_tag():
    assert a_repository(a_whole("a", "git-1"), newest="a").holder("") == "a"
    assert a_repository(a_whole("a", "latest"), newest="a").holder("") is None
    assert a_repository().holder("") == UNKNOWN
    not_looked_up = a_repository(newest=Newest("a", day(0)))
    assert not_looked_up.holder("") == UNKNOWN


def test_tags_that_an_image_has_lost_are_those_that_nothing_else_is_seen_to_have():
    states = [a_state(LATEST, "a"), a_state(PROD, "a"), a_state(Line("dev", ""), "b")]
    repository = a_repository(a_whole("a"), a_whole("c", "prod"), states=states)
    # What holds "dev" now is not asked for, since its image was not looked up either.
    assert repository.lost_tags == {"latest"}


def test_lines_that_have_ended_lose_no_tags():
    ended = a_state(LATEST, "a", has_ended=True)
    repository = a_repository(a_whole("a"), states=[ended])
    assert repository.lost_tags == frozenset()
    assert repository.live == {}


def test_a_whole_that_was_pushed_later_is_the_newest():
    repository = a_repository(a_whole("a"), newest="a")
    repository = replace(repository, newest=replace(repository.newest, tag="latest"))
    newest = repository.with_newest_of([a_whole("b", pushed=1)]).newest
    assert newest == Newest("b", day(1), tag=None, tag_before="latest")


def test_a_whole_that_was_pushed_before_is_not_the_newest():
    repository = a_repository(a_whole("b", pushed=1), newest="b")
    assert repository.with_newest_of([a_whole("a")]).newest.digest == "b"


def test_an_older_whole_is_the_newest_once_the_newest_was_deleted():
    repository = a_repository(deleted=["b"], newest=Newest("b", day(1), tag="latest"))
    newest = repository.with_newest_of([a_whole("a")]).newest
    assert newest == Newest("a", day(0), tag_before="latest")
    assert repository.with_newest_of([]).newest is None
