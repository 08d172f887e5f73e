"""What every test starts from: no AWS account, no settings but those that the test names."""

import importlib
import json
import os
import pkgutil
import signal
import sys
from functools import partial
from types import SimpleNamespace

import boto3
import hypothesis
import pytest
from chalice.local import LambdaContext
from chalice.test import Client
from moto import mock_aws

import chalicelib
from chalicelib.aws import clients
from chalicelib.runtime import logs
from chalicelib.runtime.pace import Pace
from chalicelib.settings.settings import Settings
from local.ecr import local_ecr
from local.environment import isolated
from local.history import create_history_table
from tests.doubles import Clock, InTurn

REGION = "eu-west-1"
TOPIC_ARN = f"arn:aws:sns:{REGION}:123456789012:reports"

# In the background of a shell, programs begin deaf to Ctrl-C, which some tests press.
signal.signal(signal.SIGINT, signal.default_int_handler)

# No deadline, since no test is about speed; the same examples in every run, so that a failure
# belongs to the change under test.
hypothesis.settings.register_profile(
    "suite",
    max_examples=50,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture],
)
hypothesis.settings.load_profile("suite")

# At once, since what is made for all tests is made before the fixtures of the first.
_isolated = isolated(os.environ)
os.environ.clear()
os.environ.update(_isolated)

# Before any test: whose lines do not count as covered may be the first to import a module.
for _module in pkgutil.walk_packages(chalicelib.__path__, "chalicelib."):
    importlib.import_module(_module.name)


@pytest.fixture(autouse=True)
def _environment(monkeypatch):
    """Credentials that open nothing, and one region; every setting has its default."""
    for variable in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.setenv(variable, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    monkeypatch.setenv("AWS_REGION", REGION)


@pytest.fixture(autouse=True)
def _no_waiting_for_retries(monkeypatch):
    """Let botocore's own retries follow at once."""
    monkeypatch.setattr("botocore.endpoint.time", SimpleNamespace(sleep=lambda _: None))


@pytest.fixture(autouse=True)
def _fresh_logs(monkeypatch):
    """No handler, level or request id of an earlier test."""
    monkeypatch.setattr(logs, "_request", {})
    monkeypatch.setattr(logs.logger, "handlers", [])
    monkeypatch.setattr(logs.logger, "propagate", logs.logger.propagate)
    level = logs.logger.level
    yield
    logs.logger.setLevel(level)


@pytest.fixture(autouse=True)
def calls_in_turn(monkeypatch):
    """Let scans be started one after the other, and as fast as that goes; gives the clock.

    Tests of how fast they start set a pace on that clock.
    """
    clock = Clock()
    monkeypatch.setattr("chalicelib.scanning.starts.Threads", partial(InTurn, clock=clock))
    monkeypatch.setattr(
        "chalicelib.scanning.starts.Pace", lambda most=None: Pace(most or 1e9, clock)
    )
    return clock


class Context(LambdaContext):
    """A context as Lambda's is: minutes of time, not the test client's 3 seconds, and an ARN."""

    def __init__(self, function_name, *args, **kwargs):
        super().__init__(function_name, *args, **{**kwargs, "max_runtime_ms": 300_000})
        self.invoked_function_arn = f"arn:aws:lambda:{REGION}:123456789012:function:{function_name}"


@pytest.fixture(autouse=True)
def _contexts_as_lambdas(monkeypatch):
    for module in ("chalice.test", "chalice.local"):
        monkeypatch.setattr(f"{module}.LambdaContext", Context)


@pytest.fixture
def settings():
    """Settings from the variables given; queue and topic are set."""

    def make(**variables):
        defaults = {
            "IMAGES_SCAN_JOBS_QUEUE_URL": "https://sqs.eu-west-1.amazonaws.com/123456789012/jobs",
            "ECR_SNS_REPORT_TOPIC_ARN": TOPIC_ARN,
        }
        return Settings.from_environment({**defaults, **variables})

    return make


@pytest.fixture
def logged(capsys):
    """Call something and give every line that it logs, parsed."""

    def run(function, *arguments):
        # In the test itself: pytest undoes what its fixtures do to a logger's handlers.
        logs.configure("INFO")
        function(*arguments)
        return [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    return run


@pytest.fixture
def aws():
    """The AWS that boto3 reaches, all of it local; gives the ECR registry."""
    clients.client.cache_clear()
    clients._own_session.cache_clear()
    with mock_aws(), local_ecr() as registry:
        yield registry
    clients.client.cache_clear()
    clients._own_session.cache_clear()


@pytest.fixture
def queue(aws):
    """The jobs queue of the local AWS, as boto3's SQS client with the queue's URL filled in."""
    return Queue()


class Queue:
    def __init__(self):
        self.client = boto3.client("sqs")
        self.url = self.client.create_queue(QueueName="jobs")["QueueUrl"]

    def receive_all(self):
        """Take every message off the queue, as Lambda does; gives their bodies, parsed."""
        bodies = []
        while messages := self.client.receive_message(
            QueueUrl=self.url, MaxNumberOfMessages=10
        ).get("Messages"):
            for message in messages:
                bodies.append(message["Body"])
                self.client.delete_message(
                    QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"]
                )
        return [json.loads(body) for body in bodies]


@pytest.fixture
def history_table(aws):
    """The name of the history's table in the local AWS."""
    return create_history_table()


@pytest.fixture
def load_app(monkeypatch):
    """Import the application anew with these variables set, as a starting Lambda function does."""

    def load(**variables):
        for variable, value in variables.items():
            monkeypatch.setenv(variable, value)
        monkeypatch.delitem(sys.modules, "app", raising=False)
        return importlib.import_module("app")

    yield load
    sys.modules.pop("app", None)


@pytest.fixture
def chalice_client(load_app):
    """Chalice's test client of an application that was imported with these variables set."""
    return lambda **variables: Client(load_app(**variables).app)
