"""What an event does not tell of its image: what stands where in the repository now.

These look-ups decide which image is current, so that none is guessed: one that is throttled is
waited for, and one that fails fails the event, which then comes again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from chalicelib.aws.ecr import RepositoryDeleted
from chalicelib.aws.line_states import Recalled, Tagged
from chalicelib.ecr.images import Image, followed
from chalicelib.policy.builds import Newest, Repository
from chalicelib.policy.known_images import LONG_AGO, KnownImages
from chalicelib.policy.selection import newest_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from chalicelib.aws.line_states import LineStates
    from chalicelib.ecr.registries import RegistryAddress
    from chalicelib.policy.builds import Whole
    from chalicelib.policy.states import ReportedState
    from chalicelib.runtime.backoff import Backoff
    from chalicelib.services import Services

MOST_LINES = 90
"""The most lines whose images are looked up beside an event's, those scanned longest ago first."""

_SETTLING_SECONDS = 3600  # for an index to be pushed after its images


@dataclass(frozen=True)
class Found:
    """What was found of an image and its repository.

    ``image`` is None where it was deleted; it has the tags of the indexes that it is part of.
    ``places`` are the platforms that it is for, by the digest of each whole that it is part of.
    ``tagged`` says where tags of these were not seen before, and ``newest`` is the repository's as
    it is kept. ``earlier_tags`` are those that the indexes which it is part of are known to have
    had.
    """

    image: Image | None
    places: Mapping[str, str]
    repository: Repository
    tagged: Mapping[str, Tagged]
    newest: Newest | None
    earlier_tags: frozenset[str] = frozenset()


class LookUp:
    """A look-up of an image with those of its repository's lines."""

    def __init__(
        self,
        address: RegistryAddress,
        name: str,
        services: Services,
        backoff: Backoff,
        states: LineStates | None,
    ) -> None:
        self._place = f"{address.account}/{address.region}/{name}"
        self._name = name
        self._backoff = backoff
        self._registry = services.registry_of(address)
        self._contents = services.repository_images_of(address, remember=states is not None)
        self._states = states
        self._resolves = services.settings.resolve_indexes
        self._known = KnownImages()

    @cached_property
    def recalled(self) -> Recalled:
        """What is known of the repository's lines; nothing, where nothing is remembered."""
        return self._states.recall(self._place) if self._states else Recalled({}, None, 0)

    def of(self, digest: str) -> Found:
        """Everything that says where an image belongs: mostly one call to ECR.

        :raises ClientError: and others, where that cannot be known.
        """
        if self._resolves:
            for index, kept in self._contents.kept(self._name).items():
                self._known.entries[index], self._known.tags_read[index] = kept
        newest = self.recalled.newest
        self._ask(
            [
                digest,
                *self._known.indexes_of(digest),
                *([newest.digest] if newest else []),
                *(state.whole for state in self._oldest_lines()),
            ]
        )
        if self._must_walk(digest):
            self._walk(digest)
        return self._found(digest, self._holders())

    def _oldest_lines(self) -> list[ReportedState]:
        live = [state for state in self.recalled.states.values() if not state.has_ended]
        return sorted(live, key=lambda state: state.time)[:MOST_LINES]

    def _ask(self, digests: Iterable[str]) -> None:
        """Look images and indexes up, each once; an archived one is as good as deleted."""
        images = self._known.images
        unknown = [each for each in dict.fromkeys(digests) if each not in images]
        found = self._existing([{"imageDigest": digest} for digest in unknown])
        images |= dict.fromkeys(unknown)
        images |= {image.digest: image for image in found if not image.archived}
        for digest in unknown:
            if digest in self._known.entries and images[digest] is None:
                self._contents.forget(self._name, digest)

    def _existing(self, names: Sequence[Mapping[str, str]]) -> list[Image]:
        try:
            return self._registry.existing(self._name, names, self._backoff)
        except RepositoryDeleted:
            return []

    def _must_walk(self, digest: str) -> bool:
        """Whether all images have to be read, to know where this one belongs.

        For the repository's newest, and for the index of an image without tags that no index which
        is known lists. One that was pushed well before the last time is in none.
        """
        image = self._known.images[digest]
        if image is None:
            return False
        newest = self.recalled.newest
        if self._states is not None and (
            newest is None or self._known.images[newest.digest] is None
        ):
            return True
        if not self._resolves or image.tags or self._known.has_index_of(digest):
            return False
        pushed_at = image.pushed_at.timestamp() if image.pushed_at else 0
        return pushed_at + _SETTLING_SECONDS > self.recalled.walked_at

    def _walk(self, digest: str) -> None:
        """Read all images, by one invocation at a time, and keep what is found of all."""
        states = self._states
        if states is None:
            self._read_all(digest)
            return
        began_at = states.begin_walk(self._place)
        walked_at = None
        try:
            seed = next(iter(newest_of(self._read_all(digest), 1)), None)
            if seed is not None:
                self._keep_newest(states, seed)
            walked_at = began_at
        finally:
            states.end_walk(self._place, walked_at)

    def _read_all(self, digest: str) -> list[Image]:
        """All images, of which those that matter to this one are taken in."""
        try:
            images = self._contents.read(self._name, self._backoff)
        except RepositoryDeleted:
            self._known.images = dict.fromkeys(self._known.images)
            return []
        self._take_in(digest, images)
        return images

    def _keep_newest(self, states: LineStates, image: Image) -> None:
        known = self.recalled.newest
        if known is not None and known.digest == image.digest:
            return
        tag_before = None if known is None else known.tag
        newest = Newest(image.digest, image.pushed_at or LONG_AGO, tag_before=tag_before)
        states.keep_newest(self._place, known, newest)
        self.recalled = replace(self.recalled, newest=newest)
        self._known.images.setdefault(image.digest, image)

    def _take_in(self, digest: str, images: Iterable[Image]) -> None:
        """Of all images, take those that matter: the event's, and its indexes."""
        by_digest = {image.digest: image for image in images}
        image = by_digest.get(digest, Image(digest))
        self._known.images |= {index: by_digest[index] for index in image.index_digests}
        if image.index_digests:
            self._read_entries([by_digest[index] for index in image.index_digests])

    def _read_entries(self, indexes: Sequence[Image]) -> None:
        self._known.entries |= self._contents.entries(self._name, indexes, self._backoff)

    def _holders(self) -> dict[str, str | None]:
        """Which digests have the tags that images of lines have lost."""
        lost = Repository(states=self.recalled.states, wholes=self._known.wholes()).lost_tags
        if not lost:
            return {}
        found = self._existing([{"imageTag": tag} for tag in sorted(lost)])
        self._known.images |= {image.digest: image for image in found}
        indexes = [image for image in found if image.is_manifest_list]
        if self._resolves and indexes:
            self._read_entries(indexes)
        return {
            tag: next((image.digest for image in found if tag in image.tags), None) for tag in lost
        }

    def _found(self, digest: str, holders: Mapping[str, str | None]) -> Found:
        places, wholes = self._known.places(digest), self._known.wholes()
        tagged, seen = self._tagged(places, wholes)
        repository = Repository(
            states=self.recalled.states,
            newest=self.recalled.newest,
            wholes=wholes,
            holders=holders,
            moving=frozenset(tag for tag, each in tagged.items() if each.before),
            previous={tag: each.before for tag, each in tagged.items()},
        )
        image = self._known.listed(digest)
        earlier = self._earlier_tags(digest, repository.previous)
        return Found(image, places, repository, seen, self.recalled.newest, earlier)

    def _earlier_tags(self, digest: str, previous: Mapping[str, str]) -> frozenset[str]:
        indexes = self._known.indexes_of(digest)
        read = {tag for index in indexes for tag in self._known.tags_read.get(index, ())}
        return frozenset(read.union(tag for tag, before in previous.items() if before in indexes))

    def _tagged(
        self, places: Iterable[str], wholes: Mapping[str, Whole | None]
    ) -> tuple[dict[str, Tagged], dict[str, Tagged]]:
        """Where the tags of what was looked up were seen, and what is news of the image's own."""
        if self._states is None:
            return {}, {}
        own = {tag: each for each in places for tag in _tags_of(wholes.get(each))}
        others = [tag for whole in wholes.values() for tag in _tags_of(whole)]
        known = self._states.tagged(self._place, dict.fromkeys([*own, *others]))
        seen = {
            tag: Tagged(digest, known[tag].digest if tag in known else "")
            for tag, digest in own.items()
            if tag not in known or known[tag].digest != digest
        }
        return {**known, **seen}, seen


def _tags_of(whole: Whole | None) -> list[str]:
    return followed(whole.tags) if whole else []
