"""Enhanced scanning, by Amazon Inspector."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from local.ecr import UNSUPPORTED, Finding, Findings, Package, ScanningRule
from tests.local.calls import DAY, HOUR, REPOSITORY, scan_findings, scan_status

if TYPE_CHECKING:
    from mypy_boto3_ecr import ECRClient

    from local.ecr import Clock, Image, LocalRegistry

VECTOR = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N"


@pytest.fixture
def registry(registry: LocalRegistry) -> LocalRegistry:
    registry.scan_type = "ENHANCED"
    return registry


def scanned(registry: LocalRegistry, clock: Clock, *findings: Finding, **more: Any) -> Image:
    return registry.add_image(
        REPOSITORY,
        findings=Findings(findings),
        pushed_at=clock() - 3 * DAY,
        scanned_at=clock() - DAY,
        **more,
    )


def only_finding(ecr: ECRClient, image: Image) -> Any:
    [finding] = scan_findings(ecr, image.digest)["imageScanFindings"]["enhancedFindings"]
    return finding


def packages(ecr: ECRClient, image: Image) -> Any:
    return only_finding(ecr, image)["packageVulnerabilityDetails"]["vulnerablePackages"]


class TestStatus:
    def test_an_image_that_goes_on_being_scanned_is_active(
        self, registry: LocalRegistry, ecr: ECRClient, clock: Clock
    ) -> None:
        registry.scanning_rules = [ScanningRule("CONTINUOUS_SCAN")]
        answer = scan_findings(ecr, scanned(registry, clock, Finding("CVE-1", "HIGH")).digest)
        assert answer["imageScanStatus"]["status"] == "ACTIVE"
        assert len(answer["imageScanFindings"]["enhancedFindings"]) == 1
        assert "findings" not in answer["imageScanFindings"]

    def test_an_image_scanned_on_push_only_is_complete_with_enhanced_findings(
        self, registry: LocalRegistry, ecr: ECRClient, clock: Clock
    ) -> None:
        registry.scanning_rules = [ScanningRule("SCAN_ON_PUSH")]
        answer = scan_findings(ecr, scanned(registry, clock, Finding("CVE-1", "HIGH")).digest)
        assert answer["imageScanStatus"]["status"] == "COMPLETE"
        assert len(answer["imageScanFindings"]["enhancedFindings"]) == 1

    def test_an_unsupported_image_is_called_so(
        self, registry: LocalRegistry, ecr: ECRClient, clock: Clock
    ) -> None:
        image = scanned(registry, clock, unsupported=True)
        answer = scan_findings(ecr, image.digest)
        expected = {"status": "UNSUPPORTED_IMAGE", "description": UNSUPPORTED}
        assert answer["imageScanStatus"] == expected
        assert "imageScanFindings" not in answer

    def test_an_image_no_longer_eligible_has_no_findings(
        self, registry: LocalRegistry, ecr: ECRClient, clock: Clock
    ) -> None:
        image = scanned(registry, clock, scan_status="SCAN_ELIGIBILITY_EXPIRED")
        answer = scan_findings(ecr, image.digest)
        assert answer["imageScanStatus"]["status"] == "SCAN_ELIGIBILITY_EXPIRED"
        assert "imageScanFindings" not in answer

    def test_an_image_is_scanned_once_pushed(
        self, registry: LocalRegistry, ecr: ECRClient, clock: Clock
    ) -> None:
        registry.scanning_rules = [ScanningRule("CONTINUOUS_SCAN")]
        image = registry.push_image(REPOSITORY, findings={"LOW": 1})
        clock.advance(HOUR)
        assert scan_status(ecr, image.digest) == "ACTIVE"

    def test_a_repository_that_no_rule_names_is_not_scanned(
        self, registry: LocalRegistry, ecr: ECRClient, clock: Clock
    ) -> None:
        registry.scanning_rules = [ScanningRule("CONTINUOUS_SCAN", ("other/*",))]
        registry.add_repository(REPOSITORY, scan_on_push=True)
        image = registry.push_image(REPOSITORY)
        clock.advance(HOUR)
        assert scan_status(ecr, image.digest) == "ScanNotFoundException"


class TestFindings:
    def test_a_finding(self, registry: LocalRegistry, ecr: ECRClient, clock: Clock) -> None:
        image = scanned(
            registry,
            clock,
            Finding(
                "CVE-2024-0001",
                "UNDEFINED",
                "curl",
                "1:7.88.1-10+deb12u5",
                "It is bad.",
                9.8,
                VECTOR,
                fixed_in_version="7.88.1-10+deb12u6",
                exploit_available=True,
                first_observed_at=clock() - 2 * DAY,
            ),
            tags=("1.0",),
            in_use_count=3,
            last_in_use_at=clock() - HOUR,
        )
        answer = scan_findings(ecr, image.digest)
        assert answer["imageScanFindings"]["findingSeverityCounts"] == {"UNTRIAGED": 1}
        arn = registry.repository_arn(REPOSITORY)
        finding = only_finding(ecr, image)
        assert finding.pop("findingArn").startswith(
            "arn:aws:inspector2:eu-west-1:123456789012:finding/"
        )
        assert finding == {
            "awsAccountId": "123456789012",
            "description": "It is bad.",
            "firstObservedAt": clock() - 2 * DAY,
            "lastObservedAt": clock() - DAY,
            "updatedAt": clock() - DAY,
            "packageVulnerabilityDetails": {
                "cvss": [
                    {"baseScore": 9.8, "scoringVector": VECTOR, "version": "3.1", "source": "NVD"}
                ],
                "referenceUrls": [],
                "relatedVulnerabilities": [],
                "source": "NVD",
                "sourceUrl": "https://nvd.nist.gov/vuln/detail/CVE-2024-0001",
                "vendorSeverity": "Undefined",
                "vulnerabilityId": "CVE-2024-0001",
                "vulnerablePackages": [
                    {
                        "arch": "X86_64",
                        "epoch": 1,
                        "name": "curl",
                        "packageManager": "OS",
                        "release": "10+deb12u5",
                        "version": "7.88.1",
                        "fixedInVersion": "1:7.88.1-10+deb12u6",
                    }
                ],
            },
            "remediation": {"recommendation": {"text": "None Provided"}},
            "resources": [
                {
                    "id": f"{arn}/{image.digest}",
                    "type": "AWS_ECR_CONTAINER_IMAGE",
                    "details": {
                        "awsEcrContainerImage": {
                            "architecture": "amd64",
                            "imageHash": image.digest,
                            "imageTags": ["1.0"],
                            "inUseCount": 3,
                            "lastInUseAt": clock() - HOUR,
                            "platform": "UBUNTU_22_04",
                            "pushedAt": clock() - 3 * DAY,
                            "registry": "123456789012",
                            "repositoryName": REPOSITORY,
                        }
                    },
                }
            ],
            "score": 9.8,
            "severity": "UNTRIAGED",
            "status": "ACTIVE",
            "title": "CVE-2024-0001 - curl",
            "type": "PACKAGE_VULNERABILITY",
            "fixAvailable": "YES",
            "exploitAvailable": "YES",
        }

    def test_each_finding_has_an_arn_of_its_own(
        self, registry: LocalRegistry, ecr: ECRClient, clock: Clock
    ) -> None:
        image = scanned(registry, clock, Finding("CVE-1", "LOW"), Finding("CVE-2", "LOW"))
        findings = scan_findings(ecr, image.digest)["imageScanFindings"]["enhancedFindings"]
        assert len({finding["findingArn"] for finding in findings}) == 2

    def test_no_fix_is_the_word_not_available_and_no_score_is_0(
        self, registry: LocalRegistry, ecr: ECRClient, clock: Clock
    ) -> None:
        image = scanned(registry, clock, Finding("CVE-1", "HIGH", package_version="1.2"))
        finding = only_finding(ecr, image)
        assert finding["fixAvailable"] == "NO"
        assert finding["score"] == 0.0
        assert finding["packageVulnerabilityDetails"]["cvss"] == []
        [package] = packages(ecr, image)
        assert package["fixedInVersion"] == "NotAvailable"
        assert package["version"] == "1.2"
        assert "release" not in package

    def test_a_fix_of_some_packages_is_partial(
        self, registry: LocalRegistry, ecr: ECRClient, clock: Clock
    ) -> None:
        other = Package("xz-utils", "5.2.5-2", "5.2.5-3")
        finding = Finding("CVE-1", "HIGH", "gzip", "1.10-4", also_in=(other,))
        image = scanned(registry, clock, finding)
        assert only_finding(ecr, image)["fixAvailable"] == "PARTIAL"
        assert only_finding(ecr, image)["title"] == "CVE-1 - gzip, xz-utils"

    def test_a_languages_package_says_where_it_lies(
        self, registry: LocalRegistry, ecr: ECRClient, clock: Clock
    ) -> None:
        requests = Package("requests", "2.32.0", "2.32.4", "app/requirements.txt", "PYTHON")
        image = scanned(registry, clock, Finding("CVE-1", "HIGH", also_in=(requests,)))
        [package] = [each for each in packages(ecr, image) if each["name"] == "requests"]
        assert package == {
            "epoch": 0,
            "name": "requests",
            "packageManager": "PYTHON",
            "version": "2.32.0",
            "filePath": "app/requirements.txt",
            "fixedInVersion": "2.32.4",
        }

    def test_packages_come_in_another_order_after_another_scan(
        self, registry: LocalRegistry, ecr: ECRClient, clock: Clock
    ) -> None:
        others = tuple(Package(f"lib{n}", "1") for n in range(6))
        image = scanned(registry, clock, Finding("CVE-1", "HIGH", also_in=others))
        before = packages(ecr, image)
        assert packages(ecr, image) == before
        image.report(clock())
        after = packages(ecr, image)
        assert after != before
        assert sorted(after, key=str) == sorted(before, key=str)

    @pytest.mark.parametrize(("size", "first"), [(1000, 100), (100, 100), (7, 7)])
    def test_a_page_has_at_most_a_hundred_findings(
        self, registry: LocalRegistry, ecr: ECRClient, clock: Clock, size: int, first: int
    ) -> None:
        image = registry.add_image(REPOSITORY, findings={"LOW": 250}, scanned_at=clock())
        pages = list(
            ecr.get_paginator("describe_image_scan_findings").paginate(
                repositoryName=REPOSITORY,
                imageId={"imageDigest": image.digest},
                PaginationConfig={"PageSize": size},
            )
        )
        found = [page["imageScanFindings"]["enhancedFindings"] for page in pages]
        assert len(found[0]) == first
        names = [
            each["packageVulnerabilityDetails"]["vulnerabilityId"]
            for page in found
            for each in page
        ]
        assert len(names) == len(set(names)) == 250
