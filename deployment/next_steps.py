"""What is left to do after a deployment, until a first message reaches somebody."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mypy_boto3_sns import SNSClient

_TOPICS = (
    ("ReportTopicArn", "reports", ' (PARAMETERS="NotificationEmails=you@example.org")'),
    ("ChatTopicArn", "chat messages", ""),
    ("AlarmTopicArn", "alarms", ' (PARAMETERS="AlarmEmail=you@example.org")'),
)
"""The stack's output with a topic, what is published there, and how a deployment subscribes."""


def next_steps(stack_name: str, outputs: Mapping[str, str], topics: SNSClient) -> Iterator[str]:
    """A line for each thing that is left to do; ``outputs`` are those of the stack."""
    for output, published, subscribing in _TOPICS:
        if arn := outputs.get(output):
            yield from _subscribing(arn, published, subscribing, topics)
    yield (
        "The first listing comes with the schedule, or now: aws lambda invoke"
        f" --function-name {stack_name}-list_repositories /dev/stdout"
    )


def _subscribing(arn: str, published: str, subscribing: str, topics: SNSClient) -> Iterator[str]:
    """Source: SNS ListSubscriptionsByTopic."""
    pages = topics.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=arn)
    try:
        found = [subscription for page in pages for subscription in page["Subscriptions"]]
    except ClientError as error:
        yield f"Not known whether anybody is subscribed to the {published} ({arn}): {error}"
        return
    waiting = [
        each["Endpoint"] for each in found if each["SubscriptionArn"] == "PendingConfirmation"
    ]
    if not found:
        yield f"WARNING: nobody gets the {published}. Subscribe to {arn}{subscribing}"
    elif waiting:
        yield (
            f"The {published} reach these once they follow the link in the email from AWS:"
            f" {', '.join(waiting)}"
        )
