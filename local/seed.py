"""A registry that looks like one in use: `seed(registry)`.

The same random seed and the same clock give the same registry, as long as it was empty.
Every vulnerability is made up; only the forms are real.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import TYPE_CHECKING

from local.images import (
    COSIGN_SIGNATURE,
    HELM_CHART,
    IN_TOTO_ATTESTATION,
    OCI_IMAGE,
    OCI_INDEX,
    OCI_MANIFEST,
    Finding,
    Findings,
)

if TYPE_CHECKING:
    from local.ecr import LocalRegistry
    from local.images import Image

UNSUPPORTED = (
    "UnsupportedImageError: The operating system and/or package manager are not supported."
)

SEVERITY_WEIGHTS = {
    "CRITICAL": 2,
    "HIGH": 12,
    "MEDIUM": 34,
    "LOW": 30,
    "INFORMATIONAL": 18,
    "UNDEFINED": 4,
}
SCORES = {
    "CRITICAL": (9.0, 10.0),
    "HIGH": (7.0, 8.9),
    "MEDIUM": (4.0, 6.9),
    "LOW": (1.2, 3.9),
    "INFORMATIONAL": (0.1, 1.1),
}
VECTORS = {
    "CRITICAL": "AV:N/AC:L/Au:N/C:C/I:C/A:C",
    "HIGH": "AV:N/AC:L/Au:N/C:P/I:P/A:P",
    "MEDIUM": "AV:N/AC:M/Au:N/C:P/I:N/A:P",
    "LOW": "AV:L/AC:M/Au:N/C:P/I:N/A:N",
    "INFORMATIONAL": "AV:L/AC:H/Au:S/C:N/I:N/A:P",
}
FLAWS = (
    "an out-of-bounds read when parsing a crafted file",
    "a heap buffer overflow reachable by a remote peer",
    "a use after free during the teardown of a connection",
    "an integer overflow that leads to a denial of service",
    "a missing check that lets certificates pass unverified",
    "a path traversal when extracting an archive",
)


@dataclass(frozen=True)
class Base:
    """A Linux distribution: the packages in its images, and how many flaws are known of each."""

    packages: dict[str, str]
    flaws_per_package: int


@dataclass(frozen=True)
class Service:
    """A repository of a service's builds, newest first, on one base."""

    name: str
    base: str
    builds: int
    days_between_builds: float
    scan_on_push: bool = False


BASES = {
    "alpine": Base(
        {
            "busybox": "1.36.1-r15",
            "libcrypto3": "3.1.4-r5",
            "musl": "1.2.4_git20230717-r4",
            "zlib": "1.3.1-r0",
        },
        flaws_per_package=3,
    ),
    "debian": Base(
        {
            "curl": "7.88.1-10+deb12u5",
            "glibc": "2.36-9+deb12u4",
            "krb5": "1.20.1-2+deb12u1",
            "libxml2": "2.9.14+dfsg-1.3~deb12u1",
            "ncurses": "6.4-4",
            "openssl": "3.0.11-1~deb12u2",
            "perl": "5.36.0-7+deb12u1",
            "systemd": "252.22-1~deb12u1",
            "tar": "1.34+dfsg-1.2+deb12u1",
        },
        flaws_per_package=12,
    ),
    "ubuntu": Base(
        {
            "apt": "2.4.11",
            "expat": "2.4.7-1ubuntu0.2",
            "gnutls28": "3.7.3-4ubuntu1.4",
            "libgcrypt20": "1.9.4-3ubuntu3",
            "openldap": "2.5.16+dfsg-0ubuntu0.22.04.2",
            "pcre3": "2:8.39-13ubuntu0.22.04.1",
            "shadow": "1:4.8.1-2ubuntu2.1",
        },
        flaws_per_package=7,
    ),
}

SERVICES = (
    Service("data/etl-orders", "debian", 34, 2.5),
    Service("data/feature-store", "ubuntu", 22, 4),
    Service("identity/login", "alpine", 40, 1.2, scan_on_push=True),
    Service("legacy/reports", "debian", 9, 45),
    Service("payments/card-gateway", "alpine", 30, 3, scan_on_push=True),
    Service("payments/ledger", "ubuntu", 36, 2),
    Service("platform/ingress-proxy", "alpine", 18, 6),
    Service("shop/basket-api", "debian", 44, 0.8),
    Service("shop/checkout", "debian", 38, 1),
    Service("shop/storefront-web", "ubuntu", 32, 1.5),
)


def seed(registry: LocalRegistry, *, random_seed: int = 20_240_229) -> None:
    """Fill a registry with fourteen repositories and some three hundred images.

    Among them are many tags on one digest, untagged builds, an index with its children,
    Helm charts, a signature and an attestation, an archived image, and scans of every
    age and outcome: none, fresh, stale, in progress, bound to fail, and unsupported.
    """
    _Seeder(registry, Random(random_seed)).seed()


class _Seeder:
    def __init__(self, registry: LocalRegistry, random: Random) -> None:
        self.registry = registry
        self.random = random
        self.now = registry.now()
        self.known_flaws = {name: self._flaws_of(base) for name, base in BASES.items()}

    def seed(self) -> None:
        for service in SERVICES:
            self._add_repository(service.name, scan_on_push=service.scan_on_push)
            for build in reversed(range(service.builds)):
                self._add_build(service, build)
        self._add_multi_platform_base()
        self._add_helm_charts()
        self._add_images_without_an_operating_system()
        self._add_repository("sandbox/experiments")
        self._sign_the_newest("payments/card-gateway")
        self._archive_the_oldest("legacy/reports")
        self._add_unusual_scans("shop/checkout")

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
        age = (build + self.random.random()) * service.days_between_builds
        pushed_at = self._before(days=age)
        self.registry.add_image(
            service.name,
            tags=self._tags(service, build),
            pushed_at=pushed_at,
            size_in_bytes=self.random.randrange(20, 400) * 1_048_576,
            last_pulled_at=self._some_time_since(pushed_at),
            findings=self._findings(service.base, age),
            scanned_at=self._scan_time(service, pushed_at),
        )

    def _tags(self, service: Service, build: int) -> tuple[str, ...]:
        """Return what CI would tag a build with: a fifth of the older ones lost their tags."""
        number = service.builds - build
        version, commit = f"1.{number // 8}.{number % 8}", f"git-{self.random.getrandbits(28):07x}"
        if build == 0:
            return (version, commit, "stable", "latest")
        return () if self.random.random() < 0.2 else (version, commit)

    def _scan_time(self, service: Service, pushed_at: datetime) -> datetime | None:
        """Return when an image was last scanned, seldom before it was pushed: never, for some."""
        if self.random.random() < 0.12 and not service.scan_on_push:
            return None
        if service.scan_on_push and self.random.random() < 0.5:
            return pushed_at
        days = self.random.choice((0.3, 0.8, 2, 5, 6.5, 8, 15, 40, 120))
        return max(pushed_at, self._before(days=days * self.random.uniform(0.9, 1.1)))

    def _some_time_since(self, pushed_at: datetime) -> datetime | None:
        if self.random.random() < 0.25:
            return None
        return pushed_at + self.random.random() * (self.now - pushed_at)

    def _before(self, *, days: float) -> datetime:
        return self.now - timedelta(days=days)

    # Findings

    def _findings(self, base: str, age_in_days: float) -> Findings:
        """Return what is known to be wrong with an image: the older it is, the more."""
        flaws = self.known_flaws[base]
        share = min(0.9, 0.05 + age_in_days / 120) * self.random.uniform(0.6, 1)
        return Findings(tuple(self.random.sample(flaws, round(share * len(flaws)))))

    def _flaws_of(self, base: Base) -> list[Finding]:
        return [
            self._flaw(package, version)
            for package, version in base.packages.items()
            for _ in range(base.flaws_per_package)
        ]

    def _flaw(self, package: str, version: str) -> Finding:
        severity, *_ = self.random.choices(
            tuple(SEVERITY_WEIGHTS), weights=tuple(SEVERITY_WEIGHTS.values())
        )
        year = self.random.randint(self.now.year - 7, self.now.year)
        scores = SCORES.get(severity)
        return Finding(
            name=f"CVE-{year}-{self.random.randint(1_000, 59_999):04d}",
            severity=severity,
            package_name=package,
            package_version=version,
            description=f"{package} has {self.random.choice(FLAWS)}.",
            score=round(self.random.uniform(*scores), 1) if scores else None,
            vector=VECTORS.get(severity, ""),
            fixed_in_version=f"{version}.1" if self.random.random() < 0.6 else "",
            exploit_available=self.random.random() < 0.05,
        )

    # What is not a plain image

    def _add_multi_platform_base(self) -> None:
        """Add an index: the tags are its own, the findings those of its untagged children."""
        repository = "platform/base/python"
        self._add_repository(repository)
        for days, version in ((70, "3.11"), (12, "3.12")):
            children = tuple(self._add_platform(repository, days).digest for _ in range(2))
            self.registry.add_image(
                repository,
                tags=(version, f"{version}-bookworm"),
                pushed_at=self._before(days=days),
                media_type=OCI_INDEX,
                children=children,
            )

    def _add_platform(self, repository: str, days: float) -> Image:
        return self.registry.add_image(
            repository,
            pushed_at=self._before(days=days),
            media_type=OCI_MANIFEST,
            artifact_media_type=OCI_IMAGE,
            findings=self._findings("debian", days),
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
        """Add images built from scratch, whose unsupported scans are reported in either way."""
        self._add_repository("platform/healthcheck")
        for days, tag, status in ((200, "1.0", "FAILED"), (100, "1.1", "UNSUPPORTED_IMAGE")):
            self.registry.add_image(
                "platform/healthcheck",
                tags=(tag,),
                pushed_at=self._before(days=days),
                scanned_at=self._before(days=days - 1),
                scan_status=status,
                scan_description=UNSUPPORTED,
                next_scan_status=status,
                next_scan_description=UNSUPPORTED,
            )

    def _add_unusual_scans(self, repository: str) -> None:
        """Add an image that is being scanned, and a stale one whose next scan fails."""
        self.registry.add_image(
            repository,
            tags=("release-candidate",),
            pushed_at=self._before(days=2),
            findings=self._findings("debian", 2),
            scanned_at=self.now,
            scan_status="IN_PROGRESS",
        )
        self.registry.add_image(
            repository,
            tags=("nightly",),
            pushed_at=self._before(days=30),
            findings=self._findings("debian", 30),
            scanned_at=self._before(days=29),
            next_scan_status="FAILED",
            next_scan_description="The scan could not be completed.",
        )
