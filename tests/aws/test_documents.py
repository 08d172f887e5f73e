"""Documents from files, S3 and the parameter store, over real boto3 calls."""

import os

import boto3
import pytest

from chalicelib.aws.documents import KeptDocument, read_document
from chalicelib.settings.documents import DocumentNotRead
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
    assert read_document(source, boto3.client, tmp_path) == LIST


def test_a_file_is_looked_for_in_the_applications_root_by_default():
    assert "accepted:" in read_document(
        parse_source("docs/accepted-risks.example.yaml"), boto3.client
    )


def test_a_list_is_read_from_s3(bucket):
    bucket(LIST)
    assert read_document(parse_source("s3://lists/risks.yaml"), boto3.client) == LIST


def test_a_list_is_read_from_an_encrypted_parameter(aws):
    boto3.client("ssm").put_parameter(Name="/risks", Value=LIST, Type="SecureString")
    assert read_document(parse_source("ssm:/risks"), boto3.client) == LIST


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
    with pytest.raises(DocumentNotRead, match=reason):
        read_document(parse_source(source), boto3.client)


def test_a_list_that_is_no_text_is_named(tmp_path):
    (tmp_path / "risks.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DocumentNotRead, match=r"risks\.yaml cannot be read: .*utf-8"):
        read_document(parse_source("risks.yaml"), boto3.client, tmp_path)


class Kept:
    """A kept document of one word, with a clock, and how often it was parsed."""

    def __init__(self, source, root=None):
        self.now = 1000.0
        self.parsed = []
        self._document = KeptDocument(
            parse_source(source), self._parse, boto3.client, root, lambda: self.now
        )
        self.read = self._document.read
        self.last_read = self._document.last_read

    def _parse(self, text):
        self.parsed.append(text)
        if text == "wrong":
            raise ValueError(text)
        return text.upper()


def in_s3(text):
    boto3.client("s3").put_object(Bucket="lists", Key="risks.yaml", Body=text.encode())


def in_parameter(text):
    boto3.client("ssm").put_parameter(Name="/risks", Value=text, Type="String", Overwrite=True)


PLACES = [("s3://lists/risks.yaml", in_s3), ("ssm:/risks", in_parameter)]
EACH_PLACE = pytest.mark.parametrize(("source", "write"), PLACES, ids=["S3", "parameter"])


@EACH_PLACE
def test_a_document_is_looked_at_again_after_five_minutes_and_not_before(bucket, source, write):
    kept = Kept(source)
    write("openssl")
    assert kept.read() == "OPENSSL"
    write("curl")
    kept.now += 299
    assert kept.read() == "OPENSSL"
    kept.now += 1
    assert kept.read() == "CURL"


@EACH_PLACE
def test_a_document_that_did_not_change_is_not_parsed_again(bucket, source, write):
    kept = Kept(source)
    write("openssl")
    for _ in range(3):
        assert kept.read() == "OPENSSL"
        kept.now += 300
    assert kept.parsed == ["openssl"]


def test_an_object_that_did_not_change_is_not_sent_again(bucket):
    kept = Kept("s3://lists/risks.yaml")
    in_s3("openssl")
    statuses = []
    client = boto3.client("s3")
    client.meta.events.register(
        "after-call.s3.GetObject",
        lambda http_response, **_: statuses.append(http_response.status_code),
    )
    kept._document._client = lambda _: client
    for _ in range(2):
        kept.read()
        kept.now += 300
    assert statuses == [200, 304]


def test_a_file_that_changed_is_parsed_again(tmp_path):
    kept = Kept("risks.yaml", tmp_path)
    (tmp_path / "risks.yaml").write_text("openssl")
    assert kept.read() == "OPENSSL"
    (tmp_path / "risks.yaml").write_text("curl")
    os.utime(tmp_path / "risks.yaml", (1, 1))
    kept.now += 300
    assert kept.read() == "CURL"


@EACH_PLACE
def test_a_document_that_becomes_wrong_is_an_error_until_it_is_put_right(bucket, source, write):
    kept = Kept(source)
    write("openssl")
    kept.read()
    write("wrong")
    kept.now += 300
    for _ in range(2):
        with pytest.raises(ValueError, match="wrong"):
            kept.read()
    write("curl")
    assert kept.read() == "CURL"


@EACH_PLACE
def test_what_was_read_last_stays_where_the_newer_document_is_wrong(bucket, source, write, logged):
    kept = Kept(source)
    write("openssl")
    kept.last_read()
    write("wrong")
    kept.now += 300
    said, counted = logged(kept.last_read)
    assert (said["message"], said["error"]) == ("document not read", "wrong")
    assert counted["DocumentsNotRead"] == 1
    kept.now += 299
    assert kept.last_read() == "OPENSSL"
    assert kept.parsed == ["openssl", "wrong"], "it is tried again after five minutes, not sooner"
    write("curl")
    kept.now += 1
    assert kept.last_read() == "CURL"


def test_what_was_read_last_stays_where_the_document_is_there_no_more(bucket, logged):
    kept = Kept("s3://lists/risks.yaml")
    in_s3("openssl")
    kept.last_read()
    boto3.client("s3").delete_object(Bucket="lists", Key="risks.yaml")
    kept.now += 300
    assert "NoSuchKey" in logged(kept.last_read)[0]["error"]
    assert kept.last_read() == "OPENSSL"


def test_where_nothing_was_read_before_there_is_nothing_to_go_on_with(bucket):
    kept = Kept("s3://lists/risks.yaml")
    with pytest.raises(DocumentNotRead, match="NoSuchKey"):
        kept.last_read()
    in_s3("wrong")
    with pytest.raises(ValueError, match="wrong"):
        kept.last_read()
