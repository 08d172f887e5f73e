"""Scans of one repository's images, reported over real boto3 calls."""

import json
from uuid import uuid4

from chalicelib.notifying.events import ScanResult
from chalicelib.notifying.notify import notify
from chalicelib.notifying.scans import report_scan
from chalicelib.runtime.deadline import Deadline
from local.cloud.enhanced import enhanced_finding
from local.ecr import Finding, Findings
from tests.events import image_deleted, inspector_finding, scan_event

PLACE = "123456789012/eu-west-1/shop/api"


def report(result, services):
    return report_scan(result, services, Deadline.unlimited())


class Scans:
    """Scans of images with these vulnerabilities; each gives the reports that it leads to."""

    def __init__(self, registry, services, queue):
        self.registry = registry
        self.services = services
        self.queue = queue
        self.events = 0

    def image(self, *names, tags=("latest",), severity="HIGH", fixed_in="2"):
        findings = [Finding(name, severity, score=7.0, fixed_in_version=fixed_in) for name in names]
        return self.registry.add_image("shop/api", tags=tags, findings=Findings(tuple(findings)))

    def index(self, *children, tags=("latest",)):
        """Push an index of these images, by platform; images of an index have no tags."""
        digests = tuple(image.digest for image in children)
        return self.registry.add_image(
            "shop/api",
            tags=tags,
            media_type="application/vnd.oci.image.index.v1+json",
            children=digests,
        )

    def tag(self, image, tag):
        self.registry.repositories["shop/api"].tag(image, tag)

    def delete(self, image):
        self.registry.remove_image("shop/api", image.digest)

    def scanned(self, image):
        if image.reported is None:
            image.begin_scan(self.registry.now())
            image.end_scan(self.registry.now())

    def event(self, image, *, hour=None, status="COMPLETE"):
        if status == "COMPLETE":
            self.scanned(image)
        detail = {
            "repository-name": "shop/api",
            "image-digest": image.digest,
            "image-tags": list(image.tags),
            "scan-status": status,
            "finding-severity-counts": image.findings.severity_counts,
        }
        return ScanResult.from_event(self.happened(scan_event(**detail), hour))

    def finding_event(self, image, minute=0, finding=None):
        """One of the events that Amazon Inspector sends of an image, a finding each.

        Without a finding it does not tell of which.
        """
        self.scanned(image)
        event = inspector_finding("HIGH", image.digest)
        if finding is not None:
            arn = "arn:aws:ecr:eu-west-1:123456789012:repository/shop/api"
            told = enhanced_finding(finding, image, arn)
            event["detail"] = {**told, "resources": event["detail"]["resources"]}
        return ScanResult.from_event(
            event | {"id": str(uuid4()), "time": f"2026-03-01T20:{minute:02}:00Z"}
        )

    def happened(self, event, hour=None):
        """The event as one of its own, an hour after the last."""
        self.events += 1
        time = f"2026-03-01T{self.events if hour is None else hour:02}:00:00Z"
        return event | {"id": str(uuid4()), "time": time}

    def __call__(self, image, **how):
        return self.deliver(self.event(image, **how))

    def deleted(self, image):
        """Deal with the event of an image's deletion."""
        event = self.happened(image_deleted(image.digest))
        notify(event, self.services, Deadline.unlimited())
        return self.messages()

    def states(self):
        """What is known of the repository's lines that have an image."""
        known = self.services.line_states.recall(PLACE)
        return [state for state in known.states.values() if not state.has_ended]

    def deliver(self, result):
        report(result, self.services)
        return self.messages()

    def messages(self):
        return [json.loads(message["Message"]) for message in self.queue.receive_all()]


def names(report):
    return [finding["id"] for finding in report["findings"]]


def new(report):
    return [finding["id"] for finding in report["findings"] if finding["isNew"]]
