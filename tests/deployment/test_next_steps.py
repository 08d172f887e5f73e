"""What a deployment says is left to do."""

from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from deployment.next_steps import next_steps

OUTPUTS = {"ReportTopicArn": "arn:aws:sns:eu-west-1:123456789012:reports"}


@pytest.fixture
def topics() -> Any:
    """A client of SNS whose answers are given beforehand."""
    client = boto3.client(
        "sns", region_name="eu-west-1", aws_access_key_id="x", aws_secret_access_key="x"
    )
    with Stubber(client) as stubber:
        yield stubber


def subscription(address: str, arn: str) -> dict[str, str]:
    return {"Protocol": "email", "Endpoint": address, "SubscriptionArn": arn}


def said(topics: Stubber, *answers: dict[str, Any]) -> list[str]:
    for answer in answers:
        topics.add_response("list_subscriptions_by_topic", answer)
    *lines, listing = next_steps("reporter", OUTPUTS, topics.client)
    assert "--function-name reporter-list_repositories" in listing
    topics.assert_no_pending_responses()
    return lines


def test_warns_where_nobody_is_subscribed(topics: Stubber) -> None:
    [line] = said(topics, {"Subscriptions": []})
    assert line.startswith(
        f"WARNING: nobody gets the reports. Subscribe to {OUTPUTS['ReportTopicArn']}"
    )
    assert "NotificationEmails=" in line


def test_names_who_has_to_confirm_on_every_page(topics: Stubber) -> None:
    confirmed = subscription("a@example.org", f"{OUTPUTS['ReportTopicArn']}:1")
    waiting = subscription("b@example.org", "PendingConfirmation")
    [line] = said(
        topics,
        {"Subscriptions": [confirmed], "NextToken": "more"},
        {"Subscriptions": [waiting]},
    )
    assert line.endswith(": b@example.org")


def test_has_nothing_to_say_where_all_confirmed(topics: Stubber) -> None:
    confirmed = subscription("a@example.org", f"{OUTPUTS['ReportTopicArn']}:1")
    assert said(topics, {"Subscriptions": [confirmed]}) == []


def test_does_not_fail_where_a_topic_may_not_be_asked(topics: Stubber) -> None:
    topics.add_client_error("list_subscriptions_by_topic", "AuthorizationError", "not yours")
    [line] = said(topics)
    assert line.startswith("Not known whether anybody is subscribed to the reports")
    assert "not yours" in line
