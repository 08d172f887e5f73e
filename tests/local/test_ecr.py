from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from moto import mock_aws
from moto.ecr import urls
from moto.server import ThreadedMotoServer

from local.ecr import Clock, EcrError, Finding, Findings, LocalRegistry, ScanningRule, local_ecr
from local.images import (
    COSIGN_SIGNATURE,
    DOCKER_MANIFEST_LIST,
    HELM_CHART,
    OCI_INDEX,
    OCI_MANIFEST,
)

if TYPE_CHECKING:
    from mypy_boto3_ecr import ECRClient

REPOSITORY = "shop/basket"
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
UNKNOWN_DIGEST = "sha256:" + "0" * 64


def refusal(call: Any, **parameters: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    return str(caught.value.response["Error"]["Code"])


def describe_image(ecr: ECRClient, digest: str) -> Any:
    answer = ecr.describe_images(repositoryName=REPOSITORY, imageIds=[{"imageDigest": digest}])
    return answer["imageDetails"][0]


def start_scan(ecr: ECRClient, digest: str) -> str:
    answer = ecr.start_image_scan(repositoryName=REPOSITORY, imageId={"imageDigest": digest})
    return answer["imageScanStatus"]["status"]


def refused_scan(ecr: ECRClient, digest: str) -> str:
    identifier = {"imageDigest": digest}
    return refusal(ecr.start_image_scan, repositoryName=REPOSITORY, imageId=identifier)


def scan_findings(ecr: ECRClient, digest: str, **parameters: Any) -> Any:
    identifier = {"imageDigest": digest}
    return ecr.describe_image_scan_findings(
        repositoryName=REPOSITORY, imageId=identifier, **parameters
    )


class TestDescribeRepositories:
    @pytest.mark.parametrize(
        ("held", "page_size", "lengths"),
        [
            (0, 10, [0]),
            (9, 10, [9]),
            (10, 10, [10]),
            (11, 10, [10, 1]),
            (20, 10, [10, 10]),
            (3, 1, [1, 1, 1]),
            (1001, 1000, [1000, 1]),
        ],
    )
    def test_pages(
        self,
        registry: LocalRegistry,
        ecr: ECRClient,
        held: int,
        page_size: int,
        lengths: list[int],
    ) -> None:
        names = [f"team/service-{n:04}" for n in range(held)]
        for name in reversed(names):
            registry.add_repository(name)
        paginator = ecr.get_paginator("describe_repositories")
        pages = list(paginator.paginate(PaginationConfig={"PageSize": page_size}))
        assert [len(page["repositories"]) for page in pages] == lengths
        assert [one["repositoryName"] for page in pages for one in page["repositories"]] == names
        assert "nextToken" not in pages[-1]

    def test_a_page_has_100_by_default(self, registry: LocalRegistry, ecr: ECRClient) -> None:
        for n in range(101):
            registry.add_repository(f"service-{n}")
        assert len(ecr.describe_repositories()["repositories"]) == 100

    def test_what_a_repository_tells(
        self, registry: LocalRegistry, ecr: ECRClient, clock: Clock
    ) -> None:
        registry.add_repository(REPOSITORY, scan_on_push=True)
        [repository] = ecr.describe_repositories()["repositories"]
        assert repository == {
            "repositoryArn": "arn:aws:ecr:eu-west-1:123456789012:repository/shop/basket",
            "registryId": "123456789012",
            "repositoryName": "shop/basket",
            "repositoryUri": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/shop/basket",
            "createdAt": clock(),
            "imageTagMutability": "MUTABLE",
            "imageScanningConfiguration": {"scanOnPush": True},
            "encryptionConfiguration": {"encryptionType": "AES256"},
        }

    def test_by_name(self, registry: LocalRegistry, ecr: ECRClient) -> None:
        for name in ("one", "two", "three"):
            registry.add_repository(name)
        answer = ecr.describe_repositories(repositoryNames=["two", "one"])
        assert [one["repositoryName"] for one in answer["repositories"]] == ["two", "one"]

    @pytest.mark.parametrize(
        ("parameters", "code"),
        [
            ({"repositoryNames": ["absent"]}, "RepositoryNotFoundException"),
            ({"repositoryNames": ["one"], "maxResults": 5}, "InvalidParameterException"),
            ({"repositoryNames": ["one"], "nextToken": "x"}, "InvalidParameterException"),
            ({"repositoryNames": ["one"] * 101}, "InvalidParameterException"),
            (
                {"repositoryNames": ["one"], "registryId": "210987654321"},
                "RepositoryNotFoundException",
            ),
            ({"maxResults": 1001}, "InvalidParameterException"),
            ({"nextToken": "nonsense"}, "InvalidParameterException"),
            ({"nextToken": "NQ=="}, "InvalidParameterException"),
        ],
    )
    def test_refusals(
        self, registry: LocalRegistry, ecr: ECRClient, parameters: Any, code: str
    ) -> None:
        registry.add_repository("one")
        assert refusal(ecr.describe_repositories, **parameters) == code


class TestDescribeImages:
    @pytest.mark.parametrize(
        ("held", "page_size", "lengths"),
        [
            (0, 1000, [0]),
            (1000, 1000, [1000]),
            (1001, 1000, [1000, 1]),
            (2000, 1000, [1000, 1000]),
            (3, 1, [1, 1, 1]),
        ],
    )
    def test_pages(
        self,
        registry: LocalRegistry,
        ecr: ECRClient,
        held: int,
        page_size: int,
        lengths: list[int],
    ) -> None:
        registry.add_repository(REPOSITORY)
        digests = [registry.add_image(REPOSITORY).digest for _ in range(held)]
        pages = list(
            ecr.get_paginator("describe_images").paginate(
                repositoryName=REPOSITORY, PaginationConfig={"PageSize": page_size}
            )
        )
        assert [len(page["imageDetails"]) for page in pages] == lengths
        assert [one["imageDigest"] for page in pages for one in page["imageDetails"]] == digests

    def test_an_image_deleted_between_pages_makes_none_be_skipped(
        self, registry: LocalRegistry, ecr: ECRClient
    ) -> None:
        digests = [registry.add_image(REPOSITORY).digest for _ in range(4)]
        first = ecr.describe_images(repositoryName=REPOSITORY, maxResults=2)
        registry.remove_image(REPOSITORY, digests[0])
        second = ecr.describe_images(
            repositoryName=REPOSITORY, maxResults=2, nextToken=first["nextToken"]
        )
        assert [image["imageDigest"] for image in second["imageDetails"]] == digests[2:]

    def test_a_token_of_another_repository_is_invalid(
        self, registry: LocalRegistry, ecr: ECRClient
    ) -> None:
        for _ in range(2):
            registry.add_image(REPOSITORY)
        registry.add_repository("other")
        token = ecr.describe_images(repositoryName=REPOSITORY, maxResults=1)["nextToken"]
        code = refusal(ecr.describe_images, repositoryName="other", nextToken=token)
        assert code == "InvalidParameterException"

    def test_one_detail_a_digest_with_all_its_tags(
        self, registry: LocalRegistry, ecr: ECRClient
    ) -> None:
        registry.add_image(REPOSITORY, tags=("1.0", "latest"))
        identifiers: Any = [{"imageTag": "1.0"}, {"imageTag": "latest"}]
        for parameters in ({}, {"imageIds": identifiers}):
            answer = ecr.describe_images(repositoryName=REPOSITORY, **parameters)
            assert [image["imageTags"] for image in answer["imageDetails"]] == [["1.0", "latest"]]

    def test_a_tag_moves_to_the_image_pushed_last(
        self, registry: LocalRegistry, ecr: ECRClient
    ) -> None:
        old = registry.add_image(REPOSITORY, tags=("latest",))
        new = registry.add_image(REPOSITORY, tags=("latest",))
        assert "imageTags" not in describe_image(ecr, old.digest)
        assert describe_image(ecr, new.digest)["imageTags"] == ["latest"]

    def test_a_digest_is_held_once(self, registry: LocalRegistry) -> None:
        image = registry.add_image(REPOSITORY)
        with pytest.raises(ValueError, match=image.digest):
            registry.add_image(REPOSITORY, digest=image.digest)

    def test_what_an_image_tells(
        self, registry: LocalRegistry, ecr: ECRClient, clock: Clock
    ) -> None:
        image = registry.add_image(
            REPOSITORY,
            tags=("1.0",),
            pushed_at=clock() - 3 * DAY,
            last_pulled_at=clock() - HOUR,
            findings={"LOW": 2, "CRITICAL": 1},
            scanned_at=clock() - 2 * DAY,
        )
        assert describe_image(ecr, image.digest) == {
            "registryId": "123456789012",
            "repositoryName": REPOSITORY,
            "imageDigest": image.digest,
            "imageTags": ["1.0"],
            "imageSizeInBytes": 52_428_800,
            "imagePushedAt": clock() - 3 * DAY,
            "imageScanStatus": {
                "status": "COMPLETE",
                "description": "The scan was completed successfully.",
            },
            "imageScanFindingsSummary": {
                "imageScanCompletedAt": clock() - 2 * DAY,
                "vulnerabilitySourceUpdatedAt": datetime(2024, 4, 29, tzinfo=UTC),
                "findingSeverityCounts": {"CRITICAL": 1, "LOW": 2},
            },
            "imageManifestMediaType": "application/vnd.docker.distribution.manifest.v2+json",
            "artifactMediaType": "application/vnd.docker.container.image.v1+json",
            "lastRecordedPullTime": clock() - HOUR,
            "imageStatus": "ACTIVE",
        }

    def test_an_image_never_scanned_tells_nothing_of_scans(
        self, registry: LocalRegistry, ecr: ECRClient
    ) -> None:
        detail = describe_image(ecr, registry.add_image(REPOSITORY).digest)
        assert detail.keys().isdisjoint({"imageScanStatus", "imageScanFindingsSummary"})

    def test_native_basic_scanning_reports_no_scans_here(
        self, registry: LocalRegistry, ecr: ECRClient, clock: Clock
    ) -> None:
        registry.reports_scans_in_describe_images = False
        image = registry.add_image(REPOSITORY, findings={"HIGH": 1}, scanned_at=clock() - DAY)
        detail = describe_image(ecr, image.digest)
        assert detail.keys().isdisjoint({"imageScanStatus", "imageScanFindingsSummary"})
        assert scan_findings(ecr, image.digest)["imageScanStatus"]["status"] == "COMPLETE"

    def test_a_referrer_names_its_subject(self, registry: LocalRegistry, ecr: ECRClient) -> None:
        subject = registry.add_image(REPOSITORY)
        signature = registry.add_image(
            REPOSITORY,
            media_type=OCI_MANIFEST,
            artifact_media_type=COSIGN_SIGNATURE,
            subject_digest=subject.digest,
        )
        detail = describe_image(ecr, signature.digest)
        assert detail["subjectManifestDigest"] == subject.digest
        assert detail["artifactMediaType"] == COSIGN_SIGNATURE

    @pytest.mark.parametrize(
        ("filters", "expected"),
        [
            ({}, ["tagged", "untagged"]),
            ({"tagStatus": "ANY"}, ["tagged", "untagged"]),
            ({"tagStatus": "TAGGED"}, ["tagged"]),
            ({"tagStatus": "UNTAGGED"}, ["untagged"]),
            ({"imageStatus": "ARCHIVED"}, ["archived"]),
            ({"imageStatus": "ACTIVATING"}, ["activating"]),
            ({"imageStatus": "ANY"}, ["tagged", "untagged", "archived", "activating"]),
            ({"imageStatus": "ANY", "tagStatus": "TAGGED"}, ["tagged", "archived"]),
        ],
    )
    def test_filters(
        self, registry: LocalRegistry, ecr: ECRClient, filters: Any, expected: list[str]
    ) -> None:
        names = {
            registry.add_image(REPOSITORY, tags=("1",)).digest: "tagged",
            registry.add_image(REPOSITORY).digest: "untagged",
            registry.add_image(REPOSITORY, tags=("2",), status="ARCHIVED").digest: "archived",
            registry.add_image(REPOSITORY, status="ACTIVATING").digest: "activating",
        }
        paginator = ecr.get_paginator("describe_images")
        pages = paginator.paginate(
            repositoryName=REPOSITORY, filter=filters, PaginationConfig={"PageSize": 1}
        )
        details = [detail for page in pages for detail in page["imageDetails"]]
        assert [names[detail["imageDigest"]] for detail in details] == expected

    def test_an_archived_image_can_be_asked_for(
        self, registry: LocalRegistry, ecr: ECRClient, clock: Clock
    ) -> None:
        image = registry.add_image(REPOSITORY, status="ARCHIVED", archived_at=clock() - DAY)
        detail = describe_image(ecr, image.digest)
        assert detail["imageStatus"] == "ARCHIVED"
        assert detail["lastArchivedAt"] == clock() - DAY

    @pytest.mark.parametrize(
        ("parameters", "code"),
        [
            ({"repositoryName": "absent"}, "RepositoryNotFoundException"),
            ({"imageIds": [{"imageDigest": UNKNOWN_DIGEST}]}, "ImageNotFoundException"),
            ({"imageIds": [{"imageTag": "absent"}]}, "ImageNotFoundException"),
            (
                {"imageIds": [{"imageTag": "1.0", "imageDigest": UNKNOWN_DIGEST}]},
                "ImageNotFoundException",
            ),
            ({"imageIds": [{}]}, "InvalidParameterException"),
            ({"imageIds": [{"imageTag": "1.0"}] * 101}, "InvalidParameterException"),
            ({"imageIds": [{"imageTag": "1.0"}], "maxResults": 9}, "InvalidParameterException"),
            ({"maxResults": 1001}, "InvalidParameterException"),
            ({"nextToken": "nonsense"}, "InvalidParameterException"),
            ({"filter": {"tagStatus": "SOME"}}, "InvalidParameterException"),
            ({"filter": {"imageStatus": "GONE"}}, "InvalidParameterException"),
        ],
    )
    def test_refusals(
        self, registry: LocalRegistry, ecr: ECRClient, parameters: Any, code: str
    ) -> None:
        registry.add_image(REPOSITORY, tags=("1.0",))
        assert refusal(ecr.describe_images, **{"repositoryName": REPOSITORY} | parameters) == code


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
        image = registry.add_image(REPOSITORY, findings={"HIGH": 3}, pushed_at=clock() - 9 * DAY)
        assert start_scan(ecr, image.digest) == "IN_PROGRESS"
        begun_at = clock()
        clock.advance(timedelta(seconds=89))
        detail = describe_image(ecr, image.digest)
        assert detail["imageScanStatus"]["status"] == "IN_PROGRESS"
        assert "imageScanFindingsSummary" not in detail
        clock.advance(timedelta(seconds=11))
        detail = describe_image(ecr, image.digest)
        assert detail["imageScanStatus"]["status"] == "COMPLETE"
        completed_at = begun_at + timedelta(seconds=90)
        assert detail["imageScanFindingsSummary"]["imageScanCompletedAt"] == completed_at

    def test_the_last_report_outlives_a_scan_that_fails(
        self, registry: LocalRegistry, ecr: ECRClient, clock: Clock
    ) -> None:
        image = registry.add_image(
            REPOSITORY,
            findings={"HIGH": 3},
            scanned_at=clock() - 2 * DAY,
            next_scan_status="FAILED",
            next_scan_description="It went wrong.",
        )
        start_scan(ecr, image.digest)
        registry.finish_scans()
        detail = describe_image(ecr, image.digest)
        assert detail["imageScanStatus"] == {"status": "FAILED", "description": "It went wrong."}
        assert detail["imageScanFindingsSummary"]["imageScanCompletedAt"] == clock() - 2 * DAY

    def test_once_in_24_hours(self, registry: LocalRegistry, ecr: ECRClient, clock: Clock) -> None:
        image = registry.add_image(REPOSITORY, tags=("1", "2"))
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
        assert refused_scan(ecr, registry.add_image(REPOSITORY).digest) == "ValidationException"


class TestDescribeImageScanFindings:
    def test_a_finding(self, registry: LocalRegistry, ecr: ECRClient, clock: Clock) -> None:
        finding = Finding(
            "CVE-2024-0001", "HIGH", "curl", "8.0", "It is bad.", 7.54, "AV:N/AC:L/Au:N/C:P/I:P/A:P"
        )
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
                        {"key": "CVSS2_VECTOR", "value": "AV:N/AC:L/Au:N/C:P/I:P/A:P"},
                        {"key": "CVSS2_SCORE", "value": "7.5"},
                    ],
                }
            ],
        }

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

    def test_a_scan_in_progress_has_no_findings(
        self, registry: LocalRegistry, ecr: ECRClient
    ) -> None:
        image = registry.add_image(REPOSITORY, findings={"LOW": 1})
        start_scan(ecr, image.digest)
        answer = scan_findings(ecr, image.digest)
        assert answer["imageScanStatus"]["status"] == "IN_PROGRESS"
        assert "imageScanFindings" not in answer

    def test_a_scan_that_never_was(self, registry: LocalRegistry, ecr: ECRClient) -> None:
        identifier = {"imageDigest": registry.add_image(REPOSITORY).digest}
        call = ecr.describe_image_scan_findings
        code = refusal(call, repositoryName=REPOSITORY, imageId=identifier)
        assert code == "ScanNotFoundException"

    def test_enhanced_findings(self, registry: LocalRegistry, ecr: ECRClient, clock: Clock) -> None:
        registry.scan_type = "ENHANCED"
        image = registry.add_image(
            REPOSITORY,
            findings=Findings(
                (
                    Finding("CVE-2024-0001", "UNDEFINED", fixed_in_version="9"),
                    Finding("CVE-2024-0002", "UNDEFINED"),
                )
            ),
            scanned_at=clock() - DAY,
        )
        answer = scan_findings(ecr, image.digest)
        assert answer["imageScanStatus"]["status"] == "ACTIVE"
        assert answer["imageScanFindings"]["findingSeverityCounts"] == {"UNTRIAGED": 2}
        assert "findings" not in answer["imageScanFindings"]
        finding, other = answer["imageScanFindings"]["enhancedFindings"]
        assert finding["findingArn"] != other["findingArn"]
        assert finding["packageVulnerabilityDetails"]["vulnerabilityId"] == "CVE-2024-0001"
        assert finding["severity"] == "UNTRIAGED"
        assert finding["fixAvailable"] == "YES"
        assert finding["resources"][0]["details"]["awsEcrContainerImage"]["imageHash"] == (
            image.digest
        )
        assert describe_image(ecr, image.digest)["imageScanStatus"]["status"] == "ACTIVE"


class TestEvents:
    def test_the_payload(self, registry: LocalRegistry, ecr: ECRClient, clock: Clock) -> None:
        image = registry.add_image(
            REPOSITORY, tags=("1.0",), findings={"MEDIUM": 9, "CRITICAL": 10}
        )
        start_scan(ecr, image.digest)
        assert registry.completed_events() == []
        clock.advance(timedelta(minutes=5))
        [event] = registry.completed_events()
        assert len(event.pop("id")) == 36
        assert event == {
            "version": "0",
            "detail-type": "ECR Image Scan",
            "source": "aws.ecr",
            "account": "123456789012",
            "time": "2024-05-01T12:00:30Z",
            "region": "eu-west-1",
            "resources": ["arn:aws:ecr:eu-west-1:123456789012:repository/shop/basket"],
            "detail": {
                "scan-status": "COMPLETE",
                "repository-name": "shop/basket",
                "finding-severity-counts": {"CRITICAL": 10, "MEDIUM": 9},
                "image-digest": image.digest,
                "image-tags": ["1.0"],
            },
        }
        assert registry.completed_events() == []

    def test_a_failed_scan_counts_nothing(
        self, registry: LocalRegistry, ecr: ECRClient, clock: Clock
    ) -> None:
        image = registry.add_image(
            REPOSITORY,
            findings={"HIGH": 1},
            scanned_at=clock() - 2 * DAY,
            next_scan_status="FAILED",
        )
        start_scan(ecr, image.digest)
        registry.finish_scans()
        [event] = registry.completed_events()
        assert event["detail"]["scan-status"] == "FAILED"
        assert event["detail"]["finding-severity-counts"] == {}

    def test_in_the_order_of_completion(
        self, registry: LocalRegistry, ecr: ECRClient, clock: Clock
    ) -> None:
        slow, fast = (registry.add_image(REPOSITORY).digest for _ in range(2))
        registry.scan_duration = 2 * HOUR
        start_scan(ecr, slow)
        registry.scan_duration = HOUR
        start_scan(ecr, fast)
        clock.advance(3 * HOUR)
        events = registry.completed_events()
        assert [event["detail"]["image-digest"] for event in events] == [fast, slow]

    def test_an_image_deleted_during_its_scan_gives_none(
        self, registry: LocalRegistry, ecr: ECRClient
    ) -> None:
        image = registry.add_image(REPOSITORY, tags=("1.0",))
        start_scan(ecr, image.digest)
        registry.remove_image(REPOSITORY, image.digest)
        registry.finish_scans()
        assert registry.completed_events() == []


class TestScanningConfiguration:
    def test_of_the_registry(self, registry: LocalRegistry, ecr: ECRClient) -> None:
        registry.scan_type = "ENHANCED"
        registry.scanning_rules = [ScanningRule("CONTINUOUS_SCAN", ("shop/*",))]
        answer = ecr.get_registry_scanning_configuration()
        assert answer["scanningConfiguration"] == {
            "scanType": "ENHANCED",
            "rules": [
                {
                    "scanFrequency": "CONTINUOUS_SCAN",
                    "repositoryFilters": [{"filter": "shop/*", "filterType": "WILDCARD"}],
                }
            ],
        }

    def test_of_repositories(self, registry: LocalRegistry, ecr: ECRClient) -> None:
        registry.scanning_rules = [ScanningRule("SCAN_ON_PUSH", ("basket", "other"))]
        for name in (REPOSITORY, "tools/lint"):
            registry.add_repository(name)
        registry.add_repository("tools/push", scan_on_push=True)
        answer = ecr.batch_get_repository_scanning_configuration(
            repositoryNames=[REPOSITORY, "tools/lint", "tools/push", "absent"]
        )
        found = [
            (one["scanFrequency"], one["scanOnPush"], one["appliedScanFilters"])
            for one in answer["scanningConfigurations"]
        ]
        assert found == [
            ("SCAN_ON_PUSH", True, [{"filter": "basket", "filterType": "WILDCARD"}]),
            ("MANUAL", False, []),
            ("SCAN_ON_PUSH", True, []),
        ]
        assert [one["repositoryName"] for one in answer["failures"]] == ["absent"]

    def test_of_too_many_repositories(self, registry: LocalRegistry, ecr: ECRClient) -> None:
        call = ecr.batch_get_repository_scanning_configuration
        assert refusal(call, repositoryNames=["one"] * 26) == "InvalidParameterException"


class TestListTagsForResource:
    def test_the_tags(self, registry: LocalRegistry, ecr: ECRClient) -> None:
        registry.add_repository(REPOSITORY, tags={"team": "shop"})
        arn = registry.repository_arn(REPOSITORY)
        tags = ecr.list_tags_for_resource(resourceArn=arn)["tags"]
        assert tags == [{"Key": "team", "Value": "shop"}]

    @pytest.mark.parametrize(
        ("arn", "code"),
        [
            ("nonsense", "InvalidParameterException"),
            (
                "arn:aws:ecr:eu-west-1:123456789012:repository/absent",
                "RepositoryNotFoundException",
            ),
        ],
    )
    def test_refusals(self, ecr: ECRClient, arn: str, code: str) -> None:
        assert refusal(ecr.list_tags_for_resource, resourceArn=arn) == code


class TestBatchGetImage:
    def test_an_index_names_its_children(self, registry: LocalRegistry, ecr: ECRClient) -> None:
        children = tuple(
            registry.add_image(REPOSITORY, media_type=OCI_MANIFEST).digest for _ in range(2)
        )
        registry.add_image(REPOSITORY, tags=("1.0",), media_type=OCI_INDEX, children=children)
        answer = ecr.batch_get_image(repositoryName=REPOSITORY, imageIds=[{"imageTag": "1.0"}])
        [image] = answer["images"]
        manifest = json.loads(image["imageManifest"])
        assert image["imageManifestMediaType"] == manifest["mediaType"] == OCI_INDEX
        assert tuple(child["digest"] for child in manifest["manifests"]) == children
        platforms = [child["platform"]["architecture"] for child in manifest["manifests"]]
        assert platforms == ["amd64", "arm64"]

    def test_an_artifact_names_its_type_and_subject(
        self, registry: LocalRegistry, ecr: ECRClient
    ) -> None:
        registry.add_image(
            REPOSITORY,
            tags=("sig",),
            media_type=OCI_MANIFEST,
            artifact_media_type=COSIGN_SIGNATURE,
            subject_digest=UNKNOWN_DIGEST,
        )
        answer = ecr.batch_get_image(repositoryName=REPOSITORY, imageIds=[{"imageTag": "sig"}])
        manifest = json.loads(answer["images"][0]["imageManifest"])
        assert manifest["config"]["mediaType"] == COSIGN_SIGNATURE
        assert manifest["subject"]["digest"] == UNKNOWN_DIGEST

    def test_what_cannot_be_had_is_a_failure(self, registry: LocalRegistry, ecr: ECRClient) -> None:
        registry.add_image(REPOSITORY, tags=("old",), status="ARCHIVED")
        answer = ecr.batch_get_image(
            repositoryName=REPOSITORY, imageIds=[{"imageTag": "absent"}, {"imageTag": "old"}]
        )
        codes = [failure["failureCode"] for failure in answer["failures"]]
        assert codes == ["ImageNotFound", "ImageInaccessible"]
        assert answer["images"] == []

    def test_it_is_a_pull_recorded_once_a_day(
        self, registry: LocalRegistry, ecr: ECRClient, clock: Clock
    ) -> None:
        image = registry.add_image(REPOSITORY, tags=("1.0",))
        pulled_at = clock()
        for _ in range(2):
            ecr.batch_get_image(repositoryName=REPOSITORY, imageIds=[{"imageTag": "1.0"}])
            clock.advance(HOUR)
        assert describe_image(ecr, image.digest)["lastRecordedPullTime"] == pulled_at


class TestFaults:
    def test_throttling(self, registry: LocalRegistry, ecr: ECRClient) -> None:
        seconds = [0.0]
        registry.faults.timer = lambda: seconds[0]
        registry.limit_rate("DescribeRepositories", rate=2, burst=3)
        for _ in range(3):
            ecr.describe_repositories()
        with pytest.raises(ClientError) as caught:
            ecr.describe_repositories()
        assert caught.value.response["Error"]["Code"] == "ThrottlingException"
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
        seconds[0] = 0.5
        ecr.describe_repositories()
        assert refusal(ecr.describe_repositories) == "ThrottlingException"
        assert registry.calls["DescribeRepositories"] == 6
        assert registry.errors == {"ThrottlingException": 2}

    def test_only_the_operation_that_is_limited(
        self, registry: LocalRegistry, ecr: ECRClient
    ) -> None:
        registry.faults.timer = lambda: 0.0
        registry.limit_rate("StartImageScan", rate=0.1)
        first, second = (registry.add_image(REPOSITORY).digest for _ in range(2))
        start_scan(ecr, first)
        assert refused_scan(ecr, second) == "ThrottlingException"
        describe_image(ecr, second)

    def test_clients_retry_when_throttled(self, registry: LocalRegistry) -> None:
        registry.fail_next("DescribeRepositories", "ThrottlingException")
        config = Config(retries={"total_max_attempts": 2, "mode": "standard"})
        boto3.client("ecr", config=config).describe_repositories()
        assert registry.calls["DescribeRepositories"] == 2

    def test_an_error_to_order(self, registry: LocalRegistry, ecr: ECRClient) -> None:
        registry.fail_next("DescribeRepositories", "ServerException", times=2)
        for _ in range(2):
            with pytest.raises(ecr.exceptions.ServerException) as caught:
                ecr.describe_repositories()
            assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 500
        ecr.describe_repositories()

    def test_latency(self, registry: LocalRegistry, ecr: ECRClient) -> None:
        waits: list[float] = []
        registry.faults.sleep = waits.append
        registry.faults.latency_seconds = 0.05
        ecr.describe_repositories()
        assert waits == [0.05]


class TestInstallation:
    def test_moto_answers_what_concerns_no_repository(self, ecr: ECRClient) -> None:
        [authorization] = ecr.get_authorization_token()["authorizationData"]
        assert authorization["proxyEndpoint"].endswith(".dkr.ecr.eu-west-1.amazonaws.com")

    def test_what_is_not_there_says_so(self, ecr: ECRClient) -> None:
        code = refusal(ecr.create_repository, repositoryName="new")
        assert code == "UnknownOperationException"

    def test_another_region_is_empty(self, registry: LocalRegistry) -> None:
        registry.add_repository(REPOSITORY)
        elsewhere = boto3.client("ecr", region_name="us-east-1")
        assert elsewhere.describe_repositories()["repositories"] == []

    def test_moto_has_its_own_again_afterwards(self) -> None:
        before = dict(urls.url_paths)
        with local_ecr() as registry:
            registry.add_repository(REPOSITORY)
            assert urls.url_paths != before
        assert urls.url_paths == before
        with mock_aws():
            assert boto3.client("ecr").describe_repositories()["repositories"] == []

    def test_the_clock_is_the_real_one_unless_set(self) -> None:
        assert abs(LocalRegistry().now() - datetime.now(UTC)) < timedelta(minutes=1)

    def test_over_http(self) -> None:
        with local_ecr() as registry:
            registry.limit_rate("DescribeRepositories", rate=0.001, burst=1)
            digests = {registry.add_image(REPOSITORY, tags=(str(n),)).digest for n in range(1_500)}
            server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
            server.start()
            try:
                host, port = server.get_host_and_port()
                ecr = boto3.client(
                    "ecr",
                    endpoint_url=f"http://{host}:{port}",
                    config=Config(retries={"total_max_attempts": 1}),
                )
                pages = ecr.get_paginator("describe_images").paginate(
                    repositoryName=REPOSITORY, PaginationConfig={"PageSize": 1_000}
                )
                found = {one["imageDigest"] for page in pages for one in page["imageDetails"]}
                ecr.describe_repositories()
                assert refusal(ecr.describe_repositories) == "ThrottlingException"
                ecr.close()
            finally:
                server.stop()
        assert found == digests
        assert registry.calls == {"DescribeImages": 2, "DescribeRepositories": 2}

    def test_threads_share_a_registry(self) -> None:
        registry = LocalRegistry()
        registry.scans_per_day = 50
        digests = [registry.add_image(REPOSITORY).digest for _ in range(80)]

        def scan(digest: str) -> None:
            request = {"repositoryName": REPOSITORY, "imageId": {"imageDigest": digest}}
            with suppress(EcrError):
                registry.answer("StartImageScan", request)

        with ThreadPoolExecutor(max_workers=16) as threads:
            list(threads.map(scan, digests))
        registry.finish_scans()
        assert len(registry.completed_events()) == 50
        assert registry.errors == {"LimitExceededException": 30}


class TestListImages:
    def test_an_identifier_a_tag_and_one_for_an_image_without_tags(self, registry, ecr):
        first = registry.add_image(REPOSITORY, tags=("1", "latest"))
        second = registry.add_image(REPOSITORY)
        assert ecr.list_images(repositoryName=REPOSITORY)["imageIds"] == [
            {"imageDigest": first.digest, "imageTag": "1"},
            {"imageDigest": first.digest, "imageTag": "latest"},
            {"imageDigest": second.digest},
        ]

    def test_pages_may_end_within_an_images_tags(self, registry, ecr):
        for number in range(3):
            registry.add_image(REPOSITORY, tags=(f"{number}-a", f"{number}-b"))
        pages = ecr.get_paginator("list_images").paginate(
            repositoryName=REPOSITORY, PaginationConfig={"PageSize": 3}
        )
        tags = [[identifier["imageTag"] for identifier in page["imageIds"]] for page in pages]
        assert tags == [["0-a", "0-b", "1-a"], ["1-b", "2-a", "2-b"]]

    def test_the_filter_leaves_out_what_has_no_tags(self, registry, ecr):
        registry.add_image(REPOSITORY, tags=("1",))
        registry.add_image(REPOSITORY)
        answer = ecr.list_images(repositoryName=REPOSITORY, filter={"tagStatus": "TAGGED"})
        assert len(answer["imageIds"]) == 1
