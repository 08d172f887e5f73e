"""Manifests as BatchGetImage hands them out; their digests are not the hashes of these texts.

Sources: OCI image specification, "Image Index" and "Image Manifest"; Docker documentation, "Image
attestation storage".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from local.images import IN_TOTO_ATTESTATION, OCI_MANIFEST

if TYPE_CHECKING:
    from local.cloud.findings import Shape
    from local.cloud.images import Image
    from local.cloud.repositories import Repository

PLATFORMS = ("linux/amd64", "linux/arm64", "linux/arm/v7", "linux/ppc64le", "linux/s390x")
"""The platforms of an index's images, in turns, where nothing is known of them."""


def manifest_of(image: Image, repository: Repository) -> Shape:
    """Return an image's manifest, or an index with a descriptor for each of its children."""
    manifest: Shape = {"schemaVersion": 2, "mediaType": image.media_type}
    if image.is_index:
        children = enumerate(image.children)
        return manifest | {"manifests": [_child(*child, repository) for child in children]}
    manifest["config"] = _descriptor(image.artifact_media_type, image.digest, 1_470)
    manifest["layers"] = []
    if image.attests:
        manifest["layers"].append(_descriptor(IN_TOTO_ATTESTATION, image.digest, 2_048))
    if image.subject_digest:
        manifest["subject"] = _descriptor(OCI_MANIFEST, image.subject_digest, 1_024)
    return manifest


def _child(number: int, digest: str, repository: Repository) -> Shape:
    """Return the descriptor of a platform's image, or of an attestation, which has no platform."""
    child = repository.images.get(digest)
    descriptor = _descriptor(child.media_type if child else OCI_MANIFEST, digest, 1_024)
    if child is None or child.attests is None:
        known = child.platform if child else ""
        return descriptor | {"platform": _platform(known or PLATFORMS[number % len(PLATFORMS)])}
    return descriptor | {
        "annotations": {
            "vnd.docker.reference.digest": child.attests,
            "vnd.docker.reference.type": "attestation-manifest",
        },
        "platform": {"architecture": "unknown", "os": "unknown"},
    }


def _platform(name: str) -> Shape:
    return dict(zip(("os", "architecture", "variant"), name.split("/"), strict=False))


def _descriptor(media_type: str, digest: str, size: int) -> Shape:
    return {"mediaType": media_type, "digest": digest, "size": size}
