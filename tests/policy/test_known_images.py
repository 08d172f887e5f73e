"""How the images and indexes belong together that were looked up of a repository."""

from chalicelib.ecr.images import Image
from chalicelib.ecr.indexes import IndexEntry
from chalicelib.policy.known_images import LONG_AGO, KnownImages
from tests.policy.repositories import day

INDEX = "application/vnd.oci.image.index.v1+json"
ENTRIES = (
    IndexEntry("amd", "linux/amd64"),
    IndexEntry("arm", "linux/arm64"),
    IndexEntry("sbom", attestation=True),
)


def an_index(digest, *tags):
    return Image(digest, tags, manifest_media_type=INDEX, pushed_at=day(1))


def known(*images, deleted=(), **entries):
    by_digest = {image.digest: image for image in images}
    return KnownImages(by_digest | dict.fromkeys(deleted), entries)


def test_an_image_has_the_tags_and_the_platform_of_its_index():
    images = known(an_index("i", "latest", "1.0"), Image("arm"), i=ENTRIES)
    image = images.listed("arm")
    assert (image.all_tags, image.platform) == (("latest", "1.0"), "linux/arm64")
    assert image.index_digests == ("i",)
    assert images.places("arm") == {"i": "linux/arm64"}


def test_an_index_that_was_deleted_says_nothing_of_its_images():
    images = known(Image("arm"), deleted=["i"], i=ENTRIES)
    assert images.listed("arm").all_tags == ()
    assert images.places("arm") == {"arm": ""}
    assert images.indexes_of("arm") == ["i"]
    assert not images.has_index_of("arm")


def test_an_image_of_an_index_that_has_a_tag_of_its_own_is_in_both_places():
    images = known(an_index("i", "latest"), Image("arm", ("arm-only",)), i=ENTRIES)
    assert images.places("arm") == {"i": "linux/arm64", "arm": ""}


def test_an_attestation_is_no_image_unless_an_index_lists_it_as_one():
    images = known(an_index("i"), an_index("j"), Image("sbom"), i=ENTRIES)
    assert images.listed("sbom").attestation
    images.entries["j"] = (IndexEntry("sbom", "linux/amd64"),)
    assert not images.listed("sbom").attestation


def test_a_deleted_image_is_nowhere():
    images = known(an_index("i"), deleted=["arm"], i=ENTRIES)
    assert images.listed("arm") is None
    assert images.places("arm") == {}
    assert images.wholes()["arm"] is None


def test_what_tags_stand_on_has_its_platforms_as_far_as_they_are_known():
    images = known(an_index("i", "latest"), an_index("unread"), Image("a"), i=ENTRIES)
    wholes = images.wholes()
    assert wholes["i"].platforms == {"linux/amd64", "linux/arm64"}
    assert wholes["unread"].platforms is None
    assert (wholes["a"].platforms, wholes["a"].pushed_at) == ({""}, LONG_AGO)
