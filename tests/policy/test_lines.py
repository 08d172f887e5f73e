"""Where an image belongs: lines by tag and platform, and what becomes of the others."""

from dataclasses import replace

import pytest

from chalicelib.policy.builds import Newest
from chalicelib.policy.lines import placed
from chalicelib.policy.states import Line
from tests.policy.repositories import (
    AMD,
    ARM,
    HUB,
    LATEST,
    PROD,
    UNTAGGED,
    a_repository,
    a_state,
    a_whole,
    day,
)


def bases(placement):
    return [(state.line, state.digest) for state in placement.bases]


def test_a_build_is_compared_with_the_one_that_had_the_tag_before():
    repository = a_repository(
        a_whole("b", "latest", pushed=1), a_whole("a"), states=[a_state(LATEST, "a", "CVE-1")]
    )
    placement = placed("b", {"b": ""}, repository)
    assert placement.line == LATEST
    assert bases(placement) == [(LATEST, "a")]


def test_platforms_under_one_tag_are_lines_of_their_own():
    index = a_whole("i", "latest", platforms=("linux/amd64", "linux/arm64"))
    states = [a_state(AMD, "amd", whole="i"), a_state(ARM, "arm", whole="i")]
    repository = a_repository(index, states=states, newest="i")
    for digest, line in (("amd", AMD), ("arm", ARM)):
        placement = placed(digest, {"i": line.platform}, repository)
        assert placement.line == line
        assert bases(placement)[0] == (line, digest)
        assert placement.states == {}


def test_a_platform_that_an_index_no_longer_has_ends():
    index = a_whole("j", "latest", pushed=1, platforms=("linux/amd64",))
    states = [a_state(AMD, "amd", whole="i"), a_state(ARM, "arm", whole="i")]
    repository = a_repository(index, a_whole("i"), states=states)
    placement = placed("amd2", {"j": "linux/amd64"}, repository)
    assert [line for line, state in placement.states.items() if state.has_ended] == [ARM]


def test_platforms_of_an_index_that_was_not_read_end_nothing():
    index = a_whole("j", "latest", pushed=1, platforms=None)
    states = [a_state(ARM, "arm", whole="i")]
    placement = placed("", {}, a_repository(index, a_whole("i"), states=states))
    assert placement.states == {}


def test_an_old_build_is_in_no_line_and_changes_none():
    new, old = a_whole("b", "latest", pushed=1), a_whole("a", "build-1")
    repository = a_repository(new, old, states=[a_state(LATEST, "b")], newest="b")
    placement = placed("a", {"a": ""}, repository)
    assert (placement.line, placement.bases, placement.states) == (None, (), {})


def test_a_build_that_lost_its_tag_is_not_announced_again():
    new, old = a_whole("b", "latest", pushed=1), a_whole("a")
    repository = a_repository(new, old, states=[a_state(LATEST, "a")], newest="b")
    assert placed("a", {"a": ""}, repository).line is None


def test_unique_tags_follow_one_another_as_the_newest_build():
    first, second = a_whole("a", "git-1"), a_whole("b", "git-2", pushed=1)
    newest = Newest("a", day(0), tag="")
    repository = a_repository(first, second, states=[a_state(UNTAGGED, "a")], newest=newest)
    placement = placed("b", {"b": ""}, repository)
    assert placement.line == UNTAGGED
    assert bases(placement) == [(UNTAGGED, "a")]
    assert placement.newest == Newest("b", day(1), tag="", tag_before="")
    assert placed("a", {"a": ""}, repository.with_newest_of([second])).line is None


def test_after_a_rollback_an_image_is_compared_with_the_tags_and_with_what_was_told_of_it():
    repository = a_repository(
        a_whole("a", "latest"),
        a_whole("b", pushed=1),
        states=[a_state(LATEST, "b"), a_state(PROD, "a", has_ended=True)],
    )
    assert bases(placed("a", {"a": ""}, repository)) == [(LATEST, "b"), (PROD, "a")]


def test_a_tag_that_moves_to_a_first_build_is_compared_with_the_image_that_had_it():
    known = a_state(PROD, "a")
    repository = a_repository(
        a_whole("b", "v1", pushed=1),
        a_whole("a", "prod"),
        states=[known],
        moving=frozenset({"v1"}),
        previous={"v1": "a"},
    )
    assert bases(placed("b", {"b": ""}, repository)) == [(PROD, "a")]


def test_a_first_tag_that_moves_goes_on_from_the_newest_build_before():
    newest = Newest("a", day(0), tag="")
    states = [a_state(UNTAGGED, "a")]
    repository = a_repository(
        a_whole("b", "latest", pushed=1), a_whole("a", "git-1"), states=states, newest=newest
    )
    assert bases(placed("b", {"b": ""}, repository)) == [(UNTAGGED, "a")]


def test_another_platforms_state_is_nothing_to_compare_with():
    index = a_whole("i", "latest", platforms=("linux/amd64", "linux/arm64"))
    repository = a_repository(index, states=[a_state(AMD, "amd", whole="i")], newest="i")
    placement = placed("arm", {"i": "linux/arm64"}, repository)
    assert (placement.line, placement.bases) == (ARM, ())


def test_an_image_of_two_tags_is_reported_in_one_of_them():
    repository = a_repository(a_whole("a", "latest", "prod"), newest="a")
    placement = placed("a", {"a": ""}, repository)
    assert (placement.line, placement.shadows) == (PROD, (LATEST,))


@pytest.mark.parametrize("line", [LATEST, PROD])
def test_an_image_stays_in_the_line_that_it_is_reported_in(line):
    states = [a_state(line, "a")]
    repository = a_repository(a_whole("a", "latest", "prod"), states=states)
    assert placed("a", {"a": ""}, repository).line == line


def test_an_image_goes_on_in_the_line_of_its_builds_and_not_in_a_new_one():
    states = [a_state(LATEST, "b")]
    repository = a_repository(a_whole("a", "latest", "prod"), states=states)
    assert placed("a", {"a": ""}, repository).line == LATEST


def test_what_was_open_in_a_deleted_image_is_closed():
    repository = a_repository(states=[a_state(LATEST, "a", "CVE-1")], deleted=["a"])
    placement = placed("", {}, repository, HUB)
    [state] = placement.states.values()
    assert state.has_ended
    assert state.closed.keys() == {"CVE-1"}


def test_a_lost_deletion_event_is_noticed_by_the_next_scan_of_the_repository():
    states = [a_state(LATEST, "a"), a_state(PROD, "b")]
    repository = a_repository(a_whole("b", "prod"), states=states, deleted=["a"])
    placement = placed("b", {"b": ""}, repository)
    assert [line for line, state in placement.states.items() if state.has_ended] == [LATEST]


def test_an_image_that_was_not_looked_up_is_not_taken_for_deleted():
    repository = a_repository(states=[a_state(LATEST, "a")])
    assert placed("", {}, repository).states == {}


def test_a_line_whose_tag_nothing_holds_ends_though_its_image_is_there():
    states = [a_state(LATEST, "a")]
    repository = a_repository(a_whole("a", "git-1"), states=states, holders={"latest": None})
    assert placed("", {}, repository).states[LATEST].has_ended


def test_a_line_whose_tag_another_image_took_waits_for_that_ones_scan():
    states = [a_state(LATEST, "a")]
    repository = a_repository(a_whole("a"), a_whole("b", "latest", pushed=1), states=states)
    assert placed("", {}, repository).states == {}


def test_an_image_that_loses_a_tag_to_another_goes_on_in_that_which_it_still_has():
    shadow = a_state(PROD, "a", "CVE-1", is_shadow=True)
    repository = a_repository(
        a_whole("a", "prod"),
        a_whole("b", "latest", pushed=1),
        states=[a_state(LATEST, "a", "CVE-1"), shadow],
    )
    placement = placed("b", {"b": ""}, repository, HUB)
    assert placement.line == LATEST
    assert placement.states == {PROD: replace(shadow, is_shadow=False, mirrored=False)}


def test_an_image_goes_on_in_a_tag_that_it_was_given_since_its_last_scan():
    repository = a_repository(
        a_whole("a", "prod"),
        a_whole("b", "latest", pushed=1),
        states=[a_state(LATEST, "a", "CVE-1")],
    )
    state = placed("b", {"b": ""}, repository).states[PROD]
    assert (state.digest, state.findings.keys(), state.is_shadow) == ("a", {"CVE-1"}, False)


def test_the_newest_that_is_given_a_moving_tag_leaves_the_line_without_one():
    newest = Newest("a", day(0), tag="")
    states = [a_state(UNTAGGED, "a", "CVE-1")]
    repository = a_repository(a_whole("a", "latest"), states=states, newest=newest)
    placement = placed("a", {"a": ""}, repository)
    assert placement.line == LATEST
    assert placement.states[UNTAGGED].has_ended
    assert bases(placement)[0] == (UNTAGGED, "a")
    assert placement.newest.tag == "latest"


def test_an_image_of_a_thousand_tags_is_in_one_line_and_says_the_same_in_the_others():
    tags = [f"team-{'x' * number}" for number in range(1, 1001)]
    repository = a_repository(a_whole("a", *tags), newest="a")
    placement = placed("a", {"a": ""}, repository)
    assert placement.line == Line("team-x", "")
    assert len(placement.shadows) == 999


def test_a_deleted_image_is_in_no_line():
    repository = a_repository(states=[a_state(LATEST, "a")], deleted=["a"])
    assert placed("a", {}, repository).line is None


def test_another_platform_of_the_index_that_had_the_tag_is_nothing_to_compare_with():
    repository = a_repository(
        a_whole("j", "v1", pushed=1, platforms=("linux/arm64",)),
        states=[a_state(AMD, "amd", whole="i")],
        moving=frozenset({"v1"}),
        previous={"v1": "i"},
    )
    assert placed("arm", {"j": "linux/arm64"}, repository).bases == ()
    assert bases(placed("amd2", {"j": "linux/amd64"}, repository)) == [(AMD, "amd")]


def test_an_image_that_takes_another_ones_tag_stays_in_its_own_line():
    states = [a_state(LATEST, "a"), a_state(PROD, "b")]
    repository = a_repository(a_whole("a", "latest", "prod"), a_whole("b"), states=states)
    placement = placed("a", {"a": ""}, repository)
    assert (placement.line, placement.shadows) == (LATEST, (PROD,))


def test_an_image_of_two_indexes_is_current_by_the_tag_that_moves_and_not_as_the_newest():
    platforms = ("linux/amd64",)
    tagged = a_whole("i", "latest", platforms=platforms)
    newest = a_whole("j", "git-2", pushed=1, platforms=platforms)
    repository = a_repository(tagged, newest, newest="j")
    placement = placed("amd", {"i": "linux/amd64", "j": "linux/amd64"}, repository)
    assert (placement.line, placement.shadows) == (AMD, ())
