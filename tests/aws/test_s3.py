"""The bucket of the fleet reports."""

from urllib.parse import parse_qs, urlsplit

import boto3
import pytest
from botocore.exceptions import ClientError

from chalicelib.aws.clients import client_of
from chalicelib.aws.s3 import ReportBucket

REGION = "eu-west-1"


@pytest.fixture
def client(aws):
    client = client_of(boto3.Session(), "s3")
    client.create_bucket(Bucket="reports", CreateBucketConfiguration={"LocationConstraint": REGION})
    return client


@pytest.fixture
def bucket(client):
    return ReportBucket(client, "reports")


def test_an_object_is_read_as_it_was_written(bucket, client):
    bucket.put("a.html", "<p>ü</p>", "text/html; charset=utf-8")
    assert bucket.get("a.html") == "<p>ü</p>"
    assert client.head_object(Bucket="reports", Key="a.html")["ContentType"] == (
        "text/html; charset=utf-8"
    )


def test_what_is_not_there_is_none(bucket):
    bucket.delete("a.html")
    assert bucket.get("a.html") is None


def test_a_bucket_that_may_not_be_read_is_an_error(client):
    with pytest.raises(ClientError):
        ReportBucket(client, "nobodys").get("a.html")


def test_only_the_first_to_create_an_object_does(bucket):
    assert [bucket.create("mark", "one"), bucket.create("mark", "two")] == [True, False]
    assert bucket.get("mark") == "one"


def test_creating_in_a_bucket_that_is_not_there_is_an_error(client):
    with pytest.raises(ClientError):
        ReportBucket(client, "nobodys").create("mark", "one")


def test_the_keys_before_another_are_found_over_many_pages(bucket, client):
    for number in range(1005):
        client.put_object(Bucket="reports", Key=f"json/{number:04}", Body=b"")
    client.put_object(Bucket="reports", Key="html/9999", Body=b"")
    before = bucket.keys_before("json/", "json/1003")
    assert (len(before), before[0], before[-1]) == (1003, "json/0000", "json/1002")
    assert bucket.keys_before("json/", "json/0000") == []
    assert len(bucket.keys_before("json/", "json/2")) == 1005
    assert bucket.keys_before("other/", "other/1") == []


def test_a_link_is_of_the_buckets_region_and_signed_for_so_long(bucket):
    address = urlsplit(bucket.presigned_url("html/a b.html", 3600))
    query = parse_qs(address.query)
    assert address.hostname == f"reports.s3.{REGION}.amazonaws.com"
    assert address.path == "/html/a%20b.html"
    assert query["X-Amz-Algorithm"] == ["AWS4-HMAC-SHA256"]
    assert query["X-Amz-Expires"] == ["3600"]
