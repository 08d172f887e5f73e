"""The application's table, as the deployment makes it."""

from __future__ import annotations

from typing import Any

import boto3

KEYS: Any = {
    "AttributeDefinitions": [
        {"AttributeName": "pk", "AttributeType": "S"},
        {"AttributeName": "sk", "AttributeType": "S"},
    ],
    "KeySchema": [
        {"AttributeName": "pk", "KeyType": "HASH"},
        {"AttributeName": "sk", "KeyType": "RANGE"},
    ],
    "BillingMode": "PAY_PER_REQUEST",
}
"""What CreateTable gets beside the name."""


def create_history_table(
    session: boto3.Session | None = None, endpoint_url: str | None = None
) -> str:
    """Make the table in the AWS that boto3, or the session, reaches; returns its name."""
    client = (session or boto3.Session()).client("dynamodb", endpoint_url=endpoint_url)
    client.create_table(TableName="history", **KEYS)
    return "history"
