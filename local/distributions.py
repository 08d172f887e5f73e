"""Linux distributions of the demo's images: their packages, and flaws that are known of them.

Every vulnerability is made up; only the forms are real.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from local.ecr import Finding, Findings, Package

if TYPE_CHECKING:
    from datetime import datetime
    from random import Random

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
    "CRITICAL": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H",
    "HIGH": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N",
    "MEDIUM": "CVSS:3.1/AV:N/AC:H/PR:N/UI:R/S:U/C:L/I:L/A:N",
    "LOW": "CVSS:3.1/AV:L/AC:H/PR:L/UI:N/S:U/C:L/I:N/A:N",
    "INFORMATIONAL": "CVSS:3.1/AV:P/AC:H/PR:H/UI:R/S:U/C:N/I:N/A:L",
}
UNSCORED = 0.1
"""The share of vulnerabilities to which nobody has given a score yet."""

FLAWS = (
    "an out-of-bounds read when parsing a crafted file",
    "a heap buffer overflow reachable by a remote peer",
    "a use after free during the teardown of a connection",
    "an integer overflow that leads to a denial of service",
    "a missing check that lets certificates pass unverified",
    "a path traversal when extracting an archive",
)


@dataclass(frozen=True)
class Distribution:
    """The packages in its images, how many flaws are known of each, and what else has them."""

    packages: dict[str, str]
    flaws_per_package: int
    siblings: dict[str, str]


DISTRIBUTIONS = {
    "alpine": Distribution(
        {
            "busybox": "1.36.1-r15",
            "libcrypto3": "3.1.4-r5",
            "musl": "1.2.4_git20230717-r4",
            "zlib": "1.3.1-r0",
        },
        flaws_per_package=3,
        siblings={"libcrypto3": "libssl3"},
    ),
    "debian": Distribution(
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
        siblings={"curl": "libcurl4", "openssl": "libssl3"},
    ),
    "ubuntu": Distribution(
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
        siblings={"apt": "libapt-pkg6.0"},
    ),
}


class KnownFlaws:
    """The vulnerabilities that are known of each distribution at a moment."""

    def __init__(self, random: Random, now: datetime) -> None:
        self._random = random
        self._now = now
        self._flaws = {
            name: [
                self._flaw(package, version, distribution.siblings.get(package))
                for package, version in distribution.packages.items()
                for _ in range(distribution.flaws_per_package)
            ]
            for name, distribution in DISTRIBUTIONS.items()
        }

    def found(self, distribution: str, age_in_days: float) -> Findings:
        """Return what is known to be wrong with an image: the older it is, the more."""
        flaws = self._flaws[distribution]
        share = min(0.9, 0.05 + age_in_days / 120) * self._random.uniform(0.6, 1)
        return Findings(tuple(self._random.sample(flaws, round(share * len(flaws)))))

    def _flaw(self, package: str, version: str, sibling: str | None) -> Finding:
        severity, *_ = self._random.choices(
            tuple(SEVERITY_WEIGHTS), weights=tuple(SEVERITY_WEIGHTS.values())
        )
        year = self._random.randint(self._now.year - 7, self._now.year)
        range_of_scores = SCORES.get(severity)
        scored = range_of_scores is not None and self._random.random() >= UNSCORED
        fix = _next(version) if self._random.random() < 0.6 else ""
        return Finding(
            name=f"CVE-{year}-{self._random.randint(1_000, 59_999):04d}",
            severity=severity,
            package_name=package,
            package_version=version,
            description=f"{package} has {self._random.choice(FLAWS)}.",
            score=round(self._random.uniform(*range_of_scores), 1)
            if scored and range_of_scores
            else None,
            vector=VECTORS.get(severity, "") if scored else "",
            fixed_in_version=fix,
            exploit_available=self._random.random() < 0.05,
            epss=round(self._random.betavariate(0.3, 12), 5),
            first_observed_at=self._now - timedelta(days=self._random.randint(1, 200)),
            also_in=(Package(sibling, version, fix),) if sibling else (),
        )


def _next(version: str) -> str:
    """The version after, as a distribution counts them: ``-r5`` after ``-r4``."""
    return re.sub(r"\d+$", lambda last: str(int(last[0]) + 1), version)
