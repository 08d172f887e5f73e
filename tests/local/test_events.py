"""The events of scans: what they say, and that they are lost, late and repeated."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from local.ecr import Clock, Finding, LocalRegistry, ScanningRule
from tests.local.calls import DAY, HOUR, REPOSITORY, start_scan

if TYPE_CHECKING:
    from mypy_boto3_ecr import ECRClient


class TestEvents:
    def test_the_payload(self, registry: LocalRegistry, ecr: ECRClient, clock: Clock) -> None:
        image = registry.add_image(
            REPOSITORY, tags=("1.0",), findings={"MEDIUM": 9, "CRITICAL": 10}
        )
        start_scan(ecr, image.digest)
        assert registry.completed_events() == []
        clock.advance(timedelta(minutes=5))
        [event] = registry.completed_events()
        assert len(event.pop("id")) == 36
        assert event == {
            "version": "0",
            "detail-type": "ECR Image Scan",
            "source": "aws.ecr",
            "account": "123456789012",
            "time": "2024-05-01T12:00:30Z",
            "region": "eu-west-1",
            "resources": ["arn:aws:ecr:eu-west-1:123456789012:repository/shop/basket"],
            "detail": {
                "scan-status": "COMPLETE",
                "repository-name": "shop/basket",
                "finding-severity-counts": {"CRITICAL": 10, "MEDIUM": 9},
                "image-digest": image.digest,
                "image-tags": ["1.0"],
            },
        }
        assert registry.completed_events() == []

    def test_a_failed_scan_counts_nothing(
        self, registry: LocalRegistry, ecr: ECRClient, clock: Clock
    ) -> None:
        image = registry.add_image(
            REPOSITORY,
            findings={"HIGH": 1},
            scanned_at=clock() - 2 * DAY,
            next_scan_status="FAILED",
        )
        start_scan(ecr, image.digest)
        registry.finish_scans()
        [event] = registry.completed_events()
        assert event["detail"]["scan-status"] == "FAILED"
        assert event["detail"]["finding-severity-counts"] == {}

    def test_in_the_order_of_completion(
        self, registry: LocalRegistry, ecr: ECRClient, clock: Clock
    ) -> None:
        slow, fast = (registry.add_image(REPOSITORY).digest for _ in range(2))
        registry.scan_duration = 2 * HOUR
        start_scan(ecr, slow)
        registry.scan_duration = HOUR
        start_scan(ecr, fast)
        clock.advance(3 * HOUR)
        events = registry.completed_events()
        assert [event["detail"]["image-digest"] for event in events] == [fast, slow]

    def test_an_image_deleted_during_its_scan_gives_none(
        self, registry: LocalRegistry, ecr: ECRClient
    ) -> None:
        image = registry.add_image(REPOSITORY, tags=("1.0",))
        start_scan(ecr, image.digest)
        registry.remove_image(REPOSITORY, image.digest)
        registry.finish_scans()
        assert registry.completed_events() == []


class TestInspectorsEvents:
    @pytest.fixture(autouse=True)
    def _enhanced(self, registry: LocalRegistry) -> None:
        registry.scan_type = "ENHANCED"
        registry.scanning_rules = [ScanningRule("CONTINUOUS_SCAN")]

    def test_a_first_scan_counts_three_severities_and_a_total_beyond_their_sum(
        self, registry: LocalRegistry, clock: Clock
    ) -> None:
        findings = {"CRITICAL": 7, "HIGH": 1, "LOW": 20, "UNDEFINED": 5}
        image = registry.push_image(REPOSITORY, tags=("1.0",), findings=findings)
        clock.advance(HOUR)
        [event] = registry.completed_events()
        arn = "arn:aws:ecr:eu-west-1:123456789012:repository/shop/basket"
        assert len(event.pop("id")) == 36
        assert event == {
            "version": "0",
            "detail-type": "Inspector2 Scan",
            "source": "aws.inspector2",
            "account": "123456789012",
            "time": "2024-05-01T12:00:30Z",
            "region": "eu-west-1",
            "resources": [arn],
            "detail": {
                "version": "1.0",
                "scan-status": "INITIAL_SCAN_COMPLETE",
                "repository-name": arn,
                "finding-severity-counts": {"CRITICAL": 7, "HIGH": 1, "MEDIUM": 0, "TOTAL": 33},
                "image-digest": image.digest,
                "image-tags": ["1.0"],
            },
        }

    def test_what_cannot_be_scanned_gives_none(self, registry: LocalRegistry, clock: Clock) -> None:
        registry.push_image(REPOSITORY, unsupported=True)
        clock.advance(HOUR)
        assert registry.completed_events() == []

    def test_a_finding_made_later_gives_one_with_epss(
        self, registry: LocalRegistry, clock: Clock
    ) -> None:
        image = registry.add_image(
            REPOSITORY, tags=("1.0",), findings={"LOW": 1}, scanned_at=clock() - DAY
        )
        registry.discover(REPOSITORY, image, Finding("CVE-1", "HIGH", epss=0.42, score=8.1))
        [event] = registry.completed_events()
        assert (event["source"], event["detail-type"]) == ("aws.inspector2", "Inspector2 Finding")
        detail = event["detail"]
        assert (detail["status"], detail["severity"]) == ("ACTIVE", "HIGH")
        assert detail["epss"] == {"score": 0.42}
        assert detail["inspectorScore"] == 8.1
        assert detail["lastObservedAt"] == "2024-05-01T12:00:00+00:00"
        [resource] = detail["resources"]
        assert resource["details"]["awsEcrContainerImage"]["imageHash"] == image.digest
        assert resource["details"]["awsEcrContainerImage"]["pushedAt"].startswith("2024-04-30")
        assert image.reported is not None
        assert image.reported.severity_counts == {"HIGH": 1, "LOW": 1}
        json.dumps(event)


class TestDelivery:
    @staticmethod
    def scanned(registry: LocalRegistry, clock: Clock, images: int) -> list[Any]:
        """The events that arrive, hour by hour, once so many images were scanned."""
        for _ in range(images):
            image = registry.add_image(REPOSITORY, pushed_at=clock() - DAY)
            registry.begin_scan(registry.repositories[REPOSITORY], image)
        arrived = []
        for _ in range(10):
            clock.advance(HOUR)
            arrived.append(registry.completed_events())
        return arrived

    def test_every_event_arrives_once_by_default(
        self, registry: LocalRegistry, clock: Clock
    ) -> None:
        first, *later = self.scanned(registry, clock, 200)
        assert len({event["id"] for event in first}) == len(first) == 200
        assert not any(later)

    def test_some_are_lost(self, registry: LocalRegistry, clock: Clock) -> None:
        registry.events.lost = 0.1
        first, *_ = self.scanned(registry, clock, 1000)
        lost = registry.events.counts["lost"]
        assert 70 < lost < 130
        assert len(first) == 1000 - lost

    def test_some_come_again_with_the_same_id(self, registry: LocalRegistry, clock: Clock) -> None:
        registry.events.repeated = 0.2
        first, *_ = self.scanned(registry, clock, 500)
        assert len({event["id"] for event in first}) == 500
        assert len(first) == 500 + registry.events.counts["repeated"]
        assert registry.events.counts["repeated"] > 50

    def test_some_are_late_and_still_say_when_the_scan_ended(
        self, registry: LocalRegistry, clock: Clock
    ) -> None:
        registry.events.late = 0.5
        registry.events.latest = 5 * HOUR
        arrived = self.scanned(registry, clock, 500)
        assert sum(map(len, arrived)) == 500
        assert all(arrived[:5])
        assert not any(arrived[6:])
        assert {event["time"] for hour in arrived for event in hour} == {"2024-05-01T12:00:30Z"}

    @pytest.mark.parametrize(("seed", "same"), [(7, True), (8, False)])
    def test_chance_can_be_seeded(self, seed: int, same: bool) -> None:
        def run(number: int) -> list[str]:
            clock = Clock(datetime(2024, 5, 1, 12, tzinfo=UTC))
            registry = LocalRegistry(now=clock)
            registry.events.lost = registry.events.late = registry.events.repeated = 0.3
            registry.events.chance.seed(number)
            arrived = self.scanned(registry, clock, 50)
            return [event["id"] for hour in arrived for event in hour]

        assert (run(7) == run(seed)) is same
