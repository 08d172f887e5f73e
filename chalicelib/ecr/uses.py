"""The images that workloads use, by registry and repository.

A source of images in use is anything with a method ``images()`` that yields :class:`ImageUse`:
:class:`chalicelib.aws.ecs.EcsWorkloads` and
:class:`chalicelib.aws.lambda_functions.LambdaFunctions` are two.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from chalicelib.ecr.image_uris import ImageUri

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from chalicelib.ecr.registries import RegistryAddress


@dataclass(frozen=True)
class ImageUse:
    """An image as a workload names it, where, and the digest that runs, where that is known."""

    uri: str
    where: str
    digest: str | None = None


class Workloads(Protocol):
    """A source of images in use."""

    def images(self) -> Iterator[ImageUse]:
        """Every image in use, as often as it is used."""
        ...


@dataclass(frozen=True)
class ImagesInUse:
    """Images in use: where each is, by registry, repository and reference (a digest or a tag).

    ``out_of_reach`` are images of ECR registries that this application does not cover, and where
    each is in use. Images of other registries than private ECR are no concern of this application.
    Unless they are ``complete``, some source of them could not be read.
    """

    by_registry: Mapping[RegistryAddress, Mapping[str, Mapping[str, str]]] = field(
        default_factory=dict
    )
    out_of_reach: Mapping[str, str] = field(default_factory=dict)
    complete: bool = True

    def of(self, address: RegistryAddress, repository: str) -> Mapping[str, str]:
        """Where the images of one repository are in use, by reference."""
        return self.by_registry.get(address, {}).get(repository, {})

    def repositories(self, address: RegistryAddress) -> list[str]:
        """The repositories of one registry that have images in use, by name."""
        return sorted(self.by_registry.get(address, {}))


@dataclass(frozen=True)
class KnownUses:
    """Where images of one repository are in use, by digest; unless ``complete``, others may be."""

    by_digest: Mapping[str, Sequence[str]] = field(default_factory=dict)
    complete: bool = False


def group(
    uses: Iterable[ImageUse], covered: Mapping[tuple[str, str], RegistryAddress]
) -> ImagesInUse:
    """Sort the images in use into registries; ``covered`` is by account id and region."""
    found: dict[RegistryAddress, dict[str, dict[str, str]]] = {}
    out_of_reach: dict[str, str] = {}
    for use in uses:
        uri = ImageUri.parse(use.uri)
        if uri is None:
            continue
        address = covered.get((uri.registry, uri.region))
        if address is None:
            out_of_reach.setdefault(str(uri), use.where)
        else:
            repositories = found.setdefault(address, defaultdict(dict))
            repositories[uri.repository].setdefault(use.digest or uri.reference, use.where)
    return ImagesInUse(found, out_of_reach)
