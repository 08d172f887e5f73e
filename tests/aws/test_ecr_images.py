"""Asking ECR for some images by name, over real boto3 calls."""

import boto3
import pytest
from botocore.exceptions import ClientError

from chalicelib.aws.ecr import Registry, RepositoryDeleted
from chalicelib.runtime.backoff import Backoff, DeadlineReached
from chalicelib.runtime.deadline import Deadline

REPOSITORY = "shop/api"


@pytest.fixture
def existing(aws):
    registry = Registry(boto3.client("ecr"))
    patient = Backoff(Deadline.unlimited(), lambda _: None)

    def ask(*names, backoff=patient, repository=REPOSITORY):
        return registry.existing(repository, names, backoff)

    return ask


def by_digest(*digests):
    return [{"imageDigest": digest} for digest in digests]


def missing(number):
    return f"sha256:{number:064}"


def test_images_that_are_there_take_one_call_a_hundred(aws, existing):
    images = [aws.add_image(REPOSITORY, tags=(f"v{number}",)) for number in range(120)]
    found = existing(*by_digest(*(image.digest for image in images)))
    assert {image.digest for image in found} == {image.digest for image in images}
    assert aws.calls["DescribeImages"] == 2


def test_one_image_that_was_deleted_hides_none_of_the_others(aws, existing):
    digests = [aws.add_image(REPOSITORY).digest for _ in range(99)]
    names = by_digest(*digests[:50], missing(1), *digests[50:])
    assert {image.digest for image in existing(*names)} == {*digests}
    # A hundred halved until the one is found: twice the halvings.
    assert aws.calls["DescribeImages"] <= 15


def test_images_are_found_by_their_tags_too(aws, existing):
    image = aws.add_image(REPOSITORY, tags=("latest", "1.0"))
    [found] = existing({"imageTag": "latest"}, {"imageTag": "never"})
    assert (found.digest, {*found.tags}) == (image.digest, {"latest", "1.0"})


def test_an_archived_image_is_there(aws, existing):
    image = aws.add_image(REPOSITORY, tags=("latest",))
    image.status = "ARCHIVED"
    [found] = existing(*by_digest(image.digest))
    assert found.archived


def test_of_images_that_were_all_deleted_none_is_there(aws, existing):
    aws.add_image(REPOSITORY)
    assert existing(*by_digest(*map(missing, range(3)))) == []


def test_no_names_take_no_call(aws, existing):
    assert existing() == []
    assert not aws.calls


def test_throttling_is_waited_out_and_is_no_deletion(aws, existing):
    image = aws.add_image(REPOSITORY)
    aws.fail_next("DescribeImages", "ThrottlingException", times=8)
    assert [each.digest for each in existing(*by_digest(image.digest))] == [image.digest]


def test_when_no_time_is_left_nothing_is_taken_for_deleted(aws, existing):
    image = aws.add_image(REPOSITORY)
    with pytest.raises(DeadlineReached):
        existing(*by_digest(image.digest), backoff=Backoff(Deadline.seconds(0)))


def test_a_call_that_fails_is_no_deletion(aws, existing):
    image = aws.add_image(REPOSITORY)
    aws.fail_next("DescribeImages", "AccessDeniedException")
    with pytest.raises(ClientError, match="AccessDenied"):
        existing(*by_digest(image.digest))


def test_a_repository_that_was_deleted_is_said_to_be(existing):
    with pytest.raises(RepositoryDeleted):
        existing(*by_digest(missing(1)), repository="never/there")
