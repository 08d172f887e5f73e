"""The notifier reports what the scanner scans: filter, skip and rules of tags."""

import json

import pytest
from botocore.exceptions import ClientError

from chalicelib.aws.image_uses import ImageUses
from tests.notifying.repository_scans import PLACE, report

RULES = {"REPOSITORY_TAG_RULES": "true"}


def test_a_repository_outside_the_filter_is_not_reported_and_costs_no_call(scans, aws):
    run = scans(REPOSITORIES_FILTER_REGEXP="^payments/", NOTIFY_MODE="every-scan")
    event = run.event(run.image("CVE-1"))
    aws.calls.clear()
    assert run.deliver(event) == []
    assert not aws.calls


def test_a_repository_inside_the_filter_is_reported(scans):
    run = scans(REPOSITORIES_FILTER_REGEXP="^shop/")
    assert len(run(run.image("CVE-1"))) == 1


@pytest.mark.parametrize("mode", ["every-scan", "new-findings"])
def test_a_repository_that_its_tag_skips_is_not_reported(scans, aws, mode, logged):
    aws.add_repository("shop/api", tags={"ecr-scan-reporter:skip": "true"})
    run = scans(NOTIFY_MODE=mode, **RULES)
    event = run.event(run.image("CVE-1"))
    lines = logged(report, event, run.services)
    assert run.messages() == []
    assert [line["reason"] for line in lines if "reason" in line]


def test_the_tag_of_a_repository_is_not_asked_for_where_tags_have_no_rules(scans, aws):
    aws.add_repository("shop/api", tags={"ecr-scan-reporter:skip": "true"})
    run = scans()
    assert len(run(run.image("CVE-1"))) == 1
    assert aws.calls["ListTagsForResource"] == 0


def test_an_image_without_a_tag_that_is_wanted_is_not_reported(scans):
    run = scans(IMAGES_TAG_PATTERN="^release-", NOTIFY_MODE="every-scan")
    assert run(run.image("CVE-1")) == []
    assert len(run(run.image("CVE-1", tags=("release-1", "latest")))) == 1


def test_an_image_that_is_in_use_is_reported_whatever_its_tags(scans, history_table):
    run = scans(
        IMAGES_TAG_PATTERN="^release-", ECS_DISCOVERY_ENABLED="true", NOTIFY_MODE="every-scan"
    )
    image = run.image("CVE-1")
    workload = "ECS service shop/api in 123456789012/eu-west-1"
    ImageUses(run.services.table).keep(PLACE, {image.digest: (workload,)})
    [told] = run(image)
    assert told["imageDigest"] == image.digest
    assert workload in json.dumps(told)


def test_tags_that_may_not_be_read_keep_nothing_quiet(scans, aws, logged):
    aws.add_repository("shop/api", tags={"ecr-scan-reporter:skip": "true"})
    run = scans(**RULES)
    event = run.event(run.image("CVE-1"))
    aws.fail_next("ListTagsForResource", "AccessDeniedException")
    lines = logged(report, event, run.services)
    assert "look-up failed" in [line.get("message") for line in lines]
    assert len(run.messages()) == 1


def test_tags_of_which_nothing_is_known_fail_the_event_that_then_comes_again(scans, aws):
    run = scans(**RULES)
    event = run.event(run.image("CVE-1"))
    aws.fail_next("ListTagsForResource", "InvalidParameterException")
    with pytest.raises(ClientError, match="InvalidParameter"):
        run.deliver(event)
    assert len(run.deliver(event)) == 1


def test_an_attestation_is_no_image_to_report(scans, aws):
    run = scans(NOTIFY_MODE="every-scan")
    index = aws.add_index("shop/api", tags=("latest",))
    attestation = aws.repositories["shop/api"].images[index.children[-1]]
    assert run(attestation, status="FAILED") == []


def test_what_is_skipped_from_now_on_is_not_said_to_be_fixed(scans, aws):
    run = scans()
    image = run.image("CVE-1")
    run(image)
    aws.repositories["shop/api"].tags["ecr-scan-reporter:skip"] = "true"
    skipping = scans(**RULES)
    skipping.events = run.events
    assert skipping(image) == []
    assert [state.findings.keys() for state in run.states()] == [{"CVE-1 openssl"}]
