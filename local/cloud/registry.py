"""The registry of one account and region: its operations, and what goes wrong with them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from local.cloud import configuration, describing, scanning
from local.cloud.coverage import list_coverage
from local.cloud.faults import EcrError, Faults
from local.cloud.pushes import Pushes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime, timedelta

    from local.cloud.findings import Shape
    from local.cloud.scans import Scans

OPERATIONS: Mapping[str, Callable[[Scans, Shape], Shape]] = {
    "BatchGetImage": describing.batch_get_image,
    "BatchGetRepositoryScanningConfiguration": configuration.batch_get_scanning_configuration,
    "DescribeImageScanFindings": scanning.describe_image_scan_findings,
    "DescribeImages": describing.describe_images,
    "DescribeRepositories": describing.describe_repositories,
    "GetAccountSetting": configuration.get_account_setting,
    "GetRegistryScanningConfiguration": configuration.get_registry_scanning_configuration,
    "ListCoverage": list_coverage,
    "ListImages": describing.list_images,
    "ListTagsForResource": describing.list_tags_for_resource,
    "StartImageScan": scanning.start_image_scan,
}
"""What is answered: ListCoverage for Amazon Inspector, the others for Amazon ECR."""


@dataclass(slots=True)
class Clock:
    """A clock that stands still until it is moved."""

    moment: datetime

    def __call__(self) -> datetime:
        """Return the time."""
        return self.moment

    def advance(self, duration: timedelta) -> None:
        """Let time pass."""
        self.moment += duration


class LocalRegistry(Pushes):
    """A registry that answers requests: see also :class:`Scans` and :class:`Pushes`.

    `calls` counts the requests by operation, refused ones included, and `errors` the refusals by
    error code. `now`, `account_id` and `region` are given by name.
    """

    def __init__(self, **place: Any) -> None:
        super().__init__(**place)
        self.calls: Counter[str] = Counter()
        self.errors: Counter[str] = Counter()
        self.faults = Faults(lambda: self.now().timestamp())

    def fail_next(self, operation: str, error_code: str, times: int = 1) -> None:
        """Answer the next calls of an operation with an error, such as a ServerException."""
        self.faults.fail_next(operation, error_code, times)

    def limit_rate(self, operation: str, rate: float, burst: float | None = None) -> None:
        """Answer ThrottlingException to calls beyond `rate` a second, by the registry's clock.

        AWS publishes no rate of the operations that are answered here.
        """
        self.faults.limit_rate(operation, rate, burst)

    def answer(self, operation: str, request: Shape) -> Shape:
        """Answer one request of an API, or raise the EcrError that it gives."""
        self.faults.delay()
        with self._lock:
            self.calls[operation] += 1
            try:
                self.faults.check(operation)
                self.end_due_scans()
                if operation not in OPERATIONS:
                    message = f"The local ECR has no {operation}."
                    raise EcrError("UnknownOperationException", message)
                return OPERATIONS[operation](self, request)
            except EcrError as error:
                self.errors[error.code] += 1
                raise
