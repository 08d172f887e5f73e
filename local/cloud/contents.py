"""What a registry holds: repositories and images, each with its place in the order of pushes."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from itertools import count
from threading import RLock
from typing import TYPE_CHECKING, Unpack

from sortedcontainers import SortedDict

from local.cloud.findings import NO_FINDINGS, Findings
from local.cloud.images import Image, ImageFields
from local.cloud.partitions import partition_of
from local.cloud.repositories import Repository

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping


class Contents:
    """The repositories of one account and region, by name, and the clock that images go by."""

    def __init__(
        self,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        account_id: str = "123456789012",
        region: str = "eu-west-1",
    ) -> None:
        self.now = now
        self.account_id = account_id
        self.region = region
        self.partition = partition_of(region)
        self.repositories: dict[str, Repository] = SortedDict()  # type: ignore[no-untyped-call]
        self._lock = RLock()
        self._sequence = count(1)

    def repository_arn(self, name: str) -> str:
        """Return the ARN of a repository, in the region's partition."""
        place = f"{self.partition.name}:ecr:{self.region}:{self.account_id}"
        return f"arn:{place}:repository/{name}"

    def names_after(self, name: str, *, inclusive: bool = False) -> Iterator[str]:
        """Return the names of the repositories from one on, in order."""
        names: Iterator[str] = self.repositories.irange(name, inclusive=(inclusive, True))  # type: ignore[attr-defined]
        return names

    def add_repository(
        self,
        name: str,
        *,
        created_at: datetime | None = None,
        scan_on_push: bool = False,
        tags: Mapping[str, str] | None = None,
    ) -> Repository:
        """Create a repository, with resource tags."""
        repository = Repository(name, created_at or self.now(), scan_on_push, dict(tags or {}))
        with self._lock:
            self.repositories[name] = repository
        return repository

    def hold_image(
        self,
        repository_name: str,
        *,
        digest: str | None = None,
        pushed_at: datetime | None = None,
        findings: Findings | Mapping[str, int] = NO_FINDINGS,
        unsupported: bool = False,
        **fields: Unpack[ImageFields],
    ) -> Image:
        """Hold an image, in a repository which is created if need be.

        `findings` (or only their counts by severity) are what every scan finds; of what is
        `unsupported`, as attestations are, every scan fails.
        """
        repository = self.repositories.get(repository_name) or self.add_repository(repository_name)
        sequence = next(self._sequence)
        image = Image(
            sequence,
            digest or _digest(f"{repository_name}@{sequence}"),
            pushed_at or self.now(),
            findings=Findings.of(findings),
            **fields,
        )
        if unsupported or image.attests:
            image.be_unsupported()
        with self._lock:
            repository.add(image)
        return image

    def remove_image(self, repository_name: str, digest: str) -> None:
        """Delete an image, as BatchDeleteImage or a lifecycle policy would."""
        repository = self.repositories[repository_name]
        with self._lock:
            repository.remove(repository.images[digest])


def _digest(text: str) -> str:
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"
