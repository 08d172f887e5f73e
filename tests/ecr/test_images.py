"""What the scanner makes of DescribeImages' details."""

from datetime import UTC, datetime, timedelta, timezone

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


def test_the_scans_time_is_its_completion_and_in_utc():
    completed = datetime(2026, 3, 1, 12, tzinfo=timezone(timedelta(hours=2)))
    detail = {
        "imageDigest": DIGEST,
        "imageScanStatus": {"status": "COMPLETE"},
        "imageScanFindingsSummary": {
            "imageScanCompletedAt": completed,
            "vulnerabilitySourceUpdatedAt": completed + timedelta(days=30),
        },
    }

    [image] = images_of([detail])

    assert image.scan_completed_at == datetime(2026, 3, 1, 10, tzinfo=UTC)
    assert image.scan_completed_at.utcoffset() == timedelta(0)
    assert image.scan_status == "COMPLETE"


def test_the_age_of_one_image_does_not_reach_the_next():
    scanned = {
        "imageDigest": "sha256:scanned",
        "imageScanFindingsSummary": {"imageScanCompletedAt": datetime.now(UTC)},
    }
    images = images_of([scanned, {"imageDigest": "sha256:never"}])
    assert images[1].scan_completed_at is None


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
