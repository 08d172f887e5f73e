"""Where images are in use, kept in the table over real boto3 calls."""

import hashlib
import json
import zlib

import boto3
import pytest

from chalicelib.aws.dynamodb import DAY, Table
from chalicelib.aws.image_uses import ImageUses
from chalicelib.ecr.uses import KnownUses

PLACE = "1/eu-west-1/shop/api"


@pytest.fixture
def kept(history_table, clock):
    return ImageUses(Table(boto3.client("dynamodb"), history_table, clock))


def test_where_images_are_in_use_is_known_while_it_is_fresh(kept, clock):
    uses = {"sha256:a": ["ECS service api in shop", "ECS service web in shop"]}
    kept.keep(PLACE, uses)
    assert kept.of(PLACE) == KnownUses(uses, complete=True)
    assert kept.of("1/eu-west-1/other") == KnownUses()
    clock.now += 9 * DAY
    assert kept.of(PLACE) == KnownUses()


def test_which_repositories_have_images_in_use_is_known_while_it_is_fresh(kept, clock):
    kept.keep_found({"1/eu-west-1": ["shop/web", "shop/api"], "1/us-east-1": []})
    found = kept.found("1/eu-west-1")
    assert found.repositories == {"shop/api", "shop/web"}
    assert kept.found("1/us-east-1").repositories == set()
    assert kept.found("2/eu-west-1") is None
    assert kept.of(PLACE, found) == KnownUses()
    assert kept.of("1/eu-west-1/shop/old", found) == KnownUses(complete=True)
    clock.now += 9 * DAY
    assert kept.found("1/eu-west-1") is None


def test_what_ended_before_a_listing_found_none_is_forgotten(kept, clock):
    kept.keep(PLACE, {"sha256:a": ("ECS",)})
    clock.now += DAY
    kept.keep_found({"1/eu-west-1": []})
    found = kept.found("1/eu-west-1")
    assert kept.of(PLACE, found) == KnownUses(complete=True)
    clock.now += DAY
    kept.add(PLACE, {"sha256:b": ("Lambda",)}, 0)
    assert kept.of(PLACE, found) == KnownUses({"sha256:b": ["Lambda"]}, complete=True)


def test_some_uses_are_kept_beside_all_and_each_as_long_as_it_is_fresh(kept, clock):
    kept.keep(PLACE, {"sha256:a": ("ECS", "Lambda"), "sha256:b": ("ECS",)})
    clock.now += 5 * DAY
    kept.add(PLACE, {"sha256:a": ("ECS",)}, 0)
    kept.add(PLACE, {"sha256:a": ("ECS", "new"), "sha256:c": ("ECS",)}, 0)
    all_of_them = {
        "sha256:a": ["ECS", "Lambda", "new"],
        "sha256:b": ["ECS"],
        "sha256:c": ["ECS"],
    }
    assert kept.of(PLACE) == KnownUses(all_of_them, complete=True)
    clock.now += 4 * DAY
    some = {"sha256:a": ["ECS", "new"], "sha256:c": ["ECS"]}
    assert kept.of(PLACE) == KnownUses(some, complete=False)
    kept.keep(PLACE, {"sha256:c": ("ECS",)})
    assert kept.of(PLACE) == KnownUses({"sha256:c": ["ECS"]}, complete=True)


def test_parts_are_all_uses_once_each_is_there_and_take_the_place_of_earlier_ones(kept, clock):
    for number, digest in enumerate("abc", 1):
        assert not kept.of(PLACE).complete
        kept.add(PLACE, {digest: ("ECS",)}, number, of=3, whole="one")
    assert kept.of(PLACE) == KnownUses({each: ["ECS"] for each in "abc"}, complete=True)
    clock.now += DAY
    kept.add(PLACE, {"a": ("ECS",)}, 1, of=2, whole="two")
    assert kept.of(PLACE).by_digest.keys() == {"a", "b", "c"}
    kept.add(PLACE, {"b": ("ECS",)}, 2, of=2, whole="two")
    assert kept.of(PLACE) == KnownUses({each: ["ECS"] for each in "ab"}, complete=True)


def test_parts_of_two_listings_are_not_all_uses_together(kept, clock):
    """The same images run, and come in another order."""
    kept.add(PLACE, {"a": ("ECS",), "b": ("ECS",)}, 1, of=2, whole="one")
    kept.add(PLACE, {"c": ("ECS",), "d": ("ECS",)}, 2, of=2, whole="one")
    clock.now += DAY
    kept.add(PLACE, {"d": ("ECS",), "c": ("ECS",)}, 1, of=2, whole="two")
    assert kept.of(PLACE) == KnownUses({each: ["ECS"] for each in "abcd"}, complete=True)


def test_what_an_earlier_version_kept_is_read(history_table, clock):
    table = Table(boto3.client("dynamodb"), history_table, clock)
    uses = zlib.compress(json.dumps({"sha256:a": ["ECS"]}).encode())
    table.put({"pk": f"uses#{PLACE}", "sk": "images", "uses": uses}, DAY)
    assert ImageUses(table).of(PLACE) == KnownUses({"sha256:a": ["ECS"]}, complete=True)


def test_a_thousand_images_that_many_workloads_with_long_names_run_fit_into_an_item(history_table):
    table = Table(boto3.client("dynamodb"), history_table)
    uses = {
        f"sha256:{hashlib.sha256(bytes([n % 256, n // 256])).hexdigest()}": [
            f"ECS service {'service-' * 25}{n}-{each} in {'cluster-' * 25}" for each in range(5)
        ]
        for n in range(1_000)
    }
    ImageUses(table).keep(PLACE, uses)
    assert ImageUses(table).of(PLACE).by_digest == uses
