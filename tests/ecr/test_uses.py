"""Images in use, by registry and repository."""

from chalicelib.ecr.registries import RegistryAddress
from chalicelib.ecr.uses import ImageUse, group

DIGEST = "sha256:" + "1" * 64
OWN = RegistryAddress()
OTHER = RegistryAddress("222222222222", "us-east-1")
COVERED = {("111111111111", "eu-west-1"): OWN, ("222222222222", "us-east-1"): OTHER}
HOST = "111111111111.dkr.ecr.eu-west-1.amazonaws.com"


def test_images_are_sorted_by_registry_and_repository_each_once():
    found = group(
        [
            ImageUse(f"{HOST}/api:v1", "service a", DIGEST),
            ImageUse(f"{HOST}/api:v1", "task b"),
            ImageUse(f"{HOST}/api:v1", "task c"),
            ImageUse("222222222222.dkr-ecr.us-east-1.on.aws/web", "function d"),
        ],
        COVERED,
    )
    assert found.of(OWN, "api") == {DIGEST: "service a", "v1": "task b"}
    assert found.of(OTHER, "web") == {"latest": "function d"}
    assert found.repositories(OWN) == ["api"]
    assert found.of(OTHER, "api") == {}
    assert found.out_of_reach == {}


def test_an_image_of_a_registry_that_is_not_covered_is_reported_and_of_no_registry_is_not():
    uri = "333333333333.dkr.ecr.eu-west-1.amazonaws.com/api:v1"
    found = group([ImageUse(uri, "task a"), ImageUse("nginx:latest", "task b")], COVERED)
    assert found.out_of_reach == {uri: "task a"}
    assert found.by_registry == {}
