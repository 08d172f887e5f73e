"""A registry to scan, and what is known beforehand about each of its images."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import inf
from random import Random

from local.ecr import Finding, Findings, Image, LocalRegistry
from local.images import HELM_CHART, OCI_INDEX

DUE = ("never scanned", "stale", "failed")
NOT_DUE = ("fresh", "running", "archived", "chart", "index")
DURATION_DAYS = 7
"""After how many days a scan expires, by default."""
SEVERITIES = ("CRITICAL", "HIGH", "MEDIUM", "LOW", "INFORMATIONAL")

LARGE, MOST_IMAGES = 0.15, 400
"""How often there is a large repository, and how many images it has, all of them due."""
INDEXES, MOST_INDEXES = 0.5, 130
"""The same of indexes, in runs in which only tagged images are wanted."""
LARGE_REPOSITORY = "team-0/large"
"""Of its scans no event arrives: ECR sends them as best it can."""


@dataclass(frozen=True)
class Subject:
    """An image, whether its scan is due, and whether what a scan of it finds is to be reported.

    ``index`` is the one that it is part of, ``scanned_at`` when its last scan was before the run,
    in seconds since the epoch, or 0, and ``scan_failed`` whether that failed. Where it is not due,
    it is so some day: ``due_again``.
    """

    repository: str
    image: Image
    due: bool
    reported: bool
    registry: LocalRegistry = field(repr=False, compare=False)
    index: Image | None = None
    scanned_at: int = 0
    scan_failed: bool = False
    due_again: float = inf

    @property
    def name(self) -> tuple[str, str]:
        """Its repository and its digest."""
        return self.repository, self.image.digest

    @property
    def place(self) -> str:
        """The account, the region and the name of its repository."""
        return f"{self.registry.account_id}/{self.registry.region}/{self.repository}"

    @property
    def is_image(self) -> bool:
        """Whether it can be a repository's newest image: it is no chart, and not archived."""
        return self.image.artifact_media_type != HELM_CHART and self.image.status == "ACTIVE"


@dataclass(frozen=True)
class Policy:
    """What the settings of a run say, as far as the expectations depend on it."""

    thresholds: dict[str, int]
    tagged_only: bool

    def reports(self, findings: dict[str, int], thresholds: dict[str, int], failed: bool) -> bool:
        """Whether a scan with this end is to be reported: when it failed, or at a threshold."""
        limits = self.thresholds | thresholds
        return failed or any(findings.get(name, 0) >= max(1, limits[name]) for name in limits)


def populate(
    registry: LocalRegistry, chance: Random, policy: Policy, own_thresholds: bool, most: int = 6
) -> list[Subject]:
    """Fill a registry with repositories of up to 30 images of every kind."""
    subjects = []
    for number in range(chance.randint(1, most)):
        repository = f"team-{number % 2}/service-{number}"
        limits: dict[str, int] = {}
        if own_thresholds and chance.random() < 0.7:
            limits = {chance.choice(list(policy.thresholds)): chance.randint(1, 4)}
        tags = {f"ecr-scan-reporter:{name.lower()}": str(n) for name, n in limits.items()}
        registry.add_repository(repository, tags=tags)
        for index in range(chance.choice([0, 1, 5, 12, 30])):
            subjects += _image(registry, chance, policy, repository, index, limits)
    return subjects


def _image(
    registry: LocalRegistry,
    chance: Random,
    policy: Policy,
    repository: str,
    number: int,
    limits: dict[str, int],
) -> list[Subject]:
    kind = chance.choice([*DUE, *DUE, *NOT_DUE])
    names = tuple(f"v{number}.{n}" for n in range(chance.choice([0, 1, 1, 3])))
    failed = chance.random() < 0.1
    findings = {severity: chance.randint(1, 9) for severity in SEVERITIES if chance.random() < 0.2}
    outcome = {
        "findings": _found(findings, chance),
        "next_scan_status": "FAILED" if failed else "COMPLETE",
    }
    past = _past(kind, registry.now(), chance)
    scanned_at = past.get("scanned_at")
    past["pushed_at"] = registry.now() - timedelta(seconds=chance.uniform(0, 100 * 86_400))
    image = registry.add_image(repository, digest=any_digest(chance), tags=names, **outcome, **past)
    selected = bool(names) or not policy.tagged_only
    reported = selected and policy.reports(findings, limits, failed)
    subject = Subject(
        repository,
        image,
        kind in DUE and selected,
        reported,
        registry,
        scanned_at=int(scanned_at.timestamp()) if isinstance(scanned_at, datetime) else 0,
        scan_failed=kind == "failed",
        due_again=_due_again(kind, registry.now(), failed=failed) if selected else inf,
    )
    if kind != "index":
        return [subject]
    # A tagged index makes its untagged child one that is selected by tags.
    child = registry.add_image(repository, digest=any_digest(chance), **outcome)
    image.children = (child.digest,)
    return [subject, Subject(repository, child, selected, reported, registry, image)]


def large_repository(registry: LocalRegistry, chance: Random, policy: Policy) -> list[Subject]:
    """So many images that one which is forgotten among a thousand is among them now and then.

    Where only tagged ones are wanted, what is tagged are indexes, more of them than ECR reads at
    once, and what is due are the images that they list.
    """
    if policy.tagged_only:
        return _indexes(registry, chance) if chance.random() < INDEXES else []
    if chance.random() >= LARGE:
        return []
    registry.add_repository(LARGE_REPOSITORY)
    images = [
        registry.add_image(LARGE_REPOSITORY, digest=any_digest(chance), tags=(f"v{number}",))
        for number in range(MOST_IMAGES)
    ]
    return [Subject(LARGE_REPOSITORY, image, True, False, registry) for image in images]


def _indexes(registry: LocalRegistry, chance: Random) -> list[Subject]:
    registry.add_repository(LARGE_REPOSITORY)
    subjects = []
    for number in range(MOST_INDEXES):
        index, child = (
            registry.add_image(LARGE_REPOSITORY, digest=any_digest(chance), **kind)
            for kind in ({"tags": (f"v{number}",), "media_type": OCI_INDEX}, {})
        )
        index.children = (child.digest,)
        subjects.append(Subject(LARGE_REPOSITORY, child, True, False, registry, index))
    return subjects


def any_digest(chance: Random) -> str:
    """A digest that no other run has."""
    return f"sha256:{chance.getrandbits(256):064x}"


def _found(counts: dict[str, int], chance: Random) -> Findings:
    """So many vulnerabilities of a few, so that images of a repository have some in common."""
    return Findings(
        tuple(
            Finding(f"CVE-2026-{severity}-{number}", severity)
            for severity, count in counts.items()
            for number in chance.sample(range(12), count)
        )
    )


def _due_again(kind: str, now: datetime, *, failed: bool) -> float:
    """When a scan that is fresh, or that is running and may fail, is too old."""
    days = {"fresh": DURATION_DAYS - 1, "running": 1 if failed else DURATION_DAYS}.get(kind, inf)
    return now.timestamp() + days * 86_400


def _past(kind: str, now: datetime, chance: Random) -> dict[str, object]:
    stale, fresh = now - timedelta(days=chance.randint(8, 90)), now - timedelta(days=1)
    return {
        "never scanned": {},
        "stale": {"scanned_at": stale},
        "failed": {"scanned_at": now - timedelta(days=3), "scan_status": "FAILED"},
        "fresh": {"scanned_at": fresh},
        "running": {"scanned_at": now, "scan_status": "IN_PROGRESS"},
        "archived": {"status": "ARCHIVED"},
        "chart": {"artifact_media_type": HELM_CHART},
        "index": {"media_type": OCI_INDEX},
    }[kind]
