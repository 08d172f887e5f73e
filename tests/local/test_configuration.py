"""How a registry and its repositories are scanned."""

from __future__ import annotations

from typing import TYPE_CHECKING

from local.ecr import ScanningRule
from tests.local.calls import REPOSITORY, refusal

if TYPE_CHECKING:
    from mypy_boto3_ecr import ECRClient

    from local.ecr import LocalRegistry


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


class TestAccountSetting:
    def test_basic_scanning_is_aws_own(self, ecr: ECRClient) -> None:
        setting = ecr.get_account_setting(name="BASIC_SCAN_TYPE_VERSION")
        assert setting["value"] == "AWS_NATIVE"

    def test_of_another_name(self, ecr: ECRClient) -> None:
        assert refusal(ecr.get_account_setting, name="OTHER") == "InvalidParameterException"
