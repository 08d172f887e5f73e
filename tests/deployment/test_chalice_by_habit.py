"""Chalice's own commands, typed in the project's root as people do, against a moto server."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from deployment.permissions import FUNCTIONS
from tests.deployment.accounts import everything

# What moto's CloudFormation leaves out: policies of queues and topics, alarms, subscriptions.
pytestmark = pytest.mark.filterwarnings("ignore:Tried to parse AWS")

Client = Callable[[str], Any]
Run = Callable[..., str]
CHALICE = str(Path(sys.executable).with_name("chalice"))
STACK = "ecr-scan-reporter-dev"
# All but the scanner and the API are started by a rule each.
EACH_FUNCTION = {
    "functions": len(FUNCTIONS),
    "triggers": 1,
    "rules": len(FUNCTIONS) - 2,
    "apis": 1,
}


@pytest.fixture
def refused(project: Path) -> Callable[..., str]:
    """Run a command of Chalice that ends with one line; gives the line."""

    def refused(*arguments: str, **variables: str) -> str:
        done = subprocess.run(
            [CHALICE, *arguments],
            cwd=project,
            env=os.environ | variables,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 1
        [line] = (done.stdout + done.stderr).splitlines()
        return line

    return refused


@pytest.fixture
def without(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., dict[str, str]]:
    """Variables with which Python finds none of these packages."""

    def without(*packages: str) -> dict[str, str]:
        directory = tmp_path_factory.mktemp("without")
        hidden = f"import sys\nsys.modules.update(dict.fromkeys({packages}))\n"
        (directory / "sitecustomize.py").write_text(hidden)
        return {"PYTHONPATH": str(directory)}

    return without


class TestDeploy:
    def test_stops_before_anything_is_made_and_says_what_to_run(
        self, client: Client, refused: Callable[..., str]
    ) -> None:
        line = refused("deploy", "--stage", "dev")
        assert "needs the stack ecr-scan-reporter-dev (there is no such stack)" in line
        assert "Run `make resources STAGE=dev` first" in line
        assert not any(everything(client).values())

    def test_leaves_a_stack_alone_that_was_made_otherwise(
        self, client: Client, refused: Callable[..., str]
    ) -> None:
        template = {
            "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
            "Outputs": {"ReportTopicArn": {"Value": {"Ref": "Topic"}}},
        }
        client("cloudformation").create_stack(StackName=STACK, TemplateBody=json.dumps(template))
        before = everything(client)
        assert "was not made by `make deploy`" in refused("deploy")
        assert everything(client) == before

    def test_says_what_to_run_where_the_account_cannot_be_asked(
        self, refused: Callable[..., str]
    ) -> None:
        line = refused("deploy", AWS_ENDPOINT_URL="http://127.0.0.1:9", AWS_DEFAULT_REGION="x")
        assert "Could not connect" in line or "credentials" in line
        assert "Run `make resources STAGE=dev` first" in line

    def test_says_what_to_run_where_chalice_alone_is_installed(
        self, refused: Callable[..., str], without: Callable[..., dict[str, str]]
    ) -> None:
        line = refused("deploy", **without("boto3", "typer", "pythonjsonlogger"))
        assert "run `make deploy STAGE=dev`" in line

    def test_makes_all_the_rest_and_delete_leaves_the_stack(
        self, client: Client, ready_for_lambda: None, run: Run
    ) -> None:
        run("python", "-m", "deployment", "resources", "dev", "CriticalThreshold=3")
        of_the_stack = everything(client)

        run("chalice", "deploy", "--stage", "dev")
        there = everything(client)
        made = {
            kind: len(found) - len(of_the_stack[kind])
            for kind, found in there.items()
            if len(found) != len(of_the_stack[kind])
        }
        assert made == EACH_FUNCTION
        assert {f["Environment"]["Variables"]["CRITICAL"] for f in there["functions"]} == {"3"}
        assert len({function["Role"] for function in there["functions"]}) == len(FUNCTIONS)
        [target] = client("events").list_targets_by_rule(Rule=f"{STACK}-notify-event")["Targets"]
        assert target["DeadLetterConfig"]["Arn"].endswith(f":{STACK}-failed-events")
        [stage] = client("apigateway").get_stages(restApiId=there["apis"][0]["id"])["item"]
        assert stage["methodSettings"]["*/*"]["throttlingRateLimit"] == 1

        run("chalice", "delete", "--stage", "dev")
        # moto takes a stack for changed that is deployed anew as it was.
        assert {**everything(client), "stacks": None} == {**of_the_stack, "stacks": None}
        assert len(client("cloudformation").describe_stacks()["Stacks"]) == 1


class TestPackage:
    def test_writes_the_whole_application(self, project: Path, run: Run) -> None:
        said = run("chalice", "package", "--stage", "prod", "out/habit")
        assert said == "Written: out/habit/sam.yaml, out/habit/deployment.zip\n"
        run("python", "-m", "deployment", "package", "prod", "out/make")
        for name in ("sam.yaml", "deployment.zip"):
            of_habit, of_make = (project / "out" / way / name for way in ("habit", "make"))
            assert of_habit.read_bytes() == of_make.read_bytes()
        assert "JobsQueue:" in (project / "out/habit/sam.yaml").read_text()

    @pytest.mark.parametrize(
        ("options", "instead"),
        [
            (("--pkg-format", "terraform"), "use the module in terraform/"),
            (("--single-file",), "run `make package STAGE=dev`"),
            (("--merge-template", "another.yaml"), "run `make package STAGE=dev`"),
        ],
    )
    def test_refuses_what_would_be_half_of_it(
        self, refused: Callable[..., str], project: Path, options: tuple[str, ...], instead: str
    ) -> None:
        assert instead in refused("package", *options, "out")
        assert not (project / "out").exists()


class TestLocal:
    MISSING = "`chalice local` needs the embedded cloud: run `make environment`"

    @pytest.fixture
    def serve(self, project: Path) -> Iterator[Callable[..., str]]:
        """Start `chalice local`; gives its address once it answers."""
        started = []

        def serve(*options: str) -> str:
            with socket.socket() as free:
                free.bind(("127.0.0.1", 0))
                port = free.getsockname()[1]
            command = [CHALICE, "local", "--port", str(port), *options]
            started.append(
                subprocess.Popen(command, cwd=project, stdout=-3, stderr=-3, start_new_session=True)
            )
            for _ in range(1_200):
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", port)) == 0:
                        return f"http://127.0.0.1:{port}"
                time.sleep(0.1)
            raise AssertionError("chalice local does not answer")

        yield serve
        for process in started:
            os.killpg(process.pid, 15)
            process.wait()

    @pytest.mark.parametrize("options", [(), ("--no-autoreload",)], ids=["reloading", "once"])
    def test_starts_scans_on_the_embedded_cloud(
        self, serve: Callable[..., str], options: tuple[str, ...]
    ) -> None:
        answer = requests.post(f"{serve(*options)}/scans", json={"dryRun": False}, timeout=30)
        assert (answer.status_code, answer.json()["enqueued"]) == (202, 14)

    def test_says_what_is_missing_without_an_embedded_cloud(
        self, refused: Callable[..., str], without: Callable[..., dict[str, str]]
    ) -> None:
        line = refused("local", "--no-autoreload", **without("moto"))
        assert line.startswith(self.MISSING)

    def test_says_so_in_the_server_that_reloads_itself_and_ends(
        self, project: Path, without: Callable[..., dict[str, str]]
    ) -> None:
        done = subprocess.run(
            [CHALICE, "local"],
            cwd=project,
            env=os.environ | without("moto"),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        # Its workers, one after the other as files change, may have more to say than this.
        assert any(line.startswith(self.MISSING) for line in done.stderr.splitlines()), done


class TestAnotherCheckout:
    @pytest.fixture
    def another(self, project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
        """A checkout that has deployed nothing."""
        return tmp_path_factory.mktemp("another") / "checkout"

    def test_deploys_and_deletes_the_same_stage(
        self,
        client: Client,
        deploy: Callable[..., str],
        project: Path,
        run: Run,
        another: Path,
    ) -> None:
        shutil.copytree(project, another)
        before = everything(client)
        deploy("CriticalThreshold=3")
        first = everything(client)

        # As checkouts did that knew nothing of one another.
        (project / ".chalice/deployed/dev.json").unlink()
        run("chalice", "--project-dir", ".chalice/stages/dev", "deploy", "--stage", "dev")
        assert len(everything(client)["apis"]) == len(everything(client)["triggers"]) == 2

        run("python", "-m", "deployment", "deploy", "dev", cwd=another)
        again = everything(client)
        assert [each["id"] for each in again["apis"]] == [each["id"] for each in first["apis"]]
        assert [each["UUID"] for each in again["triggers"]] == [
            each["UUID"] for each in first["triggers"]
        ]
        [variables] = {
            json.dumps(function["Environment"], sort_keys=True) for function in again["functions"]
        }
        assert '"CRITICAL": "3"' in variables

        run("python", "-m", "deployment", "delete", "dev", cwd=project)
        left = everything(client)
        assert left == {**before, "buckets": left["buckets"]}
