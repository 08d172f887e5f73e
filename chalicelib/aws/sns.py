"""Amazon SNS: the topics that reports are published to."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_sns.type_defs import MessageAttributeValueTypeDef

    from chalicelib.text.notifications import Message


class ReportTopic:
    """The topic whose subscribers are notified."""

    def __init__(self, client: SNSClient, arn: str) -> None:
        self._client = client
        self._arn = arn

    def publish(self, message: Message) -> str:
        """Publish a text for each channel; returns the message's id. Source: Publish."""
        attributes: dict[str, MessageAttributeValueTypeDef] = {
            name: {"DataType": "String", "StringValue": value}
            for name, value in message.attributes.items()
        }
        lists = {name: values for name, values in message.lists.items() if values}
        for name, values in lists.items():
            attributes[name] = {"DataType": "String.Array", "StringValue": json.dumps(list(values))}
        answer = self._client.publish(
            TopicArn=self._arn,
            Subject=message.subject,
            Message=message.body,
            MessageStructure="json",
            MessageAttributes=attributes,
        )
        return answer["MessageId"]


class ChatTopic:
    """The topic that Amazon Q Developer in chat applications is subscribed to."""

    def __init__(self, client: SNSClient, arn: str) -> None:
        self._client = client
        self._arn = arn

    def publish(self, notification: str) -> str:
        """Publish one text for all subscribers; returns the message's id. Source: Publish."""
        return self._client.publish(TopicArn=self._arn, Message=notification)["MessageId"]
