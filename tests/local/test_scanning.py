"""Basic scans: what starts them, what limits them, what they found."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from local.ecr import UNSUPPORTED, EcrError, Finding, Findings
from local.images import COSIGN_SIGNATURE, DOCKER_MANIFEST_LIST, HELM_CHART, OCI_INDEX
from tests.local.calls import (
    DAY,
    HOUR,
    MINUTE,
    REPOSITORY,
    UNKNOWN_DIGEST,
    refusal,
    refused_scan,
    scan_findings,
    scan_status,
    start_scan,
)

if TYPE_CHECKING:
    from mypy_boto3_ecr import ECRClient

    from local.ecr import Clock, LocalRegistry

VECTOR = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N"


class TestStartImageScan:
    def test_the_answer(self, registry: LocalRegistry, ecr: ECRClient) -> None:
        image = registry.add_image(REPOSITORY, tags=("1.0",))
        answer = ecr.start_image_scan(repositoryName=REPOSITORY, imageId={"imageTag": "1.0"})
        assert answer["imageId"] == {"imageDigest": image.digest, "imageTag": "1.0"}
        assert answer["imageScanStatus"]["status"] == "IN_PROGRESS"

    def test_statuses_over_time(
        self, registry: LocalRegistry, ecr: ECRClient, clock: Clock
    ) -> None:
        registry.scan_duration = timedelta(seconds=90)
        registry.pending_duration = timedelta(seconds=20)
        image = registry.add_image(REPOSITORY, findings={"HIGH": 3}, pushed_at=clock() - 9 * DAY)
        assert start_scan(ecr, image.digest) == "IN_PROGRESS"
        begun_at, seen = clock(), []
        for seconds in (0, 19, 20, 89, 90, 200):
            clock.moment = begun_at + timedelta(seconds=seconds)
            seen.append(scan_status(ecr, image.digest))
        assert seen == ["PENDING"] * 2 + ["IN_PROGRESS"] * 2 + ["COMPLETE"] * 2
        completed_at = begun_at + timedelta(seconds=90)
        findings = scan_findings(ecr, image.digest)["imageScanFindings"]
        assert findings["imageScanCompletedAt"] == completed_at

    def test_of_an_image_just_pushed_is_not_found_for_a_while(
        self, registry: LocalRegistry, ecr: ECRClient, clock: Clock
    ) -> None:
        image = registry.push_image(REPOSITORY)
        assert scan_status(ecr, image.digest) == "ScanNotFoundException"
        assert start_scan(ecr, image.digest) == "IN_PROGRESS"
        assert scan_status(ecr, image.digest) == "ScanNotFoundException"
        clock.advance(registry.unseen_duration)
        assert scan_status(ecr, image.digest) == "IN_PROGRESS"
        clock.advance(registry.scan_duration)
        assert scan_status(ecr, image.digest) == "COMPLETE"

    def test_of_an_image_just_pushed_is_found_once_it_has_ended(
        self, registry: LocalRegistry, ecr: ECRClient
    ) -> None:
        image = registry.push_image(REPOSITORY)
        start_scan(ecr, image.digest)
        registry.finish_scans()
        assert scan_status(ecr, image.digest) == "COMPLETE"

    def test_of_an_image_pushed_before_is_found_at_once(
        self, registry: LocalRegistry, ecr: ECRClient, clock: Clock
    ) -> None:
        image = registry.push_image(REPOSITORY)
        clock.advance(registry.fresh_duration)
        start_scan(ecr, image.digest)
        assert scan_status(ecr, image.digest) == "PENDING"

    def test_that_fails_says_why_and_leaves_no_findings_and_no_time(
        self, registry: LocalRegistry, ecr: ECRClient, clock: Clock
    ) -> None:
        image = registry.add_image(
            REPOSITORY,
            findings={"HIGH": 3},
            scanned_at=clock() - 2 * DAY,
            next_scan_status="FAILED",
            next_scan_description="It went wrong.",
        )
        assert scan_findings(ecr, image.digest)["imageScanFindings"]["findings"]
        start_scan(ecr, image.digest)
        registry.finish_scans()
        answer = scan_findings(ecr, image.digest)
        assert answer["imageScanStatus"] == {"status": "FAILED", "description": "It went wrong."}
        assert "imageScanFindings" not in answer

    def test_of_an_unsupported_image_fails_every_time(
        self, registry: LocalRegistry, ecr: ECRClient, clock: Clock
    ) -> None:
        image = registry.add_image(REPOSITORY, unsupported=True, scanned_at=clock() - 2 * DAY)
        failed = {"status": "FAILED", "description": UNSUPPORTED}
        assert scan_findings(ecr, image.digest)["imageScanStatus"] == failed
        start_scan(ecr, image.digest)
        registry.finish_scans()
        answer = scan_findings(ecr, image.digest)
        assert answer["imageScanStatus"] == failed
        assert "imageScanFindings" not in answer
        [event] = registry.completed_events()
        assert event["detail"]["scan-status"] == "FAILED"

    def test_once_in_24_hours(self, registry: LocalRegistry, ecr: ECRClient, clock: Clock) -> None:
        image = registry.add_image(REPOSITORY, tags=("1", "2"))
        start_scan(ecr, image.digest)
        with pytest.raises(ClientError, match="The scan quota per image has been exceeded"):
            start_scan(ecr, image.digest)
        assert refused_scan(ecr, image.digest) == "LimitExceededException"
        clock.advance(DAY - timedelta(seconds=1))
        assert refused_scan(ecr, image.digest) == "LimitExceededException"
        clock.advance(timedelta(seconds=1))
        assert start_scan(ecr, image.digest) == "IN_PROGRESS"

    def test_the_scan_on_push_counts(
        self, registry: LocalRegistry, ecr: ECRClient, clock: Clock
    ) -> None:
        image = registry.add_image(REPOSITORY, scanned_at=clock() - 23 * HOUR)
        assert refused_scan(ecr, image.digest) == "LimitExceededException"

    def test_the_scan_that_a_push_brings_counts_for_image_and_registry(
        self, registry: LocalRegistry, ecr: ECRClient, clock: Clock
    ) -> None:
        registry.add_repository(REPOSITORY, scan_on_push=True)
        registry.scans_per_day = 2
        image = registry.push_image(REPOSITORY)
        assert registry.scans_in_the_last_day() == 1
        clock.advance(DAY - MINUTE)
        assert refused_scan(ecr, image.digest) == "LimitExceededException"
        clock.advance(MINUTE)
        assert start_scan(ecr, image.digest) == "IN_PROGRESS"

    def test_the_quota_is_100_000_scans_by_default(self, registry: LocalRegistry) -> None:
        assert registry.scans_per_day == 100_000

    def test_the_quota_of_the_registry(
        self, registry: LocalRegistry, ecr: ECRClient, clock: Clock
    ) -> None:
        registry.scans_per_day = 2
        registry.add_image(REPOSITORY, scanned_at=clock() - 20 * HOUR)
        first, second = (registry.add_image(REPOSITORY).digest for _ in range(2))
        start_scan(ecr, first)
        assert refused_scan(ecr, second) == "LimitExceededException"
        clock.advance(4 * HOUR)
        assert start_scan(ecr, second) == "IN_PROGRESS"

    @pytest.mark.parametrize(
        ("image", "code"),
        [
            ({"media_type": DOCKER_MANIFEST_LIST}, "UnsupportedImageTypeException"),
            ({"media_type": OCI_INDEX}, "UnsupportedImageTypeException"),
            ({"artifact_media_type": HELM_CHART}, "UnsupportedImageTypeException"),
            ({"artifact_media_type": COSIGN_SIGNATURE}, "UnsupportedImageTypeException"),
            ({"status": "ARCHIVED"}, "ImageArchivedException"),
        ],
    )
    def test_images_that_are_not_scanned(
        self, registry: LocalRegistry, ecr: ECRClient, image: Any, code: str
    ) -> None:
        assert refused_scan(ecr, registry.add_image(REPOSITORY, **image).digest) == code

    def test_an_image_or_repository_that_is_not_there(
        self, registry: LocalRegistry, ecr: ECRClient
    ) -> None:
        assert refused_scan(ecr, UNKNOWN_DIGEST) == "RepositoryNotFoundException"
        registry.add_repository(REPOSITORY)
        assert refused_scan(ecr, UNKNOWN_DIGEST) == "ImageNotFoundException"

    def test_an_enhanced_registry_is_not_scanned_by_hand(
        self, registry: LocalRegistry, ecr: ECRClient
    ) -> None:
        registry.scan_type = "ENHANCED"
        with pytest.raises(ClientError, match="ValidationException.*This feature is disabled"):
            start_scan(ecr, registry.add_image(REPOSITORY).digest)


class TestDescribeImageScanFindings:
    def test_a_finding(self, registry: LocalRegistry, ecr: ECRClient, clock: Clock) -> None:
        finding = Finding("CVE-2024-0001", "HIGH", "curl", "8.0", "It is bad.", 7.54, VECTOR)
        image = registry.add_image(
            REPOSITORY, findings=Findings((finding,)), scanned_at=clock() - DAY
        )
        answer = scan_findings(ecr, image.digest)
        assert answer["imageScanStatus"]["status"] == "COMPLETE"
        assert answer["imageScanFindings"] == {
            "imageScanCompletedAt": clock() - DAY,
            "vulnerabilitySourceUpdatedAt": datetime(2024, 4, 30, tzinfo=UTC),
            "findingSeverityCounts": {"HIGH": 1},
            "findings": [
                {
                    "name": "CVE-2024-0001",
                    "description": "It is bad.",
                    "uri": "https://nvd.nist.gov/vuln/detail/CVE-2024-0001",
                    "severity": "HIGH",
                    "attributes": [
                        {"key": "package_version", "value": "8.0"},
                        {"key": "package_name", "value": "curl"},
                        {"key": "CVSS3_VECTOR", "value": VECTOR},
                        {"key": "CVSS3_SCORE", "value": "7.5"},
                    ],
                }
            ],
        }

    def test_a_finding_without_a_score_and_never_a_fix(
        self, registry: LocalRegistry, ecr: ECRClient, clock: Clock
    ) -> None:
        findings = Findings((Finding("CVE-2024-0001", "HIGH", fixed_in_version="9.9"),))
        image = registry.add_image(REPOSITORY, findings=findings, scanned_at=clock())
        answer = scan_findings(ecr, image.digest)
        [finding] = answer["imageScanFindings"]["findings"]
        keys = {attribute["key"] for attribute in finding["attributes"]}
        assert keys == {"package_name", "package_version"}
        assert "9.9" not in str(answer["imageScanFindings"])

    @pytest.mark.parametrize(("size", "lengths"), [(1, [1, 1, 1]), (2, [2, 1]), (1000, [3])])
    def test_pages_of_any_size(
        self,
        registry: LocalRegistry,
        ecr: ECRClient,
        clock: Clock,
        size: int,
        lengths: list[int],
    ) -> None:
        image = registry.add_image(REPOSITORY, findings={"LOW": 3}, scanned_at=clock())
        found, token = [], {}
        while True:
            page = scan_findings(ecr, image.digest, maxResults=size, **token)
            found.append(len(page["imageScanFindings"]["findings"]))
            if "nextToken" not in page:
                break
            token = {"nextToken": page["nextToken"]}
        assert found == lengths

    @pytest.mark.parametrize(
        "parameters", [{"maxResults": 1001}, {"nextToken": "nonsense"}, {"maxResults": 0}]
    )
    def test_pages_that_there_are_not(
        self, registry: LocalRegistry, clock: Clock, parameters: Any
    ) -> None:
        image = registry.add_image(REPOSITORY, scanned_at=clock())
        request = {"repositoryName": REPOSITORY, "imageId": {"imageDigest": image.digest}}
        with pytest.raises(EcrError, match="InvalidParameterException"):
            registry.answer("DescribeImageScanFindings", request | parameters)

    def test_pages(self, registry: LocalRegistry, ecr: ECRClient, clock: Clock) -> None:
        image = registry.add_image(
            REPOSITORY, findings={"LOW": 150, "HIGH": 101}, scanned_at=clock()
        )
        paginator = ecr.get_paginator("describe_image_scan_findings")
        pages = list(
            paginator.paginate(repositoryName=REPOSITORY, imageId={"imageDigest": image.digest})
        )
        found = [page["imageScanFindings"]["findings"] for page in pages]
        assert [len(findings) for findings in found] == [100, 100, 51]
        assert len({finding["name"] for findings in found for finding in findings}) == 251
        for page in pages:
            counts = page["imageScanFindings"]["findingSeverityCounts"]
            assert counts == {"HIGH": 101, "LOW": 150}

    def test_a_scan_in_progress_has_no_findings_even_of_the_scan_before(
        self, registry: LocalRegistry, ecr: ECRClient, clock: Clock
    ) -> None:
        image = registry.add_image(REPOSITORY, findings={"LOW": 1}, scanned_at=clock() - 2 * DAY)
        start_scan(ecr, image.digest)
        answer = scan_findings(ecr, image.digest)
        assert answer["imageScanStatus"]["status"] == "PENDING"
        assert answer["imageScanFindings"] == {"findings": [], "enhancedFindings": []}

    def test_a_scan_that_never_was(self, registry: LocalRegistry, ecr: ECRClient) -> None:
        identifier = {"imageDigest": registry.add_image(REPOSITORY).digest}
        call = ecr.describe_image_scan_findings
        code = refusal(call, repositoryName=REPOSITORY, imageId=identifier)
        assert code == "ScanNotFoundException"
