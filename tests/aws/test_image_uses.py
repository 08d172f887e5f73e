"""Where images are in use, kept in the table over real boto3 calls."""

import hashlib
import json
import zlib

import boto3

from chalicelib.aws.dynamodb import Table
from chalicelib.aws.image_uses import ImageUses


def test_where_images_are_in_use_is_known_while_it_is_fresh(history_table, clock):
    kept = ImageUses(Table(boto3.client("dynamodb"), history_table, clock))
    uses = {"sha256:a": ("ECS service api in shop", "ECS service web in shop")}
    kept.keep("1/eu-west-1/shop/api", uses)
    assert kept.of("1/eu-west-1/shop/api") == {"sha256:a": list(uses["sha256:a"])}
    assert kept.of("1/eu-west-1/other") is None
    clock.now += 9 * 86_400
    assert kept.of("1/eu-west-1/shop/api") is None


def test_which_repositories_have_images_in_use_is_known_while_it_is_fresh(history_table, clock):
    kept = ImageUses(Table(boto3.client("dynamodb"), history_table, clock))
    kept.keep_found({"1/eu-west-1": ["shop/web", "shop/api"], "1/us-east-1": []})
    assert kept.found("1/eu-west-1") == {"shop/api", "shop/web"}
    assert "shop/api" not in kept.found("1/us-east-1")
    assert kept.found("2/eu-west-1") is None
    clock.now += 9 * 86_400
    assert kept.found("1/eu-west-1") is None


def test_some_uses_are_kept_beside_all_and_each_as_long_as_it_is_fresh(history_table, clock):
    kept = ImageUses(Table(boto3.client("dynamodb"), history_table, clock))
    kept.keep("1/eu-west-1/shop/api", {"sha256:a": ("ECS", "Lambda"), "sha256:b": ("ECS",)})
    clock.now += 5 * 86_400
    kept.add("1/eu-west-1/shop/api", {"sha256:a": ("ECS",)}, "some_0")
    kept.add("1/eu-west-1/shop/api", {"sha256:a": ("ECS", "new"), "sha256:c": ("ECS",)}, "some_0")
    assert kept.of("1/eu-west-1/shop/api") == {
        "sha256:a": ["ECS", "Lambda", "new"],
        "sha256:b": ["ECS"],
        "sha256:c": ["ECS"],
    }
    clock.now += 4 * 86_400
    assert kept.of("1/eu-west-1/shop/api") == {"sha256:a": ["ECS", "new"], "sha256:c": ["ECS"]}
    kept.keep("1/eu-west-1/shop/api", {"sha256:c": ("ECS",)})
    assert kept.of("1/eu-west-1/shop/api") == {"sha256:c": ["ECS"]}


def test_what_an_earlier_version_kept_is_read(history_table, clock):
    table = Table(boto3.client("dynamodb"), history_table, clock)
    uses = zlib.compress(json.dumps({"sha256:a": ["ECS"]}).encode())
    table.put({"pk": "uses#1/eu-west-1/shop/api", "sk": "images", "uses": uses}, 86_400)
    assert ImageUses(table).of("1/eu-west-1/shop/api") == {"sha256:a": ["ECS"]}


def test_a_thousand_images_that_many_workloads_with_long_names_run_fit_into_an_item(history_table):
    table = Table(boto3.client("dynamodb"), history_table)
    uses = {
        f"sha256:{hashlib.sha256(bytes([n % 256, n // 256])).hexdigest()}": [
            f"ECS service {'service-' * 25}{n}-{each} in {'cluster-' * 25}" for each in range(5)
        ]
        for n in range(1_000)
    }
    ImageUses(table).keep("1/eu-west-1/shop/api", uses)
    assert ImageUses(table).of("1/eu-west-1/shop/api") == uses
