"""A registry as the fleet report reads it, and what it says of one repository."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from chalicelib.aws.errors import AWS_ERRORS
from chalicelib.ecr.scan_statuses import ScanKind
from chalicelib.ecr.uses import KnownUses
from chalicelib.fleet.histories import Histories
from chalicelib.fleet.model import ImageScan, NamedImages, Repository, RepositoryReport
from chalicelib.policy.due import unscannable
from chalicelib.runtime import logs

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from chalicelib.ecr.images import Image
    from chalicelib.ecr.last_scans import ScanFindings
    from chalicelib.ecr.registries import RegistryAddress
    from chalicelib.ecr.scan_records import ScanRecord
    from chalicelib.runtime.backoff import Backoff
    from chalicelib.services import Services

MOST_NAMES = 20
"""The most images of a repository that are named, of those never scanned and those that failed."""

_FAILED = {ScanKind.FAILED, ScanKind.LIMITED, ScanKind.UNKNOWN}


@dataclass(frozen=True)
class Known:
    """What is known of a repository's images without looking at each.

    ``seen`` is where Amazon Inspector sees some run; None where it does not scan them.
    """

    scans: Mapping[str, ScanRecord] = field(default_factory=dict)
    seen: KnownUses | None = None


class RegistrySource:
    """A registry, and what is known of its scans; its clients are made before threads use them."""

    def __init__(self, address: RegistryAddress, services: Services) -> None:
        self.account = address.account or services.own_account
        self.registry = services.registry_of(address)
        self._resolve = services.settings.resolve_indexes
        self._reader = services.repository_images_of(address)
        self._place = f"{self.account}/{self.registry.region}"
        self._records = services.scan_records
        self.histories = Histories(address, services, self._place)
        self._inspector = services.inspector_of(address) if self._is_enhanced() else None

    def images(self, repository: str, backoff: Backoff) -> Sequence[Image]:
        """All images of a repository, with what its indexes say of them."""
        return self._reader.read(repository, backoff)

    def check_index(
        self, repository: str, index: Image, images: Sequence[Image], backoff: Backoff
    ) -> None:
        """See that an index was read; :raises ClientError: where it may not be."""
        if not any(index.digest in image.index_digests for image in images):
            self._reader.entries(repository, [index], backoff)

    def resolves(self, image: Image) -> bool:
        """Whether the image can be looked at, which of an index takes to be read."""
        return self._resolve or not image.is_manifest_list

    def known(self, repository: str, backoff: Backoff) -> Known:
        """What is known of a repository's images without looking at each."""
        try:
            if self._inspector is not None:
                coverage = backoff.call(self._inspector.coverage, repository)
                scans = {digest: each.record for digest, each in coverage.items() if each.record}
                seen = {
                    digest: (w,) for digest, each in coverage.items() if (w := each.where_in_use)
                }
                return Known(scans, KnownUses(seen, complete=True))
            if self._records is not None:
                place = f"{self._place}/{repository}"
                return Known(backoff.call(self._records.of_repository, place))
        except AWS_ERRORS as error:
            extra = {"repository": repository, "error": str(error)}
            logs.logger.warning("what is known of scans not read", extra=extra)
        return Known(seen=None if self._inspector is None else KnownUses())

    def _is_enhanced(self) -> bool:
        try:
            return self.registry.is_enhanced()
        except AWS_ERRORS as error:
            logs.logger.warning("scanning configuration not read", extra={"error": str(error)})
            return False


def is_part_of(image: Image, whole: Image) -> bool:
    """Whether an image is that one, or one of its images where that is an index."""
    return whole.digest in {image.digest, *image.index_digests}


def report_of(
    repository: Repository,
    images: Sequence[Image],
    newest: Image | None,
    scanned: Mapping[str, ScanFindings | None],
    known: Mapping[str, ScanRecord],
) -> RepositoryReport:
    """What there is to say of a repository, but for its findings.

    ``scanned`` are the last scans of the newest image, or of its images, and ``known`` is what is
    known of the others'.
    """
    scans = tuple(
        ImageScan(digest, scan.status, scan.completed_at, scan.description)
        if scan
        else ImageScan(digest)
        for digest, scan in scanned.items()
    )
    scannable = [image for image in images if unscannable(image) is None]
    kinds = {digest: _kind(record) for digest, record in known.items()}
    kinds |= {scan.digest: scan.kind for scan in scans}
    by_kind = [(image, kinds.get(image.digest)) for image in scannable]
    return RepositoryReport(
        repository=repository,
        digest=newest.digest if newest else "",
        tags=newest.tags if newest else (),
        pushed_at=newest.pushed_at if newest else None,
        scans=scans,
        images=len(scannable),
        never_scanned=_named(image for image, kind in by_kind if kind is ScanKind.NONE),
        failed=_named(image for image, kind in by_kind if kind in _FAILED),
        unsupported=sum(kind is not None and kind.cannot_be_scanned for _, kind in by_kind),
        untold=sum(kind is None for _, kind in by_kind),
    )


def _kind(record: ScanRecord) -> ScanKind:
    """How the image's last scan stands; of one that was just started the first, it runs."""
    started = record.started and record.kind is ScanKind.NONE
    return ScanKind.RUNNING if started else record.kind


def _named(images: Iterable[Image]) -> NamedImages:
    names = [image.tags[0] if image.tags else image.digest for image in images]
    return NamedImages(len(names), tuple(names[:MOST_NAMES]))
