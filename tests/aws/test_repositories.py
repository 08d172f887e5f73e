"""The images of a repository with what its indexes say, over real boto3 calls."""

import boto3
import pytest
from botocore.exceptions import ClientError

from chalicelib.aws.dynamodb import Table
from chalicelib.aws.ecr import Registry
from chalicelib.aws.repositories import RepositoryImages
from chalicelib.runtime.backoff import Backoff
from chalicelib.runtime.deadline import Deadline

REPOSITORY = "shop/api"
PATIENT = Backoff(Deadline.unlimited(), lambda _: None)


@pytest.fixture
def reader(aws, history_table):
    def make(table="history", resolve=True):
        kept = Table(boto3.client("dynamodb"), table) if table else None
        registry = Registry(boto3.client("ecr"))
        return RepositoryImages(registry, "123456789012/eu-west-1", kept, resolve=resolve)

    return make


def push(aws, count=1):
    for number in range(count):
        aws.add_index(REPOSITORY, tags=(f"v{number}",), platforms=("linux/amd64", "linux/arm64/v8"))


def told(reader):
    """What the images are, as far as their indexes say."""
    images = reader.read(REPOSITORY, PATIENT)
    return [(image.digest, image.platform, image.attestation, image.index_tags) for image in images]


def test_platform_images_are_told_from_attestations(aws, reader):
    push(aws)
    *listed, index = reader().read(REPOSITORY, PATIENT)
    assert [(image.platform, image.attestation) for image in listed] == [
        ("linux/amd64", False),
        ("linux/arm64/v8", False),
        ("", True),
        ("", True),
    ]
    assert {image.index_tags for image in listed} == {("v0",)}
    assert index.is_manifest_list


def test_an_index_is_read_once_for_good(aws, reader):
    push(aws, 120)
    before = told(reader())
    assert aws.calls["BatchGetImage"] == 2
    pulled = {image.pulled_at for image in reader().read(REPOSITORY, PATIENT)}
    assert told(reader()) == before
    assert aws.calls["BatchGetImage"] == 2
    # What reads an index counts as a pull of it, which a rule may go by.
    assert {image.pulled_at for image in reader().read(REPOSITORY, PATIENT)} == pulled
    push(aws)
    reader().read(REPOSITORY, PATIENT)
    assert aws.calls["BatchGetImage"] == 3


def test_without_a_table_they_are_read_each_time(aws, reader):
    push(aws)
    for _ in range(2):
        reader(table=None).read(REPOSITORY, PATIENT)
    assert aws.calls["BatchGetImage"] == 2


def test_a_table_that_does_not_answer_costs_calls_and_nothing_else(aws, reader):
    push(aws)
    assert told(reader(table="missing")) == told(reader())


def test_where_indexes_are_not_to_be_read_none_is(aws, reader):
    push(aws)
    images = reader(resolve=False).read(REPOSITORY, PATIENT)
    assert not any(image.attestation or image.index_tags for image in images)
    assert aws.calls["BatchGetImage"] == 0


def test_where_indexes_may_not_be_read_the_images_come_without(aws, reader):
    push(aws)
    aws.fail_next("BatchGetImage", "AccessDeniedException")
    assert len(reader().read(REPOSITORY, PATIENT)) == 5


def test_any_other_failure_is_raised(aws, reader):
    push(aws)
    aws.fail_next("BatchGetImage", "KmsException")
    with pytest.raises(ClientError, match="Kms"):
        reader().read(REPOSITORY, PATIENT)


def test_archived_indexes_are_not_read(aws, reader):
    push(aws)
    [index] = [each for each in aws.repositories[REPOSITORY].images.values() if each.is_index]
    index.status = "ARCHIVED"
    reader().read(REPOSITORY, PATIENT)
    assert aws.calls["BatchGetImage"] == 0


def test_what_was_read_of_indexes_is_known_without_a_call_to_ecr(aws, reader):
    push(aws, 2)
    images = reader()
    assert images.kept(REPOSITORY) == {}
    images.read(REPOSITORY, PATIENT)
    aws.calls.clear()
    kept = reader().kept(REPOSITORY)
    assert len(kept) == 2
    assert {entry.platform for index in kept.values() for entry in index.entries} == {
        *("linux/amd64", "linux/arm64/v8", "")
    }
    assert not aws.calls


def test_an_index_that_was_deleted_is_forgotten(aws, reader):
    push(aws, 2)
    reader().read(REPOSITORY, PATIENT)
    [index, other] = reader().kept(REPOSITORY)
    reader().forget(REPOSITORY, index)
    assert list(reader().kept(REPOSITORY)) == [other]


def test_without_a_table_nothing_is_known_and_nothing_to_be_forgotten(aws, reader):
    push(aws)
    images = reader(table=None)
    images.read(REPOSITORY, PATIENT)
    assert images.kept(REPOSITORY) == {}
    images.forget(REPOSITORY, "sha256:never")


def test_an_index_that_was_kept_before_tags_were_has_none(aws, reader):
    push(aws)
    reader().read(REPOSITORY, PATIENT)
    [digest] = reader().kept(REPOSITORY)
    key = {"pk": {"S": f"indexes#123456789012/eu-west-1/{REPOSITORY}"}, "sk": {"S": digest}}
    boto3.client("dynamodb").update_item(
        TableName="history", Key=key, UpdateExpression="REMOVE tags"
    )
    assert reader().kept(REPOSITORY)[digest].tags == ()
    assert len(reader().kept(REPOSITORY)[digest].entries) == 4


def test_the_tags_of_an_index_are_kept_as_they_were_when_it_was_read(aws, reader):
    push(aws)
    reader().read(REPOSITORY, PATIENT)
    aws.add_index(REPOSITORY, tags=("v0",), platforms=("linux/amd64",))
    reader().read(REPOSITORY, PATIENT)
    assert [index.tags for index in reader().kept(REPOSITORY).values()] == [("v0",), ("v0",)]
