"""Every call that the functions make is allowed by their policies, and nothing else is."""

import ast
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from typing import Any
from unittest.mock import patch

import boto3
import botocore.client
import pytest
from botocore import xform_name

from deployment.packages import PROJECT
from local.images import OCI_INDEX
from local.registry import LocalRegistry
from tests.deployment.conftest import STACK
from tests.events import scan_event

pytestmark = pytest.mark.filterwarnings("ignore:Tried to parse AWS")

CreateStack = Callable[..., dict[str, str]]
KEY = "arn:aws:kms:eu-west-1:123456789012:key/4d2c8a0e-0000-4000-8000-000000000000"
ARN = "arn:aws:{}:eu-west-1:123456789012:{}"
FUNCTIONS = {
    "list_repositories": f"{STACK}-list_repositories",
    "scan_images": f"{STACK}-scan_images",
    "notify": f"{STACK}-notify",
    "api_handler": STACK,
}

# What Lambda does with the role of the function, beside the function's own calls.
LOGGING = {"logs:CreateLogStream", "logs:PutLogEvents"}
ENCRYPTING = {"kms:Decrypt", "kms:GenerateDataKey"}
BY_LAMBDA = {
    "list_repositories": LOGGING,
    "scan_images": LOGGING
    | {"sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"},  # the trigger
    "notify": LOGGING | {"sqs:SendMessage"},  # the failure destination
    "api_handler": LOGGING,
}


# What only settings cause that the template has no parameter for: whoever sets them adds the
# permissions that docs/large-organisations.md names.
WITHOUT_PARAMETER = {"ecr:BatchGetRepositoryScanningConfiguration", "ecr:ListTagsForResource"}
ADAPTERS_WITHOUT_PARAMETER = {"ecs", "lambda_functions", "s3", "tagging"}
# What ECR authorizes against no resource. Source: Service Authorization Reference, Amazon ECR.
WITHOUT_RESOURCE = {"ecr:GetRegistryScanningConfiguration"}


@dataclass(frozen=True)
class Call:
    action: str
    resource: str


@contextmanager
def recorded_calls() -> Iterator[list[Call]]:
    """What is asked of AWS meanwhile."""
    made: list[Call] = []
    make = botocore.client.BaseClient._make_api_call

    def record(client: Any, operation: str, parameters: dict[str, Any]) -> Any:
        made.append(_call(client.meta.service_model.service_name, operation, parameters))
        return make(client, operation, parameters)

    with patch.object(botocore.client.BaseClient, "_make_api_call", record):
        yield made


def _call(service: str, operation: str, parameters: dict[str, Any]) -> Call:
    # The one operation used whose permission has another name.
    action = f"{service}:{operation.removesuffix('Batch')}"
    if action in WITHOUT_RESOURCE:
        return Call(action, "*")
    if service == "ecr":
        return Call(action, ARN.format("ecr", f"repository/{parameters.get('repositoryName', '')}"))
    if service == "sqs":
        return Call(action, ARN.format("sqs", parameters["QueueUrl"].rsplit("/", 1)[1]))
    return Call(action, parameters["TopicArn"])


class Hurried:
    """The context of a function that has time to begin and none to go on."""

    aws_request_id = "1"
    invoked_function_arn = ""

    def __init__(self) -> None:
        self.looks = iter([300_000, 300_000])

    def get_remaining_time_in_millis(self) -> int:
        return next(self.looks, 0)


class Unhurried(Hurried):
    def get_remaining_time_in_millis(self) -> int:
        return 300_000


def run_every_function(app: Any, registry: LocalRegistry) -> Iterator[str]:
    """Run every function along every path that calls AWS; gives the name of each that has run."""
    child = registry.add_image("shop/api", scanned_at=datetime.now(UTC) - timedelta(days=30))
    registry.add_image("shop/api", tags=("1",), media_type=OCI_INDEX, children=(child.digest,))
    for request in ({}, {"dryRun": True}):
        app.list_repositories(request, Unhurried())
        yield "list_repositories"
    for context in (Hurried(), Unhurried()):
        app.scan_images(_job("shop/api"), context)
        yield "scan_images"
    untagged = {"repository-name": "shop/api", "image-digest": child.digest, "image-tags": []}
    app.notify(scan_event(**untagged), Unhurried())
    yield "notify"
    registry.add_image("shop/web", scanned_at=datetime.now(UTC) - timedelta(days=30))
    for body in ("{}", '{"dryRun": true}'):
        app.app(_signed_request(body), Unhurried())
        yield "api_handler"


def _job(repository: str) -> dict[str, Any]:
    return {"Records": [{"body": f'{{"repository": "{repository}"}}', "receiptHandle": ""}]}


def _signed_request(body: str) -> dict[str, Any]:
    return {
        "resource": "/scans",
        "path": "/scans",
        "httpMethod": "POST",
        "requestContext": {"httpMethod": "POST", "resourcePath": "/scans", "identity": {}},
        "headers": {"Content-Type": "application/json"},
        "multiValueHeaders": {},
        "multiValueQueryStringParameters": None,
        "pathParameters": {},
        "stageVariables": {},
        "body": body,
        "isBase64Encoded": False,
    }


@pytest.fixture
def calls_made(
    create_stack: CreateStack,
    aws: LocalRegistry,
    load_app: Callable[..., Any],
) -> dict[str, set[Call]]:
    """The calls of each function of the packaged stack."""
    create_stack(ScanTimeLookup="true", KmsKeyArn=KEY)
    described = boto3.client("lambda").get_function_configuration(FunctionName=STACK)
    variables = described["Environment"]["Variables"]
    app = load_app(**{name: str(value) for name, value in variables.items()})
    made: dict[str, set[Call]] = defaultdict(set)
    with recorded_calls() as calls:
        for name in run_every_function(app, aws):
            made[name].update(calls)
            calls.clear()
    return made


@pytest.fixture
def statements(calls_made: object) -> dict[str, list[dict[str, Any]]]:
    """The statements of each function's policy, as they are in the stack."""
    return {name: _statements(function) for name, function in FUNCTIONS.items()}


def _statements(function: str) -> list[dict[str, Any]]:
    role = boto3.client("lambda").get_function_configuration(FunctionName=function)["Role"]
    name = role.rsplit("/", 1)[1]
    iam = boto3.client("iam")
    (policy,) = iam.list_role_policies(RoleName=name)["PolicyNames"]
    document = iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]
    # moto keeps the document of a template as Python writes it.
    statements: list[dict[str, Any]] = ast.literal_eval(document)["Statement"]
    return statements


def _allows(statement: dict[str, Any], call: Call) -> bool:
    return call.action in statement["Action"] and fnmatchcase(call.resource, statement["Resource"])


@pytest.mark.parametrize("function", FUNCTIONS)
def test_every_call_is_allowed(
    function: str,
    calls_made: dict[str, set[Call]],
    statements: dict[str, list[dict[str, Any]]],
) -> None:
    assert calls_made[function], "the function called nothing"
    refused = [
        call
        for call in calls_made[function]
        if not any(_allows(statement, call) for statement in statements[function])
    ]
    assert refused == []


@pytest.mark.parametrize("function", FUNCTIONS)
def test_nothing_is_allowed_that_is_never_done(
    function: str,
    calls_made: dict[str, set[Call]],
    statements: dict[str, list[dict[str, Any]]],
) -> None:
    allowed = {action for statement in statements[function] for action in statement["Action"]}
    done = {call.action for call in calls_made[function]}
    assert allowed == done | BY_LAMBDA[function] | ENCRYPTING


def test_no_path_that_calls_aws_was_left_out(calls_made: dict[str, set[Call]]) -> None:
    """Every call that is written in the code was made by some function."""
    written = set()
    for module in (PROJECT / "chalicelib" / "aws").glob("*.py"):
        if module.stem in ADAPTERS_WITHOUT_PARAMETER:
            continue
        service = boto3.client(module.stem) if module.stem in ("ecr", "sns", "sqs") else None
        source = module.read_text()
        methods = re.findall(r"self\._client\.(?!get_paginator)(\w+)\(", source)
        methods += re.findall(r"get_paginator\(\"(\w+)\"\)", source)
        assert service or not methods
        written.update(_call_action(service, method) for method in methods)
    made = {call.action for calls in calls_made.values() for call in calls}
    assert made == written - WITHOUT_PARAMETER


def _call_action(client: Any, method: str) -> str:
    operations = {xform_name(name): name for name in client.meta.service_model.operation_names}
    return f"{client.meta.service_model.service_name}:{operations[method].removesuffix('Batch')}"


@pytest.mark.parametrize("function", FUNCTIONS)
def test_no_action_and_no_resource_is_any(
    function: str, statements: dict[str, list[dict[str, Any]]]
) -> None:
    for statement in statements[function]:
        assert not any("*" in action for action in statement["Action"])
        if set(statement["Action"]) <= WITHOUT_RESOURCE:
            continue
        # Only ECR's repositories and a log group's streams are not known by name.
        anything = re.sub(
            r"(:repository/|:log-group:/aws/lambda/[\w-]+:)\*$", "", statement["Resource"]
        )
        assert "*" not in anything


def test_logs_go_to_the_functions_own_group_only(
    statements: dict[str, list[dict[str, Any]]],
) -> None:
    for name, function in FUNCTIONS.items():
        [logging] = [s for s in statements[name] if set(s["Action"]) & LOGGING]
        assert logging["Resource"] == ARN.format("logs", f"log-group:/aws/lambda/{function}:*")
