"""Where an image belongs: looked up in ECR with few calls, and never guessed."""

from datetime import UTC, datetime, timedelta

import pytest
from botocore.exceptions import ClientError

from chalicelib.ecr.images import MOST_TAGS
from chalicelib.ecr.registries import RegistryAddress
from chalicelib.notifying import lookups
from chalicelib.notifying.lookups import LookUp
from chalicelib.policy.builds import Newest
from chalicelib.policy.states import Line, ReportedState
from chalicelib.runtime.backoff import Backoff
from chalicelib.runtime.deadline import Deadline
from tests.notifying.repository_scans import PLACE

ADDRESS = RegistryAddress("123456789012", "eu-west-1")


@pytest.fixture
def look_up(scans):
    """The repository, and a look-up of one of its images as a new invocation makes it."""
    run = scans()

    def of(image, states=run.services.line_states, **variables):
        services = run.services if not variables else scans(**variables).services
        backoff = Backoff(Deadline.unlimited(), lambda _: None)
        look = LookUp(ADDRESS, "shop/api", services, backoff, states)
        return look.of(getattr(image, "digest", image))

    of.run = run
    return of


def keep_line(run, image, tag, hour=0, whole=None):
    time = f"2026-03-01T{hour:02}:00:00Z"
    line = Line(tag, "" if whole is None else "linux/amd64")
    state = ReportedState(
        line, image.digest, (whole or image).digest, time, "COMPLETE", findings={}
    )
    return run.services.line_states.keep(PLACE, state)


def test_the_first_look_reads_all_images_to_know_which_is_the_newest(look_up, aws):
    run = look_up.run
    old, newest = run.image(tags=("git-1",)), run.image(tags=("git-2",))
    newest.pushed_at = old.pushed_at + timedelta(hours=1)
    assert look_up(old).newest.digest == newest.digest
    aws.calls.clear()
    assert look_up(old).newest.digest == newest.digest
    assert aws.calls == {"DescribeImages": 1}


def test_an_image_of_an_index_has_the_indexs_tags_and_its_platform(look_up):
    run = look_up.run
    amd, arm = run.image(tags=()), run.image(tags=())
    index = run.index(amd, arm, tags=("latest", "1.0"))
    found = look_up(arm)
    assert (found.image.all_tags, found.image.platform) == (("latest", "1.0"), "linux/arm64")
    assert found.places == {index.digest: "linux/arm64"}
    assert found.repository.wholes[index.digest].tags == {"latest", "1.0"}


def test_an_index_is_found_by_one_reading_for_all_of_its_platforms(look_up, aws):
    run = look_up.run
    images = [run.image(tags=()) for _ in range(4)]
    run.index(*images)
    look_up(images[0])
    aws.calls.clear()
    for image in images:
        assert look_up(image).image.index_tags == ("latest",)
    assert aws.calls == {"DescribeImages": 4}


def test_an_index_that_is_pushed_after_its_images_is_found_later(look_up):
    run = look_up.run
    image = run.image(tags=())
    image.pushed_at = datetime.now(UTC) - timedelta(minutes=30)
    assert look_up(image).image.index_tags == ()
    index = run.index(image)
    assert look_up(image).places == {index.digest: "linux/amd64"}


def test_an_image_that_is_in_no_index_is_not_looked_for_again_and_again(look_up, aws):
    image = look_up.run.image(tags=())
    image.pushed_at = look_up.run.registry.now() - timedelta(days=3650)
    look_up(image)
    aws.calls.clear()
    look_up(image)
    assert aws.calls == {"DescribeImages": 1}


def test_where_indexes_are_not_to_be_read_none_is(look_up, aws):
    run = look_up.run
    image = run.image(tags=())
    run.index(image)
    found = look_up(image, RESOLVE_IMAGE_INDEXES="false")
    assert found.places == {image.digest: ""}
    assert aws.calls["BatchGetImage"] == 0


def test_a_deleted_image_is_nowhere_and_takes_no_reading_of_all(look_up, aws):
    run = look_up.run
    image = run.image()
    run.image(tags=("edge",))
    look_up(image)
    run.delete(image)
    aws.calls.clear()
    found = look_up(image)
    assert (found.image, found.places) == (None, {})
    # With the newest, and by themselves once one of them is not there.
    assert aws.calls["DescribeImages"] <= 3


def test_an_archived_image_is_as_good_as_deleted(look_up):
    image = look_up.run.image()
    image.status = "ARCHIVED"
    assert look_up(image).image is None


def test_a_deleted_repository_has_nothing(look_up, aws):
    run = look_up.run
    image = run.image()
    keep_line(run, image, "latest")
    del aws.repositories["shop/api"]
    found = look_up(image)
    assert found.image is None
    assert set(found.repository.wholes.values()) == {None}


def test_lines_are_looked_at_beside_an_image_in_the_same_call(look_up, aws):
    run = look_up.run
    images = [run.image(tags=(f"team-{'x' * number}",)) for number in range(1, 61)]
    look_up(images[0])
    for image in images:
        keep_line(run, image, image.tags[0])
    aws.calls.clear()
    found = look_up(images[0])
    assert all(found.repository.wholes[image.digest] for image in images)
    assert aws.calls == {"DescribeImages": 1}


def test_of_more_lines_than_a_call_takes_those_scanned_longest_ago_are_looked_at(
    look_up, monkeypatch
):
    monkeypatch.setattr(lookups, "MOST_LINES", 2)
    run = look_up.run
    images = [run.image(tags=(tag,)) for tag in ("edge", "prod", "main")]
    event = run.image(tags=("latest",))
    for hour, image in zip((3, 1, 2), images, strict=True):
        keep_line(run, image, image.tags[0], hour)
    look_up(event)
    run.services.line_states.keep_newest(
        PLACE, look_up(event).newest, Newest(event.digest, event.pushed_at)
    )
    looked_at = look_up(event).repository.wholes
    assert looked_at.keys() == {event.digest, images[1].digest, images[2].digest}


def test_who_has_the_tag_that_a_lines_image_lost_is_asked(look_up):
    run = look_up.run
    before = run.image(tags=("latest", "build-1"))
    keep_line(run, before, "latest")
    after = run.image(tags=("latest", "build-2"))
    other = run.image(tags=("edge",))
    assert look_up(other).repository.holder("latest") == after.digest
    after.tags = ("build-2",)
    run.registry.repositories["shop/api"]._by_tag.pop("latest")
    assert look_up(other).repository.holder("latest") is None


def test_the_platforms_of_an_index_that_took_a_tag_are_read(look_up):
    run = look_up.run
    before = run.image(tags=("latest",))
    keep_line(run, before, "latest")
    index = run.index(run.image(tags=()))
    found = look_up(run.image(tags=("edge",)))
    assert found.repository.wholes[index.digest].platforms == {"linux/amd64"}


def test_tags_that_were_seen_on_another_build_move(look_up):
    run = look_up.run
    first = run.image(tags=("v1", "1.0"))
    found = look_up(first)
    assert not found.repository.moving
    run.services.line_states.keep_tagged(PLACE, found.tagged)
    second = run.image(tags=("v1", "1.1"))
    found = look_up(second)
    assert found.repository.moving == {"v1"}
    assert found.repository.previous["v1"] == first.digest
    assert found.tagged.keys() == {"v1", "1.1"}


def test_of_a_thousand_tags_the_short_ones_are_followed(look_up):
    image = look_up.run.image(tags=("latest", *(f"build-{number:04}" for number in range(999))))
    tagged = look_up(image).tagged
    assert len(tagged) == MOST_TAGS
    assert "latest" in tagged


def test_without_a_history_the_index_is_looked_for_and_nothing_kept(look_up, aws):
    run = look_up.run
    image = run.image(tags=())
    run.index(image)
    found = look_up(image, states=None)
    assert found.image.index_tags == ("latest",)
    assert (found.tagged, found.newest) == ({}, None)
    assert run.services.line_states.recall(PLACE).newest is None


def test_a_reading_that_fails_is_noted_as_none_and_the_next_may_begin_at_once(look_up, aws):
    run = look_up.run
    image = run.image(tags=())
    run.index(image)
    aws.fail_next("BatchGetImage", "KmsException")
    with pytest.raises(ClientError, match="Kms"):
        look_up(image)
    assert run.services.line_states.recall(PLACE).walked_at == 0
    assert look_up(image).image.index_tags == ("latest",)


def test_an_index_that_was_deleted_is_forgotten(look_up):
    run = look_up.run
    image = run.image(tags=())
    index = run.index(image)
    look_up(image)
    run.delete(index)
    assert look_up(image).places == {image.digest: ""}
    contents = run.services.repository_images_of(ADDRESS, remember=True)
    assert contents.kept("shop/api") == {}


@pytest.mark.parametrize("is_kept", [True, False])
def test_a_repository_that_is_deleted_between_two_look_ups_has_no_images(look_up, aws, is_kept):
    run = look_up.run
    image = run.image(tags=())
    options = {} if is_kept else {"states": None}
    answer, deleted = aws.answer, []

    def delete_then(operation, request):
        if operation == "DescribeImages" and "imageIds" not in request:
            deleted.append(aws.repositories.pop("shop/api"))
        return answer(operation, request)

    aws.answer = delete_then
    found = look_up(image, **options)
    assert deleted
    assert (found.image, found.places) == (None, {})


def test_the_tags_that_an_index_had_when_it_was_read_stay_known(look_up):
    run = look_up.run
    image = run.image(tags=())
    index = run.index(image, tags=("latest", "1.0"))
    look_up(image)
    run.index(run.image(tags=()), tags=("latest",))
    found = look_up(image)
    assert found.repository.wholes[index.digest].tags == {"1.0"}
    assert found.earlier_tags == {"latest", "1.0"}
