"""How images come into a registry: held as they are, or pushed, which may scan them."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Unpack

from local.cloud.faults import EcrError
from local.cloud.findings import NO_FINDINGS
from local.cloud.scans import Scans
from local.images import OCI_IMAGE, OCI_INDEX, OCI_MANIFEST

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime

    from local.cloud.findings import Findings
    from local.cloud.images import Image, NewImage


class Pushes(Scans):
    """A registry to which images are pushed."""

    def add_image(
        self,
        repository_name: str,
        *,
        pushed_at: datetime | None = None,
        scanned_at: datetime | None = None,
        **image: Unpack[NewImage],
    ) -> Image:
        """Hold an image as it is; see :meth:`hold_image` and :class:`Image`.

        One with `scanned_at` has had a scan, COMPLETE unless `scan_status` says otherwise or it is
        unsupported; an IN_PROGRESS one began then.
        """
        added = self.hold_image(repository_name, pushed_at=pushed_at or scanned_at, **image)
        if scanned_at is not None:
            with self._lock:
                self.add_past_scan(self.repositories[repository_name], added, scanned_at)
        return added

    def push_image(self, repository_name: str, **image: Unpack[NewImage]) -> Image:
        """Push an image now; one that is there already only gets the tags.

        It is scanned where the repository's scan frequency says so, within the daily limits.
        Source: ECR user guide, "Image scanning": basic scanning on push, enhanced scanning filters.
        """
        repository = self.repositories.get(repository_name)
        known = repository.images.get(image.get("digest") or "") if repository else None
        if repository and known:
            for tag in image.get("tags", ()):
                repository.tag(known, tag)
            return known
        pushed = self.hold_image(repository_name, **image)
        if pushed.is_scannable and self.frequency(repository_name)[0] != "MANUAL":
            with self._lock, suppress(EcrError):
                self.refuse_beyond_limits(pushed)
                self.begin_scan(self.repositories[repository_name], pushed)
        return pushed

    def add_index(
        self,
        repository_name: str,
        *,
        tags: tuple[str, ...] = (),
        platforms: Iterable[str] = ("linux/amd64",),
        attested: bool = True,
        pushed_at: datetime | None = None,
        scanned_at: datetime | None = None,
        findings: Findings | Mapping[str, int] = NO_FINDINGS,
    ) -> Image:
        """Hold what ``docker buildx build --push`` leaves; returns the index.

        The tags stand on the index alone; each platform's image comes with an attestation manifest
        whose media types are those of an image. Sources: Docker documentation, "Image attestation
        storage"; moby/buildkit 3499.
        """
        pushed_at = pushed_at or scanned_at
        hold = partial(self.add_image, repository_name, pushed_at=pushed_at, scanned_at=scanned_at)
        children = _children(hold, platforms, attested, findings)
        return self.add_image(
            repository_name,
            tags=tags,
            pushed_at=pushed_at,
            media_type=OCI_INDEX,
            children=children,
        )

    def push_index(
        self,
        repository_name: str,
        *,
        tags: tuple[str, ...] = (),
        platforms: Iterable[str] = ("linux/amd64",),
        attested: bool = True,
        findings: Findings | Mapping[str, int] = NO_FINDINGS,
    ) -> Image:
        """Push what :meth:`add_index` holds, now and as :meth:`push_image` does."""
        hold = partial(self.push_image, repository_name)
        children = _children(hold, platforms, attested, findings)
        return hold(tags=tags, media_type=OCI_INDEX, children=children)


def _children(
    hold: Callable[..., Image],
    platforms: Iterable[str],
    attested: bool,
    findings: Findings | Mapping[str, int],
) -> tuple[str, ...]:
    """Hold the manifests of an index, in its order; returns their digests."""
    kind = {"media_type": OCI_MANIFEST, "artifact_media_type": OCI_IMAGE}
    images = [hold(platform=name, findings=findings, **kind) for name in platforms]
    about = images if attested else []
    attestations = [hold(attests=image.digest, size_in_bytes=3_000, **kind) for image in about]
    return tuple(image.digest for image in (*images, *attestations))
