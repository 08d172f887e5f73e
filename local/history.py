"""The history's table, as the deployment makes it."""

from __future__ import annotations

import boto3


def create_history_table(
    session: boto3.Session | None = None, endpoint_url: str | None = None
) -> str:
    """Make the table in the AWS that boto3, or the session, reaches; returns its name."""
    client = (session or boto3.Session()).client("dynamodb", endpoint_url=endpoint_url)
    client.create_table(
        TableName="history",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    return "history"
