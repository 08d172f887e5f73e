"""The images of a repository with what its indexes say of them, which is read once and kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.aws.dynamodb import DAY
from chalicelib.aws.ecr import MOST_MANIFESTS
from chalicelib.aws.errors import AWS_ERRORS, is_refusal
from chalicelib.ecr.images import followed
from chalicelib.ecr.indexes import IndexEntry, ReadIndex, with_indexes
from chalicelib.runtime import logs
from chalicelib.runtime.batches import batches

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from chalicelib.aws.dynamodb import Item, Table
    from chalicelib.aws.ecr import Registry
    from chalicelib.ecr.images import Image
    from chalicelib.runtime.backoff import Backoff

# What an index lists never changes; that of one which is deleted ends some day.
_KEPT_SECONDS = 400 * DAY
_ATTESTATION = "attestation"


class RepositoryImages:
    """The images of a registry's repositories; ``table`` keeps what indexes list, if there is one.

    ``registry_place`` is the registry's account and region, with a slash between. Indexes are read
    only where ``resolve`` says so.
    """

    def __init__(
        self, registry: Registry, registry_place: str, table: Table | None, *, resolve: bool
    ) -> None:
        self._registry = registry
        self._place = registry_place
        self._table = table
        self._resolve = resolve
        self._recent: dict[str, dict[str, ReadIndex]] = {}

    def read(self, repository: str, backoff: Backoff) -> list[Image]:
        """All images of a repository, those of an index with its tags and what it says of them.

        Where indexes may not be read they come without, which is logged. Any other failure is
        raised, since what indexes say may decide.

        :raises RepositoryDeleted: when there is no such repository.
        :raises DeadlineReached: when no time is left.
        """
        pages = self._registry.image_pages(repository, backoff)
        images = [image for page in pages for image in page]
        indexes = [each for each in images if each.is_manifest_list and not each.archived]
        if not indexes or not self._resolve:
            return images
        try:
            return with_indexes(images, self.entries(repository, indexes, backoff))
        except AWS_ERRORS as error:
            if not is_refusal(error):
                raise
            extra = {"repository": repository, "error": str(error)}
            logs.logger.warning("indexes not read", extra=extra)
            return images

    def entries(
        self, repository: str, indexes: Sequence[Image], backoff: Backoff
    ) -> Mapping[str, Sequence[IndexEntry]]:
        """What indexes list, by digest. Only those that are not kept yet are read."""
        found = self._recent.get(repository) or dict(backoff.call(self.kept, repository))
        unread = {index.digest: index for index in indexes if index.digest not in found}
        for digests in batches(list(unread), MOST_MANIFESTS):
            listed = backoff.call(self._registry.index_entries, repository, digests)
            new = {
                digest: ReadIndex(entries, tuple(followed(unread[digest].tags)))
                for digest, entries in listed.items()
            }
            found |= new
            backoff.call(self._keep, repository, new)
        self._recent = {repository: found}
        digests = [index.digest for index in indexes]
        return {digest: found[digest].entries for digest in digests if digest in found}

    def kept(self, repository: str) -> dict[str, ReadIndex]:
        """The indexes that were read before, by digest."""
        if self._table is None:
            return {}
        items = self._table.query(self._key(repository), attributes=("sk", "entries", "tags"))
        try:
            return {item["sk"]: _index(item) for item in items}
        except AWS_ERRORS as error:
            logs.logger.warning("remembered indexes not read", extra={"error": str(error)})
            return {}

    def _keep(self, repository: str, indexes: Mapping[str, ReadIndex]) -> None:
        if self._table is None:
            return
        key = self._key(repository)
        items: Iterator[dict[str, object]] = (
            {
                "pk": key,
                "sk": digest,
                "entries": list(map(_text, index.entries)),
                "tags": list(index.tags),
            }
            for digest, index in indexes.items()
        )
        try:
            self._table.batch_write(items, _KEPT_SECONDS)
        except AWS_ERRORS as error:
            logs.logger.warning("indexes not remembered", extra={"error": str(error)})

    def forget(self, repository: str, digest: str) -> None:
        """Forget what an index listed, for it was deleted."""
        if self._table is not None:
            self._table.delete(self._key(repository), digest)

    def _key(self, repository: str) -> str:
        return f"indexes#{self._place}/{repository}"


def _index(item: Item) -> ReadIndex:
    return ReadIndex(tuple(map(_entry, item["entries"])), tuple(item.get("tags", ())))


def _text(entry: IndexEntry) -> str:
    return f"{entry.digest} {_ATTESTATION if entry.attestation else entry.platform}".rstrip()


def _entry(text: str) -> IndexEntry:
    digest, _, platform = text.partition(" ")
    if platform == _ATTESTATION:
        return IndexEntry(digest, attestation=True)
    return IndexEntry(digest, platform)
