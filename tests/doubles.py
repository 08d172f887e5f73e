"""Clients without HTTP, for the tests that need thousands of calls."""

from datetime import UTC, datetime

from botocore.exceptions import ClientError

from chalicelib.scanning.jobs import ScanJob
from local.ecr import EcrError


class Stopped(BaseException):
    """The function was stopped from outside, as at its time-out."""


class EcrClient:
    """The calls of boto3's ECR client, answered by a LocalRegistry.

    ``stops_after`` is after how many more calls the function is stopped; the last one still
    takes effect, but its answer is never seen.
    """

    def __init__(self, registry):
        self.registry = registry
        self.stops_after = None

    def describe_images(self, **request):
        answer = self._call("DescribeImages", request)
        for detail in answer["imageDetails"]:
            detail["imagePushedAt"] = datetime.fromtimestamp(detail["imagePushedAt"], UTC)
            summary = detail.get("imageScanFindingsSummary")
            if summary:
                completed_at = datetime.fromtimestamp(summary["imageScanCompletedAt"], UTC)
                detail["imageScanFindingsSummary"] = {"imageScanCompletedAt": completed_at}
        return answer

    def start_image_scan(self, **request):
        return self._call("StartImageScan", request)

    def _call(self, operation, request):
        try:
            return self.registry.answer(operation, request)
        except EcrError as error:
            answer = {"Error": {"Code": error.code, "Message": error.message}}
            raise ClientError(answer, operation) from error
        finally:
            if self.stops_after is not None:
                self.stops_after -= 1
                if self.stops_after == 0:
                    raise Stopped


class Messages:
    """The call of boto3's SQS client that sends; ``jobs`` are those waiting."""

    def __init__(self, jobs):
        self.jobs = list(jobs)

    def send_message_batch(self, *, QueueUrl, Entries):  # noqa: N803
        self.jobs += [ScanJob.from_json(entry["MessageBody"]) for entry in Entries]
        return {"Successful": [{"Id": entry["Id"]} for entry in Entries]}
