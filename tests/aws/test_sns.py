"""Publishing, over real boto3 calls."""

import json
from dataclasses import replace

import boto3
import pytest
from botocore.exceptions import ClientError

from chalicelib.aws.sns import ReportTopic
from chalicelib.notifying.messages import message_of
from tests.reports import RESULT, a_report


@pytest.fixture
def topic(aws, queue):
    """A topic whose messages arrive in the queue."""
    client = boto3.client("sns")
    arn = client.create_topic(Name="reports")["TopicArn"]
    client.subscribe(
        TopicArn=arn, Protocol="sqs", Endpoint="arn:aws:sqs:eu-west-1:123456789012:jobs"
    )
    return ReportTopic(client, arn)


def test_a_report_arrives_as_the_text_of_the_subscribers_medium(topic, queue):
    message = message_of(a_report(), ("email", "sms"))

    message_id = topic.publish(message)

    [received] = queue.receive_all()
    assert received["MessageId"] == message_id
    assert received["Subject"] == message.subject
    assert received["Message"] == json.loads(message.body)["default"]
    channels = {"Type": "String.Array", "Value": '["email", "sms"]'}
    assert received["MessageAttributes"]["channels"] == channels


def test_a_report_of_an_image_with_a_thousand_tags_is_short_enough_to_publish(topic, queue):
    """ECR allows an image 1,000 tags of 128 characters, SNS a message of 256 KB."""
    tags = tuple(f"{number:04}".ljust(128, "x") for number in range(1000))
    message = message_of(a_report(replace(RESULT, image_tags=tags)))

    topic.publish(message)

    [received] = queue.receive_all()
    document = json.loads(received["Message"])
    assert document["imageTags"] == list(tags[:100])
    assert document["imageTagCount"] == 1000
    email = json.loads(message.body)["email"]
    assert f"{tags[99]} and 900 more\n" in email
    assert tags[100] not in email


def test_a_topic_that_is_not_there_is_an_error(aws):
    missing = ReportTopic(boto3.client("sns"), "arn:aws:sns:eu-west-1:123456789012:missing")
    with pytest.raises(ClientError, match="NotFound"):
        missing.publish(message_of(a_report()))
