"""Fleet reports of the demo's registry, without an AWS account."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from moto import mock_aws

from chalicelib.fleet.collecting import gather_fleet
from chalicelib.fleet.comparison import compare
from chalicelib.runtime.deadline import Deadline
from chalicelib.services import Services
from chalicelib.settings.settings import Settings
from local.ecr import Findings, LocalRegistry, local_ecr
from local.environment import isolated_environment
from local.seed import seed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chalicelib.fleet.report import FleetReport

REGION = "eu-west-1"
NEW_BUILDS = {
    "shop/checkout": "1.4.7",
    "legacy/reports": "1.1.2",
    "platform/ingress-proxy": "1.2.3",
}


@contextmanager
def demo_fleet(**settings: str) -> Iterator[tuple[Services, FleetReport]]:
    """The services on the demo's registry, and the report of it a week earlier.

    Amazon Inspector scans the registry, since it tells which findings have a fix. Meanwhile some
    repositories got a new build, with fewer findings of its packages and some of others.
    """
    credentials = dict.fromkeys(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), "demo")
    with (
        isolated_environment(**credentials, AWS_DEFAULT_REGION=REGION),
        mock_aws(),
        local_ecr() as registry,
    ):
        registry.scan_type = "ENHANCED"
        seed(registry)
        services = Services(Settings.from_environment(settings))
        report = gather_fleet(services, Deadline.unlimited()).report
        earlier = replace(report, generated_at=report.generated_at - timedelta(days=7))
        _push_builds(registry)
        yield services, earlier


def demo_report() -> FleetReport:
    """The report of the demo's registry, compared with that of a week earlier."""
    with demo_fleet() as (services, earlier):
        found = gather_fleet(services, Deadline.unlimited(), earlier=earlier)
        return compare(found.report, earlier)


def _push_builds(registry: LocalRegistry) -> None:
    for number, (name, tag) in enumerate(NEW_BUILDS.items()):
        images = list(registry.repositories[name].images.values())
        found = [image.findings.entries for image in images if image.findings.entries]
        findings = Findings(tuple(dict.fromkeys(found[-1][3:] + found[0][: 4 + number])))
        tags, now = (tag, "1", "latest", "main"), registry.now()
        if any(image.is_index for image in images):
            registry.add_index(name, tags=tags, scanned_at=now, findings=findings)
        else:
            registry.add_image(name, tags=tags, scanned_at=now, findings=findings)
