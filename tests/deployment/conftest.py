import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import boto3
import pytest
import requests
from moto import mock_aws
from moto.apigateway.models import APIGatewayBackend, RestAPI, apigateway_backends
from moto.awslambda import urls as lambda_urls
from moto.cloudformation import parsing
from moto.server import ThreadedMotoServer

from chalicelib.aws import clients
from deployment.packages import PROJECT, Package, Template, package
from deployment.templates import serialized
from deployment.translation import plain_template
from local.ecr import LocalRegistry, local_ecr

ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": "eu-central-1",
}


@contextmanager
def environment() -> Iterator[pytest.MonkeyPatch]:
    """What deploying needs to be set."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        yield patch


@pytest.fixture(scope="session")
def packaged(tmp_path_factory: pytest.TempPathFactory) -> Package:
    """What `chalice package --merge-template` makes of the application."""
    with environment():
        return package("dev", packaged_into(tmp_path_factory))


def packaged_into(factory: pytest.TempPathFactory) -> Path:
    return factory.getbasetemp() / "package"


@pytest.fixture(scope="session")
def code(packaged: Package, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The zip file that ships to Lambda."""
    return packaged_into(tmp_path_factory) / "deployment.zip"


@pytest.fixture(autouse=True)
def _moto_takes_swagger(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let moto take the API as Chalice gives it, in calls and in templates.

    API Gateway accepts Swagger 2.0 without a description; moto insists on OpenAPI 3 with one, and
    leaves out the body of an API in a template.
    """
    import_rest_api = APIGatewayBackend.import_rest_api
    put_rest_api = APIGatewayBackend.put_rest_api
    create = RestAPI.create_from_cloudformation_json

    def import_undescribed(backend: Any, api_doc: dict[str, Any], fail_on_warnings: bool) -> Any:
        api_doc["info"].setdefault("description", "")
        return import_rest_api(backend, api_doc, fail_on_warnings)

    def put_swagger(backend: Any, function_id: str, api_doc: Any, **how: Any) -> Any:
        openapi = {key: value for key, value in api_doc.items() if key != "swagger"}
        return put_rest_api(backend, function_id, openapi | {"openapi": "3.0.0"}, **how)

    def create_with_body(
        name: str, definition: Any, account_id: str, region_name: str, **about: Any
    ) -> Any:
        api = create(name, definition, account_id, region_name, **about)
        backend = apigateway_backends[account_id][region_name]
        put_swagger(backend, api.id, definition["Properties"]["Body"], fail_on_warnings=False)
        return api

    monkeypatch.setattr(APIGatewayBackend, "import_rest_api", import_undescribed)
    monkeypatch.setattr(APIGatewayBackend, "put_rest_api", put_swagger)
    monkeypatch.setattr(RestAPI, "create_from_cloudformation_json", create_with_body)


@pytest.fixture(autouse=True)
def _moto_keeps_recursive_loops(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let moto keep whether functions may invoke themselves, which it has no operations for.

    Source: Lambda PutFunctionRecursionConfig and GetFunctionRecursionConfig.
    """
    kept: dict[str, str] = {}

    def answer(request: Any, url: str, headers: Any) -> tuple[int, dict[str, str], str]:
        name = unquote(url.partition("/functions/")[2].partition("/")[0])
        if request.method == "PUT":
            kept[name] = json.loads(request.data)["RecursiveLoop"]
        return 200, {}, json.dumps({"RecursiveLoop": kept.get(name, "Terminate")})

    path = r"{0}/2024-08-31/functions/(?P<function_name>[\w_:%-]+)/recursion-config$"
    monkeypatch.setitem(lambda_urls.url_paths, path, answer)


@pytest.fixture(autouse=True)
def _moto_leaves_out_what_has_no_value(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let moto's CloudFormation leave AWS::NoValue out of lists too, not of objects only."""
    clean = parsing.clean_json

    def clean_lists(value: Any, resources: Any) -> Any:
        cleaned = clean(value, resources)
        return (
            [item for item in cleaned if item is not None] if isinstance(value, list) else cleaned
        )

    monkeypatch.setattr(parsing, "clean_json", clean_lists)


@pytest.fixture(autouse=True)
def _moto_keeps_what_it_cannot_change(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let moto's CloudFormation change a stack with tables, and with what a condition leaves out.

    It forgets a resource that it has no way to change, and fails on one that is not there.
    """
    update = parsing.parse_and_update_resource

    def update_or_keep(name: str, definition: Any, resources: Any, **where: Any) -> Any:
        existing = resources[name]
        return existing and (update(name, definition, resources, **where) or existing)

    monkeypatch.setattr(parsing, "parse_and_update_resource", update_or_keep)


@pytest.fixture
def client() -> Iterator[Callable[[str], Any]]:
    """Clients of a moto server, which commands reach through the environment too."""
    server = ThreadedMotoServer(port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    requests.post(f"http://{host}:{port}/moto-api/reset", timeout=5)
    with environment() as patch:
        patch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        yield boto3.Session().client
    server.stop()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the project, so that no deployment is recorded in the project itself."""
    for name in ("app.py", "chalicelib", "requirements.txt", "deployment", "local"):
        source = PROJECT / name
        if source.is_dir():
            shutil.copytree(source, tmp_path / name)
        else:
            shutil.copy(source, tmp_path / name)
    (tmp_path / ".chalice").mkdir()
    for tracked in (PROJECT / ".chalice").glob("*.*"):
        shutil.copy(tracked, tmp_path / ".chalice")
    return tmp_path


@pytest.fixture
def run(project: Path) -> Callable[..., str]:
    """Run a command of the virtual environment in the project's copy."""

    def run(*command: str, cwd: Path = project, **variables: str) -> str:
        program = Path(sys.executable).with_name(command[0])
        done = subprocess.run(
            [str(program), *command[1:]],
            cwd=cwd,
            env=os.environ | {"PYTHONWARNINGS": "default"} | variables,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


@pytest.fixture
def ready_for_lambda(project: Path) -> None:
    """Let the project take the Python that runs the tests for one that Lambda has for long."""
    template = project / ".chalice" / "template.yaml"
    *before, values = template.read_text().partition("    - python3.12\n")
    template.write_text("".join((*before, "    - python3.10\n    - python3.11\n", values)))


@pytest.fixture
def deploy(run: Callable[..., str], ready_for_lambda: None) -> Callable[..., str]:
    """The command of `make deploy`; gives what it says."""

    def deploy(*parameters: str) -> str:
        return run("python", "-m", "deployment", "deploy", "dev", *parameters)

    return deploy


STACK = "reporter"


OTHER_REGION = "us-east-1"
OTHER_ACCOUNT = "222222222222"


@pytest.fixture
def registries() -> list[LocalRegistry]:
    """The registries of the own account and region, of another region and of another account."""
    return [
        LocalRegistry(),
        LocalRegistry(region=OTHER_REGION),
        LocalRegistry(account_id=OTHER_ACCOUNT),
    ]


@pytest.fixture
def aws(registries: list[LocalRegistry]) -> Iterator[LocalRegistry]:
    """The local AWS, in which a message starts no function, since that takes Docker."""
    clients.client.cache_clear()
    with mock_aws(config={"lambda": {"use_docker": False}}), local_ecr(*registries) as registry:
        yield registry
    clients.client.cache_clear()


@pytest.fixture(scope="session")
def plain(packaged: Package) -> Template:
    """The packaged template as plain CloudFormation."""
    with environment():
        return plain_template(packaged, "code", "deployment.zip")


@pytest.fixture
def create_stack(aws: LocalRegistry, plain: Template, code: Path) -> Callable[..., dict[str, str]]:
    """Create the packaged application as a stack, on moto; gives its outputs."""

    def create(**parameters: str) -> dict[str, str]:
        storage = boto3.client("s3")
        location = {"LocationConstraint": boto3.Session().region_name}
        storage.create_bucket(Bucket="code", CreateBucketConfiguration=location)
        storage.upload_file(str(code), "code", "deployment.zip")
        stacks = boto3.client("cloudformation")
        given = [{"ParameterKey": k, "ParameterValue": v} for k, v in parameters.items()]
        body = serialized(plain)
        stacks.create_stack(StackName=STACK, TemplateBody=body, Parameters=given)
        (stack,) = stacks.describe_stacks(StackName=STACK)["Stacks"]
        assert stack["StackStatus"] == "CREATE_COMPLETE"
        return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}

    return create
