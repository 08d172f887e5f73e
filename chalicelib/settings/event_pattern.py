"""Which events start the notifier."""

from typing import Any

from chalicelib.settings.settings import Settings

_ECR_IMAGE = "AWS_ECR_CONTAINER_IMAGE"


def event_pattern(settings: Settings) -> dict[str, Any]:
    """The EventBridge pattern of the events that the notifier acts on.

    Basic scans that ended, however, for each is remembered; Inspector's scans of images,
    Inspector's findings where the settings ask for them, and images that were deleted. The notifier
    itself leaves out failed scans that are not to be reported. Sources: ECR user guide, "Amazon ECR
    events and EventBridge"; Amazon Inspector user guide, "EventBridge event schema".
    """
    basic = {
        "source": ["aws.ecr"],
        "detail-type": ["ECR Image Scan"],
        "detail": {"scan-status": ["COMPLETE", "FAILED"]},
    }
    scan = {
        "source": ["aws.inspector2"],
        "detail-type": ["Inspector2 Scan"],
        "detail": {"image-digest": [{"exists": True}]},
    }
    finding = {
        "source": ["aws.inspector2"],
        "detail-type": ["Inspector2 Finding"],
        "detail": {"status": ["ACTIVE"], "resources": {"type": [_ECR_IMAGE]}},
    }
    deletion = {
        "source": ["aws.ecr"],
        "detail-type": ["ECR Image Action"],
        "detail": {"action-type": ["DELETE"], "result": ["SUCCESS"]},
    }
    return {"$or": [basic, scan, deletion, *([finding] if settings.inspector_findings else [])]}
