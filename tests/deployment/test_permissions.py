"""Every call that the functions make is allowed by their policies, and nothing else is.

Whatever is on: each feature by itself, none, and all of them.
"""

import ast
import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from functools import partial
from typing import Any
from unittest.mock import patch

import boto3
import botocore.client
import pytest
from botocore import xform_name
from botocore.exceptions import ClientError

from chalicelib.aws import clients
from chalicelib.aws.sns import ReportTopic
from chalicelib.policy.last_warnings import Change, LastWarning
from chalicelib.scanning.jobs import ScanJob, parse_job
from chalicelib.scanning.registry_jobs import ListJob
from chalicelib.scanning.requests import ListingRequest
from chalicelib.settings.settings import Settings
from deployment.packages import PROJECT
from local.ecr import LocalRegistry
from local.images import OCI_INDEX
from tests.deployment.conftest import OTHER_ACCOUNT, OTHER_REGION, STACK
from tests.events import image_deleted, inspector_finding, scan_event
from tests.feeds import epss, kev

pytestmark = [
    pytest.mark.filterwarnings("ignore:Tried to parse AWS"),
    # What it runs is covered line by line elsewhere; counting the lines here too doubles the time.
    pytest.mark.no_cover,
]

CreateStack = Callable[..., dict[str, str]]
Statements = list[dict[str, Any]]
OWN_ACCOUNT = "123456789012"
REGION = "eu-west-1"
KEY = f"arn:aws:kms:{REGION}:123456789012:key/4d2c8a0e-0000-4000-8000-000000000000"
SCAN_ROLE = f"arn:aws:iam::{OTHER_ACCOUNT}:role/scan"
DISCOVERY_ROLE = "arn:aws:iam::333333333333:role/find"
ROLES = [f"arn:aws:iam::{account:012}:role/ecr-scan-reporter" for account in range(25)]
HOST = f"123456789012.dkr.ecr.{REGION}.amazonaws.com"
FUNCTIONS = {
    "list_repositories": f"{STACK}-list_repositories",
    "scan_images": f"{STACK}-scan_images",
    "notify": f"{STACK}-notify",
    "send_reports": f"{STACK}-send_reports",
    "report_fleet": f"{STACK}-report_fleet",
    "refresh_feeds": f"{STACK}-refresh_feeds",
    "api_handler": STACK,
}

IN_USE = {"EcsDiscoveryEnabled": "true"}
TASK_DEFINITIONS = {**IN_USE, "EcsDiscoveryAllTaskDefinitions": "true"}
IN_USE_ELSEWHERE = {**IN_USE, "EcsDiscoveryRoles": DISCOVERY_ROLE}
TAGS = {"RepositoryTagRules": "true"}
BUDGET = {"DailyScanBudget": "1000"}
ACCEPTED_RISKS = {"s3": "s3://lists/accepted/risks.yaml", "ssm": "ssm:/lists/accepted-risks"}
CHANNELS = {"NotifyByChat": "true", "NotifyBySecurityHub": "true"}
NO_DIGEST = {"Digest": "false"}
FEEDS = {"Feeds": "true"}
CONFIGURED_ROLES = {
    "Configuration": "ssm:/lists/accounts",
    "ConfiguredRoles": SCAN_ROLE.replace(OTHER_ACCOUNT, "*"),
}
OWNER_TOPIC = f"arn:aws:sns:{REGION}:{OWN_ACCOUNT}:payments"
OWNERS = {"Configuration": "ssm:/lists/owners", "OwnerTopics": OWNER_TOPIC}
EVENT_BUS = {"EventBusArn": f"arn:aws:events:{REGION}:{OWN_ACCOUNT}:event-bus/findings"}
EVERYTHING = {
    **TASK_DEFINITIONS,
    **IN_USE_ELSEWHERE,
    **TAGS,
    **BUDGET,
    "ScanRegions": f"{REGION},{OTHER_REGION}",
    "ScanRoles": SCAN_ROLE,
    "NotifyOnInspectorFindings": "true",
    "NotifyMode": "new-findings",
    "AcceptedRisks": ACCEPTED_RISKS["ssm"],
    "Configuration": "s3://lists/selection.yaml",
    **CHANNELS,
    **FEEDS,
    **EVENT_BUS,
    "KmsKeyArn": KEY,
}
DEPLOYMENTS: dict[str, dict[str, str]] = {
    "as it comes": {},
    "customer key": {"KmsKeyArn": KEY},
    "configuration in S3, and tags": {"Configuration": "s3://lists/selection.yaml", **TAGS},
    "owners by a configuration in a parameter": OWNERS,
    "configured roles": CONFIGURED_ROLES,
    "no indexes": {"ResolveImageIndexes": "false", **BUDGET},
    "regions": {"ScanRegions": f"{REGION},{OTHER_REGION}"},
    "regions without the own, and discovery off": {
        "ScanRegions": OTHER_REGION,
        "EcsDiscoveryRoles": DISCOVERY_ROLE,
    },
    "roles": {"ScanRoles": SCAN_ROLE},
    "images in use": IN_USE,
    "task definitions": TASK_DEFINITIONS,
    "images in use elsewhere": IN_USE_ELSEWHERE,
    "budget": BUDGET,
    "budget and images in use": {**BUDGET, **IN_USE_ELSEWHERE},
    "budget and tags": {**BUDGET, **TAGS},
    "findings of Amazon Inspector, and an event bus": {
        "NotifyOnInspectorFindings": "true",
        **EVENT_BUS,
    },
    "accepted risks in S3, and new findings": {
        "AcceptedRisks": ACCEPTED_RISKS["s3"],
        "NotifyMode": "new-findings",
    },
    "accepted risks in a parameter, chat and feeds": {
        "AcceptedRisks": ACCEPTED_RISKS["ssm"],
        "NotifyByChat": "true",
        **FEEDS,
    },
    "Security Hub": {"NotifyBySecurityHub": "true"},
    "no digest": NO_DIGEST,
    "no digest elsewhere": {**NO_DIGEST, "ScanRoles": SCAN_ROLE, "KmsKeyArn": KEY},
    "everything": EVERYTHING,
}

STALE = datetime.now(UTC) - timedelta(days=30)

# What Lambda does with the role of the function, beside the function's own calls.
LOGGING = {"logs:CreateLogStream", "logs:PutLogEvents"}
ENCRYPTING = {"kms:Decrypt", "kms:GenerateDataKey"}
BY_LAMBDA = {
    "list_repositories": LOGGING | {"sqs:SendMessage"},  # the failure destination
    "scan_images": LOGGING
    | {"sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"},  # the trigger
    "notify": LOGGING | {"sqs:SendMessage"},  # the failure destination
    "send_reports": LOGGING,
    "report_fleet": LOGGING | {"sqs:SendMessage"},  # the failure destination
    "refresh_feeds": LOGGING | {"sqs:SendMessage"},
    "api_handler": LOGGING,
}

# What is authorized against no resource that is known beforehand. Source: Service Authorization
# Reference of each service; ecs:ListTasks knows container instances only, which Fargate has not.
WITHOUT_RESOURCE = {
    "ecr:GetRegistryScanningConfiguration",
    "inspector2:ListCoverage",
    "ecs:DescribeTaskDefinition",
    "ecs:ListClusters",
    "ecs:ListServices",
    "ecs:ListTaskDefinitions",
    "ecs:ListTasks",
    "lambda:ListFunctions",
    "tag:GetResources",
}
# Source: STS API reference, GetCallerIdentity: "No permissions are required".
WITHOUT_PERMISSION = {"sts:GetCallerIdentity"}
# Services whose IAM prefix is not the name of their client.
PREFIXES = {"resourcegroupstaggingapi": "tag"}
# Operations whose permission has another name. Source: Service Authorization Reference.
RENAMED = {"sqs:SendMessageBatch": "sqs:SendMessage", "s3:ListObjectsV2": "s3:ListBucket"}
# What boto3 makes by itself, without a call.
WITHOUT_CALL = {"get_paginator", "generate_presigned_url"}
ADAPTERS = {
    "dynamodb": ["dynamodb"],
    "ecr": ["ecr"],
    "ecs": ["ecs"],
    "event_bus": ["events"],
    "inspector": ["inspector2"],
    "lambda_functions": ["lambda"],
    "documents": ["s3", "ssm"],
    "s3": ["s3"],
    "security_hub": ["securityhub"],
    "sns": ["sns"],
    "sqs": ["sqs"],
    "tagging": ["resourcegroupstaggingapi"],
}


@dataclass(frozen=True)
class Call:
    action: str
    resource: str
    region: str


@dataclass
class Calls:
    """What was asked of AWS: with the function's own role, through others, and the jobs sent."""

    own: set[Call] = field(default_factory=set)
    by_role: set[Call] = field(default_factory=set)
    jobs: list[str] = field(default_factory=list)


@contextmanager
def recorded_calls() -> Iterator[Calls]:
    """What is asked of AWS meanwhile."""
    calls = Calls()
    make = botocore.client.BaseClient._make_api_call

    def record(client: Any, operation: str, parameters: dict[str, Any]) -> Any:
        assumed = client._request_signer._credentials.method == "assume-role"
        call = _call(client, operation, parameters)
        if call.action not in WITHOUT_PERMISSION:
            (calls.by_role if assumed else calls.own).add(call)
        if operation == "SendMessageBatch":
            calls.jobs += [entry["MessageBody"] for entry in parameters["Entries"]]
        try:
            return make(client, operation, parameters)
        except ClientError as error:
            if error.response["Error"]["Code"] == "NoSuchKey":
                # S3 says so only to who may list the bucket. Source: S3 API reference, GetObject.
                bucket = call.resource.partition("/")[0]
                calls.own.add(Call("s3:ListBucket", bucket, call.region))
            raise

    with patch.object(botocore.client.BaseClient, "_make_api_call", record):
        yield calls


def _call(client: Any, operation: str, parameters: dict[str, Any]) -> Call:
    action = _action(client.meta.service_model.service_name, operation)
    region = client.meta.region_name
    resource = "*" if action in WITHOUT_RESOURCE else _resource(action, region, parameters)
    return Call(action, resource, region)


def _action(service: str, operation: str) -> str:
    action = f"{PREFIXES.get(service, service)}:{operation}"
    return RENAMED.get(action, action)


def _resource(action: str, region: str, parameters: dict[str, Any]) -> str:
    arn = partial("arn:aws:{}:{}:123456789012:{}".format, action.partition(":")[0], region)
    for name in ("resourceArn", "RoleArn", "TopicArn"):
        if name in parameters:
            return str(parameters[name])
    for name in ("services", "tasks"):
        if name in parameters:
            return str(parameters[name][0])
    if "QueueUrl" in parameters:
        return arn(parameters["QueueUrl"].rsplit("/", 1)[1])
    if "FunctionName" in parameters:
        return arn(f"function:{parameters['FunctionName']}")
    if "Bucket" in parameters:
        key = f"/{parameters['Key']}" if "Key" in parameters else ""
        return f"arn:aws:s3:::{parameters['Bucket']}{key}"
    if "RequestItems" in parameters:
        (parameters,) = [{"TableName": table} for table in parameters["RequestItems"]]
    if "TableName" in parameters:
        return arn(f"table/{parameters['TableName']}")
    if action == "ssm:GetParameter":
        return arn(f"parameter{parameters['Name']}")
    if action == "events:PutEvents":
        return str(parameters["Entries"][0]["EventBusName"])
    if "Findings" in parameters:
        return str(parameters["Findings"][0]["ProductArn"])
    return arn(f"repository/{parameters.get('repositoryName', '')}")


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


class World:
    """Registries with images that are due, and workloads that use images."""

    def __init__(self, registries: list[LocalRegistry]) -> None:
        self._registries = registries
        self._children: list[str] = []
        for registry in registries:
            registry.add_repository("shop/api", tags={"ecr-scan-reporter:tagged-only": "true"})
            found = {"CRITICAL": 1}
            registry.add_image("shop/web", tags=("1",), scanned_at=STALE, findings=found)
            self.add_due_images(registry)
        ecs = boto3.client("ecs")
        ecs.create_cluster(clusterName="shop")
        for family, image in {
            "api": f"{HOST}/shop/api:deleted",
            "web": f"{HOST}/shop/web:1",
            "gone": f"{HOST}/shop/gone:1",
            "theirs": f"444444444444.dkr.ecr.{REGION}.amazonaws.com/theirs:1",
        }.items():
            definition = {"name": "main", "image": image, "memory": 64}
            ecs.register_task_definition(family=family, containerDefinitions=[definition])
            ecs.create_service(cluster="shop", serviceName=family, taskDefinition=family)
        subnet = boto3.client("ec2").describe_subnets()["Subnets"][0]["SubnetId"]
        network: Any = {"awsvpcConfiguration": {"subnets": [subnet]}}
        ecs.run_task(
            cluster="shop",
            taskDefinition="api",
            launchType="FARGATE",
            networkConfiguration=network,
        )
        role = boto3.client("iam").list_roles()["Roles"][0]["Arn"]
        boto3.client("lambda").create_function(
            FunctionName="of-an-image",
            Role=role,
            PackageType="Image",
            Code={"ImageUri": f"{HOST}/shop/api:1"},
        )
        _keep_lists()

    def add_due_images(self, registry: LocalRegistry) -> None:
        child = registry.add_image("shop/api", scanned_at=STALE, findings={"CRITICAL": 1})
        registry.add_image(
            "shop/api",
            tags=(f"v{len(self._children)}",),
            media_type=OCI_INDEX,
            children=(child.digest,),
        )
        registry.add_image(
            "shop/api",
            tags=(f"running-{len(self._children)}",),
            pushed_at=STALE,
            scanned_at=datetime.now(UTC),
            scan_status="IN_PROGRESS",
        )
        self._children.append(child.digest)

    def each_kind_of_scanning(self) -> Iterator[None]:
        """Let Amazon Inspector scan the registries, and then ECR."""
        for scan_type in ("ENHANCED", "BASIC"):
            for registry in self._registries:
                self.add_due_images(registry)
                registry.scan_type = scan_type
            yield

    def rest_of(self, jobs: list[str]) -> str:
        """What is left of one of the jobs, or of a plan's, when time runs out."""
        job = parse_job(jobs[0])
        digests = tuple(self._children)
        return ScanJob(
            "shop/api",
            image_digests=digests,
            account=job.account,
            region=job.region,
            listing="0123456789abcdef/1",
        ).to_json()

    def requests(self) -> Iterator[dict[str, bool]]:
        """What the lister is asked."""
        for _ in self.each_kind_of_scanning():
            yield {}
            yield {"dryRun": True}

    def events(self, settings: Settings) -> Iterator[dict[str, Any]]:
        """What the notifier is told: of the own registry, and of others that are covered."""
        covered = {(address.account, address.region or REGION) for address in settings.registries}
        for registry, digest in zip(self._registries, list(self._children), strict=False):
            self.add_due_images(registry)  # with an index that nothing has read yet
            registry.finish_scans()
            account = None if registry.account_id == OWN_ACCOUNT else registry.account_id
            own = (account, registry.region) == (None, REGION)
            if own or (account, registry.region) in covered:
                about = {"repository-name": "shop/api", "image-digest": digest, "image-tags": []}
                event = scan_event(region=registry.region, **about)
                event_id = f"{registry.account_id} {registry.region}"
                yield {**event, "account": registry.account_id, "id": event_id}
        if settings.inspector_findings:
            yield inspector_finding("HIGH", self._children[0])
        [web] = self._registries[0].repositories["shop/web"].images
        about = {"repository-name": "shop/web", "image-digest": web, "image-tags": ["1"]}
        yield {**scan_event(**about), "id": "web"}
        images = self._registries[0].repositories["shop/api"].images
        newest = max(images.values(), key=lambda image: (image.pushed_at, image.sequence))
        self._registries[0].remove_image("shop/api", newest.digest)
        yield image_deleted(newest.digest)


def _keep_lists() -> None:
    """Lists of accepted risks and configuration files where a deployment may have them."""
    s3, ssm = boto3.client("s3"), boto3.client("ssm")
    boto3.client("events").create_event_bus(Name="findings")
    boto3.client("sns").create_topic(Name="payments")
    s3.create_bucket(Bucket="lists", CreateBucketConfiguration={"LocationConstraint": REGION})
    risks, selection = "accepted: []", "images: {tagged-only: true}"
    s3.put_object(Bucket="lists", Key="accepted/risks.yaml", Body=risks.encode())
    s3.put_object(Bucket="lists", Key="selection.yaml", Body=selection.encode())
    for name, text in {
        "accepted-risks": risks,
        "owners": "repositories: [{pattern: '*', owner: payments}]\n"
        f"owners: [{{name: payments, topic: '{OWNER_TOPIC}'}}]",
        "accounts": f"{selection}\nregistries: {{accounts: [{{role: '{SCAN_ROLE}'}}]}}",
    }.items():
        ssm.put_parameter(Name=f"/lists/{name}", Type="String", Value=text)


# The digest is sent every week; its event tells for which time.
DIGESTS = [{"time": f"2026-03-{day:02}T06:00:00Z"} for day in (2, 9)]


def send_digests(app: Any, world: World) -> None:
    """A digest that cannot be published, its next try, and the digest of a week later."""
    for event, _ in zip(DIGESTS, world.each_kind_of_scanning(), strict=True):
        if app.settings.digest and event is DIGESTS[0]:
            refusal = patch.object(ReportTopic, "publish", side_effect=RuntimeError("refused"))
            with refusal, pytest.raises(RuntimeError, match="refused"):
                app.report_fleet(event, Unhurried())
        app.report_fleet(event, Unhurried())


def feed(address: str, _: int) -> bytes:
    """What a feed's address answers."""
    return kev() if "exploited" in address else epss()


def run_every_function(world: World, load: Callable[[], Any]) -> Iterator[tuple[str, Calls]]:
    """Run every function along every path that calls AWS; gives the calls of each by its name."""
    with recorded_calls() as calls:
        app = load()
        for request in world.requests():
            app.list_repositories(request, Unhurried())
    yield "list_repositories", calls
    jobs = calls.jobs
    with recorded_calls() as calls:
        app = load()
        for _ in world.each_kind_of_scanning():
            app.scan_images(_message(ListJob(ListingRequest()).to_json()), Unhurried())
            seen: set[str] = set()
            while rest := [job for job in dict.fromkeys([*jobs, *calls.jobs]) if job not in seen]:
                for job in rest:
                    app.scan_images(_message(job), Unhurried() if seen else Hurried())
                    seen.add(job)
        app.scan_images(_message(world.rest_of(jobs)), Unhurried())
    yield "scan_images", calls
    with recorded_calls() as calls:
        app = load()
        app.services.read_configuration()
        for event in world.events(app.services.settings):
            app.notify(event, Unhurried())
        # After every scan, each is reported at once.
        app.services.settings.__dict__ |= {"wanted_mode": "every-scan", "wanted_images": "all"}
        for event in world.events(app.services.settings):
            app.notify(event | {"id": f"{event['id']}-again"}, Unhurried())
    yield "notify", calls
    with recorded_calls() as calls:
        app = load()
        app.services.read_configuration()
        app.services.clock = lambda: time.time() + 3_600
        app.send_reports({}, Unhurried())
    yield "send_reports", calls
    with recorded_calls() as calls:
        overdue = [{"repository": "shop/api"}]
        with patch("chalicelib.fleet.overdue_events.overdue_details", return_value=overdue):
            send_digests(load(), world)
    yield "report_fleet", calls
    with recorded_calls() as calls, patch("chalicelib.fleet.refresh_feeds.fetch", feed):
        load().refresh_feeds({}, Unhurried())
    yield "refresh_feeds", calls
    with recorded_calls() as calls:
        app = load()
        for number, request in enumerate(world.requests()):
            app.app(_signed_request(json.dumps(request), key=str(number)), Unhurried())
        # What the schedule has warned of already, a request would have.
        with patch("chalicelib.policy.last_warnings.LastWarning.change_by_all", _all_are_news):
            app.app(_signed_request("{}", key="anew"), Unhurried())
        question = _signed_question({"vulnerability": "CVE-2026-1"})
        app.app(question, Unhurried())
        not_yet = "fleet-reports/of-no-digest-yet.json"
        with patch("chalicelib.fleet.finding_lines.STATE_KEY", not_yet):
            app.app(question, Unhurried())
    yield "api_handler", calls


def _all_are_news(_: LastWarning, images: Mapping[str, str]) -> Change:
    return Change(images, kept=images)


def _message(job: str) -> dict[str, Any]:
    return {"Records": [{"body": job, "receiptHandle": ""}]}


def _signed_question(query: dict[str, str]) -> dict[str, Any]:
    """A request for what was found last."""
    return _signed_request("", key="") | {
        "resource": "/findings",
        "path": "/findings",
        "httpMethod": "GET",
        "requestContext": {"httpMethod": "GET", "resourcePath": "/findings", "identity": {}},
        "multiValueQueryStringParameters": {name: [value] for name, value in query.items()},
    }


def _signed_request(body: str, key: str) -> dict[str, Any]:
    return {
        "resource": "/scans",
        "path": "/scans",
        "httpMethod": "POST",
        "requestContext": {"httpMethod": "POST", "resourcePath": "/scans", "identity": {}},
        "headers": {"Content-Type": "application/json", "Idempotency-Key": key},
        "multiValueHeaders": {},
        "multiValueQueryStringParameters": None,
        "pathParameters": {},
        "stageVariables": {},
        "body": body,
        "isBase64Encoded": False,
    }


@dataclass
class Deployed:
    """A stack of the application: what each function called, and the statements of its policy."""

    calls: dict[str, Calls]
    statements: dict[str, Statements]


Deploy = Callable[[dict[str, str]], Deployed]
_deployed: dict[str, Deployed] = {}


@pytest.fixture
def deploy(
    create_stack: CreateStack,
    registries: list[LocalRegistry],
    load_app: Callable[..., Any],
) -> Deploy:
    """Create the stack with these parameters and run all its functions; the same ones once."""

    def deploy(parameters: dict[str, str]) -> Deployed:
        key = json.dumps(parameters)
        if key not in _deployed:
            _deployed[key] = deploy_and_run(parameters)
        return _deployed[key]

    def deploy_and_run(parameters: dict[str, str]) -> Deployed:
        create_stack(**parameters)
        variables = {name: str(value) for name, value in _configuration(STACK).items()}

        def load() -> Any:
            # As in a container of its own, each function begins without clients.
            clients.client.cache_clear()
            clients._assuming.cache_clear()
            return load_app(**variables)

        world = World(registries)
        statements = {name: _statements(function) for name, function in FUNCTIONS.items()}
        return Deployed(dict(run_every_function(world, load)), statements)

    return deploy


def _configuration(function: str) -> dict[str, Any]:
    described = boto3.client("lambda").get_function_configuration(FunctionName=function)
    return dict(described["Environment"]["Variables"])


def _statements(function: str) -> Statements:
    role = boto3.client("lambda").get_function_configuration(FunctionName=function)["Role"]
    name = role.rsplit("/", 1)[1]
    iam = boto3.client("iam")
    statements: Statements = []
    for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]:
        document = iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]
        # moto keeps the document of a template as Python writes it.
        written = ast.literal_eval(document) if isinstance(document, str) else document
        statements += written["Statement"]
    return statements


def _allows(statement: dict[str, Any], call: Call) -> bool:
    return (
        call.action in statement["Action"]
        and any(fnmatchcase(call.resource, each) for each in _listed(statement["Resource"]))
        and call.region in _regions(statement, call.region)
    )


def _regions(statement: dict[str, Any], otherwise: str) -> list[str]:
    """The regions that a statement allows calls to."""
    condition = statement.get("Condition", {"StringEquals": {"aws:RequestedRegion": otherwise}})
    return _listed(condition["StringEquals"]["aws:RequestedRegion"])


def _listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


@pytest.mark.parametrize("parameters", DEPLOYMENTS.values(), ids=DEPLOYMENTS.keys())
def test_each_function_may_do_what_it_does_and_nothing_else(
    deploy: Deploy, parameters: dict[str, str]
) -> None:
    deployed = deploy(parameters)
    for function, statements in deployed.statements.items():
        calls = deployed.calls[function].own
        refused = [call for call in calls if not any(_allows(each, call) for each in statements)]
        assert refused == [], function
        allowed = {action for statement in statements for action in statement["Action"]}
        done = {call.action for call in calls}
        encrypting = ENCRYPTING if "KmsKeyArn" in parameters else set()
        assert allowed == done | BY_LAMBDA[function] | encrypting, function


def test_what_is_reported_of_an_owner_goes_to_its_topic_by_each_function(deploy: Deploy) -> None:
    published = Call("sns:Publish", OWNER_TOPIC, REGION)
    calls = deploy(OWNERS).calls
    for function in ("notify", "report_fleet"):
        assert published in calls[function].own


def test_with_everything_on_no_path_that_calls_aws_is_left_out(deploy: Deploy) -> None:
    """Every call that is written in the code was made by some function."""
    written = set()
    for module in (PROJECT / "chalicelib" / "aws").glob("*.py"):
        methods = _methods_called(module.read_text())
        assert module.stem in ADAPTERS or not methods
        written.update(_written_action(ADAPTERS[module.stem], method) for method in methods)
    deployed = deploy(EVERYTHING)
    made = {call.action for calls in deployed.calls.values() for call in calls.own}
    assert made == written | {"sts:AssumeRole"}


def _methods_called(source: str) -> set[str]:
    """The methods of clients that an adapter calls, by itself or by a paginator."""
    methods = set(re.findall(r"\b_?client\.(\w+)\(", source))
    return methods - WITHOUT_CALL | set(re.findall(r"get_paginator\(\"(\w+)\"\)", source))


def _written_action(services: list[str], method: str) -> str:
    for service in services:
        operations = boto3.client(service).meta.service_model.operation_names
        by_method = {xform_name(name): name for name in operations}
        if method in by_method:
            return _action(service, by_method[method])
    raise AssertionError(f"{method} is of none of {services}")


def test_the_roles_of_other_accounts_need_what_is_documented(deploy: Deploy) -> None:
    deployed = deploy(EVERYTHING)
    needed = {call.action for calls in deployed.calls.values() for call in calls.by_role}
    # The other account has no workloads; there they are asked for as here.
    lister = deployed.calls["list_repositories"].own
    needed |= {call.action for call in lister if call.action.startswith(("ecs:", "lambda:"))}
    documented = (PROJECT / "docs" / "large-organisations.md").read_text()
    table = documented.partition("## What the roles in other accounts")[2]
    assert set(re.findall(r"`([a-z0-9]+:[A-Z]\w+)`", table)) == needed


@pytest.mark.parametrize(
    "parameters",
    [{}, CONFIGURED_ROLES, EVERYTHING],
    ids=["as it comes", "configured roles", "everything"],
)
def test_no_action_and_no_resource_is_any(
    create_stack: CreateStack, parameters: dict[str, str]
) -> None:
    create_stack(**parameters)
    covered = parameters.get("ScanRegions", REGION).split(",")
    for name, function in FUNCTIONS.items():
        for statement in _statements(function):
            assert not any("*" in action for action in statement["Action"])
            regional = set(statement["Action"]) <= WITHOUT_RESOURCE
            for resource in _listed(statement["Resource"]):
                # Which repositories, workloads, reports and log streams there are is not known.
                known, _, _ = resource.partition(":log-group:/aws/lambda/")
                # Which accounts there are, the configuration file says.
                known = known.removeprefix("arn:aws:iam::*:role/")
                known = re.sub(
                    r"^arn:aws:s3:::[a-z0-9-]+/fleet-reports/((feeds|sent)/)?\*$", "", known
                )
                match = re.fullmatch(r"arn:aws:(ecr|ecs|lambda):\*:123456789012:\w+[/:]\*", known)
                regional = regional or bool(match)
                assert regional or "*" not in known
            if regional:
                regions = set(_regions(statement, "*"))
                assert regions == {*covered, *([REGION] if name == "notify" else [])}


def test_roles_are_assumed_that_are_named_and_no_others(create_stack: CreateStack) -> None:
    create_stack(**{**EVERYTHING, "ScanRoles": f"{SCAN_ROLE},{DISCOVERY_ROLE}-too"})
    assumed = {
        name: {
            role
            for statement in _statements(function)
            if statement["Action"] == ["sts:AssumeRole"]
            for role in _listed(statement["Resource"])
        }
        for name, function in FUNCTIONS.items()
    }
    scan_roles = {SCAN_ROLE, f"{DISCOVERY_ROLE}-too"}
    assert assumed == {
        "list_repositories": {*scan_roles, DISCOVERY_ROLE},
        "scan_images": {*scan_roles, DISCOVERY_ROLE},
        "notify": scan_roles,
        "send_reports": set(),
        "report_fleet": scan_roles,
        "refresh_feeds": set(),
        "api_handler": {*scan_roles, DISCOVERY_ROLE},
    }


def test_policies_and_variables_stay_within_what_aws_takes(create_stack: CreateStack) -> None:
    """Of an inline policy IAM counts all but white space; Lambda counts the variables as JSON."""
    everywhere = {"ScanRoles": ",".join(ROLES), "EcsDiscoveryRoles": ",".join(ROLES)}
    create_stack(**{**EVERYTHING, **everywhere})
    for function in FUNCTIONS.values():
        assert len(re.sub(r"\s", "", json.dumps(_statements(function)))) <= 10_000
        # Of 4,096 bytes, which a configuration file leaves alone.
        assert _size_of_variables(function) <= 3_600


def test_variables_are_few_where_a_configuration_file_has_the_accounts(
    create_stack: CreateStack,
) -> None:
    create_stack(**{**EVERYTHING, "ScanRoles": "", "EcsDiscoveryRoles": "", **CONFIGURED_ROLES})
    assert all(_size_of_variables(function) <= 1_200 for function in FUNCTIONS.values())


def _size_of_variables(function: str) -> int:
    """In bytes, as Lambda counts them."""
    variables = {name: str(value) for name, value in _configuration(function).items()}
    measured = json.dumps(variables, separators=(",", ":"))
    # The resources bear the stack's name, which is longer than here.
    return len(measured.replace(f"{STACK}-", "ecr-scan-reporter-prod-"))


def test_policies_fit_into_roles_with_every_region_and_many_accounts(
    create_stack: CreateStack,
) -> None:
    """IAM takes 10,240 characters of inline policies a role, white space not counted."""
    everywhere = {
        "ScanRoles": ",".join(ROLES),
        "EcsDiscoveryRoles": ",".join(ROLES),
        "ScanRegions": ",".join(boto3.Session().get_available_regions("ecr")),
    }
    create_stack(**{**EVERYTHING, **everywhere})
    sizes = {
        name: len(re.sub(r"\s", "", json.dumps(_statements(function))))
        for name, function in FUNCTIONS.items()
    }
    document = len('{"Version":"2012-10-17","Statement":}')
    assert {name for name, size in sizes.items() if size + document > 10_240} == set()


def test_logs_go_to_the_functions_own_group_only(create_stack: CreateStack) -> None:
    create_stack()
    for function in FUNCTIONS.values():
        [logging] = [s for s in _statements(function) if set(s["Action"]) & LOGGING]
        group = f"log-group:/aws/lambda/{function}:*"
        assert logging["Resource"] == f"arn:aws:logs:{REGION}:123456789012:{group}"
