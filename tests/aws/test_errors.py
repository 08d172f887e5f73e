"""What AWS's errors mean, by the services' own models."""

import re

import botocore.session
import pytest
from botocore.exceptions import ClientError

from chalicelib.aws.errors import is_throttling, waiting
from chalicelib.aws.tagging import RepositoryTags
from chalicelib.runtime.backoff import Backoff
from chalicelib.runtime.deadline import Deadline

SERVICES = [
    *("dynamodb", "ecr", "ecs", "events", "inspector2", "lambda", "resourcegroupstaggingapi"),
    *("s3", "securityhub", "sns", "sqs", "ssm", "sts"),
]
SPEAKS_OF_THROTTLING = re.compile(
    r"throttl|TooManyRequests|RequestLimitExceeded|ThroughputExceeded|SlowDown", re.IGNORECASE
)
MODELS = {name: botocore.session.get_session().get_service_model(name) for name in SERVICES}
ERRORS = [
    (service, shape)
    for service, model in MODELS.items()
    for shape in map(model.shape_for, model.shape_names)
    if shape.metadata.get("exception")
]
BY_NAME = [
    (service, code)
    for service, shape in ERRORS
    for code in sorted({shape.name, shape.error_code})
    if SPEAKS_OF_THROTTLING.search(code)
]
BY_STATUS = [
    (service, shape.error_code)
    for service, shape in ERRORS
    if shape.metadata.get("error", {}).get("httpStatusCode") == 429
]


def error(code, status=400):
    answer = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, "Call")


@pytest.mark.parametrize(("service", "code"), BY_NAME)
def test_every_service_that_is_called_may_say_in_its_words_that_it_is_throttled(service, code):
    assert is_throttling(error(code)), service


@pytest.mark.parametrize(("service", "code"), BY_STATUS)
def test_too_many_requests_are_throttling_by_their_status(service, code):
    assert is_throttling(error(code, 429)), service


@pytest.mark.parametrize("code", ["LimitExceededException", "AccessDenied", "TooManyTagsException"])
def test_what_waiting_does_not_mend_is_no_throttling(code):
    """ECR says by the first that an image was scanned within a day."""
    assert not is_throttling(error(code))
    assert not is_throttling(ValueError(code))


def test_the_tagging_api_is_waited_for_where_it_throttles():
    class Client:
        answers = [error("ThrottledException"), error("ThrottledException")]

        def get_resources(self, **_):
            if self.answers:
                raise self.answers.pop()
            return {"ResourceTagMappingList": []}

    pauses = []
    call = waiting(Backoff(Deadline.unlimited(), pauses.append))
    assert RepositoryTags(Client()).rules(call) == {}
    assert len(pauses) == 2
