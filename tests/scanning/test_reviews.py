"""The order of the rules that decide about an image."""

from datetime import UTC, datetime, timedelta

import pytest

from chalicelib.ecr.images import Image
from chalicelib.ecr.scan_records import ScanRecord
from chalicelib.policy.due import LONGEST_TOLERANCE, Reason, stale_before
from chalicelib.policy.durations import Duration
from chalicelib.policy.rules import RepositoryRules, Rules
from chalicelib.scanning.jobs import ScanJob
from chalicelib.scanning.reviews import Review

NOW = datetime(2026, 5, 1, tzinfo=UTC)
STALE_BEFORE = NOW - timedelta(days=7)
STALE = STALE_BEFORE - timedelta(hours=1)
STALE_SCAN = ScanRecord(int(STALE.timestamp()), "COMPLETE")
IN_USE = {"v1": "ECS service web"}


def decided(image, record, **review):
    records = {image.digest: record}
    [(_, decision)] = Review(NOW, STALE_BEFORE, **review).decisions([image], records)
    return decision.due, decision.reason


@pytest.mark.parametrize(
    ("review", "image", "due", "reason"),
    [
        ({}, {}, True, Reason.SCAN_EXPIRED),
        # What cannot be scanned comes first.
        (
            {"rules": Rules(skip=True), "in_use": IN_USE},
            {"archived": True},
            False,
            Reason.ARCHIVED,
        ),
        # The skip tag wins over everything below it.
        (
            {"rules": Rules(skip=True), "in_use": IN_USE, "scan_frequency": "MANUAL"},
            {},
            False,
            Reason.SKIPPED_BY_TAG,
        ),
        # Under enhanced scanning nothing is due, not even what is in use.
        (
            {"scan_frequency": "CONTINUOUS_SCAN", "in_use": IN_USE},
            {},
            False,
            Reason.CONTINUOUSLY_SCANNED,
        ),
        ({"scan_frequency": "SCAN_ON_PUSH"}, {}, False, Reason.SCANNED_ON_PUSH),
        ({"scan_frequency": "MANUAL"}, {}, False, Reason.NOT_COVERED),
        (
            {"scan_frequency": "CONTINUOUS_SCAN"},
            {"scan": ScanRecord(status="SCAN_ELIGIBILITY_EXPIRED")},
            False,
            Reason.ELIGIBILITY_EXPIRED,
        ),
        (
            {"scan_frequency": "CONTINUOUS_SCAN"},
            {"scan": ScanRecord(status="UNSUPPORTED_IMAGE")},
            False,
            Reason.UNSUPPORTED,
        ),
        # An image in use is reviewed whatever selects others.
        (
            {"in_use": IN_USE, "in_use_only": True, "rules": Rules(newest=1, tagged_only=True)},
            {},
            True,
            Reason.SCAN_EXPIRED,
        ),
        (
            {"in_use": {"sha256:1": "ECS"}, "in_use_only": True},
            {"tags": ()},
            True,
            Reason.SCAN_EXPIRED,
        ),
        (
            {"in_use": {"sha256:index": "ECS"}, "in_use_only": True},
            {"tags": (), "index_digests": ("sha256:index",)},
            True,
            Reason.SCAN_EXPIRED,
        ),
        (
            {"seen_in_use": {"sha256:1": "2 running in ECS or EKS"}, "in_use_only": True},
            {"tags": ()},
            True,
            Reason.SCAN_EXPIRED,
        ),
        # The scope wins over the selection.
        (
            {"in_use_only": True, "rules": Rules(tagged_only=True)},
            {"tags": ()},
            False,
            Reason.NOT_IN_USE,
        ),
        # The selection wins over the scan's state and age.
        ({"rules": Rules(tagged_only=True)}, {"tags": ()}, False, Reason.UNTAGGED),
        (
            {"rules": Rules(tagged_only=True)},
            {"scan": ScanRecord(int(NOW.timestamp()), "COMPLETE")},
            False,
            Reason.SCAN_FRESH,
        ),
    ],
)
def test_the_first_rule_that_applies_decides(review, image, due, reason):
    known = {"digest": "sha256:1", "tags": ("v1",), "scan": STALE_SCAN, **image}
    record = known.pop("scan")
    assert decided(Image(**known), record, **review) == (due, reason)


@pytest.mark.parametrize(
    ("request_says", "tag_says", "settings_say", "expected"),
    [
        (None, None, "7d", timedelta(days=7)),
        (None, "3d", "7d", timedelta(days=3)),
        ("1d", "3d", "7d", timedelta(days=1)),
        ("1d", None, "7d", timedelta(days=1)),
    ],
)
def test_a_request_wins_over_a_tag_and_a_tag_over_the_settings(
    settings, request_says, tag_says, settings_say, expected
):
    job = ScanJob(
        "shop/api",
        Duration.parse(request_says) if request_says else None,
        rules={"duration": tag_says} if tag_says else {},
    )
    review = Review.of(job, settings(ECR_IMAGES_DURATION_DELTA=settings_say))
    tolerance = min(LONGEST_TOLERANCE, expected / 100)
    assert review.now - review.stale_before == expected - tolerance


def test_what_workloads_name_and_no_image_is_is_missing():
    review = Review(NOW, STALE, in_use={"v1": "ECS", "v2": "ECS", "sha256:1": "Lambda"})
    assert review.missing([Image("sha256:1", ("v1",))]) == {"v2": "ECS"}


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ({}, Rules(tagged_only=True, newest=5)),
        ({"newest": "2"}, Rules(tagged_only=True, newest=2)),
        ({"tagged-only": "false"}, Rules(tagged_only=False, newest=5)),
        ({"newest": "many"}, Rules(tagged_only=True, newest=5)),
    ],
)
def test_each_rule_of_a_tag_wins_over_the_settings_and_the_others_hold(settings, tags, expected):
    chosen = settings(IMAGES_TAGGED_ONLY="true", IMAGES_NEWEST="5")
    assert Review.of(ScanJob("shop/api", rules=tags), chosen).rules == expected


@pytest.mark.parametrize(
    ("repository", "tags", "expected"),
    [
        ("payments/api", {}, Rules(duration=Duration.parse("1d"), tagged_only=True, newest=5)),
        ("payments/api", {"newest": "2"}, Rules(duration=Duration.parse("1d"), newest=2)),
        ("shop/api", {}, Rules(newest=9)),
    ],
)
def test_rules_by_a_pattern_of_names_lie_between_those_of_tags_and_of_settings(
    settings, repository, tags, expected
):
    patterns = (
        RepositoryRules("payments/*", Rules(duration=Duration.parse("1d"), newest=5)),
        RepositoryRules("*", Rules(newest=9)),
    )
    chosen = settings(IMAGES_TAGGED_ONLY="true", IMAGES_NEWEST="7").configured(
        {"REPOSITORY_THRESHOLDS": patterns}
    )
    review = Review.of(ScanJob(repository, rules=tags), chosen)
    assert review.rules == expected.over(Rules(tagged_only=True))
    duration = Duration.parse("1d" if "pay" in repository else "7d")
    assert review.stale_before == stale_before(duration, review.now)


FRESH = ScanRecord(int((NOW - timedelta(days=2)).timestamp()), "COMPLETE")


@pytest.mark.parametrize(
    ("record", "due", "reason"),
    [
        (FRESH, True, Reason.FORCED),
        (STALE_SCAN, True, Reason.FORCED),
        (ScanRecord(FRESH.at, "FAILED", failures=9), True, Reason.FORCED),
        # Not looked up: ECR says whether it can be.
        (None, True, Reason.FORCED),
        # ECR refuses these.
        (ScanRecord(int(NOW.timestamp()) - 86_399, "COMPLETE"), False, Reason.SCANNED_TODAY),
        (ScanRecord(int(NOW.timestamp()) - 86_400, "COMPLETE"), True, Reason.FORCED),
        (ScanRecord(int(NOW.timestamp()) - 9, started=True), False, Reason.SCAN_RUNNING),
        (ScanRecord(FRESH.at, "IMAGE_ARCHIVED"), False, Reason.ARCHIVED),
    ],
)
def test_what_is_asked_for_is_scanned_whatever_the_age_of_its_last_scan(record, due, reason):
    assert decided(Image("sha256:1"), record, force=True) == (due, reason)


def test_asking_for_scans_selects_no_other_images():
    untagged = {"rules": Rules(tagged_only=True)}
    assert decided(Image("sha256:1"), FRESH, force=True, **untagged) == (False, Reason.UNTAGGED)


def test_a_named_image_needs_no_rule_that_selects_it():
    review = {"rules": Rules(tagged_only=True), "in_use_only": True, "named": True}
    assert decided(Image("sha256:1"), STALE_SCAN, **review) == (True, Reason.SCAN_EXPIRED)
    assert decided(Image("sha256:1"), FRESH, **review) == (False, Reason.SCAN_FRESH)


class TestTheFurtherPartsOfAJob:
    """Of a job too long for a message: each has some of the images in use."""

    IMAGES = tuple(
        Image(f"sha256:{n}", (tag,), pushed_at=STALE)
        for n, tag in enumerate(["v1", "v2", "v3", "dev"])
    )
    USES = ({"v1": "ECS service web", "dev": "ECS service dev"}, {"v2": "ECS service api"})

    def due(self, part, settings, in_use, **variables):
        variables |= {"IMAGES_TAG_PATTERN": "v[13]", "ECS_DISCOVERY_ENABLED": "true"}
        settings = settings(**variables)
        job = ScanJob("shop/api", images_in_use=in_use, part=part)
        decisions = Review.of(job, settings).decisions(self.IMAGES, {})
        return [image.tags[0] for image, decision in decisions if decision.due]

    def test_review_what_their_own_images_in_use_bring(self, settings):
        first, second = self.USES
        assert self.due(1, settings, first) == ["v1", "v3", "dev"]
        assert self.due(2, settings, second) == ["v2"]

    def test_do_not_repeat_what_the_first_part_reviews(self, settings):
        first, second = self.USES
        assert self.due(1, settings, second) == ["v1", "v2", "v3"]
        assert self.due(2, settings, first) == ["dev"]

    def test_review_all_their_images_in_use_where_no_others_are_reviewed(self, settings):
        first, second = self.USES
        assert self.due(1, settings, first, SCAN_IN_USE_ONLY="true") == ["v1", "dev"]
        assert self.due(2, settings, second, SCAN_IN_USE_ONLY="true") == ["v2"]
