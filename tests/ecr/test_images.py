"""What the scanner makes of DescribeImages' details."""

import pytest

from chalicelib.ecr.images import Image, images_of

DIGEST = "sha256:" + "a" * 64


def test_a_digest_listed_with_several_tags_is_one_image_with_all_of_them():
    details = [
        {"imageDigest": DIGEST, "imageTags": ["1.2", "latest"]},
        {"imageDigest": "sha256:other"},
        {"imageDigest": DIGEST, "imageTags": ["latest", "1"]},
    ]

    assert images_of(details) == [
        Image(DIGEST, tags=("1.2", "latest", "1")),
        Image("sha256:other"),
    ]


@pytest.mark.parametrize(
    "media_type",
    [
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.oci.image.index.v1+json",
    ],
)
def test_manifest_lists_are_recognised(media_type):
    assert Image(DIGEST, manifest_media_type=media_type).is_manifest_list


@pytest.mark.parametrize(
    "image",
    [
        Image(DIGEST, artifact_media_type="application/vnd.cncf.helm.config.v1+json"),
        Image(DIGEST, artifact_media_type="application/vnd.in-toto+json"),
        Image(DIGEST, subject_digest="sha256:signed"),
        Image(DIGEST, tags=(f"sha256-{'b' * 64}.sig",)),
        Image(DIGEST, tags=(f"sha256-{'b' * 64}.att",)),
        Image(DIGEST, tags=(f"sha256-{'b' * 64}.sbom",)),
    ],
)
def test_charts_signatures_and_attestations_are_no_images(image):
    assert image.is_artifact


@pytest.mark.parametrize(
    "image",
    [
        Image(DIGEST),
        Image(DIGEST, tags=("sha256-short.sig",)),
        Image(DIGEST, tags=(f"sha256-{'b' * 64}.sig", "release")),
        Image(DIGEST, artifact_media_type="application/vnd.docker.container.image.v1+json"),
        Image(DIGEST, artifact_media_type="application/vnd.oci.image.config.v1+json"),
    ],
)
def test_images_are_no_artifacts(image):
    assert not image.is_artifact
    assert not image.is_manifest_list
