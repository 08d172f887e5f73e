"""The operations about how a registry and its repositories are scanned."""

from __future__ import annotations

from typing import TYPE_CHECKING

from local.cloud.requests import invalid_parameter, named

if TYPE_CHECKING:
    from local.cloud.findings import Shape
    from local.cloud.scans import Scans

MOST_CONFIGURATIONS = 25
ACCOUNT_SETTINGS = {"BASIC_SCAN_TYPE_VERSION": "AWS_NATIVE", "REGISTRY_POLICY_SCOPE": "V2"}
"""AWS_NATIVE is the one basic scan type. Source: ECR API reference, PutAccountSetting."""


def get_account_setting(_: Scans, request: Shape) -> Shape:
    """GetAccountSetting: how the account's basic scanning works."""
    name = request["name"]
    if name not in ACCOUNT_SETTINGS:
        raise invalid_parameter("name", f"Member must be one of {sorted(ACCOUNT_SETTINGS)}")
    return {"name": name, "value": ACCOUNT_SETTINGS[name]}


def get_registry_scanning_configuration(registry: Scans, _: Shape) -> Shape:
    """GetRegistryScanningConfiguration: BASIC or ENHANCED, and the rules."""
    rules = [
        {
            "scanFrequency": rule.frequency,
            "repositoryFilters": _wildcard_filters(rule.wildcards),
        }
        for rule in registry.scanning_rules
    ]
    return {
        "registryId": registry.account_id,
        "scanningConfiguration": {"scanType": registry.scan_type, "rules": rules},
    }


def batch_get_scanning_configuration(registry: Scans, request: Shape) -> Shape:
    """BatchGetRepositoryScanningConfiguration: the rule in force for each repository."""
    names = named(request, "repositoryNames", MOST_CONFIGURATIONS)
    known = [name for name in names if name in registry.repositories]
    return {
        "scanningConfigurations": [_scanning_configuration(registry, name) for name in known],
        "failures": [
            {
                "repositoryName": name,
                "failureCode": "REPOSITORY_NOT_FOUND",
                "failureReason": "REPOSITORY_NOT_FOUND",
            }
            for name in names
            if name not in registry.repositories
        ],
    }


def _scanning_configuration(registry: Scans, name: str) -> Shape:
    frequency, wildcards = registry.frequency(name)
    return {
        "repositoryArn": registry.repository_arn(name),
        "repositoryName": name,
        "scanOnPush": frequency != "MANUAL",
        "scanFrequency": frequency,
        "appliedScanFilters": _wildcard_filters(wildcards),
    }


def _wildcard_filters(wildcards: tuple[str, ...]) -> list[Shape]:
    return [{"filter": wildcard, "filterType": "WILDCARD"} for wildcard in wildcards]
