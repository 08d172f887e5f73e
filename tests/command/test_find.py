"""``find``, run as a user runs it against the last digest's bucket."""

import json

import boto3
import pytest

from chalicelib.aws.clients import client_of
from chalicelib.aws.s3 import ReportBucket
from chalicelib.fleet.finding_lines import keep_lines, read_state
from tests.fleet.test_find import FLEET


@pytest.fixture
def reports(aws):
    client = client_of(boto3.Session(), "s3")
    client.create_bucket(
        Bucket="reports", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
    )
    return ReportBucket(client, "reports")


def test_a_vulnerability_is_shown_with_its_repositories(run, reports):
    keep_lines(FLEET, "now", reports)
    status, printed, _ = run("find", "CVE-2026-0001", "--bucket", "reports")
    assert status == 0
    for said in ("shop/api", "shop/web", "Payments", "ECS", "23 days", "2 findings in 2"):
        assert said in printed


def test_a_package_is_found_as_json(run, reports):
    keep_lines(FLEET, "now", reports)
    status, printed, _ = run("find", "zlib", "--bucket", "reports", "--json", "-")
    assert status == 0
    [line] = json.loads(printed)["findings"]
    assert line["repository"] == "shop/api"


@pytest.mark.parametrize(
    ("owner", "repository"), [("unowned", "shop/web"), ("payments", "shop/api")]
)
def test_an_owner_is_named_as_it_is_shown(run, reports, owner, repository):
    keep_lines(FLEET, "now", reports)
    status, printed, _ = run("find", "openssl", "--bucket", "reports", "--owner", owner)
    assert status == 0
    assert repository in printed
    assert "1 finding in 1 repository" in printed


def test_what_nothing_has_ends_with_a_status_of_its_own(run, reports):
    keep_lines(FLEET, "now", reports)
    status, printed, _ = run("find", "CVE-1999-0001", "--bucket", "reports")
    assert status == 3
    assert "0 findings in 0 repositories" in printed


def test_before_the_first_digest_it_is_said_what_is_missing(run, reports):
    status, _, said = run("find", "zlib", "--bucket", "reports")
    assert status == 2
    assert "no state is kept yet" in said


def test_kept_findings_that_are_missing_are_an_error_and_not_nothing_found(run, reports):
    keep_lines(FLEET, "now", reports)
    [key] = read_state(reports).keys
    reports.delete(key)
    status, printed, said = run("find", "zlib", "--bucket", "reports")
    assert (status, printed) == (2, "")
    assert f"error: what was found last cannot be read: s3://reports/{key} is missing" in said
    assert "Traceback" not in said


def test_without_a_bucket_it_is_said_what_to_set(run):
    status, _, said = run("find", "zlib")
    assert status == 2
    assert "REPORT_BUCKET_NAME" in said
