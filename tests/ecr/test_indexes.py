"""The manifests of image indexes."""

import json

import pytest

from chalicelib.ecr.images import Image
from chalicelib.ecr.indexes import children_of, with_indexes


def test_the_children_are_those_that_the_manifest_lists():
    manifest = {"manifests": [{"digest": "sha256:1", "platform": {}}, {"digest": "sha256:2"}]}
    assert children_of(json.dumps(manifest)) == ("sha256:1", "sha256:2")


@pytest.mark.parametrize(
    "manifest", ["", "{}", "[]", "null", '{"manifests": 1}', '{"manifests": [{}]}', '"text"']
)
def test_what_is_no_index_has_no_children(manifest):
    assert children_of(manifest) == ()


def test_an_image_of_two_indexes_has_the_tags_of_both():
    images = [Image("sha256:a", ("1", "2")), Image("sha256:b", ("2", "3")), Image("sha256:c")]
    *_, child = with_indexes(images, {"sha256:a": ["sha256:c"], "sha256:b": ["sha256:c"]})
    assert child.index_tags == ("1", "2", "3")
    assert child.index_digests == ("sha256:a", "sha256:b")
