"""Pushes, and what docker buildx pushes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from local.ecr import UNSUPPORTED, ScanningRule
from local.images import OCI_IMAGE, OCI_INDEX, OCI_MANIFEST
from tests.local.calls import (
    DAY,
    HOUR,
    REPOSITORY,
    describe_image,
    manifest,
    refused_scan,
    scan_findings,
    scan_status,
    start_scan,
)

if TYPE_CHECKING:
    from mypy_boto3_ecr import ECRClient

    from local.ecr import Clock, LocalRegistry

BOTH = ("linux/amd64", "linux/arm64")


class TestPush:
    def test_scans_where_the_repository_says_so(
        self, registry: LocalRegistry, ecr: ECRClient, clock: Clock
    ) -> None:
        registry.add_repository(REPOSITORY, scan_on_push=True)
        registry.add_repository("other")
        image = registry.push_image(REPOSITORY, tags=("1.0",), findings={"HIGH": 1})
        registry.push_image("other")
        clock.advance(HOUR)
        assert scan_status(ecr, image.digest) == "COMPLETE"
        [event] = registry.completed_events()
        assert event["detail"]["image-digest"] == image.digest
        assert event["detail"]["finding-severity-counts"] == {"HIGH": 1}

    def test_scans_where_the_registrys_rules_say_so(self, registry: LocalRegistry) -> None:
        registry.scanning_rules = [ScanningRule("SCAN_ON_PUSH", ("shop/*",))]
        for name in (REPOSITORY, "other"):
            registry.push_image(name)
        assert registry.scans_in_progress == 1

    def test_scans_nothing_beyond_the_registrys_quota(self, registry: LocalRegistry) -> None:
        registry.add_repository(REPOSITORY, scan_on_push=True)
        registry.scans_per_day = 3
        for _ in range(5):
            registry.push_image(REPOSITORY)
        assert registry.scans_in_progress == 3

    def test_of_a_digest_that_is_there_only_moves_tags(
        self, registry: LocalRegistry, ecr: ECRClient, clock: Clock
    ) -> None:
        registry.add_repository(REPOSITORY, scan_on_push=True)
        first = registry.push_image(REPOSITORY, tags=("1.0", "latest"))
        second = registry.push_image(REPOSITORY, tags=("1.1", "latest"))
        clock.advance(2 * DAY)
        again = registry.push_image(REPOSITORY, digest=first.digest, tags=("latest", "1.0"))
        assert again is first
        assert describe_image(ecr, first.digest)["imageTags"] == ["1.0", "latest"]
        assert describe_image(ecr, second.digest)["imageTags"] == ["1.1"]
        assert describe_image(ecr, first.digest)["imagePushedAt"] == clock() - 2 * DAY
        assert registry.scans_in_the_last_day() == 0


class TestIndex:
    def test_its_tags_are_its_own_and_everything_in_it_is_listed_like_an_image(
        self, registry: LocalRegistry, ecr: ECRClient
    ) -> None:
        index = registry.add_index(REPOSITORY, tags=("1.0", "latest"), platforms=BOTH)
        listed = ecr.describe_images(repositoryName=REPOSITORY)["imageDetails"]
        assert len(index.children) == 4
        assert [image.get("imageTags") for image in listed] == [*[None] * 4, ["1.0", "latest"]]
        for image in listed[:4]:
            assert image["imageManifestMediaType"] == OCI_MANIFEST
            assert image["artifactMediaType"] == OCI_IMAGE
        assert listed[4]["imageManifestMediaType"] == OCI_INDEX

    def test_its_manifest_marks_the_attestations(
        self, registry: LocalRegistry, ecr: ECRClient
    ) -> None:
        index = registry.add_index(REPOSITORY, tags=("1.0",), platforms=BOTH)
        amd64, arm64, *attestations = index.children
        first, second, *marked = manifest(ecr, imageTag="1.0")["manifests"]
        assert (first["digest"], second["digest"]) == (amd64, arm64)
        assert first["platform"] == {"os": "linux", "architecture": "amd64"}
        assert second["platform"] == {"os": "linux", "architecture": "arm64"}
        assert "annotations" not in first
        assert [each["digest"] for each in marked] == attestations
        for each, about in zip(marked, (amd64, arm64), strict=True):
            assert each["platform"] == {"os": "unknown", "architecture": "unknown"}
            assert each["annotations"] == {
                "vnd.docker.reference.digest": about,
                "vnd.docker.reference.type": "attestation-manifest",
            }

    def test_an_attestations_manifest_is_that_of_an_image_with_a_statement(
        self, registry: LocalRegistry, ecr: ECRClient
    ) -> None:
        *_, attestation = registry.add_index(REPOSITORY).children
        text = manifest(ecr, imageDigest=attestation)
        assert text["config"]["mediaType"] == OCI_IMAGE
        assert text["layers"][0]["mediaType"] == "application/vnd.in-toto+json"

    def test_the_scan_of_an_attestation_fails(
        self, registry: LocalRegistry, ecr: ECRClient
    ) -> None:
        image, attestation = registry.add_index(REPOSITORY, findings={"HIGH": 1}).children
        for digest in (image, attestation):
            start_scan(ecr, digest)
        registry.finish_scans()
        assert scan_findings(ecr, image)["imageScanFindings"]["findingSeverityCounts"]
        failed = {"status": "FAILED", "description": UNSUPPORTED}
        assert scan_findings(ecr, attestation)["imageScanStatus"] == failed

    def test_it_cannot_be_scanned_itself(self, registry: LocalRegistry, ecr: ECRClient) -> None:
        index = registry.add_index(REPOSITORY)
        assert refused_scan(ecr, index.digest) == "UnsupportedImageTypeException"
        assert scan_status(ecr, index.digest) == "ScanNotFoundException"

    def test_past_scans_are_those_of_what_is_in_it(
        self, registry: LocalRegistry, ecr: ECRClient, clock: Clock
    ) -> None:
        index = registry.add_index(REPOSITORY, scanned_at=clock() - DAY)
        statuses = [scan_status(ecr, digest) for digest in (*index.children, index.digest)]
        assert statuses == ["COMPLETE", "FAILED", "ScanNotFoundException"]

    @pytest.mark.parametrize(("attested", "scans"), [(True, 4), (False, 2)])
    def test_a_push_scans_what_is_in_it(
        self, registry: LocalRegistry, attested: bool, scans: int
    ) -> None:
        registry.add_repository(REPOSITORY, scan_on_push=True)
        index = registry.push_index(REPOSITORY, tags=("1.0",), platforms=BOTH, attested=attested)
        assert len(index.children) == registry.scans_in_progress == scans
