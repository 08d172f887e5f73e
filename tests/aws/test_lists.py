"""Lists from files, S3 and the parameter store, over real boto3 calls."""

import boto3
import pytest

from chalicelib.aws.lists import AcceptedRisksReader, ListNotRead, read_list
from chalicelib.settings.accepted_risks import AcceptedRisksError
from chalicelib.settings.sources import parse_source

LIST = "accepted:\n- package: {}\n  reason: bündled away\n  expires: 2027-01-01\n"


@pytest.fixture
def bucket(aws):
    client = boto3.client("s3")
    client.create_bucket(
        Bucket="lists", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
    )
    return lambda text: client.put_object(Bucket="lists", Key="risks.yaml", Body=text.encode())


def packages(reader):
    return [entry.package for entry in reader.read().entries]


def test_a_list_is_read_from_a_file_below_the_root(tmp_path):
    (tmp_path / "lists").mkdir()
    (tmp_path / "lists" / "risks.yaml").write_bytes(b"\xef\xbb\xbf" + LIST.encode())
    source = parse_source("lists/risks.yaml")
    assert read_list(source, boto3.client, tmp_path) == LIST


def test_a_file_is_looked_for_in_the_applications_root_by_default():
    assert "accepted:" in read_list(parse_source("docs/accepted-risks.example.yaml"), boto3.client)


def test_a_list_is_read_from_s3(bucket):
    bucket(LIST)
    assert read_list(parse_source("s3://lists/risks.yaml"), boto3.client) == LIST


def test_a_list_is_read_from_an_encrypted_parameter(aws):
    boto3.client("ssm").put_parameter(Name="/risks", Value=LIST, Type="SecureString")
    assert read_list(parse_source("ssm:/risks"), boto3.client) == LIST


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("missing.yaml", "missing.yaml cannot be read: No such file or directory"),
        ("s3://lists/missing", "s3://lists/missing cannot be read: .*NoSuchKey"),
        ("s3://nobodys/list", "s3://nobodys/list cannot be read: .*NoSuchBucket"),
        ("ssm:/missing", "ssm:/missing cannot be read: .*ParameterNotFound"),
    ],
)
def test_a_list_that_is_not_there_is_named_with_the_reason(bucket, source, reason):
    with pytest.raises(ListNotRead, match=reason):
        read_list(parse_source(source), boto3.client)


def test_a_list_that_is_no_text_is_named(tmp_path):
    (tmp_path / "risks.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ListNotRead, match=r"risks\.yaml cannot be read: .*utf-8"):
        read_list(parse_source("risks.yaml"), boto3.client, tmp_path)


def test_a_list_is_read_again_after_five_minutes_and_not_before(bucket):
    now = [1000.0]
    reader = AcceptedRisksReader(
        parse_source("s3://lists/risks.yaml"), boto3.client, clock=lambda: now[0]
    )
    bucket(LIST.format("openssl"))
    assert packages(reader) == ["openssl"]
    bucket(LIST.format("curl"))
    now[0] += 299
    assert packages(reader) == ["openssl"]
    now[0] += 1
    assert packages(reader) == ["curl"]


def test_a_list_that_becomes_wrong_is_an_error_until_it_is_put_right(bucket):
    now = [1000.0]
    reader = AcceptedRisksReader(
        parse_source("s3://lists/risks.yaml"), boto3.client, clock=lambda: now[0]
    )
    bucket(LIST.format("openssl"))
    reader.read()
    bucket("accepted: none")
    now[0] += 300
    for _ in range(2):
        with pytest.raises(AcceptedRisksError, match="^s3://lists/risks.yaml, line 1: "):
            reader.read()
    bucket(LIST.format("curl"))
    assert packages(reader) == ["curl"]
