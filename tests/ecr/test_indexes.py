"""What image indexes say of the images that they list."""

import json

import pytest

from chalicelib.ecr.images import Image
from chalicelib.ecr.indexes import IndexEntry, entries_of, with_indexes


def an_index(*descriptors):
    return json.dumps({"manifests": list(descriptors)})


@pytest.mark.parametrize(
    ("descriptor", "entry"),
    [
        ({}, IndexEntry("sha256:1")),
        ({"platform": None, "annotations": None}, IndexEntry("sha256:1")),
        (
            {"platform": {"os": "linux", "architecture": "amd64"}},
            IndexEntry("sha256:1", "linux/amd64"),
        ),
        (
            {"platform": {"os": "linux", "architecture": "arm64", "variant": "v8"}},
            IndexEntry("sha256:1", "linux/arm64/v8"),
        ),
        (
            {"platform": {"os": "unknown", "architecture": "unknown"}},
            IndexEntry("sha256:1", attestation=True),
        ),
        (
            {"annotations": {"vnd.docker.reference.type": "attestation-manifest"}},
            IndexEntry("sha256:1", attestation=True),
        ),
        (
            {
                "platform": {"os": "linux", "architecture": "amd64"},
                "annotations": {"vnd.docker.reference.type": "image"},
            },
            IndexEntry("sha256:1", "linux/amd64"),
        ),
    ],
)
def test_an_index_says_of_each_entry_for_which_platform_it_is_or_that_it_attests(descriptor, entry):
    assert entries_of(an_index({"digest": "sha256:1", **descriptor})) == (entry,)


@pytest.mark.parametrize(
    "manifest",
    [
        *("", "{}", "[]", "null", '{"manifests": 1}', '{"manifests": [{}]}', '"text"'),
        an_index({"digest": "sha256:1", "platform": "linux"}),
    ],
)
def test_what_is_no_index_lists_nothing(manifest):
    assert entries_of(manifest) == ()


def test_an_image_of_two_indexes_has_the_tags_of_both():
    images = [Image("sha256:a", ("1", "2")), Image("sha256:b", ("2", "3")), Image("sha256:c")]
    entry = IndexEntry("sha256:c", "linux/amd64")
    *_, child = with_indexes(images, {"sha256:a": [entry], "sha256:b": [entry]})
    assert child.index_tags == ("1", "2", "3")
    assert child.index_digests == ("sha256:a", "sha256:b")
    assert child.platform == "linux/amd64"


def test_what_any_index_lists_as_an_image_is_an_image():
    images = [Image("sha256:a"), Image("sha256:b"), Image("sha256:c")]
    attestation, image = IndexEntry("sha256:c", attestation=True), IndexEntry("sha256:c")
    *_, one = with_indexes(images, {"sha256:a": [attestation]})
    *_, other = with_indexes(images, {"sha256:a": [attestation], "sha256:b": [image]})
    assert (one.attestation, other.attestation) == (True, False)
    assert (one.is_artifact, other.is_artifact) == (True, False)
