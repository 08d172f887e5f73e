"""The notifier reports what the scanner scans: filter, skip and rules of tags."""

import json
from unittest.mock import Mock

import pytest
from botocore.exceptions import ClientError

from chalicelib.aws.image_uses import ImageUses
from chalicelib.aws.security_hub import SecurityHub
from chalicelib.notifying.delivery import NotDelivered
from chalicelib.notifying.events import ScanResult
from tests.events import inspector_scan
from tests.notifying.repository_scans import PLACE, new, report

RULES = {"REPOSITORY_TAG_RULES": "true"}
HUB = {"NOTIFY_BY_SECURITY_HUB": "true"}


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


def test_an_image_that_is_not_in_use_is_not_reported_where_only_those_are_wanted(
    scans, history_table
):
    run = scans(ECS_DISCOVERY_ENABLED="true", SCAN_IN_USE_ONLY="true", NOTIFY_MODE="every-scan")
    stored, runs = run.image("CVE-1", tags=("1",)), run.image("CVE-2")
    ImageUses(run.services.table).keep(PLACE, {runs.digest: ("ECS service shop/api",)})
    assert run(stored) == []
    assert len(run(runs)) == 1


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


@pytest.fixture
def skip(aws, monkeypatch):
    """Let a repository be out of scope by its tag, or by the filter; gives the settings for it."""

    def out(by):
        if by == "filter":
            return {"REPOSITORIES_FILTER_REGEXP": "^payments/"}
        aws.repositories["shop/api"].tags["ecr-scan-reporter:skip"] = "true"
        return RULES

    return out


@pytest.mark.parametrize("by", ["filter", "tag"])
def test_what_security_hub_has_of_a_repository_out_of_scope_is_archived(scans, hub, skip, by):
    run = scans(**HUB)
    first, second = run.image("CVE-1"), run.image("CVE-2", tags=("edge",))
    run(first)
    run(second)
    scoped = scans(**HUB, **skip(by))
    for hour in (3, 4):
        assert scoped(first, hour=hour) == []
        assert hub() == {"CVE-1": "ARCHIVED", "CVE-2": "ARCHIVED"}
    assert run(first, hour=5) == []
    assert hub() == {"CVE-1": "ACTIVE", "CVE-2": "ARCHIVED"}


def test_what_could_not_be_archived_is_with_the_next_event(scans, hub, skip, monkeypatch):
    run = scans(**HUB)
    image = run.image("CVE-1")
    run(image)
    scoped = scans(**HUB, **skip("filter"))
    with monkeypatch.context() as patched:
        patched.setattr(SecurityHub, "import_findings", Mock(side_effect=ConnectionError))
        with pytest.raises(NotDelivered):
            scoped(image, hour=3)
    assert hub() == {"CVE-1": "ACTIVE"}
    scoped(image, hour=4)
    assert hub() == {"CVE-1": "ARCHIVED"}


def test_tags_and_filters_that_cannot_be_read_archive_nothing(scans, aws, hub, skip):
    run = scans(**HUB)
    image = run.image("CVE-1")
    run(image)
    skipping = scans(**HUB, **skip("tag"))
    event = skipping.event(image, hour=3)
    aws.fail_next("ListTagsForResource", "AccessDeniedException")
    skipping.deliver(event)
    scans(**HUB, REPOSITORIES_FILTER_REGEXP="(")(image, hour=4)
    assert hub() == {"CVE-1": "ACTIVE"}


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


def test_an_event_by_hand_archives_what_is_out_of_scope_and_nothing_that_is_in_scope(
    scans, hub, skip
):
    run = scans(**HUB)
    run(run.image("CVE-1"))
    event = inspector_scan(
        **{"image-digest": "sha256:" + "0" * 64, "image-tags": None, "finding-severity-counts": {}}
    )
    for scoped, expected in ((run, "ACTIVE"), (scans(**HUB, **skip("tag")), "ARCHIVED")):
        assert scoped.deliver(ScanResult.from_event(scoped.happened(event))) == []
        assert hub() == {"CVE-1": expected}


THROTTLED = ClientError({"Error": {"Code": "ThrottlingException"}}, "GetItem")
REFUSED = ClientError({"Error": {"Code": "AccessDeniedException"}}, "GetItem")


class TestUsesThatCannotBeRead:
    """The table holds which images are in use, and does not answer."""

    @pytest.fixture
    def failing(self, scans, monkeypatch):
        def make(error, **variables):
            def fail(*_):
                raise error

            monkeypatch.setattr(ImageUses, "of", fail)
            return scans(ECS_DISCOVERY_ENABLED="true", **variables)

        return make

    def test_fail_the_event_where_they_decide_what_is_reported(self, failing):
        run = failing(THROTTLED, REPORT_IMAGES="current")
        event = run.event(run.image("CVE-1"))
        with pytest.raises(ClientError, match="Throttling"):
            run.deliver(event)
        assert run.messages() == []

    @pytest.mark.parametrize(
        ("error", "images"), [(REFUSED, "current"), (THROTTLED, "all")], ids=["refused", "all"]
    )
    def test_keep_nothing_quiet_where_they_do_not_or_never_will_answer(
        self, failing, logged, error, images
    ):
        run = failing(error, REPORT_IMAGES=images)
        event = run.event(run.image("CVE-1"))
        lines = logged(report, event, run.services)
        assert "images in use not read" in [line.get("message") for line in lines]
        assert len(run.messages()) == 1


class TestAnImageInUseWhoseTagMovedOn:
    """It runs still, while its tag stands on a later build."""

    @pytest.fixture
    def run(self, scans, history_table):
        run = scans(ECS_DISCOVERY_ENABLED="true", REPORT_IMAGES="current")
        run.old = run.image("CVE-1")
        workloads = {run.old.digest: ("ECS service shop/api",)}
        ImageUses(run.services.table).keep(PLACE, workloads)
        assert len(run(run.old)) == 1
        assert run(run.image("CVE-1")) == []
        return run

    def test_is_not_reported_again_for_what_was_reported_of_it(self, run):
        assert run(run.old) == []

    def test_is_reported_for_what_is_found_now(self, run):
        run.old.findings = run.image("CVE-1", "CVE-2", tags=()).findings
        run.old.reported = None
        [news] = run(run.old)
        assert new(news) == ["CVE-2"]
        assert run(run.old) == []

    def test_is_reported_once_where_its_scan_fails(self, run):
        assert len(run(run.old, status="FAILED")) == 1
        assert run(run.old, status="FAILED") == []
        assert run(run.old) == []


def test_an_image_in_use_that_was_in_no_line_is_reported_once(scans, history_table):
    run = scans(ECS_DISCOVERY_ENABLED="true", REPORT_IMAGES="current")
    old = run.image("CVE-1", tags=())
    run(run.image("CVE-9"))
    ImageUses(run.services.table).keep(PLACE, {old.digest: ("ECS service shop/api",)})
    assert len(run(old, status="FAILED")) == 1
    assert new(run(old)[0]) == ["CVE-1"]
    assert run(old) == []


def test_a_tag_that_is_no_rule_is_named_and_the_others_hold(scans, aws, logged):
    prefix = "ecr-scan-reporter:"
    aws.add_repository("shop/api", tags={f"{prefix}critical": "many", f"{prefix}owner": "payments"})
    run = scans(**RULES)
    event = run.event(run.image("CVE-1"))
    lines = logged(report, event, run.services)
    assert [line for line in lines if "ecr-scan-reporter:critical is 'many'" in str(line)]
    [message] = run.messages()
    assert message["owner"] == "payments"
