"""How many messages a set-up sends: few, and none missing."""

import json
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import boto3
import pytest

import local.application
from benchmarks.simulated_time import SimulatedTime, application_at
from local.application import demo
from local.ecr import Finding, Findings

HOST = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"
OPENSSL = Finding("CVE-2024-1", "CRITICAL", "openssl", "1")
CURL = Finding("CVE-2024-2", "HIGH", "curl", "1")
GLIBC = Finding("CVE-2026-9", "CRITICAL", "glibc", "2", fixed_in_version="3")


START = datetime(2026, 3, 1, tzinfo=UTC)


class Fleet:
    """The application on a registry, by a simulated clock, and the messages that it sends."""

    def __init__(self, application, clock):
        self.application = application
        self.registry = application.registry
        self.clock = clock

    def scan_all(self):
        """Let a listing, its scans, and the collecting of news come to an end; gives the messages.

        Each is there in the words of email and as JSON.
        """
        before = len(self.application.notifications())
        chat = len(self.application.chat_notifications())
        self.application.list_repositories()
        list(self.application.scan_repositories())
        for event in self.application.finish_scans():
            self.application.notify(event)
        for _ in range(3):
            self.clock.now += 1800
            self.application.send_reports()
        self.chat = self.application.chat_notifications()[chat:]
        return self.application.notifications()[before:]

    def days_later(self, days):
        self.clock.now += 86_400 * days


@pytest.fixture
def fleet(monkeypatch):
    @contextmanager
    def make(**variables):
        variables = {"ECR_IMAGES_DURATION_DELTA": "7d", "NOTIFY_BY_CHAT": "true", **variables}
        monkeypatch.setattr(local.application, "SETTINGS", variables)
        for seed in ("seed", "seed_inspected"):
            monkeypatch.setattr(local.application, seed, lambda _: None)
        clock = SimulatedTime(START.timestamp())
        with application_at(clock), demo() as running:
            running.registry.now = lambda: datetime.fromtimestamp(clock.now, UTC)
            yield Fleet(running, clock)

    return make


def body(message):
    return json.loads(message.texts["default"])


def test_the_first_listing_is_one_message(fleet):
    with fleet() as running:
        for number in range(6):
            for build in range(3):
                tags = (f"v{build}", "latest") if build == 2 else (f"v{build}",)
                findings = Findings((OPENSSL, CURL))
                running.registry.add_image(f"svc/{number}", tags=tags, findings=findings)
        [inventory] = running.scan_all()
        [chat] = running.chat
    assert inventory.subject == "[ECR] inventory of 6 repositories: 6 CRITICAL, 6 HIGH"
    assert body(inventory)["report"] == "inventory"
    assert len(body(inventory)["images"]) == 6
    assert "From now on" in inventory.texts["email"]
    assert chat["content"]["title"] == "inventory of 6 repositories: 6 CRITICAL, 6 HIGH"


def test_builds_with_equal_findings_are_no_news(fleet):
    with fleet() as running:
        found = []
        for build in range(5):
            running.days_later(1)
            running.registry.push_image(
                "payments/api", tags=(f"git-{build:07x}",), findings=Findings((OPENSSL, CURL))
            )
            found.append(len(running.scan_all()))
    assert found == [1, 0, 0, 0, 0]


def test_a_vulnerability_of_a_base_image_is_one_message_that_names_all_repositories(fleet):
    with fleet() as running:
        images = [
            running.registry.add_image(
                f"svc/{number}",
                tags=(f"v{build}",),
                findings=Findings((CURL,)),
                pushed_at=START - timedelta(2 - build),
            )
            for number in range(30)
            for build in range(2)
        ]
        assert len(running.scan_all()) == 1
        running.days_later(4)
        assert running.scan_all() == []
        running.days_later(8)
        for image in images:
            image.findings = Findings((CURL, GLIBC))
        [message] = running.scan_all()
        [chat] = running.chat
    assert message.subject == "[ECR] CVE-2026-9 in glibc (CRITICAL) in 30 repositories"
    named = {image["repository"] for image in body(message)["images"]}
    assert named == {f"svc/{number}" for number in range(30)}
    assert all(f"svc/{number}:v1" in message.texts["email"] for number in range(30))
    assert "CVE-2026-9" in chat["content"]["description"]


def test_an_old_build_that_runs_is_reported_although_a_newer_one_is_clean(fleet):
    with fleet(ECS_DISCOVERY_ENABLED="true") as running:
        running.registry.add_image(
            "pay/api", tags=("v1",), findings=Findings((OPENSSL,)), pushed_at=START - timedelta(30)
        )
        running.registry.add_image("pay/api", tags=("v2",), pushed_at=START - timedelta(9))
        run_in_ecs("pay/api:v1")
        [message] = running.scan_all()
        running.days_later(8)
        assert running.scan_all() == []
        running.application.send_digest()
        digest = running.application.notifications()[-1]
    assert digest.subject == "[ECR] Fleet report: running 1 CRITICAL"
    assert message.subject.startswith("[ECR] pay/api:v1, running: ")
    assert "ECS service" in message.texts["email"]


def run_in_ecs(image):
    ecs = boto3.client("ecs")
    ecs.create_cluster(clusterName="prod")
    ecs.register_task_definition(
        family="api",
        containerDefinitions=[{"name": "a", "image": f"{HOST}/{image}", "memory": 128}],
    )
    ecs.create_service(cluster="prod", serviceName="api", taskDefinition="api", desiredCount=1)


def test_an_old_build_that_nobody_runs_is_not_reported(fleet):
    with fleet() as running:
        running.registry.add_image(
            "pay/api", tags=("v1",), findings=Findings((OPENSSL,)), pushed_at=START - timedelta(30)
        )
        running.registry.add_image("pay/api", tags=("v2",), pushed_at=START - timedelta(9))
        assert running.scan_all() == []


def test_every_scan_of_all_images_is_as_it_was_at_first(fleet):
    with fleet(NOTIFY_MODE="every-scan", REPORT_IMAGES="all") as running:
        for build in range(3):
            running.registry.add_image(
                "pay/api", tags=(f"v{build}",), findings=Findings((OPENSSL,))
            )
        assert len(running.scan_all()) == 3
        running.days_later(8)
        assert len(running.scan_all()) == 3
