"""The digest on the local AWS, and what it sent."""

import json
from datetime import UTC, datetime, timedelta

import boto3
from botocore.exceptions import ClientError
from moto.sns.models import sns_backends

from chalicelib.aws.clients import client_of
from chalicelib.aws.s3 import ReportBucket
from chalicelib.fleet.digest import send_digest
from chalicelib.fleet.digest_keys import DigestKeys
from chalicelib.fleet.formats.json_reader import from_json
from chalicelib.runtime.deadline import Deadline
from chalicelib.services import Services
from chalicelib.settings.settings import Settings
from local.ecr import Finding
from tests.doubles import Stopped

MONDAY = datetime(2026, 3, 2, 6, tzinfo=UTC)
NEXT_MONDAY = MONDAY + timedelta(days=7)
THIRD_MONDAY = MONDAY + timedelta(days=14)
NOW = datetime.now(UTC)
ONE = Finding("CVE-2026-1", "HIGH", "zlib")
TWO = Finding("CVE-2026-2", "CRITICAL", "openssl")


def refused(message):
    raise ClientError({"Error": {"Code": "InternalError", "Message": ""}}, "Publish")


def published_to(topic):
    return sns_backends["123456789012"]["eu-west-1"].topics[topic].sent_notifications


def stopping(calls, step):
    """What makes functions stop their run once that many calls of all of them took effect."""

    def stops(function):
        def call(*arguments):
            calls.append(function.__name__)
            answer = function(*arguments)
            if len(calls) == step:
                raise Stopped
            return answer

        return call

    return stops


class Digests:
    """The digest on the local AWS, with the emails that it sent."""

    def __init__(self, **settings):
        self.client = client_of(boto3.Session(), "s3")
        self.client.create_bucket(
            Bucket="reports", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
        )
        self.bucket = ReportBucket(self.client, "reports")
        self.topic = boto3.client("sns").create_topic(Name="reports")["TopicArn"]
        self.configure(**settings)

    def configure(self, **settings):
        variables = {"ECR_SNS_REPORT_TOPIC_ARN": self.topic, **settings}
        self.services = Services(Settings.from_environment(variables))

    def send(self, scheduled=MONDAY, deadline=None):
        deadline = deadline or Deadline.unlimited()
        return send_digest(scheduled, self.services, self.bucket, deadline)

    @property
    def sent(self):
        return [json.loads(body) for _, body, *_ in published_to(self.topic)]

    @property
    def keys(self):
        listed = self.client.list_objects_v2(Bucket="reports").get("Contents", ())
        return [entry["Key"] for entry in listed]

    def report(self, scheduled, owner=""):
        return from_json(self.bucket.get(DigestKeys(scheduled, owner).json))
