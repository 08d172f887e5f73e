"""``make bench-registries``: the memory that the clients of many registries take.

What the lister, the scanner and discovery use of each account: clients of ECR, of its tags, of ECS
and of Lambda, by a role. They are made and hold what botocore reads, but call nothing.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from chalicelib.ecr.registries import RegistryAddress
from chalicelib.services import Services
from chalicelib.settings.settings import Settings
from local.environment import isolated_environment

ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "none",
    "AWS_SECRET_ACCESS_KEY": "none",
    "AWS_DEFAULT_REGION": "eu-west-1",
}


def megabytes_of(registries: int) -> tuple[float, float]:
    """What the process takes with the clients of its own registry, and with those of so many."""
    roles = [f"arn:aws:iam::{number:012}:role/scan" for number in range(1, registries)]
    settings = {"SCAN_ROLES": ",".join(roles), "ECS_DISCOVERY_ROLES": ",".join(roles)}
    with isolated_environment(**ENVIRONMENT):
        services = Services(Settings.from_environment({k: v for k, v in settings.items() if v}))
        services.own_account = "000000000000"
        _use(services, RegistryAddress())
        before = _resident()
        for address in services.settings.registries:
            _use(services, address)
        for _ in services.workloads():
            pass
        return before, _resident()


def _use(services: Services, address: RegistryAddress) -> None:
    services.registry_of(address)
    services.registry_of(address, once=True)
    services.repository_tags_of(address)
    services.inspector_of(address)


def _resident() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--registries", type=int, default=100)
    count = parser.parse_args().registries
    before, after = megabytes_of(count)
    print(f"memory with one registry {before:,.0f} MB, with {count} registries {after:,.0f} MB")


if __name__ == "__main__":
    main()
