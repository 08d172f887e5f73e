from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

from local.ecr import Clock, Image, LocalRegistry
from local.images import COSIGN_SIGNATURE, HELM_CHART, IN_TOTO_ATTESTATION
from local.seed import seed, seed_inspected

if TYPE_CHECKING:
    from mypy_boto3_ecr import ECRClient

REPOSITORY_NAME = re.compile(
    r"[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*"
)


def seeded(clock: Clock, **parameters: int) -> LocalRegistry:
    registry = LocalRegistry(now=clock)
    seed(registry, **parameters)
    return registry


def images_of(registry: LocalRegistry) -> list[Image]:
    return [
        image
        for repository in registry.repositories.values()
        for image in repository.images.values()
    ]


def descriptions(registry: LocalRegistry) -> list[object]:
    return [
        registry.answer(
            "DescribeImages",
            {"repositoryName": name, "maxResults": 1000, "filter": {"imageStatus": "ANY"}},
        )
        for name in registry.repositories
    ]


def test_the_same_seed_gives_the_same_registry(clock: Clock) -> None:
    assert descriptions(seeded(clock)) == descriptions(seeded(clock))


def test_another_seed_gives_another_registry(clock: Clock) -> None:
    assert descriptions(seeded(clock)) != descriptions(seeded(clock, random_seed=2))


def test_its_size_and_names(clock: Clock) -> None:
    registry = seeded(clock)
    assert len(registry.repositories) == 14
    assert 200 < len(images_of(registry)) < 500
    assert all(REPOSITORY_NAME.fullmatch(name) for name in registry.repositories)


def test_it_has_images_of_every_kind(clock: Clock) -> None:
    images = images_of(seeded(clock))
    assert any(len(image.tags) > 3 for image in images)
    assert any(not image.tags and image.is_scannable for image in images)
    assert any(image.is_index and image.children for image in images)
    assert any(image.attests for image in images)
    assert any(image.is_unsupported for image in images)
    assert any(image.in_use_count for image in images)
    assert any(image.status == "ARCHIVED" for image in images)
    assert any(image.subject_digest for image in images)
    assert {HELM_CHART, COSIGN_SIGNATURE, IN_TOTO_ATTESTATION} <= {
        image.artifact_media_type for image in images
    }


def test_it_has_scans_of_every_outcome_and_age(clock: Clock) -> None:
    images = images_of(seeded(clock))
    assert {image.scan_status for image in images} == {
        None,
        "COMPLETE",
        "FAILED",
        "IN_PROGRESS",
    }
    ages = [clock() - image.scan_started_at for image in images if image.scan_started_at]
    assert min(ages) == timedelta()
    for days in (1, 3, 7, 30, 90):
        assert any(age < timedelta(days=days) for age in ages)
        assert any(age > timedelta(days=days) for age in ages)


def test_nothing_happened_in_the_future_or_before_its_push(clock: Clock) -> None:
    for image in images_of(seeded(clock)):
        assert image.pushed_at <= (image.scan_started_at or image.pushed_at) <= clock()
        assert image.pushed_at <= (image.last_pulled_at or image.pushed_at) <= clock()


def test_tags_move_as_in_real_registries(clock: Clock) -> None:
    registry = seeded(clock)
    for repository in registry.repositories.values():
        tags = [tag for image in repository.images.values() for tag in image.tags]
        assert len(tags) == len(set(tags))
    holders = {
        tag: image
        for image in registry.repositories["shop/checkout"].images.values()
        for tag in image.tags
    }
    assert holders["main"].pushed_at > holders["latest"].pushed_at > holders["prod"].pushed_at
    assert holders["1"] is holders["latest"]
    assert any(re.fullmatch(r"1\.\d+\.\d+", tag) for tag in holders["latest"].tags)


def test_some_services_are_built_by_buildx_with_attestations(clock: Clock) -> None:
    registry = seeded(clock)
    built = [
        name
        for name, repository in registry.repositories.items()
        if any(image.attests for image in repository.images.values())
    ]
    assert built == ["data/feature-store", "platform/base/python", "platform/ingress-proxy"]
    for name in built:
        for image in registry.repositories[name].images.values():
            assert image.is_index or not image.tags


def test_findings_have_valid_names_and_packages(clock: Clock) -> None:
    findings = {finding for image in images_of(seeded(clock)) for finding in image.findings.entries}
    assert len(findings) > 100
    for finding in findings:
        assert re.fullmatch(r"CVE-\d{4}-\d{4,}", finding.name)
        assert finding.package_name
        assert finding.package_version


def test_amazon_inspector_scans_its_registry_first_and_names_fixes(clock: Clock) -> None:
    registry = LocalRegistry(now=clock)
    seed_inspected(registry)
    assert registry.completed_events() == []
    registry.finish_scans()
    images = images_of(registry)
    assert len(registry.completed_events()) == len(images)
    assert {image.scan_status for image in images} == {"COMPLETE"}
    findings = {finding for image in images for finding in image.findings.entries}
    assert 0 < sum(bool(finding.fixed_in_version) for finding in findings) < len(findings)


def test_the_scans_yet_to_end(registry: LocalRegistry, ecr: ECRClient, clock: Clock) -> None:
    seed(registry)
    ecr.start_image_scan(repositoryName="shop/checkout", imageId={"imageTag": "nightly"})
    clock.advance(timedelta(minutes=1))
    outcomes = {
        tuple(event["detail"]["image-tags"]): event["detail"]["scan-status"]
        for event in registry.completed_events()
    }
    assert outcomes == {("release-candidate",): "COMPLETE", ("nightly",): "FAILED"}
