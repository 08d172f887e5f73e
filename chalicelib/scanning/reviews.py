"""The review of one repository: the decision about each image, and the rule that made it.

The first of these that applies decides:

1. what ECR cannot scan at all: archived, an index, an artifact or attestation;
2. the repository's ``skip`` tag;
3. enhanced scanning, under which Amazon Inspector scans by itself;
4. an image in use, or named in the request, is reviewed whatever the next two say;
5. the scope, where only images in use are reviewed;
6. the rules that select images: tags, newest, pushed and pulled within;
7. the last scan: how it ended, and its age, which does not matter where scans are asked for.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from chalicelib.policy.due import (
    Decision,
    Reason,
    decide,
    decide_forced,
    inspected,
    stale_before,
    unscannable,
)
from chalicelib.policy.rules import Rules
from chalicelib.policy.selection import skipped
from chalicelib.settings.repository_tags import parse_rules

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from chalicelib.ecr.images import Image
    from chalicelib.ecr.scan_records import ScanRecord
    from chalicelib.scanning.jobs import ScanJob
    from chalicelib.settings.settings import Settings


@dataclass(frozen=True)
class Review:
    """What decides about the images of one repository.

    ``in_use`` are the digests and tags by which workloads name images, ``seen_in_use`` the digests
    of those that Amazon Inspector sees running, ``seen_unread`` whether these could not be read.
    ``scan_frequency`` is how Inspector scans the repository, and None under basic scanning. With
    ``force`` the age of the last scan does not matter. Images that were ``named`` are reviewed
    whatever the rules select. Of a job's ``further`` parts each reviews only what the images in use
    that it carries bring: the first one reviews what needs none.
    """

    now: datetime
    stale_before: datetime
    rules: Rules = field(default_factory=Rules)
    in_use: Mapping[str, str] = field(default_factory=dict)
    seen_in_use: Mapping[str, str] = field(default_factory=dict)
    seen_unread: bool = False
    in_use_only: bool = False
    scan_frequency: str | None = None
    force: bool = False
    named: bool = False
    further: bool = False

    @classmethod
    def of(cls, job: ScanJob, settings: Settings) -> Review:
        """What a job and the settings say, as of now."""
        now = datetime.now(UTC)
        rules = settings.rules_for(job.repository, parse_rules(job.rules)[0])
        # The settings always name a duration; a request's wins over a repository's tag.
        duration = job.duration or rules.duration or settings.images_duration
        return cls(
            now,
            stale_before(duration, now),
            rules,
            job.images_in_use,
            in_use_only=settings.in_use_only,
            scan_frequency=job.scan_frequency,
            force=job.force,
            named=bool(job.images),
            further=job.part > 1,
        )

    def decisions(
        self, images: Sequence[Image], records: Mapping[str, ScanRecord]
    ) -> Iterator[tuple[Image, Decision]]:
        """Every image with the decision about it; ``records`` are of last scans, by digest."""
        refused = skipped(images, self.rules, self.now) if self.rules.select else {}
        return (
            (image, self._decide(image, records.get(image.digest), refused))
            for image in images
            if not self.further or self._needs_use(image, refused)
        )

    def by_last_scan(self, record: ScanRecord | None) -> Decision:
        """The decision about an image that nothing but its last scan can decide about."""
        if self.force:
            return decide_forced(record, self.now)
        return decide(record, self.stale_before, self.now)

    def missing(self, images: Sequence[Image]) -> dict[str, str]:
        """What workloads name and no image is, and where each is in use."""
        found = {name for image in images for name in (image.digest, *image.tags)}
        return {name: where for name, where in self.in_use.items() if name not in found}

    def is_in_use(self, image: Image) -> bool:
        """Whether a workload names the image, or an index that it is part of, or it was seen."""
        return bool(self.where_in_use(image))

    def where_in_use(self, image: Image) -> tuple[str, ...]:
        """The workloads that name the image, or an index that it is part of, else where it runs."""
        names = (image.digest, *image.all_tags, *image.index_digests)
        named = tuple(dict.fromkeys(self.in_use[name] for name in names if name in self.in_use))
        seen = self.seen_in_use.get(image.digest)
        return named or ((seen,) if seen else ())

    def _decide(
        self, image: Image, record: ScanRecord | None, refused: Mapping[str, Reason]
    ) -> Decision:
        if reason := unscannable(image) or self._refused_for_all(record):
            return Decision(False, reason)
        if not (self.named or self.is_in_use(image)):
            if self.in_use_only:
                return Decision(False, Reason.NOT_IN_USE)
            if reason := refused.get(image.digest):
                return Decision(False, reason)
        return self.by_last_scan(record)

    def _needs_use(self, image: Image, refused: Mapping[str, Reason]) -> bool:
        """Whether the image is reviewed for being in use, and would not be otherwise."""
        return self.is_in_use(image) and (self.in_use_only or image.digest in refused)

    def _refused_for_all(self, record: ScanRecord | None) -> Reason | None:
        if self.rules.skip:
            return Reason.SKIPPED_BY_TAG
        return inspected(record, self.scan_frequency) if self.scan_frequency else None
