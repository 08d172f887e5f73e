"""The history's table, as the deployment makes it."""

import boto3


def create_history_table() -> str:
    """Make the table in the AWS that boto3 reaches; returns its name."""
    boto3.client("dynamodb").create_table(
        TableName="history",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    return "history"
