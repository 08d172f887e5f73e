"""A registry that looks like one in use: `seed(registry)`.

The same random seed and the same clock give the same registry, as long as it was empty.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import TYPE_CHECKING

from local.cloud.scans import ScanningRule
from local.distributions import KnownFlaws
from local.images import COSIGN_SIGNATURE, HELM_CHART, IN_TOTO_ATTESTATION, OCI_MANIFEST

if TYPE_CHECKING:
    from local.ecr import LocalRegistry


@dataclass(frozen=True)
class Service:
    """A repository of a service's builds, newest first, on one distribution.

    Those that are built by buildx push an index with an attestation for each of its `platforms`.
    `deployed` is how many builds older than the newest the one in production is; the newest is at
    least `idle_days` old.
    """

    name: str
    distribution: str
    builds: int
    days_between_builds: float
    scan_on_push: bool = False
    platforms: tuple[str, ...] = ()
    deployed: int = 2
    idle_days: float = 0


SERVICES = (
    Service("data/etl-orders", "debian", 34, 2.5),
    Service("data/feature-store", "ubuntu", 22, 4, platforms=("linux/amd64",)),
    Service("identity/login", "alpine", 40, 1.2, scan_on_push=True),
    Service("legacy/reports", "debian", 9, 45, deployed=0, idle_days=100),
    Service("payments/card-gateway", "alpine", 30, 3, scan_on_push=True),
    Service("payments/ledger", "ubuntu", 36, 2),
    Service("platform/ingress-proxy", "alpine", 18, 6, platforms=("linux/amd64", "linux/arm64")),
    Service("shop/basket-api", "debian", 44, 0.8, deployed=5),
    Service("shop/checkout", "debian", 38, 1, deployed=3),
    Service("shop/storefront-web", "ubuntu", 32, 1.5),
)

INSPECTED_SERVICES = (
    Service("billing/invoices", "debian", 6, 5),
    Service("billing/tax-rates", "alpine", 4, 9),
    Service("search/indexer", "debian", 5, 4),
)
"""Those of the registry that Amazon Inspector scans."""

RELEASED = 3
"""Every so many builds one is released, and gets version tags."""


def seed(registry: LocalRegistry, *, random_seed: int = 20_240_229) -> None:
    """Fill a registry with fourteen repositories and some four hundred manifests.

    Among them are tags that move with each build or release, many tags on one digest, untagged
    builds, indexes with their platforms' images and attestations, Helm charts, a signature, an
    archived image, images that cannot be scanned, and scans of every age and outcome: none, fresh,
    stale, in progress, bound to fail.
    """
    _Seeder(registry, Random(random_seed)).seed()


def seed_inspected(registry: LocalRegistry, *, random_seed: int = 20_240_301) -> None:
    """Fill a registry with three repositories, as Amazon Inspector is about to scan it first.

    Enhanced scanning is a registry's, which is that of an account in a region. Source: ECR user
    guide, "Enhanced scanning"; it scans what is there when it is turned on.
    """
    registry.scan_type = "ENHANCED"
    registry.scanning_rules = [ScanningRule("CONTINUOUS_SCAN")]
    seeder = _Seeder(registry, Random(random_seed))
    for service in INSPECTED_SERVICES:
        seeder.add_service(service)
    for repository in registry.repositories.values():
        for image in repository.images.values():
            image.scan_status = image.scan_started_at = image.scan_completed_at = None
            registry.begin_scan(repository, image)


class _Seeder:
    def __init__(self, registry: LocalRegistry, random: Random) -> None:
        self.registry = registry
        self.random = random
        self.now = registry.now()
        self.known = KnownFlaws(random, self.now)

    def seed(self) -> None:
        for service in SERVICES:
            self.add_service(service)
        self._add_multi_platform_base()
        self._add_helm_charts()
        self._add_images_without_an_operating_system()
        self._add_repository("sandbox/experiments")
        self._sign_the_newest("payments/card-gateway")
        self._archive_the_oldest("legacy/reports")
        self._add_unusual_scans("shop/checkout")

    def add_service(self, service: Service) -> None:
        """Add a repository with its builds."""
        self._add_repository(service.name, scan_on_push=service.scan_on_push)
        for build in reversed(range(service.builds)):
            self._add_build(service, build)

    def _add_repository(self, name: str, *, scan_on_push: bool = False) -> None:
        self.registry.add_repository(
            name,
            created_at=self._before(days=900),
            scan_on_push=scan_on_push,
            tags={"team": name.partition("/")[0], "environment": "production"},
        )

    # Builds of services

    def _add_build(self, service: Service, build: int) -> None:
        """Add the build that is this many builds older than the newest."""
        age = service.idle_days + (build + self.random.random()) * service.days_between_builds
        pushed_at = self._before(days=age)
        tags, findings = self._tags(service, build), self.known.found(service.distribution, age)
        scanned_at = self._scan_time(service, pushed_at)
        if service.platforms:
            self.registry.add_index(
                service.name,
                tags=tags,
                platforms=service.platforms,
                pushed_at=pushed_at,
                scanned_at=scanned_at,
                findings=findings,
            )
            return
        in_production = build == service.deployed
        self.registry.add_image(
            service.name,
            tags=tags,
            pushed_at=pushed_at,
            size_in_bytes=self.random.randrange(20, 400) * 1_048_576,
            last_pulled_at=self._some_time_since(pushed_at),
            in_use_count=self.random.randint(1, 9) if in_production else 0,
            last_in_use_at=self.now if in_production else None,
            findings=findings,
            scanned_at=scanned_at,
        )

    def _tags(self, service: Service, build: int) -> tuple[str, ...]:
        """Return the tags that CI gives a build; those that move leave the build before.

        ``main`` is the newest build, ``latest``, ``1`` and ``1.4`` are the newest release, ``prod``
        is what was deployed. A fifth of the older builds have no tag of their own.
        """
        number, commit = service.builds - build, f"git-{self.random.getrandbits(28):07x}"
        release, rest = divmod(number, RELEASED)
        tags = ["main"]
        if build == 0 or rest == 0 or self.random.random() >= 0.2:
            tags.append(commit)
        if rest == 0:
            minor = f"1.{release // 4}"
            tags += [f"{minor}.{release % 4}", minor, "1", "latest"]
        if build >= service.deployed:
            tags.append("prod")
        return tuple(tags)

    def _scan_time(self, service: Service, pushed_at: datetime) -> datetime | None:
        """Return when an image was last scanned, seldom before it was pushed: never, for some."""
        if self.random.random() < 0.12 and not service.scan_on_push:
            return None
        if service.idle_days or (service.scan_on_push and self.random.random() < 0.5):
            return pushed_at
        days = self.random.choice((0.3, 0.8, 2, 5, 6.5, 8, 15, 40, 120))
        return max(pushed_at, self._before(days=days * self.random.uniform(0.9, 1.1)))

    def _some_time_since(self, pushed_at: datetime) -> datetime | None:
        if self.random.random() < 0.25:
            return None
        return pushed_at + self.random.random() * (self.now - pushed_at)

    def _before(self, *, days: float) -> datetime:
        return self.now - timedelta(days=days)

    # What is not a plain image

    def _add_multi_platform_base(self) -> None:
        """Add indexes: the tags are their own, the findings those of their untagged images."""
        repository = "platform/base/python"
        self._add_repository(repository)
        for days, version in ((70, "3.11"), (12, "3.12")):
            self.registry.add_index(
                repository,
                tags=(version, f"{version}-bookworm", "3", "latest"),
                platforms=("linux/amd64", "linux/arm64"),
                pushed_at=self._before(days=days),
                findings=self.known.found("debian", days),
                scanned_at=self._before(days=days / 2),
            )

    def _add_helm_charts(self) -> None:
        self._add_repository("charts/shop")
        for days, version in ((60, "0.9.0"), (20, "0.9.1"), (3, "1.0.0")):
            self._add_artifact("charts/shop", HELM_CHART, days, tags=(version,))

    def _sign_the_newest(self, repository: str) -> None:
        """Add a cosign signature, which its tag ties to the image, and an SBOM attestation."""
        *_, newest = self.registry.repositories[repository].images.values()
        signature = newest.digest.replace(":", "-") + ".sig"
        self._add_artifact(repository, COSIGN_SIGNATURE, 0.5, tags=(signature,))
        self._add_artifact(repository, IN_TOTO_ATTESTATION, 0.5, subject=newest.digest)

    def _add_artifact(
        self,
        repository: str,
        artifact_media_type: str,
        days: float,
        *,
        tags: tuple[str, ...] = (),
        subject: str | None = None,
    ) -> None:
        self.registry.add_image(
            repository,
            tags=tags,
            pushed_at=self._before(days=days),
            size_in_bytes=self.random.randrange(2_000, 90_000),
            media_type=OCI_MANIFEST,
            artifact_media_type=artifact_media_type,
            subject_digest=subject,
        )

    def _archive_the_oldest(self, repository: str) -> None:
        oldest, *_ = self.registry.repositories[repository].images.values()
        oldest.status = "ARCHIVED"
        oldest.archived_at = self._before(days=10)

    # Scans that do not simply complete

    def _add_images_without_an_operating_system(self) -> None:
        """Add images built from scratch, which ECR cannot scan: one was tried, one not yet."""
        self._add_repository("platform/healthcheck")
        for days, tag, scanned in ((200, "1.0", True), (100, "1.1", False)):
            self.registry.add_image(
                "platform/healthcheck",
                tags=(tag, "latest"),
                pushed_at=self._before(days=days),
                scanned_at=self._before(days=days - 1) if scanned else None,
                unsupported=True,
            )

    def _add_unusual_scans(self, repository: str) -> None:
        """Add an image that is being scanned, and a stale one whose next scan fails."""
        self.registry.add_image(
            repository,
            tags=("release-candidate",),
            pushed_at=self._before(days=2),
            findings=self.known.found("debian", 2),
            scanned_at=self.now,
            scan_status="IN_PROGRESS",
        )
        self.registry.add_image(
            repository,
            tags=("nightly",),
            pushed_at=self._before(days=30),
            findings=self.known.found("debian", 30),
            scanned_at=self._before(days=29),
            next_scan_status="FAILED",
            next_scan_description="The scan could not be completed.",
        )
