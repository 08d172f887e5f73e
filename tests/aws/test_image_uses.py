"""Where images are in use, kept in the table over real boto3 calls."""

import boto3

from chalicelib.aws.dynamodb import Table
from chalicelib.aws.image_uses import ImageUses


def test_where_images_are_in_use_is_known_while_it_is_fresh(history_table, clock):
    kept = ImageUses(Table(boto3.client("dynamodb"), history_table, clock))
    uses = {"sha256:a": ("ECS service api in shop", "ECS service web in shop")}
    kept.keep("1/eu-west-1/shop/api", uses)
    assert kept.of("1/eu-west-1/shop/api") == {"sha256:a": list(uses["sha256:a"])}
    assert kept.of("1/eu-west-1/other") == {}
    clock.now += 9 * 86_400
    assert kept.of("1/eu-west-1/shop/api") == {}
