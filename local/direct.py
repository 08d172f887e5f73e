"""boto3's ECR client without HTTP: the calls that a registry of many images gets most."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from local.ecr import EcrError

if TYPE_CHECKING:
    from local.ecr import LocalRegistry


class DirectEcr:
    """Answered by a local registry at once."""

    def __init__(self, registry: LocalRegistry) -> None:
        self.registry = registry

    def describe_images(self, **request: Any) -> dict[str, Any]:
        """Source: DescribeImages."""
        answer = self.answer("DescribeImages", request)
        for image in answer["imageDetails"]:
            image["imagePushedAt"] = datetime.fromtimestamp(image["imagePushedAt"], UTC)
        return answer

    def describe_image_scan_findings(self, **request: Any) -> dict[str, Any]:
        """Source: DescribeImageScanFindings."""
        answer = self.answer("DescribeImageScanFindings", request)
        found = answer.get("imageScanFindings") or {}
        if "imageScanCompletedAt" in found:
            ended = datetime.fromtimestamp(found["imageScanCompletedAt"], UTC)
            found["imageScanCompletedAt"] = ended
        return answer

    def start_image_scan(self, **request: Any) -> dict[str, Any]:
        """Source: StartImageScan."""
        return self.answer("StartImageScan", request)

    def answer(self, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        """What ECR answers; :raises ClientError: as boto3 does."""
        try:
            return dict(self.registry.answer(operation, request))
        except EcrError as error:
            refusal: Any = {"Error": {"Code": error.code, "Message": error.message}}
            raise ClientError(refusal, operation) from error
